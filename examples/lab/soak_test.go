package main

import (
	"math/rand/v2"
	"testing"
)

// TestClaim: faults that are under way at once hurt different parts, the file
// aside, and each part is free again after them.
func TestClaim(t *testing.T) {
	s := &soak{draws: rand.New(rand.NewPCG(1, 1)), played: map[string]int{}}
	for _, f := range faults() {
		if f.overlaps {
			s.faults = append(s.faults, f)
		}
	}
	var out []*fault
	most := 0
	for range 5000 {
		if len(out) > 0 && s.draws.IntN(3) == 0 {
			s.release(out[0])
			out = out[1:]
			continue
		}
		f := s.claim()
		if f == nil {
			continue
		}
		for _, other := range out {
			if f.hurts&other.hurts&^theFile != 0 {
				t.Fatalf("%q and %q at once", f.name, other.name)
			}
		}
		out = append(out, f)
		most = max(most, len(out))
	}
	for _, f := range out {
		s.release(f)
	}
	if s.busy != 0 || most < soakHands {
		t.Errorf("%b is busy at the end, and %d faults were under way at once", s.busy, most)
	}
	for _, f := range s.faults {
		if s.played[f.name] == 0 {
			t.Errorf("%q was never drawn", f.name)
		}
	}
}
