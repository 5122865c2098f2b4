//go:build integration

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"routesync/examples/lab/rig"
	"routesync/examples/lab/table"
)

// TestUpdatesAtTheRouter counts the UPDATEs that many routes come in and go in, as a
// regression shows in them on any machine. exaBGP 4.2 puts up to 50 routes into one,
// as many as it takes of a command at a time.
func TestUpdatesAtTheRouter(t *testing.T) {
	for _, tc := range []struct {
		sets int
		most [2]int // to come, and to go
	}{
		{1, [2]int{600, 600}},
		{2_000, [2]int{3_000, 12_000}}, // ten routes a set
	} {
		t.Run(fmt.Sprint(tc.sets), func(t *testing.T) {
			o := router(2, routerAS)
			o.Tape = true
			s := open(t, setting{routers: []rig.RouterOptions{o}})
			routes := askFor(table.Sample(20_000, 0), tc.sets)
			for i, text := range [][]byte{itemsFile([]string{s.name}, routes), itemsFile([]string{s.name}, nil)} {
				before := s.router.Tape().Updates()
				s.must(os.WriteFile(filepath.Join(s.dir, "routes.yaml"), text, 0o644))
				s.expect(0, "apply --yes --wait sent --timeout 60s")
				s.must(s.router.WaitCount(s.ctx, len(routes)*(1-i)))
				s.must(s.router.Tape().Wait(s.ctx, "all is recorded", func() bool { return len(s.router.Tape().Table()) == len(routes)*(1-i) }))
				n := s.router.Tape().Updates() - before
				what := []string{"announced", "withdrawn"}[i]
				t.Logf("%s: %d UPDATEs", what, n)
				if n > tc.most[i] {
					t.Errorf("%s: %d UPDATEs for %d routes of %d sets, want at most %d", what, n, len(routes), tc.sets, tc.most[i])
				}
			}
		})
	}
}
