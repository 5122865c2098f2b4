package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"routesync/examples/lab/rig"
)

// tableRoutes is a table of which the events are many times what a pipe holds.
const tableRoutes = 20_000

// helperFaults end exaBGP's helper, the bridge below it, or spoil its journal.
// exaBGP must live through each, and keep its sessions.
func helperFaults() []fault {
	open := needs{variant: &variant{before: reachable, speaker: withOthers}}
	helper := func(n needs, routes, deaths int, name, what string, provoke func(context.Context, *ground) error) fault {
		return fault{
			name: name, group: "helper", bound: 5 * time.Second, deaths: deaths, hurts: theBridge, needs: n, routes: routes, what: what,
			provoke: func(ctx context.Context, g *ground) error { return g.livesOn(func() error { return provoke(ctx, g) }) },
		}
	}
	return []fault{
		helper(needs{}, 0, 1, "helper killed", "kill -9 of what exaBGP started itself; the bridge goes with it", func(ctx context.Context, g *ground) error {
			g.bridgeStarts()
			return g.speaker.KillHelper(ctx)
		}),
		helper(needs{}, 0, 1, "helper told to end", "SIGTERM of what exaBGP started itself, and a save right after", func(ctx context.Context, g *ground) error {
			return errors.Join(g.endHelper(ctx), g.edit(5))
		}),
		helper(needs{}, 0, 0, "bridge told to end", "SIGTERM of the bridge below the helper, and a save right after", func(ctx context.Context, g *ground) error {
			return errors.Join(g.signalBridge(ctx, unix.SIGTERM), g.edit(5))
		}),
		helper(open, tableRoutes, 1, "helper told to end while all is sent again", "SIGTERM while exaBGP sends 20,000 routes again, and tells of them", func(ctx context.Context, g *ground) error {
			return errors.Join(g.sendsAgain(ctx), g.endHelper(ctx))
		}),
		helper(open, tableRoutes, 0, "bridge killed while all is sent again", "kill -9 while exaBGP sends 20,000 routes again, and tells of them", func(ctx context.Context, g *ground) error {
			return errors.Join(g.sendsAgain(ctx), g.speaker.KillBridge(ctx))
		}),
		helper(needs{}, 0, 0, "bridge killed eight times", "kill -9 of the bridge, and of each that comes after it", func(ctx context.Context, g *ground) error {
			pid := 0
			for range 8 {
				next, err := g.speaker.NextBridgePID(ctx, pid)
				if err != nil {
					return err
				}
				pid = next
				if err := unix.Kill(pid, unix.SIGKILL); err != nil {
					return fmt.Errorf("kill the bridge (pid %d): %w", pid, err)
				}
			}
			_, err := g.speaker.NextBridgePID(ctx, pid)
			return err
		}),
		helper(needs{}, 0, 0, "journal removed", "the state folder is removed; the bridge is killed as soon as it has noticed", func(ctx context.Context, g *ground) error {
			return g.loseJournal(ctx, func(path string) error { return os.RemoveAll(filepath.Dir(path)) })
		}),
		helper(needs{}, 0, 0, "journal replaced", "another file is put in its place; the bridge is killed as soon as it has noticed", func(ctx context.Context, g *ground) error {
			return g.loseJournal(ctx, func(path string) error {
				return errors.Join(os.WriteFile(path+".new", []byte("routes: []\n"), 0o600), os.Rename(path+".new", path))
			})
		}),
		helper(needs{}, 0, 0, "journal truncated", "its file is cut to nothing while it is open, and a save needs it; the bridge is killed as soon as it has noticed",
			func(ctx context.Context, g *ground) error {
				return g.loseJournal(ctx, func(path string) error { return errors.Join(os.Truncate(path, 0), g.edit(5)) })
			}),
	}
}

// livesOn is an error if exaBGP does not live through f, or a session ends in it.
func (g *ground) livesOn(f func() error) error {
	pid, mark := g.speaker.PID(), g.router.Tape().Mark()
	if err := f(); err != nil {
		return err
	}
	if now := g.speaker.PID(); now != pid || unix.Kill(pid, 0) != nil {
		return fmt.Errorf("exaBGP (pid %d) did not live through it", pid)
	}
	for _, told := range g.router.Tape().Since(mark) {
		if told.What == rig.Down {
			return fmt.Errorf("a session ended: %s", told)
		}
	}
	return nil
}

// endHelper tells exaBGP's helper to end, and waits until there is another.
func (g *ground) endHelper(ctx context.Context) error {
	pid, err := g.speaker.HelperPID(ctx)
	if err != nil {
		return err
	}
	g.bridgeStarts()
	if err := unix.Kill(pid, unix.SIGTERM); err != nil {
		return fmt.Errorf("tell the helper to end (pid %d): %w", pid, err)
	}
	for next := pid; next == pid; {
		if next, err = g.speaker.HelperPID(ctx); err != nil {
			return err
		}
		if err := wait(ctx, askAgainEvery); err != nil {
			return err
		}
	}
	return nil
}

const askAgainEvery = 20 * time.Millisecond

// sendsAgain has exaBGP send everything again, and returns in the midst of it.
func (g *ground) sendsAgain(ctx context.Context) error {
	mark := g.router.Tape().Mark()
	if err := g.other(ctx, "flush adj-rib out"); err != nil {
		return err
	}
	return g.midst(ctx, mark, tableRoutes)
}

// loseJournal spoils the journal, waits until the bridge has made another, and
// kills the bridge, which then has nothing else to go by.
func (g *ground) loseJournal(ctx context.Context, spoil func(path string) error) error {
	mended := func() (int, error) {
		log, err := os.ReadFile(g.speaker.Log())
		return strings.Count(string(log), "over: the journal is whole again"), err
	}
	before, err := mended()
	if err != nil {
		return fmt.Errorf("look what was mended before: %w", err)
	}
	if err := spoil(filepath.Join(g.lab.Dir(), "state", g.name+".db")); err != nil {
		return fmt.Errorf("spoil the journal: %w", err)
	}
	for now := before; now == before; {
		if now, err = mended(); err == nil {
			err = wait(ctx, askAgainEvery)
		}
		if err != nil {
			return fmt.Errorf("wait until the journal is made again: %w", err)
		}
	}
	err = g.speaker.KillBridge(ctx)
	g.over()
	return errors.Join(err, g.edit(5))
}
