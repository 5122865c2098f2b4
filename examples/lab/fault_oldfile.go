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

// old saves something, and returns the file that was there before, with its time,
// as a backup keeps it.
func (g *ground) old(ctx context.Context) (routeSet, string, error) {
	was, backup := g.last(), filepath.Join(g.lab.Dir(), "backup.yaml")
	info, err := os.Stat(g.file())
	if err != nil {
		return nil, "", err
	}
	err = errors.Join(
		os.WriteFile(backup, []byte(g.text()), 0o644),
		os.Chtimes(backup, info.ModTime(), info.ModTime()),
		wait(ctx, 20*time.Millisecond), // the coarsest clock that a file system has
	)
	if err != nil {
		return nil, "", err
	}
	if err := g.edit(10); err != nil {
		return nil, "", err
	}
	return was, backup, g.converge(ctx)
}

func restoreOld(ctx context.Context, g *ground) error {
	was, backup, err := g.old(ctx)
	if err != nil {
		return err
	}
	err = g.unmoved(func() error {
		if err := os.Rename(backup, g.file()); err != nil {
			return err
		}
		if err := g.saysItHolds(ctx, "older"); err != nil {
			return err
		}
		return g.pause(ctx, time.Second)
	})
	if err != nil {
		return err
	}
	r, err := g.routesync(ctx, "plan")
	if err != nil || !strings.Contains(r.stderr, "is older than what is in force") {
		return errors.Join(err, fmt.Errorf("plan does not warn: %s", r.stderr))
	}
	g.inForce(was)
	now := time.Now()
	if err := os.Chtimes(g.file(), now, now); err != nil {
		return err
	}
	g.over()
	return g.saysNothingHolds(ctx)
}

func restoreOldUnseen(ctx context.Context, g *ground) error {
	was, backup, err := g.old(ctx)
	if err != nil {
		return err
	}
	var next *rig.Program
	err = g.unmoved(func() error {
		if err := g.killWatch(ctx, g.watches[0]); err != nil {
			return err
		}
		if err := os.Rename(backup, g.file()); err != nil {
			return err
		}
		if r, err := g.routesync(ctx, "apply", "--yes"); err != nil || r.code != 1 || !strings.Contains(r.stderr, "is older than what is in force") {
			return errors.Join(err, fmt.Errorf("apply ended with %d: %s", r.code, r.stderr))
		}
		if next, err = g.startWatch(ctx); err != nil {
			return err
		}
		return g.saysItHolds(ctx, "older")
	})
	if err != nil {
		return err
	}
	if err := g.killWatch(ctx, next); err != nil {
		return err
	}
	g.inForce(was)
	if _, err := g.startWatch(ctx, "--older-file-ok"); err != nil {
		return err
	}
	g.over()
	return nil
}
