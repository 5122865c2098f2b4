package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// truthBound is how long status may lag: what is sent is confirmed behind it.
const truthBound = 5 * time.Second

// truthful is an error if status says what is not so: what it counts as sent to a
// peer the router holds.
func (g *ground) truthful(ctx context.Context) error {
	soon, cancel := context.WithTimeout(ctx, truthBound)
	defer cancel()
	for {
		err := g.statusIsTrue(ctx)
		if err == nil || wait(soon, planEvery) != nil {
			return err
		}
	}
}

func (g *ground) statusIsTrue(ctx context.Context) error {
	r, err := g.routesync(ctx, "status", "-o", "json", "--speaker", g.name)
	if err != nil {
		return err
	}
	var report struct {
		Speakers []struct {
			Peers []struct {
				Address string
				Grades  map[string]int
			}
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		return fmt.Errorf("read status (exit %d): %w\n%s%s", r.code, err, r.stderr, r.stdout)
	}
	if len(report.Speakers) != 1 {
		return fmt.Errorf("status (exit %d) tells of %d speakers:\n%s%s", r.code, len(report.Speakers), r.stderr, r.stdout)
	}
	said := map[string]map[string]int{}
	for _, p := range report.Speakers[0].Peers {
		said[p.Address] = p.Grades
	}
	for _, router := range g.routers {
		grades, held := said[router.Address.String()], len(router.Tape().Table())
		if grades["sent"] != held {
			return fmt.Errorf("status says %v of router %s, which holds %d routes", grades, router.Name, held)
		}
	}
	return nil
}
