package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"routesync/examples/lab/rig"
)

// The systems of the rows of the second speaker.
const (
	watchOfOne = "watch of one speaker"
	watchOfTwo = "watch of two"
)

// second has one watch load two speakers, each with its own exaBGP and router, and
// then compares a new watch of one of them with a new watch of both.
func second(ctx context.Context, b *bench) (err error) {
	routes := askFor(b.big(), 0)
	one, err := b.sync(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, one.close()) }()
	two, err := b.open(ctx, b.bridge)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, two.close()) }()
	if err := one.stopWatch(ctx); err != nil {
		return err
	}
	// Both are loaded, and then what a new watch takes is measured.
	names := []string{one.name, two.name}
	if _, _, err := one.watchFor(ctx, names, routes); err != nil {
		return err
	}
	for _, l := range []*lane{one.lane, two} {
		if _, err := l.wait(ctx, len(routes)); err != nil {
			return err
		}
	}
	return one.compareWatches(ctx, names, routes)
}

// compareWatches has a new watch of one speaker and one of both.
func (s *synced) compareWatches(ctx context.Context, names []string, routes []benchRoute) error {
	for n, system := range []string{watchOfOne, watchOfTwo} {
		used, read, err := s.watchFor(ctx, names[:n+1], routes)
		if err != nil {
			return fmt.Errorf("%s: %w", system, err)
		}
		s.bench.add(rowSecond, system, float64(used.Peak)/(1<<20))
		s.bench.add(rowSecond, system+", resident", float64(used.Resident)/(1<<20))
		s.bench.add(rowSecondRead, system, float64(read))
	}
	return nil
}

// watchFor saves a file for some speakers and runs a watch of it until there is
// nothing left to do, and says what memory that had, and how often it read its
// file.
func (s *synced) watchFor(ctx context.Context, names []string, routes []benchRoute) (used rig.Usage, read int, err error) {
	if _, err := s.save("routes.yaml", itemsFile(names, routes)); err != nil {
		return used, 0, err
	}
	if _, err := s.startWatch(ctx, "routes.yaml"); err != nil {
		return used, 0, err
	}
	if _, err := s.waitMark(ctx, markDone, len(names)); err != nil {
		return used, 0, err
	}
	if err := wait(ctx, time.Second); err != nil { // what is left of the work
		return used, 0, err
	}
	if used, err = rig.UsageOf(s.watch.PID()); err != nil {
		return used, 0, err
	}
	marks, err := s.marks(markRead)
	return used, len(marks), errors.Join(err, s.stopWatch(ctx))
}
