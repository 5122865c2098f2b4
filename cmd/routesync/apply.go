package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"routesync/bridge"
	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/reconcile"
	"routesync/state"
)

// holderPatience is how long the name of a commander is worth waiting for.
const holderPatience = 2 * time.Second

func applyCommand(w *world, g *globalFlags, f *applyFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Show the plan, ask, and carry it out",
		Long: `Show the plan, ask, and carry it out. Returns when every route is confirmed at
every peer that is up, or cannot be. Held routes, whose peer is down, are no
failure. Something refused weighs more for the exit code than something unsent.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runApply(cmd.Context(), w, g, f) },
	}
	addFile(cmd, &f.file)
	addOutput(cmd, &f.output)
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	cmd.Flags().StringVar(&f.wait, "wait", state.Sent.String(), "wait until routes are accepted by exaBGP, or sent to the peers")
	cmd.Flags().DurationVar(&f.timeout, "timeout", time.Minute, "how long to wait for the confirmation")
	return cmd
}

// check reads what the flags mean.
func (f *applyFlags) check(w *world) (state.Grade, error) {
	if err := errors.Join(checkOutput(f.output), checkTimeout(f.timeout)); err != nil {
		return 0, err
	}
	grade, err := state.ParseGrade(f.wait)
	if err != nil || (grade != state.Accepted && grade != state.Sent) {
		return 0, usage(fmt.Errorf("--wait %q is not accepted or sent", f.wait))
	}
	switch {
	case f.yes:
	case f.output == outputJSON:
		return 0, usage(errors.New("apply can't ask when its output is json"), "agree beforehand with --yes")
	case f.file == stdinName:
		return 0, usage(errors.New("apply can't ask when the file is stdin"), "agree beforehand with --yes")
	case !isTerminal(w.stdin):
		return 0, usage(errors.New("apply can't ask: stdin is not a terminal"), "agree beforehand with --yes")
	}
	return grade, nil
}

func runApply(ctx context.Context, w *world, g *globalFlags, f *applyFlags) error {
	grade, err := f.check(w)
	if err != nil {
		return err
	}
	cfg, err := g.broker("apply")
	if err != nil {
		return err
	}
	desired, err := readDesired(f.file, w.stdin)
	if err != nil {
		return err
	}
	inForce, _ := desired.At(time.Now().UnixMilli())
	a := &applier{
		world: w, flags: f, grade: grade, desired: inForce, whole: desired,
		observer: observer{cfg, f.timeout, w.log},
		me:       commander("apply"),
		progress: newProgress(w.stderr, desired.Speakers),
		results:  make([]result, len(desired.Speakers)),
	}
	return a.run(ctx)
}

// commander is this process as others are told of it.
func commander(verb string) wire.Commander {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	c := wire.Commander{ID: rand.Text(), Host: host, PID: os.Getpid(), Verb: verb}
	if who, err := user.Current(); err == nil {
		c.User = who.Username
	}
	return c
}

// applier is one run of apply.
type applier struct {
	*world
	flags    *applyFlags
	grade    state.Grade
	desired  *state.Desired // what is asked for when it begins
	whole    *state.Desired // what is asked for at any time
	observer observer
	me       wire.Commander
	progress *progress

	locked  bool // the locks were ours, in this session or one before
	agreed  bool // somebody has seen the plan and said yes
	plans   plans
	results []result // in the order of the speakers
}

// result is what came of one speaker. Without an assessment nothing was tried.
type result struct {
	speaker string
	tried   bool
	reconcile.Assessment
	err error // why it ended before its time
}

// run goes on over as many sessions as it takes, within the time there is.
func (a *applier) run(ctx context.Context) error {
	clock := startClock(ctx, a.flags.timeout)
	defer clock.stop()
	var fatal, last error
	err := rabbit.New(a.observer.cfg, a.log).Run(clock.ctx, func(session context.Context, s *rabbit.Session) error {
		last = a.work(ctx, session, s, clock)
		if f := (*failure)(nil); errors.As(last, &f) || errors.As(last, &failures{}) {
			fatal = last
		}
		return errors.Join(last, stopIf(last == nil || fatal != nil || clock.ctx.Err() != nil))
	})
	a.progress.done()
	switch {
	case fatal != nil:
		return fatal
	case err != nil && !errors.Is(err, rabbit.ErrStop):
		return err
	case !a.agreed:
		return a.observer.noBroker(ctx, last)
	}
	return a.conclude(ctx, last)
}

// work is one session. It returns nil when nothing is left to do; a failure
// ends the command; anything else is tried again.
func (a *applier) work(ctx, session context.Context, s *rabbit.Session, clock *clock) error {
	for _, speaker := range a.desired.Speakers {
		err := s.Lock(session, lockName(speaker, a.desired.Owner))
		if errors.Is(err, rabbit.ErrLocked) && !a.locked {
			return lockedBy(session, s, speaker, a.desired.Owner, a.observer)
		}
		if err != nil {
			return err
		}
	}
	a.locked = true
	if !a.agreed {
		if err := a.agree(ctx, session, s, clock); err != nil {
			return err
		}
		a.agreed = true
	}
	g, together := errgroup.WithContext(session)
	for i, speaker := range a.desired.Speakers {
		g.Go(func() error {
			r := a.apply(together, s, speaker)
			a.results[i] = r
			if clock.ctx.Err() != nil {
				return nil // it ended for lack of time, and that is its result
			}
			return r.err
		})
	}
	return g.Wait()
}

func lockName(speaker, owner string) string { return speaker + "." + owner }

// agree shows the plan and asks.
func (a *applier) agree(ctx, session context.Context, s *rabbit.Session, clock *clock) error {
	speakers := a.desired.Speakers
	seen, errs := make([]observation, len(speakers)), make([]error, len(speakers))
	if err := a.observer.lookAt(session, s, speakers, seen, errs); err != nil {
		if clock.ctx.Err() == nil {
			return err
		}
		var all failures
		for i, err := range errs {
			if err != nil {
				all = append(all, a.observer.explain(ctx, speakers[i], err))
			}
		}
		return all
	}
	var err error
	if a.plans, err = planAll(fileName(a.flags.file), a.whole, time.Now().UnixMilli(), seen); err != nil {
		return err
	}
	if err := warnLacks(a.stderr, seen); err != nil {
		return hinted(err)
	}
	if a.flags.output == outputText {
		if err := a.plans.text(a.stdout, a.palette()); err != nil {
			return hinted(err)
		}
	}
	if a.flags.yes || a.plans.changes() == 0 {
		return nil
	}
	clock.pause()
	defer clock.restart()
	return ask(ctx, a.world, "apply")
}

// ask asks a person. Nothing but "yes" is yes.
func ask(ctx context.Context, w *world, verb string) error {
	if _, err := fmt.Fprintf(w.stderr, "\nDo you want to %s this? Only 'yes' is accepted: ", verb); err != nil {
		return hinted(err)
	}
	answers := make(chan string, 1)
	go func() { // a read of a terminal can't be given up; it ends with the process
		line, _ := bufio.NewReader(w.stdin).ReadString('\n') // no answer is no yes
		answers <- line
	}()
	select {
	case answer := <-answers:
		if strings.TrimRight(answer, "\r\n") == "yes" {
			return nil
		}
		return hinted(errors.New("nothing was done: the answer was not yes"))
	case <-ctx.Done():
		return hinted(errInterrupted)
	}
}

// apply brings one speaker to the desired set.
func (a *applier) apply(ctx context.Context, s *rabbit.Session, speaker string) result {
	c := bridge.NewCommander(s, speaker, a.desired.Owner, a.me, a.locate, a.log)
	r := result{speaker: speaker}
	if r.err = c.Open(ctx); r.err != nil {
		return r
	}
	if r.err = reconcile.Observe(ctx, c); r.err != nil {
		r.err = &silence{absent: c.Absent(), about: c.About(), err: r.err}
		return r
	}
	r.tried = true
	r.Assessment, r.err = reconcile.Apply(ctx, c, a.desired, a.grade, a.progress.teller(speaker))
	return r
}

// locate is where the file has a route.
func (a *applier) locate(k state.Key, peer netip.Addr) (state.Position, bool) {
	w := a.desired.Find(k, peer)
	if w == nil {
		return state.Position{}, false
	}
	return w.Pos, true
}

// conclude reports what came of it.
func (a *applier) conclude(ctx context.Context, last error) error {
	var codes []int
	var all failures
	for i := range a.results {
		r := &a.results[i]
		r.speaker = a.desired.Speakers[i]
		codes = append(codes, r.code())
		if r.tried && errors.Is(r.err, context.Canceled) {
			r.err = errInterrupted
			if ctx.Err() == nil {
				r.err = fmt.Errorf("not confirmed within %s", duration(a.flags.timeout))
			}
		}
		switch {
		case r.tried || ctx.Err() != nil:
		case r.err != nil:
			all = append(all, a.observer.explain(ctx, r.speaker, r.err))
		default:
			all = append(all, fmt.Errorf("%s: %w", r.speaker, a.observer.noBroker(ctx, last)))
		}
	}
	out := outcome{plans: a.plans, grade: a.grade, timeout: a.flags.timeout, results: a.results}
	var err error
	if a.flags.output == outputJSON {
		err = writeJSON(a.stdout, out.json())
	} else {
		err = out.text(a.stdout)
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return errInterrupted
	case len(all) > 0:
		return all
	}
	return said(worst(codes))
}

// lockedBy is the error of a speaker that somebody else commands.
func lockedBy(ctx context.Context, s *rabbit.Session, speaker, owner string, o observer) error {
	who := "somebody else"
	if holder, ok := holderOf(ctx, s, speaker, owner, o); ok {
		who = holder.String()
	}
	return hinted(fmt.Errorf("%s is commanded by %s for owner %s", speaker, who, owner),
		"save the file it watches, or stop it")
}

// holderOf asks the bridge who holds the lease of an owner.
func holderOf(ctx context.Context, s *rabbit.Session, speaker, owner string, o observer) (wire.Commander, bool) {
	ctx, cancel := context.WithTimeout(ctx, holderPatience)
	defer cancel()
	seen, err := observe(ctx, speaker, bridge.NewReader(s, speaker, o.log))
	if err != nil {
		return wire.Commander{}, false
	}
	leases := seen.about.Leases
	i := slices.IndexFunc(leases, func(l wire.Lease) bool { return l.Owner == owner })
	if i < 0 {
		return wire.Commander{}, false
	}
	return leases[i].Holder, true
}

// clock is a deadline that stands still while a person thinks.
type clock struct {
	ctx    context.Context
	cancel context.CancelFunc
	timer  *time.Timer
	d      time.Duration
}

func startClock(ctx context.Context, d time.Duration) *clock {
	c := &clock{d: d}
	c.ctx, c.cancel = context.WithCancel(ctx)
	c.timer = time.AfterFunc(d, c.cancel)
	return c
}

func (c *clock) pause()   { c.timer.Stop() }
func (c *clock) restart() { c.timer.Reset(c.d) }
func (c *clock) stop()    { c.timer.Stop(); c.cancel() }
