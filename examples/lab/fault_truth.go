package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// truthBound is how long status may lag: what is sent is confirmed behind it.
const truthBound = 5 * time.Second

// speakerReport is what status says of a speaker.
type speakerReport struct {
	Leases []struct {
		Silent string `json:"silent_since"`
	}
	Peers []struct {
		Address string
		Grades  map[string]int
	}
}

// report asks status how a speaker is.
func (g *ground) report(ctx context.Context) (speakerReport, error) {
	r, err := g.routesync(ctx, "status", "-o", "json", "--speaker", g.name)
	if err != nil {
		return speakerReport{}, err
	}
	var report struct{ Speakers []speakerReport }
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		return speakerReport{}, fmt.Errorf("read status (exit %d): %w\n%s%s", r.code, err, r.stderr, r.stdout)
	}
	if len(report.Speakers) != 1 {
		return speakerReport{}, fmt.Errorf("status (exit %d) tells of %d speakers:\n%s%s", r.code, len(report.Speakers), r.stderr, r.stdout)
	}
	return report.Speakers[0], nil
}

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
	report, err := g.report(ctx)
	if err != nil {
		return err
	}
	said := map[string]map[string]int{}
	for _, p := range report.Peers {
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

// outOfReach is an error if status says something of a bridge that nobody can
// reach: it can know nothing.
func (g *ground) outOfReach(ctx context.Context) error {
	r, err := g.routesync(ctx, "status", "--speaker", g.name)
	if err == nil && r.code == 0 {
		err = fmt.Errorf("status tells of a bridge that nobody reaches:\n%s", r.stdout)
	}
	return err
}

// watchSilent is an error if status does not say that nothing is heard of the
// commander.
func (g *ground) watchSilent(ctx context.Context) error {
	report, err := g.report(ctx)
	if err == nil && (len(report.Leases) != 1 || report.Leases[0].Silent == "") {
		err = errors.New("status does not say that the commander is silent")
	}
	return err
}
