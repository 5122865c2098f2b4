package main

import (
	"context"
	"errors"
	"time"

	"routesync/examples/lab/rig"
)

// The processes of a lane, and the broker.
const (
	ofWatch      = "watch"
	ofBridge     = "bridge"
	ofSupervisor = "the bridge's supervisor"
	ofBroker     = "RabbitMQ"
	ofExaBGP     = "exaBGP"
	ofRouter     = "the router"
)

// crew names them, in the order in which they are shown.
func crew() []string {
	return []string{ofWatch, ofBridge, ofSupervisor, ofBroker, ofExaBGP, ofRouter}
}

// usage is what each process has taken since it started.
func (s *synced) usage(ctx context.Context) (map[string]rig.Usage, error) {
	bridge, err := s.speaker.BridgePID(ctx)
	if err != nil {
		return nil, err
	}
	helper, err := s.speaker.HelperPID(ctx)
	if err != nil {
		return nil, err
	}
	all := make(map[string]rig.Usage)
	for name, pid := range map[string]int{
		ofWatch: s.watch.PID(), ofBridge: bridge, ofSupervisor: helper, ofBroker: s.bench.broker.PID(), ofExaBGP: s.speaker.PID(), ofRouter: s.router.PID(),
	} {
		u, err2 := rig.UsageOf(pid)
		all[name], err = u, errors.Join(err, err2)
	}
	return all, err
}

// costs runs f, and adds the CPU time that it took to a row.
func (s *synced) costs(ctx context.Context, row string, f func() error) error {
	before, err := s.usage(ctx)
	if err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	after, err := s.usage(ctx)
	if err != nil {
		return err
	}
	for _, name := range crew() {
		s.bench.add(row, name, (after[name].CPU - before[name].CPU).Seconds())
	}
	return nil
}

// idleShare is how much of a core each process takes over a time in which nothing
// happens, in percent.
func (s *synced) idleShare(ctx context.Context, span time.Duration) (map[string]float64, error) {
	before, err := s.usage(ctx)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := wait(ctx, span); err != nil {
		return nil, err
	}
	after, err := s.usage(ctx)
	shares := make(map[string]float64)
	for name, u := range after {
		shares[name] = 100 * float64(u.CPU-before[name].CPU) / float64(time.Since(start))
	}
	return shares, err
}
