package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
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

func applyCommand(w *world, g *globalFlags, f *applyFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply [PLAN]",
		Short: "Show the plan, ask, and carry it out",
		Long: `Show the plan, ask, and carry it out. Returns when every route is confirmed at
every peer that is up, or cannot be. Held routes, whose peer is down, are no
failure. Something refused weighs more for the exit code than something unsent.

A file that is older than the one that was accepted last, and asks for something
else, is refused: it may be a backup that was restored. Its time is that of the
newest of all the files that it leads to.

What a guard refuses is not sent, nor anything else of the plan. The refusal has the
override that lifts it: for that plan, and for no other.

PLAN is what "routesync plan --out PLAN" saved: it was seen then, so nobody is asked,
and exactly that is carried out, once. If the file, what guards it or anything that a
speaker advertises has moved since then, nothing is sent, and what moved is named.

With --confirm-within the bridges bring back what was there before, route by route,
unless routesync confirm comes in time, whoever is gone by then. The time begins when
a bridge takes the first of it. Until it is over nobody else commands for the owner, and
what is reverted is an older file from then on: no watch brings it back unless it is touched.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(fmt.Errorf("apply takes one saved plan, and was given %s", strings.Join(quoted(args), " ")))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			f.confirmGiven = cmd.Flags().Changed("confirm-within")
			if len(args) > 0 {
				f.plan, f.fileGiven = args[0], cmd.Flags().Changed("file")
			}
			return runApply(cmd.Context(), w, g, f)
		},
	}
	addFile(cmd, &f.file)
	addOutput(cmd, &f.output)
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	addOlderOK(cmd, &f.olderOK)
	addOverride(cmd, &f.overrides)
	addGuard(cmd, &f.guards)
	cmd.Flags().StringVar(&f.wait, "wait", state.Sent.String(), "wait until routes are accepted by exaBGP, or sent to the peers")
	cmd.Flags().DurationVar(&f.timeout, "timeout", time.Minute, "how long to wait for the confirmation")
	cmd.Flags().DurationVar(&f.confirmWithin, "confirm-within", 0, "bring back what was before, unless routesync confirm comes within this time")
	return cmd
}

// check reads what the flags mean.
func (f *applyFlags) check(w *world) (state.Grade, error) {
	if err := errors.Join(checkOutput(f.output), checkTimeout(f.timeout), f.checkConfirm()); err != nil {
		return 0, err
	}
	if f.plan != "" && len(f.guards) > 0 {
		return 0, usage(fmt.Errorf("a saved plan has the guards that it was made by, and %s can't be given with it", flagGuard), "save another plan with that: routesync plan "+flagGuard+" ... --out FILE")
	}
	grade, err := state.ParseGrade(f.wait)
	if err != nil || (grade != state.Accepted && grade != state.Sent) {
		return 0, usage(fmt.Errorf("--wait %q is not accepted or sent", f.wait))
	}
	cannot := strings.Fields(f.again())[1] + " can't ask"
	switch {
	case f.yes, f.plan != "":
	case f.output == outputJSON:
		return 0, usage(errors.New(cannot+" when its output is json"), "agree beforehand with --yes")
	case f.file == stdinName:
		return 0, usage(errors.New(cannot+" when the file is stdin"), "agree beforehand with --yes")
	case !isTerminal(w.stdin):
		return 0, usage(errors.New(cannot+": stdin is not a terminal"), "agree beforehand with --yes")
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
	overrides, err := f.checkOverrides()
	if err != nil {
		return err
	}
	guards, err := checkGuards(f.guards)
	if err != nil {
		return err
	}
	saved, err := f.readPlan()
	if err != nil {
		return err
	}
	if saved != nil {
		guards = saved.guards
	}
	desired, files, err := readGuarded(f.file, w.stdin, guards)
	if err != nil {
		return err
	}
	if f.olderOK {
		desired.Revision.Changed = time.Now().UnixMilli() // as if it was saved now
	}
	a := newApplier(newUndertaking(w, "apply", observer{cfg: cfg, timeout: f.timeout, log: w.log, past: newPast(w, g, desired.Owner)}, desired), f, grade)
	a.saved, a.overrides, a.commit = saved, overrides, commitOf(ctx, files)
	if f.yes || saved != nil {
		a.agreement = givenBefore
	}
	r := newRecord(w, g, desired.Owner, f.file, a.me)
	if r != nil {
		r.head.Trial = f.confirmWithin.Milliseconds()
	}
	return a.do(ctx, r)
}

func newApplier(u *undertaking, f *applyFlags, grade state.Grade) *applier {
	a := &applier{
		undertaking: u, flags: f, grade: grade, vrps: readVRPsOnce(),
		progress: newProgress(u.stderr, u.desired.Speakers),
		results:  make([]result, len(u.desired.Speakers)),
		held:     map[string]*bridge.Conditions{},
	}
	for _, speaker := range a.desired.Speakers {
		a.held[speaker] = bridge.NewConditions(a.log.With("speaker", speaker))
	}
	return a
}

// do shows, asks, carries out and reports, and keeps it on record.
func (a *applier) do(ctx context.Context, r *record) error {
	r.governed(a.whole.Policy)
	a.ledgers = &ledgers{record: r, owner: a.desired.Owner}
	last, err := a.run(ctx, a)
	a.progress.done()
	a.ledgers.close()
	if err == nil {
		return a.conclude(ctx, last)
	}
	if a.begun {
		if unsaid := a.report(a.outcome()); unsaid != nil {
			return errors.Join(unsaid, err)
		}
	}
	return err
}

// applier is one run of apply.
type applier struct {
	*undertaking
	flags    *applyFlags
	grade    state.Grade
	progress *progress

	plans     plans
	commit    *gitCommit       // that the file is of; nil if that is not known
	overrides []state.Override // that were given for it
	vrps      vrpSource
	saved     *savedPlan        // what is to be carried out; nil for whatever is to be done
	begun     bool              // every speaker was as that says, and it may have been sent
	over      map[string]string // digests of what is meant to be replaced by an older file
	results   []result          // in the order of the speakers
	held      map[string]*bridge.Conditions
	ledgers   *ledgers
}

// result is what came of one speaker. Without an assessment nothing was tried.
type result struct {
	speaker string
	tried   bool
	trial   *wire.Trial // that waits; nil for none
	reconcile.Assessment
	err     error                   // why it ended before its time
	beyond  *reconcile.BeyondError  // it ended because something else is left to do
	guarded *reconcile.GuardedError // or because a guard refuses that
}

// show shows the plan.
func (a *applier) show(seen []observation) (bool, error) {
	var err error
	if a.plans, err = planAll(fileName(a.flags.file), a.whole, time.Now().UnixMilli(), seen); err != nil {
		return false, err
	}
	a.plans.commit, a.plans.given, a.desired = a.commit, a.flags.guards, a.plans.desired
	for _, o := range seen {
		a.ledgers.record.reverted(o.speaker, o.inForce(a.desired.Owner))
	}
	a.plans.lift(func(speakerPlan) []state.Override { return a.overrides })
	if err := a.saved.refuse(a.plans, unused); err != nil {
		return false, err
	}
	if err := a.refuseTrial(seen); err != nil {
		return false, err
	}
	if err := a.refuseOlder(seen); err != nil {
		return false, err
	}
	if err := errors.Join(warnLacks(a.stderr, seen), a.plans.warnPast(a.stderr)); err != nil {
		return false, hinted(err)
	}
	if a.flags.output == outputText {
		if err := a.plans.text(a.stdout, a.palette()); err != nil {
			return false, hinted(err)
		}
	}
	return a.plans.changes() > 0, a.plans.refusedBy(a.flags.again())
}

// refuseOlder refuses a file that would bring back what another replaced, unless
// that is meant: over what was in force when it was shown, and nothing later.
func (a *applier) refuseOlder(seen []observation) error {
	a.over = map[string]string{}
	var all failures
	for _, o := range seen {
		f := o.inForce(a.desired.Owner)
		switch {
		case f == nil:
		case a.flags.olderOK:
			a.over[o.speaker] = f.Revision.Digest
		case a.desired.Revision.OlderThan(f.Revision):
			older := older{fileName(a.flags.file), a.me.Host, a.desired.Revision, *f}
			all = append(all, hinted(fmt.Errorf("%s: %w", o.speaker, older), older.hints(time.Now())...))
		}
	}
	return all.err()
}

// carryOut brings all speakers to the desired set.
func (a *applier) carryOut(session context.Context, s *rabbit.Session, clock *clock) error {
	g, together := errgroup.WithContext(session)
	all := newMuster(len(a.desired.Speakers))
	for i, speaker := range a.desired.Speakers {
		g.Go(func() error {
			r := a.apply(together, s, speaker, all)
			a.results[i] = r
			if clock.ctx.Err() != nil || r.beyond != nil || r.guarded != nil {
				return nil // it ended for lack of time, or has to end, and that is its result
			}
			return r.err
		})
	}
	err := g.Wait()
	if beyond := a.beyond(); beyond != nil {
		return beyond
	}
	if guarded := a.guarded(); guarded != nil {
		a.begun = true
		return guarded
	}
	return err
}

// apply brings one speaker to the desired set.
func (a *applier) apply(ctx context.Context, s *rabbit.Session, speaker string, all *muster) result {
	c := bridge.NewCommander(s, speaker, bridge.Mandate{
		Owner: a.desired.Owner, From: a.me, Locate: a.locate, Held: a.held[speaker], Revision: a.desired.Revision, Over: a.over[speaker],
		Base: a.saved.base(speaker), ConfirmWithin: a.flags.confirmWithin,
	}, a.log)
	r := result{speaker: speaker}
	if r.err = c.Open(ctx); r.err != nil {
		return r
	}
	r.err = reconcile.Observe(ctx, c)
	if late := (*bridge.OlderError)(nil); errors.As(r.err, &late) {
		r.err = hinted(r.err, "it was put in force meanwhile: see routesync plan")
		return r
	}
	if late := (*bridge.StaleError)(nil); errors.As(r.err, &late) {
		r.err = a.overtaken(late)
		return r
	}
	if r.err != nil {
		r.err = &silence{absent: c.Absent(), about: c.About(), err: r.err}
		return r
	}
	o := observed(speaker, c.Reader)
	o.past = a.observer.past
	if r.err = a.agreeAt(ctx, o, all); r.err != nil {
		return r
	}
	r.tried = true
	recorded := reconcile.Recorded(c, a.ledgers.of(speaker), a.desired.Revision)
	r.Assessment, r.err = reconcile.Apply(ctx, recorded, a.desired, a.grade, a.permit(speaker, c), a.progress.teller(speaker))
	r.trial = c.Trial()
	if late := (*bridge.OlderError)(nil); errors.As(r.err, &late) && late.InForce.Reverted != nil {
		r.err = hinted(r.err)
	}
	errors.As(r.err, &r.beyond)
	errors.As(r.err, &r.guarded)
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
				for _, x := range a.held[r.speaker].List() {
					all = append(all, conditionFailure(exitUnconfirmed, r.speaker, x))
				}
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
	switch err := a.report(a.outcome()); {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return errInterrupted
	case len(all) > 0:
		return all
	}
	return said(worst(codes))
}

func (a *applier) outcome() outcome {
	return outcome{plans: a.plans, grade: a.grade, timeout: a.flags.timeout, results: a.results}
}

// report writes what came of it.
func (a *applier) report(out outcome) error {
	if a.flags.output == outputJSON {
		return writeJSON(a.stdout, out.json())
	}
	return out.text(a.stdout)
}
