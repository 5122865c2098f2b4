package state_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"routesync/state"
)

// exactly is all that a plan says, in its order, with the places in memory that it
// points to.
func exactly(p *state.Plan) string {
	s := []string{fmt.Sprint(p.Speaker, " ", p.Owner, " ", p.Unchanged)}
	for _, c := range p.Changes {
		s = append(s, fmt.Sprintf("%s %d %v %p %p", c.Key, c.Op(), c.Peers, c.Wanted, c.Advert))
	}
	for _, f := range p.Foreign {
		s = append(s, fmt.Sprintf("%s foreign %p %p", f.Key, f.Advert, f.Wanted))
	}
	for _, o := range p.Overlaps {
		s = append(s, fmt.Sprintf("%s overlap %v %p %p", o.Key, o.Peers, o.First, o.Second))
	}
	for _, w := range p.Nowhere {
		s = append(s, fmt.Sprintf("%s nowhere %p", w.Key, w))
	}
	return strings.Join(s, "\n")
}

// drawWithdrawing draws some grades other than accepted.
func drawWithdrawing(t *rapid.T, a *state.Advertised) {
	for _, adverts := range a.Routes.All() {
		for i := range adverts {
			for j := range adverts[i].At {
				if rapid.IntRange(0, 5).Draw(t, "grade") == 0 {
					adverts[i].At[j].Grade = state.Withdrawing
				}
			}
		}
	}
}

// The short way of most keys leads where the general one does.
func TestPlainKeysArePlannedAsAllAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		peers := drawNeighbors(t)
		have, want := drawModel(t, peers).advertised(peers), drawSelected(t)
		drawWithdrawing(t, have)
		if got, want := exactly(mustDiff(t, want, have)), exactly(state.DiffGenerally(want, have)); got != want {
			t.Fatalf("the plan is\n%s, not\n%s", got, want)
		}
	})
}

// TestRefreshIsDiff: whatever comes, in whatever steps, a plan that is kept up is
// the one that is made anew.
func TestRefreshIsDiff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		peers := drawNeighbors(t)
		// Enough that nobody touches for the short way to be taken.
		rest := &state.Desired{}
		for i, k := range plainKeys(400) {
			terms := &state.Terms{}
			if i%5 == 0 {
				terms.Peers = "192.0.2.1"
			}
			rest.Routes = append(rest.Routes, state.Wanted{Key: k, Terms: terms})
		}
		with := func(d *state.Desired) *state.Desired {
			d.Routes = append(slices.Clone(rest.Routes), d.Routes...)
			slices.SortStableFunc(d.Routes, func(a, b state.Wanted) int { return state.CompareKeys(a.Key, b.Key) })
			return d
		}
		want, have := with(drawSelected(t)), drawModel(t, peers).advertised(peers)
		drawWithdrawing(t, have)
		var at []state.At // as many routes have it that come together
		for _, p := range have.Resolve("", state.IPv4Unicast) {
			at = append(at, state.At{Peer: p})
		}
		for i, w := range rest.Routes {
			owner := []string{"team", "team", "other"}[i%3]
			have.Routes.Set([]state.Advert{{Owner: owner, At: at}}, w.Key)
		}
		rest.Routes = slices.DeleteFunc(rest.Routes, func(w state.Wanted) bool {
			adverts := have.Routes.Get(w.Key)
			return adverts[0].Owner == "other" && w.Key.Prefix().Addr().As4()[2]%16 != 0
		})
		var plan *state.Plan
		var touched []state.Key
		for range rapid.IntRange(1, 10).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				want = with(drawSelected(t))
			case 1: // saved as it was: other places, other pointers
				same := *want
				same.Routes = slices.Clone(want.Routes)
				for i := range same.Routes {
					terms := *same.Routes[i].Terms
					same.Routes[i].Terms = &terms
					same.Routes[i].Pos.Line = int32(i % 7)
				}
				if n := rapid.IntRange(0, len(same.Routes)-1).Draw(t, "ends"); rapid.Bool().Draw(t, "one ends") {
					same.Routes[n].Expires = 1000 - same.Routes[n].Expires
				}
				want = &same
			case 2:
				other := *have
				other.Routes = have.Routes.Clone()
				drawn := drawModel(t, peers).advertised(peers)
				drawWithdrawing(t, drawn)
				for i := range 4 {
					key := state.UnicastKey(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), 0}), 24), 0)
					if rapid.Bool().Draw(t, "touch") {
						other.Routes.Set(drawn.Routes.Get(key), key)
						touched = append(touched, key)
					}
				}
				have = &other
			case 3:
				other := *have
				other.Peers = slices.Clone(have.Peers)
				for i := range other.Peers {
					if rapid.Bool().Draw(t, "other") {
						other.Peers[i].PeerAS = rapid.Uint32Range(65001, 65003).Draw(t, "as")
					}
				}
				have = &other
			case 4:
				k := rest.Routes[rapid.IntRange(0, len(rest.Routes)-1).Draw(t, "of the rest")].Key
				other := *have
				other.Routes = have.Routes.Clone()
				other.Routes.Set(rapid.SampledFrom([][]state.Advert{nil, {{Owner: "other"}}, {{Owner: "team"}}}).Draw(t, "is"), k)
				have, touched = &other, append(touched, k)
			}
			if rapid.Bool().Draw(t, "wait") {
				continue // several things happen before the next plan
			}
			var err error
			if plan, err = plan.Refresh(want, have, touched); err != nil {
				t.Fatal(err)
			}
			touched = nil
			if made := exactly(mustDiff(t, want, have)); made != exactly(state.DiffGenerally(want, have)) {
				t.Fatalf("the short way leads to\n%s", made)
			}
			if got, want := exactly(plan), exactly(mustDiff(t, want, have)); got != want {
				t.Fatalf("the plan is\n%s, not\n%s", got, want)
			}
		}
	})
}

// million is a table as large as the Internet's, advertised to a peer.
func million(b *testing.B) (*state.Desired, *state.Advertised) {
	b.Helper()
	return advertisedTable(b, 1_000_000)
}

func advertisedTable(b testing.TB, n int) (*state.Desired, *state.Advertised) {
	b.Helper()
	attrs, err := state.NewAttrs(map[state.Name][]string{state.NextHop: {"192.0.2.1"}, state.Community: {"65000:1", "65000:2"}})
	if err != nil {
		b.Fatal(err)
	}
	peers := peersOf(1)
	d, a := &state.Desired{Owner: "team"}, &state.Advertised{Complete: true, Peers: peers}
	terms := &state.Terms{Attrs: attrs}
	keys := plainKeys(n)
	packed, err := state.UnpackKeys(state.IPv4Unicast, state.PackKeys(keys)) // other strings, as from a bridge
	if err != nil {
		b.Fatal(err)
	}
	for _, k := range keys {
		d.Routes = append(d.Routes, state.Wanted{Key: k, Terms: terms})
	}
	for part := range slices.Chunk(packed, 20_000) {
		a.Routes.Set([]state.Advert{{Owner: "team", Attrs: attrs, At: []state.At{{Peer: peers[0].Addr, Grade: state.Sent}}}}, part...)
	}
	return d, a
}

func benchmarkDiff(b *testing.B, d *state.Desired, a *state.Advertised, changes int) {
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		if p, err := state.Diff(d, a); err != nil || len(p.Changes) != changes {
			b.Fatal(err)
		}
	}
}

func BenchmarkDiffNothingToDo(b *testing.B) {
	d, a := million(b)
	benchmarkDiff(b, d, a, 0)
}

func BenchmarkDiffAllNew(b *testing.B) {
	d, a := million(b)
	a.Routes = state.Table{}
	benchmarkDiff(b, d, a, 1_000_000)
}

func BenchmarkDiffAllGone(b *testing.B) {
	_, a := million(b)
	benchmarkDiff(b, &state.Desired{Owner: "team"}, a, 1_000_000)
}

// One route of a million changed in the file.
func BenchmarkRefreshOneRoute(b *testing.B) {
	d, a := million(b)
	p, err := state.Diff(d, a)
	if err != nil {
		b.Fatal(err)
	}
	other := *d
	other.Routes = slices.Clone(d.Routes)
	other.Routes[500_000].Terms = &state.Terms{}
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		if q, err := p.Refresh(&other, a, nil); err != nil || len(q.Changes) != 1 {
			b.Fatal(err)
		}
	}
}

// One route of a million changed at the speaker.
func BenchmarkRefreshOneAdvert(b *testing.B) {
	d, a := million(b)
	p, err := state.Diff(d, a)
	if err != nil {
		b.Fatal(err)
	}
	touched := []state.Key{d.Routes[500_000].Key}
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		if _, err := p.Refresh(d, a, touched); err != nil {
			b.Fatal(err)
		}
	}
}
