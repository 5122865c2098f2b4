package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// bridgeFaults are those of the bridge's process.
func bridgeFaults() []fault {
	const group, bound = "bridge", 3 * time.Second
	return []fault{{
		name: "bridge killed", group: group, overlaps: true, bound: bound, hurts: theBridge,
		what:    "kill -9 of the bridge while nothing is to do: no route moves",
		provoke: func(ctx context.Context, g *ground) error { return g.killBridge(ctx) },
	}, {
		name: "bridge killed, and a save at once", group: group, overlaps: true, bound: bound, hurts: theBridge | theFile,
		what: "kill -9 of the bridge, and a save before there is another one",
		provoke: func(ctx context.Context, g *ground) error {
			if err := g.killBridge(ctx); err != nil {
				return err
			}
			g.over()
			return g.edit(5)
		},
	}, {
		name: "bridge killed in the midst of a change", group: group, overlaps: true, bound: bound, hurts: theBridge | theFile, routes: manyRoutes,
		what:    "kill -9 of the bridge at a random moment of a change of 5,000 routes",
		provoke: func(ctx context.Context, g *ground) error { return g.bridgeDies(ctx, unix.SIGKILL) },
	}, {
		name: "bridge terminated in the midst of a change", group: group, overlaps: true, bound: bound, hurts: theBridge | theFile, routes: manyRoutes,
		what:    "SIGTERM to the bridge at a random moment of a change of 5,000 routes; from its end",
		provoke: func(ctx context.Context, g *ground) error { return g.bridgeDies(ctx, unix.SIGTERM) },
	}, {
		name: "bridge killed while the broker is down", group: group, overlaps: true, bound: 5 * time.Second, hurts: theBridge | theBroker | theFile,
		what: "kill -9 of the bridge, and saves, while there is no broker",
		provoke: func(ctx context.Context, g *ground) error {
			return g.withoutBroker(ctx, g.broker.Kill, func() error {
				if err := g.killBridge(ctx); err != nil {
					return err
				}
				return g.edit(20)
			})
		},
	}, {
		name: "bridge killed ten times in the midst of changes", group: group, overlaps: true, bound: 10 * time.Second, hurts: theBridge | theFile, routes: 1000,
		what:    "kill -9 of the bridge, and of each that comes after it, each at a random moment of a change",
		provoke: killOften,
	}, {
		name: "bridge stopped for 20 s", group: group, overlaps: true, hurts: theBridge | theFile,
		what: "SIGSTOP to the bridge, saves meanwhile, and SIGCONT",
		provoke: func(ctx context.Context, g *ground) error {
			return g.bridgeSleeps(ctx, g.span(20*time.Second), func() error { return g.edit(20) })
		},
	}}
}

// bridgeDies ends the bridge at a random moment of a large change, and returns
// when it has ended.
func (g *ground) bridgeDies(ctx context.Context, sig unix.Signal) error {
	if err := g.changeMuch(ctx, manyRoutes); err != nil {
		return err
	}
	pid, err := g.speaker.BridgePID(ctx)
	if err == nil {
		err = unix.Kill(pid, sig)
	}
	if err != nil {
		return fmt.Errorf("send %v to the bridge (pid %d): %w", sig, pid, err)
	}
	for unix.Kill(pid, 0) == nil {
		if err := wait(ctx, askAgainEvery); err != nil {
			return fmt.Errorf("wait until the bridge has ended (pid %d): %w", pid, err)
		}
	}
	return nil
}

// changeMuch saves a file in which n routes differ, and returns at a random
// moment while that is carried out.
func (g *ground) changeMuch(ctx context.Context, n int) error {
	mark := g.router.Tape().Mark()
	if err := g.edit(n); err != nil {
		return err
	}
	return g.midst(ctx, mark, n)
}

// killOften kills ten bridges in a row. They are started with pauses that grow.
func killOften(ctx context.Context, g *ground) error {
	for range 10 {
		if err := g.changeMuch(ctx, 300); err != nil {
			return err
		}
		before, err := g.speaker.BridgePID(ctx)
		if err != nil {
			return err
		}
		if err := g.killBridge(ctx); err != nil {
			return err
		}
		if _, err := g.speaker.NextBridgePID(ctx, before); err != nil {
			return err
		}
	}
	return nil
}

// bridgeSleeps has the bridge do nothing for a while.
func (g *ground) bridgeSleeps(ctx context.Context, d time.Duration, meanwhile func() error) error {
	pid, err := g.speaker.BridgePID(ctx)
	if err != nil {
		return err
	}
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		return fmt.Errorf("stop the bridge: %w", err)
	}
	if err := meanwhile(); err != nil {
		return err
	}
	if err := wait(ctx, d); err != nil {
		return err
	}
	if err := unix.Kill(pid, unix.SIGCONT); err != nil {
		return fmt.Errorf("wake the bridge: %w", err)
	}
	return nil
}
