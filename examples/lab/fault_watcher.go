package main

import (
	"context"
	"time"
)

// watcherFaults are those of the watches' processes.
func watcherFaults() []fault {
	const group = "watcher"
	return []fault{{
		name: "watcher killed, another stands by", group: group, bound: 5 * time.Second, hurts: theWatch | theFile, routes: manyRoutes, needs: needs{watches: 2},
		what: "kill -9 at a random moment of a save of 5,000 routes; the second one takes over",
		provoke: func(ctx context.Context, g *ground) error {
			mark := g.router.Tape().Mark()
			if err := g.edit(manyRoutes); err != nil {
				return err
			}
			if err := g.midst(ctx, mark, manyRoutes); err != nil {
				return err
			}
			if err := g.killWatch(ctx, g.watches[0]); err != nil {
				return err
			}
			g.over()
			return g.standBy(ctx)
		},
	}}
}

// standBy starts a watch that stands by, in place of one that was killed.
func (g *ground) standBy(ctx context.Context) error {
	_, err := g.startWatch(ctx)
	return err
}
