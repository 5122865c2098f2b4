package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"routesync/examples/lab/rig"
)

const (
	classicNextHop = "192.0.2.1"
	// floorBulk is how many routes a command of the floor has.
	floorBulk = 500
)

// noEvents is what the classic system has no use for, and is not burdened
// with: exaBGP tells it nothing but done.
func noEvents() []rig.Piece { return []rig.Piece{rig.Send, rig.Receive, rig.NeighborChanges} }

// manyClassic is the time from the classic sender's first message to the
// router holding all routes.
func (b *lanes) manyClassic(ctx context.Context) (_ time.Duration, err error) {
	l, err := b.open(ctx, func(*lane) []string {
		return []string{rig.Python3, filepath.Join(b.classic, "helper.py"), b.broker.URL}
	}, noEvents()...)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.close(ctx)) }()
	commands := filepath.Join(l.dir, "commands")
	if err := os.WriteFile(commands, single(b.routes), 0o644); err != nil {
		return 0, fmt.Errorf("write the commands: %w", err)
	}
	sender, err := b.lab.Program(ctx, "send-"+l.name, l.dir, nil, rig.Python3, filepath.Join(b.classic, "send.py"), b.broker.URL, commands)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, sender.Kill(ctx)) }()
	end, err := l.wait(ctx, len(b.routes))
	if err != nil {
		return 0, err
	}
	said, err := sender.Wrote()
	if err != nil {
		return 0, err
	}
	start, err := beganAt(said)
	if err != nil {
		return 0, err
	}
	return end.Sub(start), l.holds(ctx, b.routes)
}

// beganAt is the time that the sender names.
func beganAt(said string) (time.Time, error) {
	_, rest, ok := strings.Cut(said, "begins at ")
	digits, _, _ := strings.Cut(rest, "\n")
	ns, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil {
		return time.Time{}, fmt.Errorf("the sender did not say when it began: %q", said)
	}
	return time.Unix(0, ns), nil
}

// manyFloor is the time that exaBGP and the router need by themselves: from
// the write of commands made beforehand to the router holding all routes.
func (b *lanes) manyFloor(ctx context.Context) (_ time.Duration, err error) {
	fifo := filepath.Join(b.lab.Dir(), fmt.Sprintf("commands-%d", b.rounds))
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		return 0, fmt.Errorf("make a named pipe: %w", err)
	}
	l, err := b.open(ctx, func(*lane) []string {
		return []string{rig.Python3, filepath.Join(b.classic, "floor.py"), fifo}
	}, noEvents()...)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.close(ctx)) }()
	start, err := writeFIFO(ctx, fifo, bulk(b.routes, floorBulk))
	if err != nil {
		return 0, err
	}
	end, err := l.wait(ctx, len(b.routes))
	if err != nil {
		return 0, err
	}
	return end.Sub(start), l.holds(ctx, b.routes)
}

// single is a command a route.
func single(routes []netip.Prefix) []byte {
	var text bytes.Buffer
	for _, p := range routes {
		fmt.Fprintf(&text, "announce route %s next-hop %s\n", p, classicNextHop)
	}
	return text.Bytes()
}

// bulk is a command for every size routes.
func bulk(routes []netip.Prefix, size int) []byte {
	var text bytes.Buffer
	for i, p := range routes {
		if i%size == 0 {
			if i > 0 {
				text.WriteByte('\n')
			}
			fmt.Fprintf(&text, "announce attributes next-hop %s nlri", classicNextHop)
		}
		fmt.Fprintf(&text, " %s", p)
	}
	text.WriteByte('\n')
	return text.Bytes()
}

// writeFIFO gives a text to whoever reads a named pipe, and ends it. It waits
// for the reader.
func writeFIFO(ctx context.Context, path string, text []byte) (start time.Time, err error) {
	beat := time.NewTicker(5 * time.Millisecond)
	defer beat.Stop()
	for {
		// Not blocking, for a reader that failed would hold the open for ever.
		pipe, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0)
		if err == nil {
			start = time.Now()
			_, err = pipe.Write(text)
			return start, errors.Join(err, pipe.Close())
		}
		if !errors.Is(err, unix.ENXIO) {
			return start, fmt.Errorf("write to a helper: %w", err)
		}
		select {
		case <-ctx.Done():
			return start, fmt.Errorf("wait for the reader of %s: %w", path, ctx.Err())
		case <-beat.C:
		}
	}
}
