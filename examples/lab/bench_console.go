package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"routesync/examples/lab/rig"
)

// What is shown of commands over a pipe.
const (
	consoleExit = "routesync console, to its end"
	consoleHeld = "the same, to the router"
	senderHeld  = "the classic sender"
)

// console pipes the same commands into routesync's console and into the classic
// sender. Of both the clock starts with the program.
func console(ctx context.Context, b *bench) error {
	mine, err := b.pipedConsole(ctx)
	if err != nil {
		return err
	}
	classic, err := b.pipedSender(ctx)
	if err != nil {
		return err
	}
	b.addTime(rowConsole, consoleExit, mine.exit)
	b.addTime(rowConsole, consoleHeld, mine.held)
	b.addTime(rowConsole, senderHeld, classic.held)
	return nil
}

// piped are the times since the start of the program that read the commands.
type piped struct {
	exit time.Duration // of the program, content
	held time.Duration // by the router, all of it
}

// pipedConsole is what routesync's console takes for many commands. It ends
// when all of them are confirmed.
func (b *bench) pipedConsole(ctx context.Context) (piped, error) {
	l, err := b.open(ctx, func(l *lane) []string {
		return append(b.bridge(l), "--classic")
	})
	if err != nil {
		return piped{}, err
	}
	return b.pipe(ctx, l, b.binary, "console", "--speaker", l.name)
}

// pipedSender is what the classic sender and the helper of its time take for
// the same. The sender ends when all is published.
func (b *bench) pipedSender(ctx context.Context) (piped, error) {
	l, err := b.open(ctx, func(*lane) []string {
		return []string{rig.Python3, filepath.Join(b.sources, "oldhelper.py"), b.broker.URL}
	}, rig.Send, rig.NeighborChanges) // it asks for received routes alone
	if err != nil {
		return piped{}, err
	}
	return b.pipe(ctx, l, rig.Python3, filepath.Join(b.sources, "sender.py"), b.broker.URL)
}

// pipe gives a program the commands over a pipe. One command goes before, by
// itself: when the router has that, everything on the way is up.
func (b *bench) pipe(ctx context.Context, l *lane, argv ...string) (_ piped, err error) {
	defer func() { err = errors.Join(err, l.close()) }()
	first := []benchRoute{{prefix: netip.MustParsePrefix("198.18.0.0/24")}}
	if _, err := b.say(ctx, l, first, 1, argv); err != nil {
		return piped{}, err
	}
	routes := askFor(b.some(benchPiped), 0)
	t, err := b.say(ctx, l, routes, len(routes)+1, argv)
	if err != nil {
		return piped{}, err
	}
	return t, l.holds(ctx, append(first, routes...))
}

// say runs a program with a command a route as its input, and waits until it
// has ended and the router holds n routes.
func (b *bench) say(ctx context.Context, l *lane, routes []benchRoute, n int, argv []string) (t piped, err error) {
	ctx, cancel := context.WithCancel(ctx) // a program that failed lets nobody wait
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = l.dir, append(os.Environ(), "ROUTESYNC_AMQP="+b.broker.URL, "NO_COLOR=1")
	cmd.Stdin = bytes.NewReader(single(routes)) // through a pipe of os/exec
	cmd.WaitDelay = 5 * time.Second
	var printed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return t, fmt.Errorf("run %s: %w", argv[0], err)
	}
	ended := make(chan error, 1)
	go func() { // joined below
		err := cmd.Wait()
		t.exit = time.Since(start)
		if err != nil {
			cancel()
		}
		ended <- err
	}()
	end, waitErr := l.wait(ctx, n)
	t.held = end.Sub(start)
	if waitErr != nil {
		cancel()
	}
	if err := <-ended; err != nil {
		text := printed.Bytes()
		return t, fmt.Errorf("%d commands to %s: %w; it printed at last:\n%s", len(routes), argv[0], errors.Join(err, waitErr), text[max(0, len(text)-1000):])
	}
	return t, waitErr
}
