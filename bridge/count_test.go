package bridge

import (
	"fmt"
	"strings"
	"testing"

	"routesync/state"
)

// desiredSets is n routes in so many sets of attributes, neighbors in different ones.
func desiredSets(t testing.TB, n, sets int) *state.Desired {
	d := &state.Desired{Owner: "team", Speakers: []string{"edge1"}}
	terms := make([]*state.Terms, sets)
	for i := range terms {
		terms[i] = &state.Terms{Attrs: attrs(t, fmt.Sprintf("%s med %d", nh, i))}
	}
	for i, k := range plainKeys(n) {
		d.Routes = append(d.Routes, state.Wanted{Key: k, Terms: terms[i%sets]})
	}
	return d
}

// TestCommandsPerRoute counts what exaBGP is told for many routes, as the time that
// it takes goes by commands: a regression fails on any machine.
func TestCommandsPerRoute(t *testing.T) {
	const n = 20_000
	for _, tc := range []struct{ sets, most int }{
		{1, n / 200},
		{2_000, 2_100}, // ten routes a set
	} {
		t.Run(fmt.Sprint(tc.sets), func(t *testing.T) {
			p := testPeer("127.0.0.2", 65001)
			w := newWorld(t, p)
			w.exabgp.sessionUp(p)
			w.settle()
			w.lease("team")
			d := desiredSets(t, n, tc.sets)
			w.wantIn(d, batchFirst, batchMost)
			w.settle()
			w.plan(d, 0)
			w.wroteAtMost("announce", tc.most)
			w.exabgp.wrote = nil
			w.wantIn(&state.Desired{Owner: "team", Speakers: []string{"edge1"}}, batchFirst, batchMost)
			w.settle()
			w.wroteAtMost("withdraw", tc.most)
			if len(p.holds) > 0 {
				t.Errorf("the peer holds %d routes", len(p.holds))
			}
		})
	}
}

func (w *world) wroteAtMost(verb string, most int) {
	w.t.Helper()
	n := 0
	for _, line := range w.exabgp.wrote {
		if strings.Contains(" "+line, " "+verb+" ") {
			n++
		}
	}
	w.t.Logf("%d commands to %s", n, verb)
	if n == 0 || n > most || n != len(w.exabgp.wrote) {
		w.t.Errorf("exaBGP was told to %s in %d commands of %d, want at most %d", verb, n, len(w.exabgp.wrote), most)
	}
}
