package state_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"routesync/state"
)

// drawNeighbors draws peers that tags, AS numbers and families mix up.
func drawNeighbors(t *rapid.T) []state.Neighbor {
	var peers []state.Neighbor
	for i := range rapid.IntRange(0, 5).Draw(t, "neighbors") {
		n := state.Neighbor{Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), PeerAS: rapid.Uint32Range(65001, 65003).Draw(t, "as")}
		n.Tags = rapid.SampledFrom([][]string{nil, {"a"}, {"b"}, {"a", "b"}}).Draw(t, "tags")
		n.Families = rapid.SampledFrom([][]state.Family{nil, {state.IPv4Unicast}, {state.IPv4Unicast, state.IPv6Unicast}}).Draw(t, "families")
		peers = append(peers, n)
	}
	return peers
}

func drawSelector(t *rapid.T) state.Selector {
	switch rapid.IntRange(0, 2).Draw(t, "by") {
	case 0:
		return state.Selector{AS: rapid.Uint32Range(65001, 65004).Draw(t, "as")}
	case 1:
		return state.Selector{Tag: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "tag")}
	}
	return state.Selector{Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(rapid.IntRange(1, 6).Draw(t, "peer"))})}
}

// drawSelected draws a set whose routes are for peers by every means. Like a
// file's, it has no two routes of one key that overlap whatever the speaker is.
func drawSelected(t *rapid.T) *state.Desired {
	d := &state.Desired{Owner: "team"}
	for i := range 3 {
		key := state.UnicastKey(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), 0}), 24), 0)
		from := len(d.Routes)
		for range rapid.IntRange(0, 3).Draw(t, "routes") {
			w := state.Wanted{Key: key, Terms: &state.Terms{Attrs: drawAttrs(t), Peers: state.SelectPeers(rapid.SliceOfN(rapid.Custom(drawSelector), 0, 3).Draw(t, "selectors"))}}
			w.Expires = rapid.SampledFrom([]int64{0, 1000}).Draw(t, "expires")
			if !slices.ContainsFunc(d.Routes[from:], func(o state.Wanted) bool { return o.Peers.Overlap(w.Peers) }) {
				d.Routes = append(d.Routes, w)
			}
		}
		slices.SortFunc(d.Routes[from:], func(a, b state.Wanted) int { return slices.Compare([]byte(a.Peers), []byte(b.Peers)) })
	}
	return d
}

type placed struct {
	attrs state.Attrs
	owner string
	from  state.Provenance
}

// model is what each peer has, and knows no more than that.
type model map[state.Key]map[netip.Addr]placed

func (m model) advertised(peers []state.Neighbor) *state.Advertised {
	a := &state.Advertised{Speaker: "edge1", Complete: true, Peers: peers}
	for k, at := range m {
		var adverts []state.Advert
		for _, p := range slices.SortedFunc(maps.Keys(at), netip.Addr.Compare) {
			v := at[p]
			i := slices.IndexFunc(adverts, func(x state.Advert) bool { return x.Owner == v.owner && x.Attrs == v.attrs && x.From == v.from })
			if i < 0 {
				i = len(adverts)
				adverts = append(adverts, state.Advert{Owner: v.owner, Attrs: v.attrs, From: v.from})
			}
			adverts[i].At = append(adverts[i].At, state.At{Peer: p, Grade: state.Accepted})
		}
		a.Routes.Set(adverts, k)
	}
	return a
}

func drawModel(t *rapid.T, peers []state.Neighbor) model {
	m := model{}
	for i := range 4 {
		key := state.UnicastKey(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), 0}), 24), 0)
		for _, p := range peers {
			if len(p.Families) == 0 || rapid.Bool().Draw(t, "absent") {
				continue
			}
			if m[key] == nil {
				m[key] = map[netip.Addr]placed{}
			}
			m[key][p.Addr] = placed{drawAttrs(t), rapid.SampledFrom([]string{"team", "team", "other", ""}).Draw(t, "owner"),
				state.Provenance{Expires: rapid.SampledFrom([]int64{0, 1000, 2000}).Draw(t, "until")}}
		}
	}
	return m
}

// carry does what a bridge does with a plan, and fails where a plan reaches for
// what is not its own.
func (m model) carry(t *rapid.T, plan *state.Plan, peers []state.Neighbor) {
	for _, c := range plan.Changes {
		if len(c.Peers) == 0 {
			if slices.ContainsFunc(peers, func(n state.Neighbor) bool { return slices.Contains(n.Families, c.Key.Family) }) {
				t.Fatalf("a change is for every peer, and says of none: %+v", c)
			}
			continue
		}
		for _, p := range c.Peers {
			was, there := m[c.Key][p]
			switch {
			case there && was.owner != plan.Owner:
				t.Fatalf("%v touches %q's route at %s", c, was.owner, p)
			case there != (c.Op() != state.Announce):
				t.Fatalf("%v at %s, where a route is there: %v", c, p, there)
			case there && was.attrs != c.Before():
				t.Fatalf("%v at %s is from what was not there", c, p)
			}
			if c.Op() == state.Withdraw {
				delete(m[c.Key], p)
				continue
			}
			if m[c.Key] == nil {
				m[c.Key] = map[netip.Addr]placed{}
			}
			m[c.Key][p] = placed{c.After(), plan.Owner, state.Provenance{Expires: c.Wanted.Expires, Lease: c.Wanted.Lease}}
		}
	}
}

// told is what a plan says, without the order of what it says of one key: that
// is the order of the set.
func told(p *state.Plan) string {
	s := []string{fmt.Sprint("unchanged ", p.Unchanged)}
	for _, c := range p.Changes {
		s = append(s, fmt.Sprint(c.Key, c.Op(), c.Before(), c.After(), c.Was(), c.Peers))
	}
	for _, f := range p.Foreign {
		s = append(s, fmt.Sprint(f.Key, " foreign ", f.Advert, f.Wanted != nil))
	}
	for _, o := range p.Overlaps {
		s = append(s, fmt.Sprint(o.Key, " overlap"))
	}
	for _, w := range p.Nowhere {
		s = append(s, fmt.Sprint(w.Key, " nowhere ", w.Peers))
	}
	slices.Sort(s)
	return strings.Join(slices.Compact(s), "\n")
}

// A plan, whoever its routes are for, leads to what is asked for; it never
// touches what another announced, leaves a key with an overlap as it is, and is
// the same in whatever order the routes of a key come.
func TestDiffOfSelectedPeers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		peers := drawNeighbors(t)
		have, want := drawModel(t, peers), drawSelected(t)
		before := have.advertised(peers)
		plan := mustDiff(t, want, before)

		shuffled := &state.Desired{Owner: want.Owner, Routes: rapid.Permutation(want.Routes).Draw(t, "order")}
		slices.SortStableFunc(shuffled.Routes, func(a, b state.Wanted) int { return state.CompareKeys(a.Key, b.Key) })
		if got := told(mustDiff(t, shuffled, before)); got != told(plan) {
			t.Fatalf("in another order the plan is\n%s, not\n%s", got, told(plan))
		}
		for _, o := range plan.Overlaps {
			if slices.ContainsFunc(plan.Changes, func(c state.Change) bool { return c.Key == o.Key }) {
				t.Fatalf("%s overlaps and changes", o.Key)
			}
		}

		have.carry(t, plan, peers)
		after := have.advertised(peers)
		rest := mustDiff(t, want, after)
		for _, c := range rest.Changes {
			if len(c.Peers) > 0 {
				t.Fatalf("a plan after the plan is not empty: %+v", c)
			}
		}
		overlaps := map[state.Key]bool{}
		for _, o := range plan.Overlaps {
			overlaps[o.Key] = true
		}
		for i := range want.Routes {
			w := &want.Routes[i]
			for _, p := range after.Resolve(w.Peers, w.Key.Family) {
				got, there := have[w.Key][p]
				if !overlaps[w.Key] && (!there || got.owner == "team" && got.attrs != w.Attrs) {
					t.Fatalf("%s is not at %s as asked: %v", w.Key, p, got)
				}
			}
		}
	})
}

// Who overlaps with whom does not depend on who comes first.
func TestOverlapsAreSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		peers := drawNeighbors(t)
		a := &state.Advertised{Peers: peers}
		key := state.UnicastKey(netip.MustParsePrefix("10.0.0.0/24"), 0)
		x := state.Wanted{Key: key, Terms: &state.Terms{Peers: state.SelectPeers(rapid.SliceOfN(rapid.Custom(drawSelector), 0, 3).Draw(t, "x"))}}
		y := state.Wanted{Key: key, Terms: &state.Terms{Peers: state.SelectPeers(rapid.SliceOfN(rapid.Custom(drawSelector), 0, 3).Draw(t, "y"))}}
		if x.Peers.Overlap(y.Peers) != y.Peers.Overlap(x.Peers) {
			t.Fatalf("%s and %s", x.Peers, y.Peers)
		}
		one, other := state.FindOverlaps([]state.Wanted{x, y}, a.Resolve), state.FindOverlaps([]state.Wanted{y, x}, a.Resolve)
		if len(one) != len(other) || len(one) > 0 && !slices.Equal(one[0].Peers, other[0].Peers) {
			t.Fatalf("%v, the other way round %v", one, other)
		}
		var both []netip.Addr
		for _, p := range a.Resolve(x.Peers, key.Family) {
			if slices.Contains(a.Resolve(y.Peers, key.Family), p) {
				both = append(both, p)
			}
		}
		if (len(both) > 0) != (len(one) > 0) || len(one) > 0 && !slices.Equal(one[0].Peers, both) {
			t.Fatalf("%v, want %v", one, both)
		}
	})
}
