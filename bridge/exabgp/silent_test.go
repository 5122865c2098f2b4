package exabgp

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"routesync/state"
)

// TestSilent hears what 3.4.8 said: to a version, to two windows, and of its
// sessions in between.
func TestSilent(t *testing.T) {
	var s Silent
	announce := "neighbor 127.0.0.77 announce route 10.0.0.0/24 next-hop 192.0.2.1"
	probe := Probe(netip.MustParseAddr("127.0.0.77"))
	given := s.Give(announce, ShowConfiguration, ShowExtensive, probe, Barrier, ShowRIB, Barrier)
	want := []string{announce, "show neighbors", "show neighbors", "show routes extensive", "show neighbors", "show neighbors"}
	if !slices.Equal(given, want) {
		t.Fatalf("given %q, want %q", given, want)
	}
	d := DialectOf("3.4.8")
	var body []string
	var said []Kind
	down := map[string]bool{}
	for _, text := range listed(t, "3.4.8", "lines.txt") {
		l := ParseLine(text)
		if l.Kind == EventLine {
			if l.Event.Kind != StateEvent || l.Event.State != "down" || l.Event.LocalAS != 65000 || l.Event.PID == 0 {
				t.Errorf("%+v", l.Event)
			}
			down[l.Event.Peer.String()] = true
			continue
		}
		if l.Kind != Text {
			t.Errorf("%q is %v: %v", text, l.Kind, l.Err)
		}
		for _, l := range s.Hear(text) {
			said = append(said, l.Kind)
			if l.Kind == Text {
				body = append(body, l.Text)
			}
		}
	}
	// The announce; the neighbors, the sessions and the probe; the barrier; the
	// routes and the barrier.
	done := 0
	for _, k := range said {
		if k == Done {
			done++
		}
	}
	if done != 4+1+1+1 || len(down) != 2 || len(s.owed) != 0 {
		t.Errorf("%d done, %v down, owed %q", done, down, s.owed)
	}
	if said[0] != Done || said[len(said)-1] != Done {
		t.Errorf("said %v", said)
	}
	header := slices.IndexFunc(body, IsBarrierHeader)
	neighbors, err := d.ParseConfiguration(body[:header])
	if err != nil || len(neighbors) != 2 {
		t.Fatalf("%v, %v", neighbors, err)
	}
	for _, n := range neighbors {
		if lacks := n.Lacks(); len(lacks) != 0 || n.LocalAS != 65000 || !n.AdjRIBOut {
			t.Errorf("%+v lacks %q", n, lacks)
		}
		if n.PeerAS == 65002 && !slices.Equal(n.Tags, []string{"core"}) || n.PeerAS == 65001 && !slices.Equal(n.Families, []state.Family{state.IPv4Unicast, state.IPv6Unicast}) {
			t.Errorf("%+v", n)
		}
	}
	held := map[string]string{}
	for _, text := range body[header+1 : len(body)-1] {
		r, err := d.ParseRIB(text)
		if err != nil {
			t.Error(err)
		}
		held[r.Peer.String()+" "+r.Key.String()] = r.Attrs.String()
	}
	for route, attrs := range map[string]string{
		"127.0.0.77 10.0.0.0/24":   "next-hop 192.0.2.1 as-path [65000 65010] med 5 community [65000:1 no-export]",
		"127.0.0.77 10.0.5.0/24":   "next-hop 127.0.0.1",
		"127.0.0.78 10.0.5.0/24":   "next-hop 127.0.0.1",
		"127.0.0.77 2001:db8::/32": "next-hop 2001:db8::1",
		"127.0.0.77 10.99.0.0/24":  "next-hop 192.0.2.9",
	} {
		if got := strings.ReplaceAll(held[route], " local-preference 100", ""); got != attrs {
			t.Errorf("%s: %s, want %s", route, held[route], attrs)
		}
	}
	if len(held) != 5 {
		t.Errorf("%q", held)
	}
}

// TestSilentGivesUp: a list without an end is no list.
func TestSilentGivesUp(t *testing.T) {
	var s Silent
	s.Give(ShowConfiguration, "announce", Barrier)
	s.Hear("neighbor 127.0.0.2 {")
	var kinds []Kind
	for _, l := range s.GiveUp() {
		kinds = append(kinds, l.Kind)
	}
	if !slices.Equal(kinds, []Kind{Error, Done, Text, Done}) || s.GiveUp() != nil {
		t.Errorf("said %v", kinds)
	}
}

// FuzzSilent: whatever exaBGP says, an answer comes only to what was asked.
func FuzzSilent(f *testing.F) {
	f.Add("neighbor 127.0.0.2 {\n}\nneighbor 127.0.0.2 {\n}")
	f.Add("neighbor neighbor 127.0.0.2 local-ip\n}\n{\nneighbor x {\n description \"{\";\n a {\n}\n}\nneighbor x {\n description \"{\";\n a {\n}\n}")
	f.Fuzz(func(t *testing.T, text string) {
		var s Silent
		s.Give(ShowRIB, Barrier)
		done := 0
		for line := range strings.SplitSeq(text, "\n") {
			for _, l := range s.Hear(line) {
				if l.Kind == Done {
					done++
				}
			}
		}
		if done != 0 && done != 2 {
			t.Errorf("%d answers to 2 questions", done)
		}
	})
}
