package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// standing is what status says of who commands a speaker, and who would.
type standing struct {
	Leases   []watchSays `json:"leases"`
	Standbys []watchSays `json:"standbys"`
}

// watchSays is what a watch says of itself.
type watchSays struct {
	Verb       string
	PID        int
	Conflict   bool
	Conditions []struct{ Name, Text string }
}

// holds is what keeps a watch from putting its file in force; "" if nothing does.
func (s *standing) holds() string {
	for _, w := range append(s.Leases, s.Standbys...) {
		for _, c := range w.Conditions {
			return c.Name + ": " + c.Text
		}
	}
	return ""
}

// conflict tells whether a watch stands by with another file.
func (s *standing) conflict() bool {
	for _, w := range s.Standbys {
		if w.Conflict {
			return true
		}
	}
	return false
}

// standing asks for it, in whatever state the file is.
func (g *ground) standing(ctx context.Context) (standing, error) {
	elsewhere := *g.stage
	elsewhere.dir = g.lab.Dir()
	r, err := elsewhere.routesync(ctx, "status", "--speaker", g.name, "-o", "json")
	if err != nil || r.code != 0 {
		return standing{}, fmt.Errorf("status ended with %d: %s: %w", r.code, r.stderr, err)
	}
	var report struct{ Speakers []standing }
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil || len(report.Speakers) != 1 {
		return standing{}, fmt.Errorf("status said %q: %w", r.stdout, err)
	}
	return report.Speakers[0], nil
}

// standingLimit is how long it may take until status says what is so.
const standingLimit = 30 * time.Second

// stands waits until status says that it is so.
func (g *ground) stands(ctx context.Context, what string, so func(*standing) bool) error {
	ctx, cancel := context.WithTimeout(ctx, standingLimit)
	defer cancel()
	for {
		s, err := g.standing(ctx)
		if err == nil && so(&s) {
			return nil
		}
		if err := wait(ctx, planEvery); err != nil {
			return fmt.Errorf("wait until status says that %s: %w; it said %+v, and that it holds: %q", what, err, s, s.holds())
		}
	}
}

// saysItHolds waits until status says that a watch holds, with these words.
func (g *ground) saysItHolds(ctx context.Context, words string) error {
	return g.stands(ctx, "a watch holds: "+words, func(s *standing) bool { return strings.Contains(s.holds(), words) })
}

// saysNothingHolds waits until status says that no watch holds.
func (g *ground) saysNothingHolds(ctx context.Context) error {
	return g.stands(ctx, "no watch holds", func(s *standing) bool { return s.holds() == "" })
}

// unmoved is an error if a router is told anything at all while f runs.
func (g *ground) unmoved(f func() error) error {
	marks := make([]int, len(g.routers))
	for i, r := range g.routers {
		marks[i] = r.Tape().Mark()
	}
	if err := f(); err != nil {
		return err
	}
	for i, r := range g.routers {
		if told := r.Tape().Since(marks[i]); len(told) > 0 {
			return fmt.Errorf("router %s was told %d things meanwhile, first %s", r.Name, len(told), told[0])
		}
	}
	return nil
}
