package state_test

import (
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"routesync/state"
)

func selectors(t testing.TB, words ...string) state.Peers {
	t.Helper()
	var list []state.Selector
	for _, w := range words {
		s, err := state.ParseSelector(w)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	return state.SelectPeers(list)
}

func TestPeersAreCanonical(t *testing.T) {
	a := selectors(t, "tag transit", "as 65001", "2001:db8:0::1", "192.0.2.10", "as 1.10", "192.0.2.9", "tag a:b", "as 65001")
	if want := state.Peers("192.0.2.9,192.0.2.10,2001:db8::1,as 65001,as 65546,tag a:b,tag transit"); a != want {
		t.Errorf("%q, want %q", a, want)
	}
	if b := state.SelectPeers(a.Selectors()); b != a {
		t.Errorf("%q read again is %q", a, b)
	}
	if n := len(a.Addrs()); n != 3 {
		t.Errorf("%d addresses", n)
	}
	if only := state.NewPeers([]netip.Addr{netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("192.0.2.9")}); only != "192.0.2.9,192.0.2.10" {
		t.Errorf("addresses alone are %q", only)
	}
	for _, bad := range []string{"", "as", "tag", "as 0", "as x", "tag ", "tag a b", "tag a,b", "as 1 2", " as 1", "group x", "x", "192.0.2.1 ", "AS 1"} {
		if s, err := state.ParseSelector(bad); err == nil {
			t.Errorf("%q is read as %s", bad, s)
		}
	}
}

func TestOverlapOffline(t *testing.T) {
	all := state.Peers("")
	for _, c := range []struct {
		a, b state.Peers
		want bool
	}{
		{all, all, true}, {all, selectors(t, "tag x"), true},
		{selectors(t, "192.0.2.1"), selectors(t, "192.0.2.1", "as 1"), true},
		{selectors(t, "tag x", "as 1"), selectors(t, "tag x"), true},
		{selectors(t, "as 1"), selectors(t, "as 2", "tag x", "192.0.2.1"), false},
	} {
		if c.a.Overlap(c.b) != c.want || c.b.Overlap(c.a) != c.want {
			t.Errorf("%q and %q: overlap %t", c.a, c.b, !c.want)
		}
	}
}

// three peers: two of one AS, one of them without IPv6.
func taggedPeers() []state.Neighbor {
	both := []state.Family{state.IPv4Unicast, state.IPv6Unicast}
	at := func(last byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, last}) }
	return []state.Neighbor{
		{Addr: at(1), PeerAS: 65001, Families: both, Tags: []string{"transit"}},
		{Addr: at(2), PeerAS: 65001, Families: both[:1], Tags: []string{"transit", "lab"}},
		{Addr: at(3), PeerAS: 65003, Families: both},
	}
}

func TestResolve(t *testing.T) {
	a := &state.Advertised{Peers: taggedPeers()}
	for _, c := range []struct {
		peers state.Peers
		f     state.Family
		want  state.Peers
	}{
		{"", state.IPv4Unicast, "192.0.2.1,192.0.2.2,192.0.2.3"},
		{"", state.IPv6Unicast, "192.0.2.1,192.0.2.3"},
		{selectors(t, "as 65001"), state.IPv4Unicast, "192.0.2.1,192.0.2.2"},
		{selectors(t, "as 65001"), state.IPv6Unicast, "192.0.2.1"},
		{selectors(t, "tag lab", "192.0.2.3"), state.IPv4Unicast, "192.0.2.2,192.0.2.3"},
		{selectors(t, "tag transit", "as 65001", "192.0.2.1"), state.IPv4Unicast, "192.0.2.1,192.0.2.2"},
		{selectors(t, "192.0.2.77", "192.0.2.2"), state.IPv6Unicast, "192.0.2.2,192.0.2.77"}, // as they stand
		{selectors(t, "tag nobody", "as 65009"), state.IPv4Unicast, ""},
	} {
		if got := state.NewPeers(a.Resolve(c.peers, c.f)); got != c.want {
			t.Errorf("%q for %s is %q, want %q", c.peers, c.f, got, c.want)
		}
	}
}

func TestFindByTheWayItIsSaid(t *testing.T) {
	key := state.UnicastKey(netip.MustParsePrefix("10.0.0.0/8"), 0)
	d := &state.Desired{Routes: []state.Wanted{
		{Key: key, Terms: &state.Terms{Peers: selectors(t, "192.0.2.1"), Comment: "one"}}, {Key: key, Terms: &state.Terms{Peers: selectors(t, "as 65001"), Comment: "as"}},
	}}
	find := func(a string) string {
		if w := d.Find(key, netip.MustParseAddr(a)); w != nil {
			return w.Comment
		}
		return ""
	}
	if find("192.0.2.1") != "one" || find("192.0.2.2") != "as" {
		t.Errorf("found %q and %q", find("192.0.2.1"), find("192.0.2.2"))
	}
	d.Routes = append(d.Routes, state.Wanted{Key: key, Terms: &state.Terms{Peers: selectors(t, "tag x")}})
	if find("192.0.2.2") != "" {
		t.Errorf("found %q, of two that may be meant", find("192.0.2.2"))
	}
}

// Two routes that only the peers show to be for one of them leave the whole key
// alone, and nothing else.
func TestDiffLeavesOverlapsAlone(t *testing.T) {
	key, other := state.UnicastKey(netip.MustParsePrefix("10.0.0.0/8"), 0), state.UnicastKey(netip.MustParsePrefix("11.0.0.0/8"), 0)
	one, two := mustAttrs(t, "1"), mustAttrs(t, "2")
	d := &state.Desired{Owner: "team", Routes: []state.Wanted{
		{Key: key, Terms: &state.Terms{Attrs: one, Peers: selectors(t, "192.0.2.3")}, Pos: state.Position{File: "f", Line: 9, Column: 1}},
		{Key: key, Terms: &state.Terms{Attrs: one, Peers: selectors(t, "as 65001")}, Pos: state.Position{File: "f", Line: 5, Column: 1}},
		{Key: key, Terms: &state.Terms{Attrs: two, Peers: selectors(t, "tag lab")}, Pos: state.Position{File: "g", Line: 7, Column: 1}},
		{Key: other, Terms: &state.Terms{Attrs: one}},
	}}
	a := &state.Advertised{Complete: true, Peers: taggedPeers(), Routes: state.CollectTable(maps.All(map[state.Key][]state.Advert{
		key: {{Attrs: two, Owner: "team", At: []state.At{{Peer: taggedPeers()[0].Addr, Grade: state.Sent}}},
			{Attrs: two, Owner: "other", At: []state.At{{Peer: taggedPeers()[2].Addr, Grade: state.Sent}}}},
	}))}
	p, err := state.Diff(d, a)
	if err != nil || len(p.Overlaps) != 1 || len(p.Foreign) != 1 || len(p.Changes) != 1 || p.Changes[0].Key != other {
		t.Fatalf("plan %+v, %v", p, err)
	}
	want := "10.0.0.0/8 is asked for twice at 192.0.2.2: f:5:1 for as 65001, g:7:1 for tag lab"
	if got := p.Overlaps[0].String(); got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	a.Peers[1].Tags = nil // now it is none
	if p, err = state.Diff(d, a); err != nil || len(p.Overlaps) != 0 || len(p.Changes) < 3 {
		t.Errorf("plan %+v, %v", p, err)
	}
}

// A change without peers is one for every peer: a route for peers that are not
// there must not become one.
func TestDiffOfRoutesForNobody(t *testing.T) {
	key := func(n byte) state.Key {
		return state.UnicastKey(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, n, 0, 0}), 16), 0)
	}
	one := mustAttrs(t, "1")
	d := &state.Desired{Owner: "team", Routes: []state.Wanted{
		{Key: key(1), Terms: &state.Terms{Attrs: one, Peers: selectors(t, "as 64999", "tag nobody")}},
		{Key: key(2), Terms: &state.Terms{Attrs: one, Peers: selectors(t, "as 64999", "192.0.2.77")}},
		{Key: key(3), Terms: &state.Terms{Attrs: one}},
	}}
	for _, peers := range [][]state.Neighbor{taggedPeers(), nil} {
		a := &state.Advertised{Complete: true, Peers: peers, Routes: state.CollectTable(maps.All(map[state.Key][]state.Advert{
			key(1): {{Attrs: one, Owner: "team", At: []state.At{{Peer: taggedPeers()[0].Addr, Grade: state.Sent}}}},
		}))}
		p, err := state.Diff(d, a)
		if err != nil || len(p.Nowhere) != 1 || p.Nowhere[0].Key != key(1) || p.Unchanged != 0 {
			t.Fatalf("plan %+v, %v", p, err)
		}
		for _, c := range p.Changes {
			if len(c.Peers) == 0 && !c.Wanted.Peers.All() || c.Key == key(1) && c.Op() != state.Withdraw {
				t.Errorf("%+v goes to every peer", c)
			}
		}
	}
}

func mustAttrs(t testing.TB, med string) state.Attrs {
	t.Helper()
	a, err := state.NewAttrs(map[state.Name][]string{state.NextHop: {"192.0.2.9"}, state.MED: {med}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// At any time what is in force is what its bounds say, and it stays that until
// the time that At tells, not a moment longer.
func TestAtProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &state.Desired{Owner: "team"}
		at := rapid.Int64Range(0, 20)
		for i := range rapid.IntRange(0, 6).Draw(t, "routes") {
			w := state.Wanted{Key: state.UnicastKey(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 16), 0), Terms: &state.Terms{Starts: at.Draw(t, "starts")}}
			if rapid.Bool().Draw(t, "ends") {
				w.Expires = w.Starts + rapid.Int64Range(1, 9).Draw(t, "for")
			}
			d.Routes = append(d.Routes, w)
		}
		keys := func(now int64) []string {
			part, _ := d.At(now)
			var names []string
			for _, w := range part.Routes {
				names = append(names, w.Key.String())
			}
			return names
		}
		now := at.Draw(t, "now")
		part, next := d.At(now)
		var want []string
		for _, w := range d.Routes {
			if now >= w.Starts && (w.Expires == 0 || now < w.Expires) {
				want = append(want, w.Key.String())
			}
		}
		if !slices.Equal(keys(now), want) {
			t.Fatal(cmp.Diff(want, keys(now)))
		}
		if (part == d) != (len(want) == len(d.Routes)) || part.Owner != d.Owner {
			t.Fatalf("the set itself: %t, with %d of %d", part == d, len(want), len(d.Routes))
		}
		for later := now; later < 40 && (next == 0 || later < next); later++ {
			if !slices.Equal(keys(later), want) {
				t.Fatalf("at %d it is another set, and at %d it was said to be this until %d", later, now, next)
			}
		}
		if next != 0 && (next <= now || slices.Equal(keys(next), want)) {
			t.Fatalf("at %d nothing changes", next)
		}
	})
}
