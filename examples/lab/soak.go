package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	// soakBound is how long it may take until all is well, once no fault is left.
	soakBound = 30 * time.Second
	// soakHands is how many faults are under way at once, at most.
	soakHands = 3
	// soakRoutes is how many routes a file has, about.
	soakRoutes = 1000
)

// soakOptions are those of the command line.
type soakOptions struct {
	span  time.Duration
	every time.Duration
	seed  uint64
}

// soakCommand reads the arguments after "soak"; nil if they are wrong.
func soakCommand(args []string, stderr io.Writer) func(context.Context, *slog.Logger, io.Writer) error {
	var o soakOptions
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.DurationVar(&o.span, "for", 30*time.Minute, "how long")
	flags.DurationVar(&o.every, "every", time.Minute, "how long until the faults pause, and all must be well")
	flags.Uint64Var(&o.seed, "seed", rand.Uint64(), "of what is drawn: files, faults and moments")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("what is %q?", flags.Args())
		fmt.Fprintln(stderr, err)
	}
	if err != nil {
		return nil
	}
	return func(ctx context.Context, log *slog.Logger, out io.Writer) error {
		return inArena(ctx, log, o.seed, func(a *arena) error { return a.soak(ctx, o, out) })
	}
}

// inArena runs f with a broker of its own.
func inArena(ctx context.Context, log *slog.Logger, seed uint64, f func(*arena) error) (err error) {
	s, err := newStage(ctx, log, parts()...)
	if err != nil {
		return err
	}
	a := &arena{stage: *s, seed: seed, room: 1}
	defer func() {
		err = errors.Join(err, a.close(), s.close())
		_ = os.Remove(a.dir) // stays if it has the logs of one that failed
	}()
	if a.dir, err = os.MkdirTemp("", "routesync-faults-"); err != nil {
		return err
	}
	return f(a)
}

// soak plays random saves and random faults together, several at once where they
// hurt different parts. From time to time they pause: then all must be well, and
// what the routers were told since the last time is judged.
func (a *arena) soak(ctx context.Context, o soakOptions, out io.Writer) (err error) {
	s := &soak{draws: rand.New(&lockedSource{src: rand.NewPCG(o.seed, 0)}), began: time.Now(), played: map[string]int{}}
	n := needs{routers: 2, watches: 2}
	if s.ground, err = openGround(ctx, a.stage, "soaked", n, s.draws, a.short); err != nil {
		return err
	}
	a.ground = s.ground
	for _, f := range faults() {
		if v := f.needs; f.overlaps && v.variant == nil && !v.graceful && v.routers <= n.routers && v.watches <= n.watches {
			s.faults = append(s.faults, f)
		}
	}
	if err := errors.Join(s.settle(ctx), wait(ctx, time.Until(s.born.Add(queueAge)))); err != nil {
		return err
	}
	for err == nil && ctx.Err() == nil && time.Since(s.began) < o.span {
		err = s.stretch(ctx, o.every, out)
	}
	err = errors.Join(err, ctx.Err())
	s.total.print(out, fmt.Sprintf("\nin all, after %v", time.Since(s.began).Round(time.Second)))
	fmt.Fprintf(out, "-seed %d draws the same files, faults and moments; how they meet is up to the machine\n", o.seed)
	if err != nil || s.total.failed {
		a.kept = s.ground.lab.Dir()
		fmt.Fprintf(out, "logs: %s\n", a.kept)
		return errors.Join(err, errSaid)
	}
	return nil
}

// soak is one that runs.
type soak struct {
	*ground
	draws  *rand.Rand
	faults []fault
	began  time.Time
	total  soakFigures

	hands  sync.Mutex
	busy   part // what is hurt now
	played map[string]int
	saved  int
}

// soakFigures are those of a stretch, or of all of them.
type soakFigures struct {
	saves, faults             int
	lost, invented, withdrawn int
	worst                     time.Duration
	failed                    bool
}

func (f *soakFigures) print(out io.Writer, head string) {
	word := "ok"
	if f.failed {
		word = "FAILED"
	}
	fmt.Fprintf(out, "%s: %d saves, %d faults; %d routes lost, %d invented, %d unasked withdraws; converged in %v at worst: %s\n",
		head, f.saves, f.faults, f.lost, f.invented, f.withdrawn, f.worst.Round(time.Millisecond), word)
}

// settle waits until all is as the file says, and begins anew.
func (s *soak) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, baseLimit)
	defer cancel()
	if err := s.converge(ctx); err != nil {
		return err
	}
	s.begin()
	return nil
}

// stretch is the time between two pauses.
func (s *soak) stretch(ctx context.Context, span time.Duration, out io.Writer) error {
	until := time.Now().Add(span)
	clear(s.played)
	s.saved = 0
	limited, cancel := context.WithTimeout(ctx, span+faultLimit)
	defer cancel()
	errs := make(chan error)
	work := []func(context.Context, time.Time) error{s.keepSaving}
	for range soakHands {
		work = append(work, s.keepHurting)
	}
	for _, w := range work {
		go func() { errs <- w(limited, until) }()
	}
	var failed error
	for range work {
		failed = errors.Join(failed, <-errs)
	}
	if failed == nil && s.startsLeft() < 2 {
		failed = s.renewSpeaker(limited)
	}
	if failed != nil {
		return failed
	}
	s.over() // whatever a fault said of itself: the last one ends here
	o := s.recover(ctx, soakBound)
	o.add(s.judge())
	f := soakFigures{s.saved, 0, len(o.lost), len(o.invented), len(o.withdrawn), o.took, o.failed()}
	for _, n := range s.played {
		f.faults += n
	}
	f.print(out, time.Since(s.began).Round(time.Second).String())
	for _, n := range o.notes(1, soakBound) {
		fmt.Fprint(out, indent(n))
	}
	t := &s.total
	*t = soakFigures{t.saves + f.saves, t.faults + f.faults, t.lost + f.lost, t.invented + f.invented, t.withdrawn + f.withdrawn, max(t.worst, f.worst), t.failed || f.failed}
	if f.failed {
		return fmt.Errorf("something was lost, invented or withdrawn; the faults since the pause before: %v", s.names())
	}
	s.begin()
	return nil
}

func (s *soak) names() []string {
	var all []string
	for name, n := range s.played {
		all = append(all, fmt.Sprintf("%d x %s", n, name))
	}
	slices.Sort(all)
	return all
}

// keepSaving saves files until a time, small changes and large ones.
func (s *soak) keepSaving(ctx context.Context, until time.Time) error {
	for time.Now().Before(until) {
		changes := 1 + s.draws.IntN(20)
		if s.draws.IntN(10) == 0 {
			changes = soakRoutes
		}
		if err := s.edit(changes); err != nil {
			return err
		}
		if n := len(s.last()); n > 2*soakRoutes || n < soakRoutes/2 {
			if err := s.resize(soakRoutes); err != nil {
				return err
			}
		}
		s.saved++
		if err := s.pause(ctx, 2*time.Second); err != nil {
			return err
		}
	}
	return nil
}

// keepHurting plays faults until a time, each when nobody hurts the same parts.
func (s *soak) keepHurting(ctx context.Context, until time.Time) error {
	for time.Now().Before(until) {
		if err := s.pause(ctx, 3*time.Second); err != nil {
			return err
		}
		f := s.claim()
		if f == nil {
			continue
		}
		err := f.provoke(ctx, s.ground)
		s.release(f)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

// claim draws a fault, and has its parts; nil if somebody else has one of them.
// Saves are everybody's.
func (s *soak) claim() *fault {
	s.hands.Lock()
	defer s.hands.Unlock()
	f := &s.faults[s.draws.IntN(len(s.faults))]
	if s.busy&f.hurts&^theFile != 0 {
		return nil
	}
	s.busy |= f.hurts &^ theFile
	s.played[f.name]++
	return f
}

func (s *soak) release(f *fault) {
	s.hands.Lock()
	defer s.hands.Unlock()
	s.busy &^= f.hurts &^ theFile
}
