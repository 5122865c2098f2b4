package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"routesync/examples/lab/rig"
)

// reload has exaBGP read its configuration again.
func (g *ground) reload() error {
	if err := unix.Kill(g.speaker.PID(), unix.SIGUSR1); err != nil {
		return fmt.Errorf("tell exaBGP to read its configuration: %w", err)
	}
	return nil
}

// reconfigured has exaBGP read another configuration, and its own again when
// between has returned.
func (g *ground) reconfigured(ctx context.Context, edit func(string) string, between func() error) error {
	own, err := os.ReadFile(g.speaker.Config())
	if err != nil {
		return fmt.Errorf("read exaBGP's configuration: %w", err)
	}
	if err := g.configure(edit(string(own))); err != nil {
		return err
	}
	if err := between(); err != nil {
		return err
	}
	return g.resent(ctx, func() error { return g.configure(string(own)) })
}

// resent waits until f has had exaBGP send everything again, as each of its
// configurations does that it can read.
func (g *ground) resent(ctx context.Context, f func() error) error {
	tape := g.router.Tape()
	mark := tape.Mark()
	if err := f(); err != nil {
		return err
	}
	return tape.Wait(ctx, "all is sent again", func() bool { return tape.Mark()-mark >= usualRoutes })
}

// misconfigured has exaBGP read a configuration that it can't. After an error
// behind a process block 4.2 refuses the good one too until it is started again,
// for it has a process of that name already (configuration.py, _cleanup is for
// those that it took). What it is told goes on.
func misconfigured(ctx context.Context, g *ground) error {
	own, err := os.ReadFile(g.speaker.Config())
	if err != nil {
		return fmt.Errorf("read exaBGP's configuration: %w", err)
	}
	if err := g.refuses(ctx, string(own)+"\nneighbor 127.0.0.77 { nonsense; }\n"); err != nil {
		return err
	}
	if err := g.refuses(ctx, string(own)); err != nil {
		return fmt.Errorf("exaBGP does mend: %w", err)
	}
	return g.edit(5)
}

// mended has exaBGP read a configuration that it can't, and its own again. It
// knows of no helper meanwhile, and ends the one that it has.
func mended(ctx context.Context, g *ground) error {
	own, err := os.ReadFile(g.speaker.Config())
	if err != nil {
		return fmt.Errorf("read exaBGP's configuration: %w", err)
	}
	helper, err := g.speaker.HelperPID(ctx)
	if err != nil {
		return err
	}
	if err := g.refuses(ctx, "nonsense 1;\n"+string(own)); err != nil {
		return err
	}
	for unix.Kill(helper, 0) == nil {
		if err := wait(ctx, askAgainEvery); err != nil {
			return fmt.Errorf("wait until exaBGP has ended its helper: %w", err)
		}
	}
	if err := g.edit(5); err != nil {
		return err
	}
	g.bridgeStarts()
	return g.resent(ctx, func() error { return g.configure(string(own)) })
}

// refuses waits until exaBGP has refused a configuration.
func (g *ground) refuses(ctx context.Context, text string) error {
	const refused = "not reloaded"
	before, err := g.logged(refused)
	if err != nil {
		return err
	}
	if err := g.configure(text); err != nil {
		return err
	}
	return g.logsMore(ctx, before, refused)
}

func (g *ground) configure(text string) error {
	if err := os.WriteFile(g.speaker.Config(), []byte(text), 0o644); err != nil {
		return fmt.Errorf("change exaBGP's configuration: %w", err)
	}
	return g.reload()
}

func collision(ctx context.Context, g *ground) error {
	p := g.some(1)[0]
	edit := func(text string) string {
		return strings.Replace(text, "static { ", "static { route "+p.String()+" next-hop 192.0.2.88 med 88; ", 1)
	}
	seen := func(what string, yes func(path string) bool) func() error {
		return func() error {
			return g.router.Tape().Wait(ctx, what, func() bool { return yes(g.router.Tape().Table()[p]) })
		}
	}
	return g.reconfigured(ctx, edit, seen("the file's route is back", func(path string) bool { return path == g.last()[p] }))
}

func neighborChanged(ctx context.Context, g *ground) error {
	own, err := os.ReadFile(g.speaker.Config())
	if err != nil {
		return fmt.Errorf("read exaBGP's configuration: %w", err)
	}
	return g.bounces(ctx, func() error {
		return g.configure(strings.Replace(string(own), "router-id 10.254.", "router-id 10.253.", 1))
	})
}

func neighborGone(ctx context.Context, g *ground) error {
	r := g.routers[1]
	edit := func(text string) string {
		before, rest, _ := strings.Cut(text, "neighbor "+r.Address.String()+" {")
		_, after, _ := strings.Cut(rest, "\n}\n")
		return before + after
	}
	gone := func() error { return errors.Join(r.WaitDown(ctx), g.forgets(ctx, r)) }
	if err := g.reconfigured(ctx, edit, gone); err != nil {
		return err
	}
	return g.backUp(ctx)
}

// forgets waits until exaBGP has taken a neighbor out. It closes the session a
// turn of its loop before, and a configuration that has the neighbor again in
// between makes it none any more (reactor/loop.py, load).
func (g *ground) forgets(ctx context.Context, r *rig.Router) error {
	for {
		peers, err := g.answer(ctx, "show neighbor extensive")
		switch {
		case errors.Is(err, errUnended): // a reload came in between
		case err != nil || !strings.Contains(peers, r.Address.String()):
			return err
		}
		if err := wait(ctx, askAgainEvery); err != nil {
			return fmt.Errorf("wait until exaBGP has forgotten %s: %w", r.Name, err)
		}
	}
}
