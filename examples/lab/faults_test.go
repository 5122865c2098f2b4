//go:build integration

package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"routesync/examples/lab/rig"
)

// TestFaults plays each fault once, with everything that takes long shortened
// and bounds for a busy machine; `lab faults` has the true ones. Each group has
// a broker of its own.
func TestFaults(t *testing.T) {
	const room = 5
	if len(shared.exabgp) > 0 {
		t.Skip("for the installed exaBGP")
	}
	all := faults()
	var groups []string
	for _, f := range all {
		if !slices.Contains(groups, f.group) {
			groups = append(groups, f.group)
		}
	}
	seed := rand.Uint64()
	for _, group := range groups {
		t.Run(group, func(t *testing.T) {
			t.Parallel()
			lab, err := rig.New(t.Context(), rig.Options{Dir: shared.dir})
			if err != nil {
				t.Fatal(err)
			}
			s := &scene{t: t}
			t.Cleanup(func() { s.must(lab.Close()) })
			broker, err := lab.Broker(t.Context())
			s.must(err)
			a := &arena{stage: stage{lab: lab, broker: broker, binary: shared.binary, dir: lab.Dir()}, seed: seed, room: room, short: true}
			t.Cleanup(func() { s.must(a.close()) })
			for i := range all {
				if f := &all[i]; f.group == group {
					t.Run(f.name, func(t *testing.T) { a.test(t, f) })
				}
			}
		})
	}
}

// test plays a fault once.
func (a *arena) test(t *testing.T, f *fault) {
	o := a.round(t.Context(), f, 0)
	t.Logf("converged after %v; seed %d", o.took, a.seed)
	if !o.failed() {
		return
	}
	for _, n := range o.notes(1, a.boundOf(f)) {
		t.Error(n)
	}
	logs, err := filepath.Glob(filepath.Join(a.kept, "*", "*.log"))
	if err != nil {
		t.Error(err)
	}
	for _, log := range logs {
		if _, err := os.Stat(log); err == nil && filepath.Base(filepath.Dir(log)) != "r1" {
			(&scene{t: t}).show(filepath.Base(filepath.Dir(log)), log)
		}
	}
}

// TestSoak: many faults at once, and saves.
func TestSoak(t *testing.T) {
	t.Parallel()
	if len(shared.exabgp) > 0 {
		t.Skip("for the installed exaBGP")
	}
	s := &scene{t: t}
	lab, err := rig.New(t.Context(), rig.Options{Dir: shared.dir})
	s.must(err)
	t.Cleanup(func() { s.must(lab.Close()) })
	broker, err := lab.Broker(t.Context())
	s.must(err)
	a := &arena{stage: stage{lab: lab, broker: broker, binary: shared.binary, dir: lab.Dir()}, short: true}
	t.Cleanup(func() { s.must(a.close()) })
	if err := a.soak(t.Context(), soakOptions{span: 20 * time.Second, every: 10 * time.Second, seed: rand.Uint64()}, t.Output()); err != nil {
		t.Error(err)
	}
}
