package main

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"routesync/examples/lab/table"
)

// benchRoute is a route that a system is to announce. All of the same family and set
// have the same attributes.
type benchRoute struct {
	prefix netip.Prefix
	set    int // 0: nothing but a next hop; otherwise the MED, and a community
}

// askFor has all prefixes in so many sets, neighbors in different ones; 0 is none.
func askFor(prefixes []netip.Prefix, sets int) []benchRoute {
	routes := make([]benchRoute, len(prefixes))
	for i, p := range prefixes {
		routes[i].prefix = p
		if sets > 0 {
			routes[i].set = 1 + i%sets
		}
	}
	return routes
}

// The edits of one route leave what they are given as it is.

func withAdded(routes []benchRoute, at int, r benchRoute) []benchRoute {
	return slices.Insert(slices.Clip(routes), at, r)
}

func withChanged(routes []benchRoute, at, set int) []benchRoute {
	routes = slices.Clone(routes)
	routes[at].set = set
	return routes
}

func (r benchRoute) nextHop() string {
	if r.prefix.Addr().Is4() {
		return "192.0.2.1"
	}
	return "2001:db8::1"
}

// attributes are those that an exaBGP's command and configuration have.
func (r benchRoute) attributes() string {
	if r.set == 0 {
		return "next-hop " + r.nextHop()
	}
	set := strconv.Itoa(r.set)
	return "next-hop " + r.nextHop() + " med " + set + " community [ 65000:" + set + " ]"
}

// heading is what all files begin with.
func heading(speakers []string) string {
	return "version: 1\nowner: edge-team\nspeakers: [" + strings.Join(speakers, ", ") + "]\n" + table.Unguarded
}

// itemsFile is a routes.yaml with an item for each route.
func itemsFile(speakers []string, routes []benchRoute) []byte {
	text := []byte(heading(speakers))
	if len(routes) == 0 {
		return append(text, "routes: []\n"...)
	}
	text = append(text, "groups:\n"...)
	for i, family := range families(routes) {
		if len(family) == 0 {
			continue
		}
		text = append(text, "  - name: ipv"+[]string{"4", "6"}[i]+"\n    defaults: { next-hop: "+family[0].nextHop()+" }\n    routes:\n"...)
		for _, r := range family {
			text = r.prefix.AppendTo(append(text, "      - prefix: "...))
			if r.set != 0 {
				set := strconv.Itoa(r.set)
				text = append(text, "\n        med: "+set+"\n        community: [65000:"+set+"]"...)
			}
			text = append(text, '\n')
		}
	}
	return text
}

// families are the IPv4 and the IPv6 routes, each in their order.
func families(routes []benchRoute) [2][]benchRoute {
	var of [2][]benchRoute
	for _, r := range routes {
		i := 0
		if r.prefix.Addr().Is6() {
			i = 1
		}
		of[i] = append(of[i], r)
	}
	return of
}

// listsFile is a routes.yaml that has the routes from lists of prefixes, as the
// group that is its last lines; without the group it asks for nothing.
func listsFile(speakers, lists []string, withGroup bool) []byte {
	text := heading(speakers) + "routes: []\n"
	if withGroup {
		text += "groups:\n  - name: table\n    routes:\n"
		for i, list := range lists {
			text += "      - { prefixes-from: " + list + ", next-hop: " + []string{"192.0.2.1", "2001:db8::1"}[i] + " }\n"
		}
	}
	return []byte(text)
}

// listFile is a list of prefixes.
func listFile(routes []benchRoute) []byte {
	var text []byte
	for _, r := range routes {
		text = append(r.prefix.AppendTo(text), '\n')
	}
	return text
}

// staticExaBGP are the routes of an exaBGP's configuration.
func staticExaBGP(routes []benchRoute) []byte {
	var text []byte
	for _, r := range routes {
		text = append(r.prefix.AppendTo(append(text, "    route "...)), " "+r.attributes()+";\n"...)
	}
	return text
}

// staticBIRD are those of one family of a BIRD's.
func staticBIRD(routes []benchRoute) []byte {
	var text []byte
	for _, r := range routes {
		text = append(r.prefix.AppendTo(append(text, "  route "...)), " blackhole"...)
		if r.set != 0 {
			set := strconv.Itoa(r.set)
			text = append(text, " { bgp_med = "+set+"; bgp_community.add((65000,"+set+")); }"...)
		}
		text = append(text, ";\n"...)
	}
	return text
}

// bulk are the commands of the floor for all routes, up to size in one: those of
// the same attributes side by side.
func bulk(verb string, routes []benchRoute, size int) []byte {
	var text []byte
	var last benchRoute
	in := 0
	sorted := slices.SortedStableFunc(slices.Values(routes), func(a, b benchRoute) int {
		if v4 := a.prefix.Addr().Is4(); v4 != b.prefix.Addr().Is4() {
			return map[bool]int{true: -1, false: 1}[v4]
		}
		return a.set - b.set
	})
	for i, r := range sorted {
		if in == size || i == 0 || r.set != last.set || r.prefix.Addr().Is4() != last.prefix.Addr().Is4() {
			if i > 0 {
				text = append(text, '\n')
			}
			text = append(text, verb+" attributes "+r.attributes()+" nlri"...)
			in = 0
		}
		text = r.prefix.AppendTo(append(text, ' '))
		last, in = r, in+1
	}
	return append(text, '\n')
}

// single is a command a route.
func single(routes []benchRoute) []byte {
	var text []byte
	for _, r := range routes {
		text = append(r.prefix.AppendTo(append(text, "announce route "...)), " "+r.attributes()+"\n"...)
	}
	return text
}
