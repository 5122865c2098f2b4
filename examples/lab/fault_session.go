package main

import (
	"context"
	"time"
)

// sessionFaults are those of the peers and their sessions.
func sessionFaults() []fault {
	const group = "session"
	two := needs{routers: 2}
	return []fault{{
		name: "peer restarted", group: group, overlaps: true, hurts: theRouter, routes: 1000,
		what: "BIRD ends as an operator has it end, and is started: exaBGP sends all again, and nothing else happens",
		provoke: func(ctx context.Context, g *ground) error {
			return g.withoutRouter(ctx, g.router.Stop, func() error { return nil })
		},
	}, {
		name: "peer killed", group: group, overlaps: true, hurts: theRouter, routes: 1000,
		what: "kill -9 of BIRD, and its start",
		provoke: func(ctx context.Context, g *ground) error {
			return g.withoutRouter(ctx, g.router.Kill, func() error { return nil })
		},
	}, {
		name: "peer killed in the midst of a change", group: group, overlaps: true, hurts: theRouter | theFile, routes: manyRoutes,
		what: "kill -9 of BIRD at a random moment of a save of 5,000 routes, and its start",
		provoke: func(ctx context.Context, g *ground) error {
			if err := g.changeMuch(ctx, manyRoutes); err != nil {
				return err
			}
			return g.withoutRouter(ctx, g.router.Kill, func() error { return nil })
		},
	}, {
		name: "peer down while routes change", group: group, hurts: theRouter | theFile, routes: 1000, needs: two,
		what: "one of two peers is away during three saves: the other has them at once, and it has them when it is back",
		provoke: func(ctx context.Context, g *ground) error {
			return g.withoutRouter(ctx, g.router.Stop, func() error {
				for range 3 {
					if err := g.edit(300); err != nil {
						return err
					}
					want, tape := g.want(g.routers[1]), g.routers[1].Tape()
					limited, cancel := context.WithTimeout(ctx, baseLimit)
					err := tape.Wait(limited, "the peer that is up has the save", func() bool { return tape.Holds(want) })
					cancel()
					if err != nil {
						return err
					}
				}
				return nil
			})
		},
	}, {
		name: "sessions flap", group: group, overlaps: true, hurts: theRouter | theFile, routes: 1000, needs: two,
		what: "both peers go and come, in random order, with saves in between",
		provoke: func(ctx context.Context, g *ground) error {
			for range 4 {
				r := g.routers[g.rand.IntN(len(g.routers))]
				end := []func(context.Context) error{r.Stop, r.Kill}[g.rand.IntN(2)]
				if err := end(ctx); err != nil {
					return err
				}
				if err := g.edit(100); err != nil {
					return err
				}
				if err := r.Start(ctx); err != nil {
					return err
				}
				if err := g.pause(ctx, time.Second); err != nil {
					return err
				}
			}
			return g.established(ctx)
		},
	}}
}

// withoutRouter does something while the first router is away. The fault is over
// once its session is up.
func (g *ground) withoutRouter(ctx context.Context, end func(context.Context) error, meanwhile func() error) error {
	if err := end(ctx); err != nil {
		return err
	}
	if err := meanwhile(); err != nil {
		return err
	}
	if err := g.router.Start(ctx); err != nil {
		return err
	}
	return g.established(ctx)
}
