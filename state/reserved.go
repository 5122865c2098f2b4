package state

import "net/netip"

// Reserved is a name for prefixes that have no place in a table of the Internet.
type Reserved struct {
	Name     string
	Exact    bool // only these very prefixes, not what is inside
	Prefixes []netip.Prefix
}

// ReservedPrefixes lists them by name: those that IANA's registries of
// special-purpose addresses say are not globally reachable (RFC 6890), what they
// reserve, and the default routes.
func ReservedPrefixes() []Reserved {
	list := func(texts ...string) []netip.Prefix {
		all := make([]netip.Prefix, len(texts))
		for i, t := range texts {
			all[i] = netip.MustParsePrefix(t)
		}
		return all
	}
	return []Reserved{
		{Name: "default-route", Exact: true, Prefixes: list("0.0.0.0/0", "::/0")},
		{Name: "this-network", Prefixes: list("0.0.0.0/8", "::/128")},                                                              // RFC 791, RFC 4291 §2.5.2
		{Name: "private", Prefixes: list("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")},                             // RFC 1918, RFC 4193
		{Name: "shared", Prefixes: list("100.64.0.0/10")},                                                                          // RFC 6598
		{Name: "loopback", Prefixes: list("127.0.0.0/8", "::1/128")},                                                               // RFC 1122, RFC 4291 §2.5.3
		{Name: "link-local", Prefixes: list("169.254.0.0/16", "fe80::/10")},                                                        // RFC 3927, RFC 4291 §2.5.6
		{Name: "protocol", Prefixes: list("192.0.0.0/24", "2001:10::/28")},                                                         // RFC 6890, RFC 4843
		{Name: "documentation", Prefixes: list("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")}, // RFC 5737, RFC 3849, RFC 9637
		{Name: "benchmarking", Prefixes: list("198.18.0.0/15", "2001:2::/48")},                                                     // RFC 2544, RFC 5180
		{Name: "6to4", Prefixes: list("192.88.99.0/24", "2002::/16")},                                                              // RFC 7526
		{Name: "translation", Prefixes: list("::ffff:0:0/96", "64:ff9b:1::/48")},                                                   // RFC 4291 §2.5.5.2, RFC 8215
		{Name: "discard", Prefixes: list("100::/64")},                                                                              // RFC 6666
		{Name: "srv6", Prefixes: list("5f00::/16")},                                                                                // RFC 9602
		{Name: "multicast", Prefixes: list("224.0.0.0/4", "ff00::/8")},                                                             // RFC 5771, RFC 4291 §2.7
		{Name: "reserved", Prefixes: list("240.0.0.0/4", // RFC 1112 §4
			// All of IPv6 that is no unicast yet (IANA's registry of its address space).
			"100::/8", "200::/7", "400::/6", "800::/5", "1000::/4", "4000::/3", "6000::/3", "8000::/3", "a000::/3",
			"c000::/3", "e000::/4", "f000::/5", "f800::/6", "fe00::/9", "fec0::/10")},
	}
}

// ReservedNames lists the names of [ReservedPrefixes].
func ReservedNames() []string {
	var names []string
	for _, r := range ReservedPrefixes() {
		names = append(names, r.Name)
	}
	return names
}
