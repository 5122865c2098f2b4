// Package table ships a sample of the Internet's routing table, so that the
// demo, the benchmark and the tests run on real prefixes.
package table

import (
	_ "embed"
	"fmt"
	"net/netip"
	"strings"
)

//go:embed sample.txt
var sample string

// Sample returns up to v4 IPv4 and v6 IPv6 prefixes of the table, spread over
// all of it, in its order. There are 20,000 and 4,000.
func Sample(v4, v6 int) []netip.Prefix {
	var all4, all6 []netip.Prefix
	for line := range strings.Lines(sample) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		p := netip.MustParsePrefix(line)
		if p.Addr().Is4() {
			all4 = append(all4, p)
		} else {
			all6 = append(all6, p)
		}
	}
	return append(spread(all4, v4), spread(all6, v6)...)
}

func spread(all []netip.Prefix, n int) []netip.Prefix {
	n = min(n, len(all))
	out := make([]netip.Prefix, n)
	for i := range out {
		out[i] = all[i*len(all)/n]
	}
	return out
}

// Unguarded is the line of a routes.yaml that lifts all guards: what the lab announces
// is of documentation, private and stranger networks, and comes and goes all at once.
const Unguarded = "guard: {max-withdraw: off, max-withdraw-space: off, allow: [default-route, this-network, private, shared, loopback, link-local, " +
	"protocol, documentation, benchmarking, 6to4, translation, discard, srv6, multicast, reserved], prefix-length: {ipv4: 0-32, ipv6: 0-128}, flap: off}\n"

// YAML is a routes.yaml that announces the prefixes, with extra below routes.
func YAML(speaker string, prefixes []netip.Prefix, extra string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nowner: edge-team\nspeakers: [%s]\n%sroutes:\n%s", speaker, Unguarded, extra)
	for _, v4 := range []bool{true, false} {
		nextHop := "2001:db8::1"
		if v4 {
			nextHop = "192.0.2.1"
		}
		some := false
		for _, p := range prefixes {
			if p.Addr().Is4() != v4 {
				continue
			}
			if !some {
				fmt.Fprintf(&b, "  - next-hop: %s\n    prefixes:\n", nextHop)
				some = true
			}
			fmt.Fprintf(&b, "      - %s\n", p)
		}
	}
	return b.String()
}
