package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"routesync/examples/lab/rig"
)

// driftBound is how soon what was changed behind routesync's back is put right.
const driftBound = 10 * time.Second

// driftFaults change what is announced behind routesync's back.
func driftFaults() []fault {
	open := &variant{before: reachable, speaker: withOthers}
	one, two := needs{variant: open}, needs{variant: open, routers: 2}
	drift := func(n needs, name, what string, provoke func(context.Context, *ground) error) fault {
		return fault{name: name, group: "drift", bound: driftBound, hurts: theSpeaker | theRouter, needs: n, what: what, provoke: provoke}
	}
	all := []fault{
		drift(one, "withdrawn with exabgpcli", "five routes are withdrawn with exaBGP's own command line", func(ctx context.Context, g *ground) error {
			return g.behind(ctx, g.cli, "withdraw", "")
		}),
		drift(one, "changed with exabgpcli", "five routes get other attributes with exaBGP's own command line", func(ctx context.Context, g *ground) error {
			return g.behind(ctx, g.cli, "announce", " med 77")
		}),
		drift(one, "withdrawn by another helper", "five routes are withdrawn by another helper of the same exaBGP", func(ctx context.Context, g *ground) error {
			return g.behind(ctx, g.other, "withdraw", "")
		}),
		drift(one, "changed by another helper", "five routes get other attributes from another helper of the same exaBGP", func(ctx context.Context, g *ground) error {
			return g.behind(ctx, g.other, "announce", " med 77")
		}),
		drift(one, "withdrawn while the session is down", "five routes are withdrawn with exaBGP's command line while no session would tell of it",
			func(ctx context.Context, g *ground) error { return g.whileDown(ctx, "withdraw", "") }),
		drift(one, "changed while the session is down", "five routes get other attributes while no session would tell of it",
			func(ctx context.Context, g *ground) error { return g.whileDown(ctx, "announce", " med 77") }),
		drift(one, "a stranger's route", "somebody announces a route of his own, which must stay, and be left alone by a save", strangersRoute),
		drift(one, "mixed up by exaBGP", "another helper withdraws a route and announces it, in one batch with others: exaBGP tells the peer to drop it last, and lists it", mixedUp),
		drift(one, "flushed with exabgpcli", "flush adj-rib out: the peer gets everything again", func(ctx context.Context, g *ground) error {
			return g.cli(ctx, "flush adj-rib out")
		}),
		drift(one, "session torn down with exabgpcli", "neighbor ADDRESS teardown", func(ctx context.Context, g *ground) error {
			return g.bounces(ctx, func() error { return g.cli(ctx, "neighbor "+g.router.Address.String()+" teardown 4") })
		}),
		drift(one, "configuration read again", "SIGUSR1, and nothing in the configuration has changed", func(ctx context.Context, g *ground) error {
			return g.resent(ctx, g.reload)
		}),
		drift(one, "configuration that can't be read", "SIGUSR1, with an error behind the process block: exaBGP 4.2 reads none any more, and all else goes on", misconfigured),
		drift(one, "configuration that can't be read, and mended", "SIGUSR1, with an error before the process block: exaBGP ends the bridge; a save, and SIGUSR1 with the good one", mended),
		drift(one, "configuration with one of our routes", "SIGUSR1, with a static route to a prefix of the file, and again without", collision),
		drift(one, "neighbor changed", "SIGUSR1, with another router id: exaBGP forgets what it announced to the neighbor", neighborChanged),
		drift(two, "neighbor gone and back", "SIGUSR1 without one of two neighbors, and SIGUSR1 with it", neighborGone),
		drift(two, "one neighbor's table cleared", "neighbor ADDRESS clear adj-rib out: exaBGP 4.2 hides the same routes of the others too", func(ctx context.Context, g *ground) error {
			r := g.routers[1]
			return g.cleared(ctx, "neighbor "+r.Address.String()+" clear adj-rib out", r)
		}),
		drift(two, "all tables cleared", "clear adj-rib out", func(ctx context.Context, g *ground) error {
			return g.cleared(ctx, "clear adj-rib out", g.routers...)
		}),
	}
	for i := range all {
		if strings.Contains(all[i].name, "cleared") || strings.HasPrefix(all[i].name, "neighbor ") || all[i].name == "configuration that can't be read" {
			all[i].spoils = true // what is exaBGP's own is gone, or another, or it can't read it any more
		}
		if strings.Contains(all[i].name, "mended") {
			all[i].deaths, all[i].hurts = 1, all[i].hurts|theBridge
		}
	}
	return all
}

// reachable makes what exaBGP's command line and another helper are reached by.
func reachable(_ context.Context, g *ground) error {
	for _, name := range []string{"run/exabgp.in", "run/exabgp.out", "other.in"} {
		path := filepath.Join(g.lab.Dir(), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("make %s: %w", name, err)
		}
		if err := unix.Mkfifo(path, 0o600); err != nil {
			return fmt.Errorf("make %s: %w", name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(g.lab.Dir(), "exabgp.env"), nil, 0o644); err != nil {
		return fmt.Errorf("make exabgp.env: %w", err)
	}
	script := "#!/bin/sh\nexec cat <>" + filepath.Join(g.lab.Dir(), "other.in") + "\n"
	return os.WriteFile(filepath.Join(g.lab.Dir(), "other"), []byte(script), 0o755)
}

func withOthers(g *ground, o *rig.SpeakerOptions) {
	dir := g.lab.Dir()
	o.ExaBGP = []string{"exabgp", "--root", dir, "--env", filepath.Join(dir, "exabgp.env")}
	o.Env = append(o.Env, "exabgp_api_cli=true", "exabgp_api_chunk=10000")
	o.Extra += fmt.Sprintf("process other { run %s; encoder text; }", filepath.Join(dir, "other"))
	for i := range o.Neighbors {
		o.Neighbors[i].Extra += fmt.Sprintf(" api other%d { processes [ other ]; }", i) // exaBGP 4.2 takes no name twice
	}
}

// cli gives exaBGP commands with its own command line.
func (g *ground) cli(ctx context.Context, commands ...string) error {
	for _, command := range commands {
		if _, err := g.answer(ctx, command); err != nil {
			return err
		}
	}
	return nil
}

// errUnended: exaBGP's own command line had no end of an answer within its five seconds.
var errUnended = errors.New("the answer had no end")

// answer is what exaBGP's own command line answers to a command.
func (g *ground) answer(ctx context.Context, command string) (string, error) {
	args := append([]string{"--root", g.lab.Dir(), "--env", filepath.Join(g.lab.Dir(), "exabgp.env")}, strings.Fields(command)...)
	out, err := exec.CommandContext(ctx, "exabgp-cli", args...).CombinedOutput()
	switch text := string(out); {
	case err != nil:
	case strings.Contains(text, "no end of command message"):
		err = errUnended
	case strings.Contains(text, "could not"), strings.Contains(text, "warning"):
		err = errors.New("refused")
	}
	if err != nil {
		return "", fmt.Errorf("exabgp-cli %s: %w: %s", command, err, out)
	}
	return string(out), nil
}

// other gives exaBGP commands from its other helper, all at once.
func (g *ground) other(_ context.Context, commands ...string) error {
	pipe, err := os.OpenFile(filepath.Join(g.lab.Dir(), "other.in"), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("reach the other helper: %w", err)
	}
	_, err = pipe.WriteString(strings.Join(commands, "\n") + "\n")
	return errors.Join(err, pipe.Close())
}

// some draws routes of the last file, and excuses what a router is told of them.
func (g *ground) some(n int) []netip.Prefix {
	drawn := g.last().shuffled(g.rand)[:n]
	g.excuse(drawn...)
	return drawn
}

// words are a route's as a command has them, without its MED.
func (g *ground) words(p netip.Prefix) string {
	_, words, _ := strings.Cut(g.last()[p], "] ")
	before, after, found := strings.Cut(words, " med ")
	if found {
		_, after, _ = strings.Cut(after, " ")
		words = strings.TrimSpace(before + " " + after)
	}
	return "route " + p.String() + " " + words
}

// behind gives a command about five routes, and waits until the router has been
// told.
func (g *ground) behind(ctx context.Context, give func(context.Context, ...string) error, verb, more string) error {
	mark := g.router.Tape().Mark()
	var commands []string
	for _, p := range g.some(5) {
		commands = append(commands, verb+" "+g.words(p)+more)
	}
	if err := give(ctx, commands...); err != nil {
		return err
	}
	return g.router.Tape().Wait(ctx, "the router is told", func() bool { return g.router.Tape().Mark()-mark >= 5 })
}

// whileDown gives a command about five routes while the session is down.
func (g *ground) whileDown(ctx context.Context, verb, more string) error {
	if err := g.router.Stop(ctx); err != nil {
		return err
	}
	var commands []string
	for _, p := range g.some(5) {
		commands = append(commands, verb+" "+g.words(p)+more)
	}
	if err := errors.Join(g.cli(ctx, commands...), g.router.Start(ctx)); err != nil {
		return err
	}
	return g.backUp(ctx)
}

// bounces waits until f has ended the session, and until it is back.
func (g *ground) bounces(ctx context.Context, f func() error) error {
	tape := g.router.Tape()
	mark := tape.Mark()
	if err := f(); err != nil {
		return err
	}
	down := func() bool {
		return slices.ContainsFunc(tape.Since(mark), func(told rig.Told) bool { return told.What == rig.Down })
	}
	if err := tape.Wait(ctx, "the session ends", down); err != nil {
		return err
	}
	return g.backUp(ctx)
}

// backUp waits for the sessions; the fault ends then.
func (g *ground) backUp(ctx context.Context) error {
	err := g.established(ctx)
	g.over()
	return err
}

func strangersRoute(ctx context.Context, g *ground) error {
	p := netip.MustParsePrefix(fmt.Sprintf("198.18.%d.0/24", g.rand.IntN(256)))
	g.mu.Lock()
	g.foreign[p] = fmt.Sprintf("origin igp as-path [%d] next-hop %s med 7", speakerAS, foreignHop)
	g.mu.Unlock()
	if err := g.cli(ctx, "announce route "+p.String()+" next-hop "+foreignHop+" med 7"); err != nil {
		return err
	}
	return g.edit(5)
}

// mixedUp has exaBGP put changes of one batch into another order: what has the
// attributes of something before it goes with that (rib/outgoing.py, updates).
func mixedUp(ctx context.Context, g *ground) error {
	drawn := g.last().shuffled(g.rand)
	p := drawn[slices.IndexFunc(drawn, func(p netip.Prefix) bool { return p.Addr().Is4() })] // q has its next hop
	g.excuse(p)
	_, words, _ := strings.Cut(g.last()[p], "] ")
	q := netip.MustParsePrefix(fmt.Sprintf("198.19.%d.0/24", g.rand.IntN(256)))
	g.mu.Lock()
	g.foreign[q] = g.files[len(g.files)-1].routes[p]
	g.mu.Unlock()
	mark := g.router.Tape().Mark()
	route := "route " + p.String() + " "
	if err := g.other(ctx, "announce route "+q.String()+" "+words, "withdraw "+route+"next-hop 192.0.2.99", "announce "+route+words); err != nil {
		return err
	}
	return g.router.Tape().Wait(ctx, "the router is told", func() bool { return g.router.Tape().Mark()-mark >= 2 })
}

// cleared clears the tables of routers, and what is exaBGP's own there is gone
// for good.
func (g *ground) cleared(ctx context.Context, command string, of ...*rig.Router) error {
	g.excuse(g.last().sorted()...)
	g.excuse(g.foreign.sorted()...)
	marks := map[*rig.Router]int{}
	for _, r := range of {
		g.bare[r], marks[r] = true, r.Tape().Mark()
	}
	if err := g.cli(ctx, command); err != nil {
		return err
	}
	for _, r := range of {
		if err := r.Tape().Wait(ctx, "the router is told", func() bool { return r.Tape().Mark()-marks[r] >= usualRoutes }); err != nil {
			return err
		}
	}
	return nil
}
