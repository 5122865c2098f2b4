package main

import (
	"context"
	"fmt"
	"time"

	"routesync/examples/lab/rig"
)

// watcherFaults are those of the watches' processes.
func watcherFaults() []fault {
	const group = "watcher"
	two := needs{watches: 2}
	return []fault{{
		name: "watcher killed, another stands by", group: group, overlaps: true, bound: 5 * time.Second, hurts: theWatch | theFile, routes: manyRoutes, needs: two,
		what: "kill -9 of the watch at a random moment of a save of 5,000 routes: the second one takes over",
		provoke: func(ctx context.Context, g *ground) error {
			return g.watchDies(ctx, func() error { return nil })
		},
	}, {
		name: "watcher killed again and again", group: group, overlaps: true, bound: 5 * time.Second, hurts: theWatch | theFile, routes: 1000, needs: two,
		what:    "each of three watches that take over is killed in the midst of a change, with a fourth standing by",
		provoke: killWatches,
	}, {
		name: "watcher and bridge killed at once", group: group, overlaps: true, bound: 5 * time.Second, hurts: theWatch | theBridge | theFile, routes: manyRoutes, needs: two,
		what: "kill -9 of both at a random moment of a save of 5,000 routes",
		provoke: func(ctx context.Context, g *ground) error {
			return g.watchDies(ctx, func() error { return g.killBridge(ctx) })
		},
	}, {
		name: "two watchers by turns", group: group, hurts: theWatch | theFile, routes: 1000, needs: two,
		what:    "one of two watches is stopped and the other woken, three times, with saves: each finds the other in command",
		provoke: takeTurns,
	}, {
		name: "the only watcher killed", group: group, overlaps: true, bound: 5 * time.Second, hurts: theWatch | theFile, routes: manyRoutes,
		what: "kill -9 of the watch at a random moment of a save of 5,000 routes, and none stands by: what is confirmed stays, until one is started",
		provoke: func(ctx context.Context, g *ground) error {
			return g.watchDies(ctx, func() error { return wait(ctx, time.Second) })
		},
	}}
}

// watchDies kills the watch that commands in the midst of a large change, and
// starts another in its place.
func (g *ground) watchDies(ctx context.Context, meanwhile func() error) error {
	if err := g.changeMuch(ctx, manyRoutes); err != nil {
		return err
	}
	if err := g.killWatch(ctx, g.commander()); err != nil {
		return err
	}
	if err := meanwhile(); err != nil {
		return err
	}
	g.over()
	_, err := g.startWatch(ctx)
	return err
}

// commander is the watch that commands as long as nothing happened to it.
func (g *ground) commander() *rig.Program {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.watches[0]
}

func killWatches(ctx context.Context, g *ground) error {
	for range 3 {
		if err := g.changeMuch(ctx, 500); err != nil {
			return err
		}
		if err := g.killWatch(ctx, g.commander()); err != nil {
			return err
		}
		g.over()
		if _, err := g.startWatch(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pass stops the watch that commands, and wakes it once another one has
// converged.
func (g *ground) pass(ctx context.Context, meanwhile func() error) error {
	first := g.commander()
	if err := first.Freeze(); err != nil {
		return err
	}
	if err := meanwhile(); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, baseLimit)
	defer cancel()
	if err := g.converge(limited); err != nil {
		return fmt.Errorf("wait for the other watch: %w", err)
	}
	g.mu.Lock()
	g.watches = append(g.watches[1:], first)
	g.mu.Unlock()
	return first.Thaw()
}

func takeTurns(ctx context.Context, g *ground) error {
	for range 3 {
		if err := g.pass(ctx, func() error { return g.edit(100) }); err != nil {
			return err
		}
	}
	return g.edit(100)
}
