package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"routesync/examples/lab/table"
)

// routeSet is what a file asks for, or what a router holds: the attributes of
// each prefix, in the words of the tape.
type routeSet map[netip.Prefix]string

// saved is a file, from when on it was in force.
type saved struct {
	at     time.Time
	routes routeSet
}

// attributes draws those of a route. They are few enough that many routes have
// the same, as in a real file.
func attributes(r *rand.Rand, p netip.Prefix) string {
	hop := fmt.Sprintf("192.0.2.%d", 1+r.IntN(3))
	if p.Addr().Is6() {
		hop = fmt.Sprintf("2001:db8::%d", 1+r.IntN(3))
	}
	text := fmt.Sprintf("origin igp as-path [%d] next-hop %s", speakerAS, hop)
	if r.IntN(3) > 0 {
		text += fmt.Sprintf(" med %d", 1+r.IntN(5))
	}
	if n := r.IntN(4); n > 0 {
		text += fmt.Sprintf(" community [%d:%d]", speakerAS, n)
	}
	return text
}

// prefix draws one of a fifth of a million.
func prefix(r *rand.Rand) netip.Prefix {
	b := [2]byte{byte(r.IntN(256)), byte(r.IntN(256))}
	if r.IntN(10) == 0 {
		return netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, b[0], b[1]}), 48)
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(10 + r.IntN(2)), b[0], b[1], 0}), 24)
}

// grown is a copy with as many routes as asked for, more of them or less.
func (s routeSet) grown(r *rand.Rand, n int) routeSet {
	next := maps.Clone(s)
	if next == nil {
		next = routeSet{}
	}
	for len(next) < n {
		p := prefix(r)
		next[p] = attributes(r, p)
	}
	for _, p := range next.shuffled(r)[:len(next)-n] {
		delete(next, p)
	}
	return next
}

// edited is a copy in which n routes are new, changed or gone, about as many of
// each.
func (s routeSet) edited(r *rand.Rand, n int) routeSet {
	next := maps.Clone(s)
	old := s.shuffled(r)
	for range n {
		switch kind := r.IntN(3); {
		case kind == 0 || len(old) == 0:
			p := prefix(r)
			next[p] = attributes(r, p)
		case kind == 1:
			delete(next, old[0])
			old = old[1:]
		default:
			next[old[0]] = attributes(r, old[0])
			old = old[1:]
		}
	}
	return next
}

// batches is how many a watch sends for a small save that follows: announces and
// withdraws are never in one.
func (s routeSet) batches(next routeSet) int {
	announces, withdraws := 0, 0
	for p, path := range next {
		if s[p] != path {
			announces = 1
		}
	}
	for p := range s {
		if _, ok := next[p]; !ok {
			withdraws = 1
		}
	}
	return announces + withdraws
}

// shuffled are its prefixes in an order that the seed alone decides.
func (s routeSet) shuffled(r *rand.Rand) []netip.Prefix {
	all := s.sorted()
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func (s routeSet) sorted() []netip.Prefix {
	return slices.SortedFunc(maps.Keys(s), netip.Prefix.Compare)
}

// yaml is the file that asks for it.
func (s routeSet) yaml(owner, speaker string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nowner: %s\nspeakers: [%s]\n%sroutes:", owner, speaker, table.Unguarded)
	if len(s) == 0 {
		b.WriteString(" []")
	}
	for _, p := range s.sorted() {
		// What exaBGP adds by itself is not asked for.
		_, asked, _ := strings.Cut(s[p], "] ")
		for name, mark := range map[string]string{"next-hop ": "next-hop: ", " med ": ", med: ", " community ": ", community: "} {
			asked = strings.Replace(asked, name, mark, 1)
		}
		fmt.Fprintf(&b, "\n  - {prefix: %s, %s}", p, asked)
	}
	b.WriteByte('\n')
	return b.String()
}
