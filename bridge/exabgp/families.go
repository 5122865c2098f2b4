package exabgp

import "strings"

// Families lists the families that exaBGP has words for, also those that its API
// announces no routes of (protocol/family.py of 4.2 and 5.0).
func Families() []string {
	var all []string
	for _, one := range []struct{ afi, safis string }{
		{"ipv4", "unicast multicast nlri-mpls mpls-vpn rtc flow flow-vpn mcast-vpn mup"},
		{"ipv6", "unicast multicast nlri-mpls mpls-vpn flow flow-vpn mcast-vpn mup"},
		{"l2vpn", "vpls evpn"},
		{"bgp-ls", "bgp-ls bgp-ls-vpn"},
	} {
		for _, safi := range strings.Fields(one.safis) {
			all = append(all, one.afi+" "+safi)
		}
	}
	return all
}

// TakesFamily tells whether a family is the one wanted: "ipv4" stands for all that
// begin so, "" for all.
func TakesFamily(wanted, family string) bool {
	return wanted == "" || family == wanted || strings.HasPrefix(family, wanted+" ")
}
