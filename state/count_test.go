package state_test

import (
	"slices"
	"testing"

	"routesync/state"
)

// TestDiffAllocations counts what a difference allocates for a route, so that a
// regression fails on any machine.
func TestDiffAllocations(t *testing.T) {
	const n = 20_000
	d, a := advertisedTable(t, n)
	none := *a
	none.Routes = state.Table{}
	plan, err := state.Diff(d, a)
	if err != nil {
		t.Fatal(err)
	}
	other := *d
	other.Routes = slices.Clone(d.Routes)
	other.Routes[n/2].Terms = &state.Terms{}
	touched := []state.Key{d.Routes[n/3].Key}
	for _, tc := range []struct {
		what    string
		changes int
		most    float64 // for a route
		do      func() (*state.Plan, error)
	}{
		{"nothing to do", 0, 0.002, func() (*state.Plan, error) { return state.Diff(d, a) }},
		{"all is new", n, 0.002, func() (*state.Plan, error) { return state.Diff(d, &none) }},
		{"all goes", n, 0.002, func() (*state.Plan, error) { return state.Diff(&state.Desired{Owner: "team"}, a) }},
		{"one is another", 1, 0.002, func() (*state.Plan, error) { return plan.Refresh(&other, a, nil) }},
		{"one was touched", 0, 0.002, func() (*state.Plan, error) { return plan.Refresh(d, a, touched) }},
	} {
		got := testing.AllocsPerRun(3, func() {
			if p, err := tc.do(); err != nil || len(p.Changes) != tc.changes {
				t.Fatalf("%s: %v", tc.what, err)
			}
		}) / n
		t.Logf("%s: %.4f allocations for a route", tc.what, got)
		if got > tc.most {
			t.Errorf("%s: %.4f allocations for a route, want at most %v", tc.what, got, tc.most)
		}
	}
}
