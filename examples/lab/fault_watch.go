package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"routesync/examples/lab/rig"
)

// rivalFaults are those of watches that are not alone: that one wakes up when
// another has taken over, or has another file.
func rivalFaults() []fault {
	const group = "watcher"
	// A lock falls three heartbeats after its holder was heard.
	quick := &variant{before: func(_ context.Context, g *ground) error {
		g.watchURL += "?heartbeat=1"
		return nil
	}}
	return []fault{{
		name: "watcher killed at any moment of a save", group: group, overlaps: true, bound: 5 * time.Second, hurts: theWatch | theFile, routes: 2000, needs: needs{watches: 2},
		what:    "kill -9 within a third of a second of a save of 2,000 routes; the second one takes over",
		provoke: killSavingWatch,
	}, {
		name: "watcher paused, another takes over, it wakes", group: group, bound: 5 * time.Second, hurts: theWatch | theFile, needs: needs{watches: 2, variant: quick},
		what:    "SIGSTOP until the second one commands and has carried out a save; when it wakes nothing moves, and it stands by",
		provoke: wakeLate,
	}, {
		name: "watcher paused and woken, and nobody took over", group: group, bound: 8 * time.Second, hurts: theWatch | theFile, needs: needs{variant: quick},
		what:    "SIGSTOP for longer than the broker waits, and a save meanwhile",
		provoke: wakeAlone,
	}, {
		name: "two watchers with different files", group: group, bound: 5 * time.Second, hurts: theWatch | theFile, needs: needs{variant: quick},
		what:    "the one that commands wins, and both say so; when it dies, the other one holds, as its file is older; nothing moves",
		provoke: differ,
	}}
}

func killSavingWatch(ctx context.Context, g *ground) error {
	if err := g.edit(2000); err != nil {
		return err
	}
	if err := g.pause(ctx, 300*time.Millisecond); err != nil {
		return err
	}
	if err := g.killWatch(ctx, g.commander()); err != nil {
		return err
	}
	g.over()
	_, err := g.startWatch(ctx)
	return err
}

func wakeLate(ctx context.Context, g *ground) error {
	first, second := g.watches[0], g.watches[1]
	said, err := count(second, "taking over")
	if err != nil {
		return err
	}
	if err := first.Freeze(); err != nil {
		return err
	}
	if err := g.edit(10); err != nil {
		return err
	}
	if err := until(ctx, "the second one takes over", func() (bool, error) {
		n, err := count(second, "taking over")
		return n > said, err
	}); err != nil {
		return err
	}
	if err := g.converge(ctx); err != nil {
		return err
	}
	g.over()
	g.watches[0], g.watches[1] = second, first
	return g.unmoved(func() error {
		if err := first.Thaw(); err != nil {
			return err
		}
		return g.stands(ctx, "the first one stands by, without a conflict", func(s *standing) bool {
			return len(s.Standbys) == 1 && !s.conflict() && s.holds() == ""
		})
	})
}

func wakeAlone(ctx context.Context, g *ground) error {
	only := g.watches[0]
	if err := only.Freeze(); err != nil {
		return err
	}
	if err := g.edit(10); err != nil {
		return err
	}
	if err := wait(ctx, 5*time.Second); err != nil {
		return err
	}
	g.over()
	return only.Thaw()
}

func differ(ctx context.Context, g *ground) error {
	// The other one has what the file was before.
	_, backup, err := g.old(ctx)
	if err != nil {
		return err
	}
	other := filepath.Join(g.lab.Dir(), "other.yaml")
	if err := os.Rename(backup, other); err != nil {
		return err
	}
	first := g.watches[0]
	var second *rig.Program
	err = g.unmoved(func() error {
		if second, err = g.startWatch(ctx, "-f", other); err != nil {
			return err
		}
		if err := errors.Join(first.WaitWrote(ctx, "conflict: watch on "), second.WaitWrote(ctx, "conflict: watch on ")); err != nil {
			return err
		}
		if err := g.stands(ctx, "there is a conflict", (*standing).conflict); err != nil {
			return err
		}
		if err := g.killWatch(ctx, first); err != nil {
			return err
		}
		if err := g.saysItHolds(ctx, "older"); err != nil {
			return err
		}
		// One with the right file commands at once.
		if first, err = g.startWatch(ctx); err != nil {
			return err
		}
		return first.WaitWrote(ctx, "converged")
	})
	if err != nil {
		return err
	}
	if err := g.edit(5); err != nil {
		return err
	}
	g.over()
	if err := g.converge(ctx); err != nil {
		return err
	}
	if err := os.WriteFile(other, []byte(g.text()), 0o644); err != nil {
		return err
	}
	if err := g.stands(ctx, "the conflict is over", func(s *standing) bool { return len(s.Standbys) == 1 && !s.conflict() && s.holds() == "" }); err != nil {
		return err
	}
	return g.killWatch(ctx, second)
}

// count is how often a program has printed a text.
func count(p *rig.Program, text string) (int, error) {
	out, err := p.Wrote()
	return strings.Count(out, text), err
}

// until asks until something is so.
func until(ctx context.Context, what string, so func() (bool, error)) error {
	for {
		done, err := so()
		if done || err != nil {
			return err
		}
		if err := wait(ctx, planEvery); err != nil {
			return fmt.Errorf("wait until %s: %w", what, err)
		}
	}
}
