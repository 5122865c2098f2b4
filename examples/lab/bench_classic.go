package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"routesync/examples/lab/rig"
)

// classic is routesync and the classic system with the same routes: a sender and a
// helper in Python on pika, one command a route.
func classic(ctx context.Context, b *bench) error {
	routes := askFor(b.some(benchSome), 0)
	return errors.Join(b.manySynced(ctx, rowClassic, routes), b.manyClassic(ctx, routes), b.manyFloor(ctx, rowClassic, ofFloor, routes, noEvents()...))
}

// manyClassic is the time from the classic sender's first message to the
// router holding all routes.
func (b *bench) manyClassic(ctx context.Context, routes []benchRoute) (err error) {
	l, err := b.open(ctx, func(*lane) []string {
		return []string{rig.Python3, filepath.Join(b.sources, "helper.py"), b.broker.URL}
	}, noEvents()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	commands := filepath.Join(l.dir, "commands")
	if err := os.WriteFile(commands, single(routes), 0o644); err != nil {
		return fmt.Errorf("write the commands: %w", err)
	}
	sender, err := b.lab.Program(ctx, "send-"+l.name, l.dir, nil, rig.Python3, filepath.Join(b.sources, "send.py"), b.broker.URL, commands)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sender.Kill(ctx)) }()
	end, err := l.wait(ctx, len(routes))
	if err != nil {
		return err
	}
	said, err := sender.Wrote()
	if err != nil {
		return err
	}
	start, err := beganAt(said)
	if err != nil {
		return err
	}
	b.addTime(rowClassic, ofHelper, end.Sub(start))
	return l.holds(ctx, routes)
}

// beganAt is the time that the sender names.
func beganAt(said string) (time.Time, error) {
	_, rest, ok := strings.Cut(said, "begins at ")
	digits, _, _ := strings.Cut(rest, "\n")
	ns, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil {
		return time.Time{}, fmt.Errorf("the sender did not say when it began: %q", said)
	}
	return time.Unix(0, ns), nil
}
