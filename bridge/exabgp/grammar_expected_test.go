package exabgp

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"routesync/state"
)

// TestExpected puts the cursor where the | is.
func TestExpected(t *testing.T) {
	for _, tc := range []struct {
		line     string
		what     string
		has, not []string
	}{
		{line: "|", has: []string{"announce", "withdraw", "neighbor"}},
		{line: "ann|", has: []string{"announce", "withdraw", "neighbor"}},
		{line: "ann|ounce route", has: []string{"announce"}},
		{line: "announce|", has: []string{"announce"}},
		{line: "announce |", what: "prefix", has: []string{"route", "attributes"}, not: []string{"announce"}},
		{line: "+ |", what: "prefix", has: []string{"route", "attributes"}},
		{line: "neighbor |", what: "peer"},
		{line: "neighbor 192.0.2|", what: "peer"},
		{line: "neighbor 192.0.2.9 |", has: []string{"announce", "withdraw", "local-as", "peer-as"}, not: []string{"neighbor"}},
		{line: "neighbor 192.0.2.9 local-as |", what: "as"},
		{line: "neighbor 192.0.2.9 local-as 1 |", has: []string{"announce", "peer-as"}, not: []string{"local-as"}},
		{line: "neighbor 192.0.2.9 local-ip |", what: "address"},
		{line: "neighbor 192.0.2.9, |", has: []string{"neighbor"}, not: []string{"announce"}},
		{line: "announce route |", what: "prefix"},
		{line: "announce route 10.0.0.0/24|", what: "prefix"},
		{line: "announce route 10.0.0.0/24 |", has: []string{"next-hop", "med", "attribute", "split", "expires"}, not: []string{"nlri"}},
		{line: "announce 10.0.0.0/24 ne|", has: []string{"next-hop", "med"}},
		{line: "withdraw 10.0.0.0/24 |", has: []string{"next-hop", "path-information"}, not: []string{"expires"}},
		{line: "announce route 10.0.0.0/24 next-hop |", what: "address", has: []string{"self"}},
		{line: "announce route 10.0.0.0/24 next-hop self |", has: []string{"med"}, not: []string{"next-hop"}},
		{line: "announce route 10.0.0.0/24 next-hop self med 5 |", has: []string{"origin"}, not: []string{"next-hop", "med"}},
		{line: "announce route 10.0.0.0/24 attribute [ 0x63 0xc0 0x01 ] |", has: []string{"attribute"}},
		{line: "announce route 10.0.0.0/24 med |", what: "number"},
		{line: "announce route 10.0.0.0/24 origin |", has: []string{"igp", "egp", "incomplete"}},
		{line: "announce route 10.0.0.0/24 community |", what: "community", has: []string{"no-export", "["}},
		{line: "announce route 10.0.0.0/24 community [|", what: "community", has: []string{"no-export", "blackhole"}, not: []string{"]"}},
		{line: "announce route 10.0.0.0/24 community [ 65000:1 |", what: "community", has: []string{"no-export", "]"}},
		{line: "announce route 10.0.0.0/24 community [ 65000:1 no-|", what: "community", has: []string{"no-export"}},
		{line: "announce route 10.0.0.0/24 as-path [ 65000 |", what: "as", has: []string{"]"}},
		{line: "announce route 10.0.0.0/24 as-path [ 65000 ( |", what: "as"},
		{line: "announce route 10.0.0.0/24 bgp-prefix-sid-srv6 ( vpn |", what: "address", not: []string{"vpn"}},
		{line: "announce route 10.0.0.0/24 bgp-prefix-sid-srv6 ( |", what: "address", has: []string{"ipv6", "vpn", "l3vpn"}},
		{line: "announce route 10.0.0.0/24 { |", has: []string{"next-hop", "med"}},
		{line: "announce route 10.0.0.0/24 { next-hop self; |", has: []string{"med"}, not: []string{"next-hop"}},
		{line: "announce attributes next-hop self |", has: []string{"nlri", "med"}, not: []string{"split", "path-information", "expires"}},
		{line: "announce attributes next-hop self nlri |", what: "prefix", not: []string{"expires"}},
		{line: "announce attributes next-hop self nlri 10.0.0.0/24 |", what: "prefix", has: []string{"expires"}},
		{line: "announce route 10.0.0.0/24 next-hop self; |", what: "prefix", has: []string{"route", "attributes"}},
		{line: "announce route 10.0.0.0/24 next-hop self expires |", what: "duration or time"},
		{line: "announce route 10.0.0.0/24 next-hop self expires 10m |"},
		{line: "announce |", what: "prefix", has: []string{"flow", "vpls"}},
		{line: "announce flow |", has: []string{"route"}, not: []string{"attributes"}},
		{line: "announce flow route |", has: []string{"source", "tcp-flags", "discard", "community"}, not: []string{"match", "rd"}},
		{line: "announce flow route source |", what: "prefix"},
		{line: "announce flow route source 10.0.0.0/24 |", has: []string{"destination", "rate-limit"}, not: []string{"source"}},
		{line: "announce flow route source 10.0.0.0/24 port [ =80 |", what: "flow value", has: []string{"]"}},
		{line: "announce flow route { |", has: []string{"match", "then", "rd", "next-hop"}, not: []string{"source"}},
		{line: "announce flow route { match { |", has: []string{"source", "port"}, not: []string{"discard"}},
		{line: "announce flow route { match { source 10.0.0.0/24; } then { |", has: []string{"discard", "community"}, not: []string{"port"}},
		{line: "announce flow route source 10.0.0.0/24 discard; |", has: []string{"route"}, not: []string{"attributes"}},
		{line: "announce vpls |", has: []string{"endpoint", "rd", "next-hop"}, not: []string{"label"}},
		{line: "announce vpls endpoint |", what: "number"},
		{line: "announce route 10.0.0.0/24 |", has: []string{"rd", "label"}},
		{line: "announce route 10.0.0.0/24 rd |", what: "route distinguisher"},
		{line: "announce route 10.0.0.0/24 rd 1:1 label |", what: "number"},
		{line: "announce route 10.0.0.0/24 { next-hop self; } |", what: "prefix", has: []string{"route", "expires"}},
		{line: "announce flow route source 10.0.0.0/24 discard |", has: []string{"expires", "port"}},
		{line: "announce flow route { match { source 10.0.0.0/24; } } |", has: []string{"expires", "route"}, not: []string{"port"}},
		{line: "withdraw flow route { match { source 10.0.0.0/24; } } |", has: []string{"route"}, not: []string{"expires"}},
		{line: "announce vpls endpoint 5 |", has: []string{"expires", "base"}, not: []string{"endpoint"}},
		{line: "show |"},
	} {
		column := strings.Index(tc.line, "|") + 1
		words, what := Expected(strings.Replace(tc.line, "|", "", 1), column)
		if what != tc.what {
			t.Errorf("%s: a value of kind %q, want %q", tc.line, what, tc.what)
		}
		for _, w := range tc.has {
			if !slices.Contains(words, w) {
				t.Errorf("%s: no %s in %v", tc.line, w, words)
			}
		}
		for _, w := range tc.not {
			if slices.Contains(words, w) {
				t.Errorf("%s: %s in %v", tc.line, w, words)
			}
		}
		if len(tc.has) == 0 && tc.what == "" && len(words) > 0 {
			t.Errorf("%s: %v", tc.line, words)
		}
	}
}

// TestWhatIsExpectedIsTaken writes each word that is offered, and sees that it
// is not what is at fault.
func TestWhatIsExpectedIsTaken(t *testing.T) {
	for _, name := range []string{"accepted", "typed"} {
		for _, line := range commands(t, name) {
			for i := range line {
				if i == 0 || line[i-1] != ' ' {
					continue
				}
				words, _ := Expected(line, i+1)
				for _, w := range words {
					if w == "expires" {
						continue // its value ends the line
					}
					_, err := ParseTyped(line[:i] + w)
					for _, e := range faultsAt(err, i+1) {
						if strings.Contains(e.Msg, "no keyword") || strings.Contains(e.Msg, "is no ") || strings.Contains(e.Msg, "twice") || strings.Contains(e.Msg, "begin") {
							t.Errorf("%s was offered in %q: %v", w, line[:i], e)
						}
					}
				}
			}
		}
	}
}

func faultsAt(err error, column int) SyntaxErrors {
	all, _ := err.(SyntaxErrors)
	return slices.DeleteFunc(slices.Clone(all), func(e *SyntaxError) bool { return e.Column != column })
}

func TestEveryWellKnownCommunityIsOffered(t *testing.T) {
	_, words := expectedOf(state.Community)
	for _, w := range words {
		if c, err := state.Community.Canonical(w); err != nil || c != w {
			t.Errorf("%s is %q, %v", w, c, err)
		}
	}
}

func TestSelectorMatches(t *testing.T) {
	n := Neighbor{
		Addr: netip.MustParseAddr("192.0.2.9"), LocalAddress: netip.MustParseAddr("192.0.2.8"),
		RouterID: netip.MustParseAddr("1.1.1.1"), LocalAS: 65000, PeerAS: 65001,
	}
	auto, multi := n, n
	auto.LocalAddress, auto.LocalAS = netip.Addr{}, 0
	multi.MultiSession = true
	for _, tc := range []struct {
		words string
		n     Neighbor
		want  bool
	}{
		{"neighbor 192.0.2.9", n, true},
		{"neighbor 192.0.2.90", n, false},
		{"neighbor 192.0.2.9 local-ip 192.0.2.8 local-as 65000 peer-as 65001 router-id 1.1.1.1 family-allowed in-open", n, true},
		{"neighbor 192.0.2.9 local-ip 192.0.2.7", n, false},
		{"neighbor 192.0.2.9 local-as 65001", n, false},
		{"neighbor 192.0.2.9 peer-as 65000", n, false},
		{"neighbor 192.0.2.9 router-id 1.1.1.2", n, false},
		{"neighbor 192.0.2.9 local-ip 192.0.2.8", auto, false},
		{"neighbor 192.0.2.9 local-as 65000", auto, false},
		{"neighbor 192.0.2.9", auto, true},
		{"neighbor 192.0.2.9 family-allowed in-open", multi, false},
		{"neighbor 192.0.2.9", multi, true},
	} {
		orders, err := ParseCommand(tc.words + " withdraw route 10.0.0.0/24")
		if err != nil {
			t.Fatal(err)
		}
		s := orders[0].Neighbors[0]
		if s.Matches(tc.n) != tc.want || s.String() != tc.words {
			t.Errorf("%s: %v, as %s", tc.words, s.Matches(tc.n), s)
		}
	}
}
