package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"routesync/examples/lab/rig"
)

// speakerFaults are those of exaBGP's process and configuration.
func speakerFaults() []fault {
	const group, bound = "exabgp", 3 * time.Second
	return []fault{{
		name: "exaBGP killed and restarted", group: group, overlaps: true, bound: bound, hurts: theSpeaker | theBridge | theFile, routes: 1000,
		what: "kill -9 of exaBGP, a save, and its start: the clock starts with the session",
		provoke: func(ctx context.Context, g *ground) error {
			return g.withoutSpeaker(ctx, g.speaker.Kill, func() error { return g.edit(20) })
		},
	}, {
		name: "exaBGP terminated and restarted", group: group, overlaps: true, bound: bound, hurts: theSpeaker | theBridge | theFile, routes: 1000,
		what: "SIGTERM to exaBGP, a save, and its start",
		provoke: func(ctx context.Context, g *ground) error {
			return g.withoutSpeaker(ctx, g.speaker.Stop, func() error { return g.edit(20) })
		},
	}, {
		name: "exaBGP killed in the midst of a change", group: group, overlaps: true, bound: bound, hurts: theSpeaker | theBridge | theFile, routes: manyRoutes,
		what: "kill -9 of exaBGP at a random moment of a save of 5,000 routes, and its start",
		provoke: func(ctx context.Context, g *ground) error {
			if err := g.changeMuch(ctx, manyRoutes); err != nil {
				return err
			}
			return g.withoutSpeaker(ctx, g.speaker.Kill, func() error { return nil })
		},
	}, {
		name: "exaBGP frozen for 20 s", group: group, overlaps: true, hurts: theSpeaker | theBridge | theFile, routes: 1000,
		what: "SIGSTOP to exaBGP in the midst of a change, a save, and SIGCONT",
		provoke: func(ctx context.Context, g *ground) error {
			if err := g.changeMuch(ctx, 500); err != nil {
				return err
			}
			if err := g.speaker.Freeze(); err != nil {
				return err
			}
			if err := g.edit(100); err != nil {
				return err
			}
			if err := wait(ctx, g.span(20*time.Second)); err != nil {
				return err
			}
			return g.speaker.Thaw()
		},
	}, {
		name: "exaBGP reloaded in the midst of a change", group: group, overlaps: true, hurts: theSpeaker | theFile, routes: manyRoutes,
		what: "SIGUSR1 to exaBGP at a random moment of a save of 5,000 routes",
		provoke: func(ctx context.Context, g *ground) error {
			if err := g.changeMuch(ctx, manyRoutes); err != nil {
				return err
			}
			return g.reload()
		},
	}, {
		name: "exaBGP reloaded with a neighbor added", group: group, hurts: theSpeaker | theRouter, routes: 1000, spoils: true,
		what:    "a second neighbor comes with SIGUSR1: it gets every route, and the first notices nothing",
		provoke: addNeighbor,
	}}
}

// withoutSpeaker does something while exaBGP is away. The fault is over once the
// sessions are up.
func (g *ground) withoutSpeaker(ctx context.Context, end func(context.Context) error, meanwhile func() error) error {
	if err := end(ctx); err != nil {
		return err
	}
	for _, r := range g.routers {
		if err := r.WaitDown(ctx); err != nil {
			return err
		}
	}
	if err := meanwhile(); err != nil {
		return err
	}
	if err := g.startSpeaker(ctx); err != nil {
		return err
	}
	return g.established(ctx)
}

// addNeighbor adds the first neighbor once more, with the address and port of a
// new router.
func addNeighbor(ctx context.Context, g *ground) error {
	first := g.router
	r, err := g.lab.Router(ctx, rig.RouterOptions{
		Name: "added", Address: netip.AddrFrom4([4]byte{127, 0, 0, 77}), AS: routerAS, PeerAS: speakerAS, Tape: true,
	})
	if err != nil {
		return err
	}
	text, err := os.ReadFile(g.speaker.Config())
	if err != nil {
		return err
	}
	_, block, ok := strings.Cut(string(text), fmt.Sprintf("neighbor %s {", first.Address))
	if !ok {
		return fmt.Errorf("no neighbor %s in %s", first.Address, g.speaker.Config())
	}
	block = fmt.Sprintf("neighbor %s {", r.Address) + strings.Replace(block, fmt.Sprintf("connect %d;", first.Port), fmt.Sprintf("connect %d;", r.Port), 1)
	if err := os.WriteFile(g.speaker.Config(), append(text, block...), 0o644); err != nil {
		return err
	}
	if err := g.reload(); err != nil {
		return err
	}
	g.mu.Lock()
	g.routers = append(g.routers, r)
	g.mu.Unlock()
	return g.established(ctx)
}
