package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"routesync/examples/lab/rig"
)

// floorBulk is how many routes a command of the floor has: with 1,000 exaBGP is
// no faster.
const floorBulk = 500

// noEvents is what a helper that only gives commands has no use for, and is not
// burdened with: exaBGP tells it nothing but done.
func noEvents() []rig.Piece { return []rig.Piece{rig.Send, rig.Receive, rig.NeighborChanges} }

// floor is a lane whose exaBGP has a helper that writes what it is given, as fast
// as this exaBGP takes it.
type floor struct {
	*lane
	fifo string
}

func (b *bench) openFloor(ctx context.Context, without ...rig.Piece) (*floor, error) {
	f := &floor{fifo: filepath.Join(b.lab.Dir(), fmt.Sprintf("commands-%d", b.lanes))}
	if err := unix.Mkfifo(f.fifo, 0o600); err != nil {
		return nil, fmt.Errorf("make a named pipe: %w", err)
	}
	var err error
	f.lane, err = b.open(ctx, func(*lane) []string {
		return []string{rig.Python3, filepath.Join(b.sources, "floor.py"), f.fifo}
	}, without...)
	return f, err
}

// give has the helper write commands, and says when it was given them.
func (f *floor) give(ctx context.Context, commands []byte) (start time.Time, err error) {
	// Not blocking, for a reader that failed would hold the open for ever.
	var pipe *os.File
	if _, err := poll(ctx, askOne, "somebody reads "+f.fifo, func() (bool, error) {
		pipe, err = os.OpenFile(f.fifo, os.O_WRONLY|unix.O_NONBLOCK, 0)
		if errors.Is(err, unix.ENXIO) {
			return false, nil
		}
		return err == nil, err
	}); err != nil {
		return start, fmt.Errorf("write to a helper: %w", err)
	}
	start = time.Now()
	_, err = pipe.Write(commands)
	return start, errors.Join(err, pipe.Close())
}

// load gives it all routes, and says how long they took to be at the router.
func (f *floor) load(ctx context.Context, routes []benchRoute) (time.Duration, error) {
	start, err := f.give(ctx, bulk("announce", routes, floorBulk))
	if err != nil {
		return 0, err
	}
	end, err := f.wait(ctx, len(routes))
	if err != nil {
		return 0, err
	}
	return end.Sub(start), f.holds(ctx, routes)
}
