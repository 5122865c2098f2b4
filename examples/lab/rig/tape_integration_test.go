//go:build integration

package rig

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// recorded starts a router with a tape, and an exaBGP whose helper is told what
// to say.
func recorded(t *testing.T, peerExtra, neighborExtra string, static ...string) (*Router, *Speaker, func(string)) {
	t.Helper()
	l := newLab(t)
	ctx := within(t, 30*time.Second)
	r, err := l.Router(ctx, RouterOptions{
		Name: "r1", Address: netip.MustParseAddr("127.0.0.2"), AS: 65001, PeerAS: 65000, Tape: true, PeerExtra: peerExtra,
	})
	if err != nil {
		t.Fatal(err)
	}
	run, more := helper(t, "announce route 10.0.0.0/24 next-hop 192.0.2.1 med 7 community [65000:1 65000:2]")
	n := r.Neighbor()
	n.Extra = neighborExtra
	s, err := l.Speaker(ctx, SpeakerOptions{LocalAS: 65000, Neighbors: []Neighbor{n}, Run: run, Env: asHelper, Static: static})
	if err != nil {
		t.Fatal(err)
	}
	return r, s, func(line string) { t.Helper(); say(t, more, line) }
}

// tells waits until the tape has, since a mark, exactly these entries of the
// kinds that the test is about, in any order of what is told apart.
func tells(t *testing.T, tape *Tape, mark int, of []What, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got []string
	err := tape.Wait(ctx, fmt.Sprintf("it was told %q", want), func() bool {
		got = nil
		for _, e := range tape.Since(mark) {
			for _, w := range of {
				if e.What == w {
					got = append(got, strings.TrimSpace(fmt.Sprintf("%v %v %s", e.What, e.Prefix, e.Path)))
				}
			}
		}
		return len(got) >= len(want)
	})
	if err != nil {
		t.Fatalf("%v; it was told %q", err, got)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("it was told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

var moves = []What{Announced, Withdrawn}

// TestTape: nothing that a router is told goes unseen, be it undone at once.
func TestTape(t *testing.T) {
	r, _, tell := recorded(t, "", "", "route 203.0.113.0/24 next-hop 192.0.2.254")
	tape := r.Tape()
	const first = "origin igp as-path [65000] next-hop 192.0.2.1 med 7 community [65000:1 65000:2]"
	want := map[netip.Prefix]string{
		netip.MustParsePrefix("10.0.0.0/24"):    first,
		netip.MustParsePrefix("203.0.113.0/24"): "origin igp as-path [65000] next-hop 192.0.2.254",
	}
	ctx := within(t, 20*time.Second)
	if err := tape.Wait(ctx, "it holds both routes", func() bool { return tape.Holds(want) }); err != nil {
		t.Fatalf("%v: %v", err, tape.Table())
	}
	mark := tape.Mark()
	before := time.Now()
	tell("announce route 10.0.1.0/24 next-hop 192.0.2.66") // that nobody wants
	tells(t, tape, mark, moves, "announced 10.0.1.0/24 origin igp as-path [65000] next-hop 192.0.2.66")
	tell("withdraw route 10.0.1.0/24 next-hop 192.0.2.66") // and is gone before anybody asks
	tell("withdraw route 10.0.0.0/24 next-hop 192.0.2.1 med 7 community [65000:1 65000:2]")
	tells(t, tape, mark, moves, "announced 10.0.1.0/24 origin igp as-path [65000] next-hop 192.0.2.66",
		"withdrawn 10.0.1.0/24", "withdrawn 10.0.0.0/24")
	for _, e := range tape.Since(mark) {
		if e.At.Before(before) || time.Since(e.At) > 20*time.Second {
			t.Errorf("%v is not when it was", e)
		}
	}
	delete(want, netip.MustParsePrefix("10.0.0.0/24"))
	if err := tape.Wait(ctx, "it holds one route", func() bool { return tape.Holds(want) }); err != nil {
		t.Fatal(err)
	}
	mark = tape.Mark()
	tape.Forget(mark)
	tell("announce route 2001:db8::/48 next-hop 2001:db8::1")
	tells(t, tape, mark, moves, "announced 2001:db8::/48 origin igp as-path [65000] next-hop 2001:db8::1")
}

// TestTapeOverSessions: a session's end is told from a withdraw, with graceful
// restart or without, and a router that dies holds nothing.
func TestTapeOverSessions(t *testing.T) {
	const graceful = "graceful restart on; graceful restart time 60;"
	for name, c := range map[string]struct {
		router, neighbor string
		removed          []string
	}{
		"plain":    {"", "", []string{"removed 10.0.0.0/24 origin igp as-path [65000] next-hop 192.0.2.1 med 7 community [65000:1 65000:2]"}},
		"graceful": {graceful, "manual-eor true; capability { graceful-restart 60; }", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, s, tell := recorded(t, c.router, c.neighbor)
			ctx := within(t, 30*time.Second)
			tape := r.Tape()
			if err := tape.Wait(ctx, "it holds the route", func() bool { return len(tape.Table()) == 1 }); err != nil {
				t.Fatal(err)
			}
			if c.removed == nil {
				tell("announce eor ipv4 unicast")
				tells(t, tape, 0, []What{EndOfRIB}, "end-of-rib invalid Prefix")
			}
			mark := tape.Mark()
			if err := s.Kill(ctx); err != nil {
				t.Fatal(err)
			}
			tells(t, tape, mark, []What{Down, Withdrawn}, "down invalid Prefix")
			tells(t, tape, mark, []What{Removed, Withdrawn}, c.removed...)
			if got := len(tape.Table()); got != 1-len(c.removed) {
				t.Errorf("it holds %d routes", got)
			}
			if err := r.Kill(ctx); err != nil {
				t.Fatal(err)
			}
			if got := tape.Table(); len(got) > 0 {
				t.Errorf("a dead router holds %v", got)
			}
		})
	}
}
