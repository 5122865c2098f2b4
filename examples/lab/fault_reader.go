package main

import (
	"context"
	"fmt"
	"time"

	"routesync/examples/lab/rig"
)

const (
	// readerRoutes is so many that the reports of them are hundreds of times what
	// a pipe holds.
	readerRoutes = 100_000
	// shortHold is the hold time of sessions that show when exaBGP stands still: it
	// does while nobody reads what it reports (reactor/api/processes.py, write).
	shortHold = 9 * time.Second
)

// readerFaults have exaBGP report much while everything around the bridge stands
// still. Its sessions must not notice.
func readerFaults() []fault {
	const group = "reader"
	impatient := needs{variant: &variant{speaker: func(_ *ground, o *rig.SpeakerOptions) {
		for i := range o.Neighbors {
			o.Neighbors[i].Extra += fmt.Sprintf(" hold-time %d;", int(shortHold.Seconds()))
		}
	}}}
	return []fault{{
		name: "all sent again while the broker is frozen", group: group, needs: impatient, hurts: theBroker | theFile, routes: readerRoutes,
		what: "SIGSTOP to RabbitMQ, a save, and exaBGP sends 100,000 routes again and reports them: no hold timer expires",
		provoke: func(ctx context.Context, g *ground) error {
			if err := g.broker.Freeze(); err != nil {
				return err
			}
			if err := g.allAgain(ctx); err != nil {
				return err
			}
			return g.broker.Thaw()
		},
	}, {
		name: "all sent again while the broker is down", group: group, needs: impatient, hurts: theBroker | theFile, routes: readerRoutes,
		what: "kill -9 of RabbitMQ, a save, and exaBGP sends 100,000 routes again and reports them: no hold timer expires",
		provoke: func(ctx context.Context, g *ground) error {
			return g.withoutBroker(ctx, g.broker.Kill, func() error { return g.allAgain(ctx) })
		},
	}, {
		name: "all sent again while the bridge begins", group: group, needs: impatient, hurts: theBridge, routes: readerRoutes,
		what: "exaBGP sends 100,000 routes again and reports them, and the bridge is killed at random moments meanwhile: no hold timer expires",
		provoke: func(ctx context.Context, g *ground) error {
			mark := g.router.Tape().Mark()
			if err := g.reload(); err != nil {
				return err
			}
			for range 2 {
				if err := g.midst(ctx, mark, readerRoutes/2); err != nil {
					return err
				}
				if err := g.killBridge(ctx); err != nil {
					return err
				}
			}
			return wait(ctx, g.span(2*shortHold))
		},
	}}
}

// allAgain has exaBGP send its table again, and waits for that and for two hold
// times.
func (g *ground) allAgain(ctx context.Context) error {
	if err := g.edit(10); err != nil {
		return err
	}
	tape := g.router.Tape()
	mark := tape.Mark()
	if err := g.reload(); err != nil {
		return err
	}
	if err := tape.Wait(ctx, "all is sent again", func() bool { return tape.Mark()-mark >= readerRoutes }); err != nil {
		return err
	}
	return wait(ctx, g.span(2*shortHold))
}
