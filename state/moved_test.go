package state_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"routesync/state"
)

// TestMovedLeadsFromOneToTheOther: what moved is what a slow walk over all routes at
// all peers finds, each once, and nothing moves by standing still.
func TestMovedLeadsFromOneToTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		peers := peersOf(3)
		before, now := table{}, table{}
		for _, set := range []table{before, now} {
			for _, owner := range []string{"team", "other"} {
				for k, at := range drawTable(t, peers, owner) {
					for p, v := range at {
						set.put(k, p, v)
					}
				}
			}
		}
		type place struct {
			key  state.Key
			peer netip.Addr
		}
		want := map[place][2]value{}
		for k, at := range before {
			for p, v := range at {
				if now[k][p] != v {
					want[place{k, p}] = [2]value{v, now[k][p]}
				}
			}
		}
		for k, at := range now {
			for p, v := range at {
				if before[k][p] != v {
					want[place{k, p}] = [2]value{before[k][p], v}
				}
			}
		}
		moves := state.Moved(before.advertised(peers), now.advertised(peers))
		valueOf := func(a *state.Advert) value {
			if a == nil {
				return value{}
			}
			return value{a.Owner, a.Attrs}
		}
		for _, m := range moves {
			for _, p := range m.Peers {
				at := place{m.Key, p}
				if got := [2]value{valueOf(m.Before), valueOf(m.Now)}; want[at] != got {
					t.Fatalf("%s at %s moved from and to %v, want %v", m.Key, p, got, want[at])
				}
				delete(want, at)
			}
		}
		if len(want) > 0 {
			t.Fatalf("nobody says that these moved: %v", want)
		}
		if !slices.IsSortedFunc(moves, func(a, b state.Move) int { return state.CompareKeys(a.Key, b.Key) }) {
			t.Fatal("moves are not in the order of their keys")
		}
		if same := state.Moved(before.advertised(peers), before.advertised(peers)); len(same) > 0 {
			t.Fatalf("%d routes moved by standing still", len(same))
		}
	})
}

// What is a move and what is none, one route at a time.
func TestMovedKinds(t *testing.T) {
	peers := peersOf(2)
	attrs := func(med int) state.Attrs {
		a, err := state.NewAttrs(map[state.Name][]string{state.NextHop: {"192.0.2.1"}, state.MED: {fmt.Sprint(med)}})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	key := state.UnicastKey(netip.MustParsePrefix("10.0.0.0/24"), 0)
	advert := func(alter ...func(*state.Advert)) state.Advert {
		a := state.Advert{Owner: "team", Attrs: attrs(1), At: []state.At{{Peer: peers[0].Addr, Grade: state.Sent}}}
		for _, f := range alter {
			f(&a)
		}
		return a
	}
	for name, test := range map[string]struct {
		now   []state.Advert
		moves int
	}{
		"gone":            {nil, 1},
		"as it was":       {[]state.Advert{advert()}, 0},
		"other owner":     {[]state.Advert{advert(func(a *state.Advert) { a.Owner = "other" })}, 1},
		"other value":     {[]state.Advert{advert(func(a *state.Advert) { a.Attrs = attrs(2) })}, 1},
		"an end":          {[]state.Advert{advert(func(a *state.Advert) { a.From.Expires = 5 })}, 1},
		"a lease":         {[]state.Advert{advert(func(a *state.Advert) { a.From.Lease = 5 })}, 1},
		"held":            {[]state.Advert{advert(func(a *state.Advert) { a.At[0].Grade = state.Held })}, 0},
		"given again":     {[]state.Advert{advert(func(a *state.Advert) { a.From.By, a.From.At = "ana", 7 })}, 0},
		"at another peer": {[]state.Advert{advert(func(a *state.Advert) { a.At[0].Peer = peers[1].Addr })}, 2},
		"beside another":  {[]state.Advert{advert(), advert(func(a *state.Advert) { a.Attrs = attrs(2) })}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			before, now := &state.Advertised{}, &state.Advertised{}
			before.Routes.Set([]state.Advert{advert()}, key)
			if test.now != nil {
				now.Routes.Set(test.now, key)
			}
			if got := len(state.Moved(before, now)); got != test.moves {
				t.Errorf("%d moves, want %d", got, test.moves)
			}
			if got := len(state.Moved(now, before)); got != test.moves {
				t.Errorf("%d moves back, want %d", got, test.moves)
			}
		})
	}
}
