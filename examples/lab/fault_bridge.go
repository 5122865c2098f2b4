package main

import (
	"context"
	"time"
)

// bridgeFaults are those of the bridge's process.
func bridgeFaults() []fault {
	const group, bound = "bridge", 3 * time.Second
	return []fault{{
		name: "bridge killed", group: group, bound: bound, deaths: 1, hurts: theBridge,
		what:    "kill -9 of the bridge while nothing is to do, and a save right after",
		provoke: killIdleBridge,
	}, {
		name: "bridge killed in the midst of a change", group: group, bound: bound, deaths: 1, hurts: theBridge | theFile, routes: manyRoutes,
		what: "kill -9 at a random moment of a change of 5,000 routes",
		provoke: func(ctx context.Context, g *ground) error {
			mark := g.router.Tape().Mark()
			if err := g.edit(manyRoutes); err != nil {
				return err
			}
			if err := g.midst(ctx, mark, manyRoutes); err != nil {
				return err
			}
			return g.killBridge(ctx)
		},
	}}
}

func killIdleBridge(ctx context.Context, g *ground) error {
	if err := g.killBridge(ctx); err != nil {
		return err
	}
	g.over()
	return g.edit(5)
}
