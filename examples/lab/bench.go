package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"routesync/examples/lab/rig"
	"routesync/examples/lab/table"
)

const (
	// benchLimit bounds the whole bench; it takes about three minutes.
	benchLimit = 8 * time.Minute
	// benchSaves is how many saves of one route are timed.
	benchSaves = 50
	// benchRounds is how often each system is given the many routes.
	benchRounds = 5
	benchRoutes = 20_000
)

// The aims.
const (
	aimOneRoute = 100 * time.Millisecond // median
	aimRatio    = 10.0                   // of the medians, classic to routesync
	aimPiped    = 5.0                    // likewise, the sender to the console
)

//go:embed classic/*.py
var classicSources embed.FS

// lanes measures systems side by side: one broker for all, and for each round
// an exaBGP and a router of its own, so that none finds what another left.
type lanes struct {
	lab     *rig.Lab
	broker  *rig.Broker
	binary  string // routesync
	classic string // folder of the Python sources
	routes  []netip.Prefix
	rounds  int
}

// lane is one round's exaBGP and router.
type lane struct {
	name    string // the speaker's
	dir     string
	router  *rig.Router
	speaker *rig.Speaker
}

// figures are what the bench found.
type figures struct {
	alone, settled, confirmed []time.Duration // one route in a file of a few
	among                     []time.Duration // one route in a file of many
	synced, classic, floor    []time.Duration // many routes
	consoleExit, consoleHeld  []time.Duration // many commands over a pipe
	senderHeld                []time.Duration
}

func bench(ctx context.Context, log *slog.Logger, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, benchLimit)
	defer cancel()
	fmt.Fprintln(out, "Starting RabbitMQ; then an exaBGP and a BIRD for each round. This takes three to four minutes.")
	if err := rig.Install(ctx, log); err != nil {
		return err
	}
	b := &lanes{routes: table.Sample(benchRoutes, 0)}
	if b.lab, err = rig.New(ctx, rig.Options{Log: log}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.lab.Close()) }()
	if err := b.prepare(ctx); err != nil {
		return err
	}
	var f figures
	if err := b.oneRoute(ctx, &f); err != nil {
		return fmt.Errorf("bench, one route: %w", err)
	}
	for range benchRounds {
		if err := b.round(ctx, out, &f); err != nil {
			return fmt.Errorf("bench, %d routes: %w", len(b.routes), err)
		}
		if err := b.pipedRound(ctx, out, &f); err != nil {
			return fmt.Errorf("bench, %d commands: %w", benchPiped, err)
		}
	}
	machine, err := b.machine(ctx)
	if err != nil {
		return err
	}
	return printFigures(out, f, machine)
}

func (b *lanes) prepare(ctx context.Context) (err error) {
	if b.binary, err = build(ctx, b.lab.Dir()); err != nil {
		return err
	}
	b.classic = filepath.Join(b.lab.Dir(), "classic")
	if err := os.CopyFS(b.lab.Dir(), classicSources); err != nil {
		return fmt.Errorf("write the classic system: %w", err)
	}
	b.broker, err = b.lab.Broker(ctx)
	return err
}

// round gives each system the many routes once, one after the other.
func (b *lanes) round(ctx context.Context, out io.Writer, f *figures) error {
	synced, err := b.manySynced(ctx)
	if err != nil {
		return err
	}
	classic, err := b.manyClassic(ctx)
	if err != nil {
		return err
	}
	floor, err := b.manyFloor(ctx)
	if err != nil {
		return err
	}
	f.synced, f.classic, f.floor = append(f.synced, synced), append(f.classic, classic), append(f.floor, floor)
	fmt.Fprintf(out, "round %d of %d: %d routes: routesync %s, classic %s, exaBGP alone %s\n",
		len(f.synced), benchRounds, len(b.routes), inMS(synced), inMS(classic), inMS(floor))
	return nil
}

// pipedRound gives the console and the classic sender the same commands once.
func (b *lanes) pipedRound(ctx context.Context, out io.Writer, f *figures) error {
	console, err := b.pipedConsole(ctx)
	if err != nil {
		return err
	}
	sender, err := b.pipedSender(ctx)
	if err != nil {
		return err
	}
	f.consoleExit, f.consoleHeld = append(f.consoleExit, console.exit), append(f.consoleHeld, console.held)
	f.senderHeld = append(f.senderHeld, sender.held)
	fmt.Fprintf(out, "round %d of %d: %d commands: console %s, confirmed %s, classic sender %s\n",
		len(f.senderHeld), benchRounds, benchPiped, inMS(console.held), inMS(console.exit), inMS(sender.held))
	return nil
}

// open starts an exaBGP with a helper, and a router, and waits until their
// session is up. helper makes the helper's command line for a speaker's name.
func (b *lanes) open(ctx context.Context, helper func(*lane) []string, without ...rig.Piece) (*lane, error) {
	b.rounds++
	l := &lane{name: fmt.Sprintf("edge%d", b.rounds)}
	l.dir = filepath.Join(b.lab.Dir(), "round-"+l.name)
	if err := os.Mkdir(l.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the round's folder: %w", err)
	}
	var err error
	if l.router, err = b.lab.Router(ctx, rig.RouterOptions{
		Name: fmt.Sprintf("r%d", b.rounds), Address: netip.MustParseAddr("127.0.0.2"), AS: routerAS, PeerAS: speakerAS,
	}); err != nil {
		return nil, err
	}
	neighbor := l.router.Neighbor()
	neighbor.Without = without
	if l.speaker, err = b.lab.Speaker(ctx, rig.SpeakerOptions{
		Name: l.name, LocalAS: speakerAS, Neighbors: []rig.Neighbor{neighbor}, Run: helper(l),
	}); err != nil {
		return nil, errors.Join(err, l.router.Kill(ctx))
	}
	if err := l.router.WaitEstablished(ctx); err != nil {
		return nil, errors.Join(err, l.close(ctx))
	}
	return l, nil
}

// close ends both, so that the next round has the machine to itself.
func (l *lane) close(ctx context.Context) error {
	return errors.Join(l.speaker.Kill(ctx), l.router.Kill(ctx))
}

// wait returns once the router holds n routes, and says when that was. Until
// as many have come it asks for BIRD's counters: to count the table, BIRD walks
// all of it, and would slow down what is measured.
func (l *lane) wait(ctx context.Context, n int) (time.Time, error) {
	beat := time.NewTicker(5 * time.Millisecond)
	defer beat.Stop()
	for {
		seen, err := l.router.Updates(ctx)
		if err != nil {
			return time.Time{}, err
		}
		if seen.Updates >= n {
			break
		}
		select {
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("wait for %d routes at the router, %d came: %w", n, seen.Updates, ctx.Err())
		case <-beat.C:
		}
	}
	err := l.router.WaitCount(ctx, n)
	return time.Now(), err
}

// holds checks, once the clock has stopped, that the router has exactly these
// routes: a count alone could be of others.
func (l *lane) holds(ctx context.Context, want []netip.Prefix) error {
	held, err := l.router.Routes(ctx)
	if err != nil {
		return err
	}
	missing := make(map[netip.Prefix]bool, len(want))
	for _, p := range want {
		missing[p] = true
	}
	for _, r := range held {
		if !missing[r.Prefix] {
			return fmt.Errorf("the router holds %s, which it was not to", r.Prefix)
		}
		delete(missing, r.Prefix)
	}
	if len(missing) > 0 {
		return fmt.Errorf("the router lacks %d routes", len(missing))
	}
	return nil
}
