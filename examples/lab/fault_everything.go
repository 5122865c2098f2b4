package main

import (
	"context"
	"time"
)

// everythingFaults take down several parts at once.
func everythingFaults() []fault {
	const group = "everything"
	const all = theBroker | theSpeaker | theBridge | theWatch | theRouter | theFile
	return []fault{{
		name: "everything killed", group: group, hurts: all, routes: 1000, needs: needs{watches: 2},
		what:    "kill -9 of broker, exaBGP, bridge, watches and router, in random order, a save, and all of it started in random order",
		provoke: killEverything,
	}, {
		name: "broker and bridge killed in the midst of a change", group: group, hurts: theBroker | theBridge | theFile, bound: 5 * time.Second, routes: manyRoutes,
		what: "kill -9 of both at a random moment of a save of 5,000 routes; the bridge is up long before the broker",
		provoke: func(ctx context.Context, g *ground) error {
			if err := g.changeMuch(ctx, manyRoutes); err != nil {
				return err
			}
			return g.withoutBroker(ctx, g.broker.Kill, func() error { return g.killBridge(ctx) })
		},
	}, {
		name: "broker and watcher killed in the midst of a change", group: group, hurts: theBroker | theWatch | theFile, bound: 5 * time.Second, routes: manyRoutes,
		what: "kill -9 of both at a random moment of a save of 5,000 routes; another watch starts while there is no broker",
		provoke: func(ctx context.Context, g *ground) error {
			if err := g.changeMuch(ctx, manyRoutes); err != nil {
				return err
			}
			return g.withoutBroker(ctx, g.broker.Kill, func() error {
				if err := g.killWatch(ctx, g.commander()); err != nil {
					return err
				}
				_, err := g.startWatch(ctx)
				return err
			})
		},
	}, {
		name: "broker and exaBGP killed in the midst of a change", group: group, hurts: theBroker | theSpeaker | theBridge | theFile, bound: 5 * time.Second, routes: manyRoutes,
		what: "kill -9 of both at a random moment of a save of 5,000 routes; exaBGP is up before the broker",
		provoke: func(ctx context.Context, g *ground) error {
			if err := g.changeMuch(ctx, manyRoutes); err != nil {
				return err
			}
			return g.withoutBroker(ctx, g.broker.Kill, func() error {
				return g.withoutSpeaker(ctx, g.speaker.Kill, func() error { return nil })
			})
		},
	}}
}

// killEverything leaves nothing running, and then starts all of it.
func killEverything(ctx context.Context, g *ground) error {
	if err := g.changeMuch(ctx, 500); err != nil {
		return err
	}
	watches := len(g.watches)
	kill := []func() error{
		func() error { return g.broker.Kill(ctx) },
		func() error { return g.speaker.Kill(ctx) },
		func() error { return g.router.Kill(ctx) },
	}
	for range watches {
		kill = append(kill, func() error { return g.killWatch(ctx, g.commander()) })
	}
	if err := g.inAnyOrder(kill); err != nil {
		return err
	}
	if err := g.edit(100); err != nil {
		return err
	}
	start := []func() error{
		func() error { return g.broker.Start(ctx) },
		func() error { return g.startSpeaker(ctx) },
		func() error { return g.router.Start(ctx) },
	}
	for range watches {
		start = append(start, func() error { _, err := g.startWatch(ctx); return err })
	}
	if err := g.inAnyOrder(start); err != nil {
		return err
	}
	return g.established(ctx)
}

func (g *ground) inAnyOrder(steps []func() error) error {
	for _, i := range g.rand.Perm(len(steps)) {
		if err := steps[i](); err != nil {
			return err
		}
	}
	return nil
}
