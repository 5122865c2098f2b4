package guard

import (
	"net/netip"
	"testing"

	"routesync/state"
)

// TestBogons: what IANA's registries say is not globally reachable, by name; and
// what is in use beside it.
func TestBogons(t *testing.T) {
	b := newBogons(state.DefaultPolicy())
	for text, name := range map[string]string{
		"0.0.0.0/0": "default-route", "::/0": "default-route", "0.1.0.0/16": "this-network", "10.0.0.0/8": "private", "172.31.0.0/16": "private",
		"192.168.7.0/24": "private", "fd00::/8": "private", "100.127.0.0/16": "shared", "127.0.0.1/32": "loopback", "::1/128": "loopback",
		"169.254.0.0/16": "link-local", "fe80::/64": "link-local", "192.0.0.0/24": "protocol", "192.0.2.1/32": "documentation",
		"198.51.100.0/24": "documentation", "203.0.113.0/24": "documentation", "2001:db8:1::/48": "documentation", "3fff:1::/32": "documentation",
		"198.19.0.0/16": "benchmarking", "2001:2::/48": "benchmarking", "192.88.99.0/24": "6to4", "2002:a00::/24": "6to4",
		"224.0.0.0/24": "multicast", "ff02::/16": "multicast", "240.0.0.0/5": "reserved", "255.255.255.255/32": "reserved",
		"4000::/16": "reserved", "fec0::/48": "reserved", "5f00::/24": "srv6", "100::/64": "discard", "100:1::/32": "reserved",
		"::ffff:0:0/96": "translation", "64:ff9b:1::/48": "translation",
		// In use, or none of our business: what only covers some of it has a length.
		"8.8.8.0/24": "", "11.0.0.0/8": "", "9.0.0.0/8": "", "172.32.0.0/16": "", "172.15.0.0/16": "", "100.128.0.0/16": "", "100.63.0.0/16": "",
		"192.0.1.0/24": "", "198.17.0.0/16": "", "198.20.0.0/16": "", "223.255.255.0/24": "", "2001:db9::/32": "", "2a00::/12": "", "2600::/16": "",
		"64:ff9b::/96": "", "2001:3::/32": "", "8.0.0.0/5": "", "0.0.0.0/1": "", "2000::/3": "",
	} {
		within, got, found := b.find(netip.MustParsePrefix(text))
		if got != name || found != (name != "") {
			t.Errorf("%s is found in %s, %q, %t; want %q", text, within, got, found, name)
		}
	}
}

// TestAllowedByName: what is lifted is lifted, and nothing else; what a file has
// is never lifted.
func TestAllowedByName(t *testing.T) {
	p := state.DefaultPolicy()
	p.Allow = []string{"reserved", "private"}
	p.Never = []netip.Prefix{netip.MustParsePrefix("10.6.0.0/16")}
	b := newBogons(p)
	for text, want := range map[string]bool{
		"10.7.0.0/16": false, "10.6.1.0/24": true, "10.0.0.0/8": false, "fd00::/8": false, "4000::/16": false,
		"5f00::/24": true, "192.0.2.0/24": true, "0.0.0.0/0": true,
	} {
		if _, _, found := b.find(netip.MustParsePrefix(text)); found != want {
			t.Errorf("%s is kept from being announced: %t", text, found)
		}
	}
}
