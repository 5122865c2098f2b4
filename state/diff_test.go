package state_test

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"routesync/state"
)

func peersOf(n int) []state.Neighbor {
	var peers []state.Neighbor
	for i := range n {
		peers = append(peers, state.Neighbor{
			Addr:     netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}),
			Families: []state.Family{state.IPv4Unicast, state.IPv6Unicast},
		})
	}
	return peers
}

func drawAttrs(t *rapid.T) state.Attrs {
	a, err := state.NewAttrs(map[state.Name][]string{
		state.NextHop: {"192.0.2.1"},
		state.MED:     {fmt.Sprint(rapid.IntRange(0, 2).Draw(t, "med"))},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// drawDesired draws a set over few prefixes, so that sets meet.
func drawDesired(t *rapid.T, peers []state.Neighbor) *state.Desired {
	d := &state.Desired{Owner: "team"}
	for i := range 5 {
		key := state.UnicastKey(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), 0}), 24), 0)
		switch rapid.IntRange(0, 2).Draw(t, "route") {
		case 1:
			d.Routes = append(d.Routes, state.Wanted{Key: key, Terms: &state.Terms{Attrs: drawAttrs(t)}})
		case 2: // different values for different peers
			for _, p := range peers {
				if rapid.Bool().Draw(t, "peer") {
					d.Routes = append(d.Routes, state.Wanted{Key: key, Terms: &state.Terms{Attrs: drawAttrs(t), Peers: state.NewPeers([]netip.Addr{p.Addr})}})
				}
			}
		}
	}
	return d
}

// table is the slow, simple form of a set: what each peer has of each key.
type table map[state.Key]map[netip.Addr]value

type value struct {
	owner string
	attrs state.Attrs
}

func (t table) put(k state.Key, p netip.Addr, v value) {
	if t[k] == nil {
		t[k] = map[netip.Addr]value{}
	}
	t[k][p] = v
}

func (t table) advertised(peers []state.Neighbor) *state.Advertised {
	a := &state.Advertised{Speaker: "edge1", Complete: true, Peers: peers}
	for k, at := range t {
		for _, p := range slices.SortedFunc(maps.Keys(at), netip.Addr.Compare) {
			v := at[p]
			adverts := a.Routes.Get(k)
			i := slices.IndexFunc(adverts, func(x state.Advert) bool { return x.Owner == v.owner && x.Attrs == v.attrs })
			if i < 0 {
				adverts = append(adverts, state.Advert{Owner: v.owner, Attrs: v.attrs})
				i = len(adverts) - 1
			}
			adverts[i].At = append(adverts[i].At, state.At{Peer: p, Grade: state.Sent})
			a.Routes.Set(adverts, k)
		}
	}
	return a
}

func (t table) apply(p *state.Plan) {
	for _, c := range p.Changes {
		for _, peer := range c.Peers {
			if c.Op() == state.Withdraw {
				delete(t[c.Key], peer)
				continue
			}
			t.put(c.Key, peer, value{p.Owner, c.After()})
		}
	}
}

func drawTable(t *rapid.T, peers []state.Neighbor, owner string) table {
	out := table{}
	for _, w := range drawDesired(t, peers).Routes {
		addrs := w.Peers.Addrs()
		if w.Peers.All() {
			for _, p := range peers {
				addrs = append(addrs, p.Addr)
			}
		}
		for _, a := range addrs {
			out.put(w.Key, a, value{owner, w.Attrs})
		}
	}
	return out
}

func mustDiff(t *rapid.T, d *state.Desired, a *state.Advertised) *state.Plan {
	p, err := state.Diff(d, a)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDiffProperties: what a plan says leads to what is desired, and nothing
// else; it touches nobody else's routes; it is minimal; and it does not depend
// on the order in which the advertised set is walked.
func TestDiffProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		peers := peersOf(rapid.IntRange(1, 3).Draw(t, "peers"))
		have := drawTable(t, peers, "team")
		foreign := drawTable(t, peers, rapid.SampledFrom([]string{"", "other"}).Draw(t, "owner"))
		for k, at := range foreign {
			for p, v := range at {
				have.put(k, p, v)
			}
		}
		want := drawDesired(t, peers)
		plan := mustDiff(t, want, have.advertised(peers))

		expect := table{}
		for k, at := range have {
			for p, v := range at {
				if v.owner != "team" {
					expect.put(k, p, v)
				}
			}
		}
		touched := 0
		for _, w := range want.Routes {
			for _, peer := range have.advertised(peers).Resolve(w.Peers, w.Key.Family) {
				if _, taken := expect[w.Key][peer]; taken {
					continue
				}
				v := value{"team", w.Attrs}
				expect.put(w.Key, peer, v)
				if have[w.Key][peer] != v {
					touched++
				}
			}
		}
		for k, at := range have {
			for p := range at {
				if _, kept := expect[k][p]; !kept {
					touched++
				}
			}
		}
		steps := 0
		for _, c := range plan.Changes {
			steps += len(c.Peers)
		}
		if steps != touched {
			t.Fatalf("plan has %d steps, %d are needed: %+v", steps, touched, plan.Changes)
		}
		again := mustDiff(t, want, have.advertised(peers))
		if changes(again) != changes(plan) {
			t.Fatalf("two plans of the same sets differ")
		}
		have.apply(plan)
		for k := range have {
			if len(have[k]) == 0 {
				delete(have, k)
			}
		}
		if !maps.EqualFunc(have, expect, func(a, b map[netip.Addr]value) bool { return maps.Equal(a, b) }) {
			t.Fatalf("the plan leads to %v, want %v", have, expect)
		}
		if rest := mustDiff(t, want, have.advertised(peers)); len(rest.Changes) != 0 {
			t.Fatalf("a plan after the plan is not empty: %+v", rest.Changes)
		}
	})
}

func TestDiffReplacesWithoutWithdrawing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		peers := peersOf(2)
		have := drawTable(t, peers, "team")
		want := drawDesired(t, peers)
		type at struct {
			key  state.Key
			peer netip.Addr
		}
		withdrawn := map[at]bool{}
		plan := mustDiff(t, want, have.advertised(peers))
		for _, c := range plan.Changes {
			for _, p := range c.Peers {
				if withdrawn[at{c.Key, p}] {
					t.Fatalf("two changes of %s at %s", c.Key, p)
				}
				withdrawn[at{c.Key, p}] = true
			}
		}
	})
}

func TestDiffRefusesAnIncompleteSet(t *testing.T) {
	_, err := state.Diff(&state.Desired{Owner: "team"}, &state.Advertised{Speaker: "edge1"})
	if !errors.Is(err, state.ErrIncomplete) {
		t.Errorf("error %v, want ErrIncomplete", err)
	}
}

func TestDigestIsOrderFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		peers := peersOf(2)
		set := drawTable(t, peers, "team")
		whole := set.advertised(peers).Digest()
		extra := drawTable(t, peers, "other")
		d := whole
		for k, at := range extra {
			for p, v := range at {
				d = d.Add(k, v.attrs, v.owner, p)
			}
		}
		for k, at := range extra {
			for p, v := range at {
				d = d.Remove(k, v.attrs, v.owner, p)
			}
		}
		if d != whole {
			t.Fatalf("digest %v after adding and removing, want %v", d.Sum(), whole.Sum())
		}
	})
}

// changes are the changes of a plan in its order, without their places in memory.
func changes(p *state.Plan) string {
	var s []string
	for _, c := range p.Changes {
		s = append(s, fmt.Sprint(c.Key, c.Op(), c.Before(), c.Was(), c.After(), c.Peers, c.Wanted))
	}
	return strings.Join(s, "\n")
}
