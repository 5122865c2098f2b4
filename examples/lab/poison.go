package main

import (
	"fmt"
	"net/netip"
	"strings"

	"routesync/examples/lab/rig"
	"routesync/examples/lab/table"
)

// A route that passes every check of routesync and of exaBGP, and that BIRD
// answers with a NOTIFICATION: an IPv6 flow that matches "don't fragment", which
// IPv6 packets can't say (RFC 8956 §3.5). BIRD resets the session for it.
const (
	poisonFlow   = "flow destination 2001:db8:20::/48 fragment dont-fragment"
	poisonReason = "NOTIFICATION 3/1"
	poisonTable  = "flow6t"
)

// bearing gives a router the family of the poison route.
func bearing(o rig.RouterOptions) rig.RouterOptions {
	o.Extra += " flow6 table " + poisonTable + ";"
	o.PeerExtra += " flow6 { table " + poisonTable + "; import all; export none; validate off; };"
	return o
}

// offered gives the speaker's side of a session that family.
func offered(n *rig.Neighbor) { n.Families = append(n.Families, "ipv6 flow") }

// poisonFile is a routes.yaml with prefixes and flows, one of which is poison, or
// is not.
func poisonFile(owner, speaker string, prefixes []netip.Prefix, flows int, poison bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nowner: %s\nspeakers: [%s]\n%sdefaults: {next-hop: 192.0.2.1}\nroutes:\n", owner, speaker, table.Unguarded)
	for _, p := range prefixes {
		fmt.Fprintf(&b, "  - prefix: %s\n", p)
	}
	b.WriteString(poisonRoute(poison))
	for i := range flows - 1 {
		fmt.Fprintf(&b, "  - match: {destination: 2001:db8:%x:1::/64}\n    then: [discard]\n", i)
	}
	return b.String()
}

// poisonRoute is the end of a routes.yaml: the flow, as poison or not.
func poisonRoute(poison bool) string {
	fragment := "is-fragment"
	if poison {
		fragment = "dont-fragment"
	}
	return fmt.Sprintf("flows:\n  - match: {destination: 2001:db8:20::/48, fragment: %s}\n    then: [discard]\n", fragment)
}
