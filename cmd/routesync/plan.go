package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/reconcile/guard"
	"routesync/state"
)

func planCommand(w *world, g *globalFlags, f *planFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show the difference between the file and what is advertised",
		Long: `Show the difference between the file and what is advertised. Nothing is sent.

  +  to announce      ~  announced with other attributes
  -  to withdraw      !  somebody else's, and left alone

With --out the plan is saved, and "routesync apply FILE" carries out exactly that,
once. A plan that is not whole, or not as --assert has it, is not saved.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runPlan(cmd.Context(), w, g, f) },
	}
	addFile(cmd, &f.file)
	addGuard(cmd, &f.guards)
	cmd.Flags().StringVarP(&f.output, "output", "o", outputText, "text, json, markdown (for the comment of a pull request) or html (a page by itself)")
	cmd.Flags().StringVar(&f.against, "against", "", "instead of asking the speakers: a file that routesync snapshot wrote, or another file with routes")
	cmd.Flags().StringVar(&f.out, "out", "", "save the plan to this file besides, for routesync apply FILE")
	cmd.Flags().StringVar(&f.assert, "assert", "", "fail if what would be announced is not as this file expects")
	cmd.Flags().BoolVar(&f.detailed, "detailed-exitcode", false, fmt.Sprintf("exit with %d when there are changes; and, as apply does, with %d when a guard refuses them, and with %d when somebody else keeps a route that the file asks for",
		exitChanges, exitGuarded, exitError))
	cmd.Flags().DurationVar(&f.timeout, "timeout", 10*time.Second, "how long to wait for the speakers")
	return cmd
}

func runPlan(ctx context.Context, w *world, g *globalFlags, f *planFlags) error {
	if err := errors.Join(checkPlanOutput(f.output), checkTimeout(f.timeout), f.checkOut()); err != nil {
		return err
	}
	cfg, err := g.broker("plan")
	if err != nil && f.against == "" {
		return err
	}
	guards, err := checkGuards(f.guards)
	if err != nil {
		return err
	}
	desired, files, err := readGuarded(f.file, w.stdin, guards)
	if err != nil {
		return err
	}
	expected, err := readExpectations(f.assert)
	if err != nil {
		return err
	}
	var commit *gitCommit
	var asking sync.WaitGroup
	asking.Go(func() { commit = commitOf(ctx, files) })
	now := time.Now().UnixMilli()
	seen, failed, err := f.look(ctx, w, cfg, desired, now)
	asking.Wait()
	if err != nil {
		return err
	}
	if f.against == "" {
		now = time.Now().UnixMilli() // what they advertise is of now
	}
	before := newPast(w, g, desired.Owner)
	for i := range seen {
		seen[i].past = before
	}
	plans, err := planAll(fileName(f.file), desired, now, seen)
	if err != nil {
		return err
	}
	plans.commit, plans.given = commit, f.guards
	if err := errors.Join(warnLacks(w.stderr, seen), plans.warnPast(w.stderr), plans.warnOlder(w.stderr, commander("plan").Host), plans.warnTrials(w.stderr)); err != nil {
		return err
	}
	err = plans.write(w.stdout, f.output, w.palette())
	var wrong failures
	for _, err := range []error{failed, plans.overlaps(), plans.unexpected(expected)} {
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	if err == nil && wrong == nil && f.out != "" {
		err = plans.keep(w.stderr, f)
	}
	switch {
	case err != nil:
		return err
	case wrong != nil:
		return wrong
	case f.detailed && plans.guarded():
		return said(exitGuarded)
	case f.detailed && plans.withheld() != nil:
		return plans.withheld()
	case f.detailed && plans.changes() > 0:
		return said(exitChanges)
	}
	return nil
}

func checkPlanOutput(output string) error {
	switch output {
	case outputText, outputJSON, outputMarkdown, outputHTML:
		return nil
	}
	return usage(fmt.Errorf("--output %q is not text, json, markdown or html", output))
}

// write writes the plans in one of the forms that [checkPlanOutput] takes.
func (p plans) write(to io.Writer, output string, colours palette) error {
	switch output {
	case outputJSON:
		return writeJSON(to, p.json())
	case outputMarkdown:
		return p.markdown(to)
	case outputHTML:
		return p.html(to)
	}
	return p.text(to, colours)
}

// look finds out what to plan against. What can't be told of a speaker is in failed.
func (f *planFlags) look(ctx context.Context, w *world, cfg rabbit.Config, desired *state.Desired, now int64) (seen []observation, failed, err error) {
	if f.against != "" {
		return readAgainst(f.against, desired, now, w.stderr)
	}
	seen, failed = observer{cfg: cfg, timeout: f.timeout, log: w.log, hasty: true}.look(ctx, desired.Speakers)
	return seen, failed, nil
}

// plans is the difference for every speaker that answered.
type plans struct {
	file     string
	desired  *state.Desired // what is asked for now
	speakers []speakerPlan
	commit   *gitCommit // that the file is of; nil if that is not known
	given    []string   // guards by flag
	vrps     vrpSource
	timing
}

// timing is what the file asks for at any time, and the time of the plan.
type timing struct {
	whole *state.Desired
	now   int64
}

type speakerPlan struct {
	observation
	*state.Plan
	timing
	guards guard.Verdict   // less what is lifted
	lifted []guard.Finding // by the file, or by people

	set     lastSettings // who set last what is withdrawn
	pastErr error        // why that is not known
}

func planAll(file string, whole *state.Desired, now int64, seen []observation) (plans, error) {
	p := plans{file: file, timing: timing{whole, now}, vrps: readVRPsOnce()}
	p.desired, _ = whole.At(now)
	for _, o := range seen {
		plan, err := state.Diff(p.desired, o.advertised)
		if err != nil {
			return p, fmt.Errorf("%s: %w", o.speaker, err)
		}
		one := speakerPlan{observation: o, Plan: plan, timing: p.timing, guards: p.judge(o, plan)}
		one.set, one.pastErr = o.past.last(plan)
		p.speakers = append(p.speakers, one)
	}
	p.lift(speakerPlan.overridden)
	return p, nil
}

// policy is the digest of what the plans are judged by.
func (p plans) policy() string { return p.whole.Policy.Digest() }

// digest is that of what the plans do, at all speakers.
func (p plans) digest() string {
	var all []string
	for _, s := range p.speakers {
		all = append(all, s.digest(p))
	}
	return state.JoinDigests(all)
}

// digest is that of what the plan does at the speaker.
func (s speakerPlan) digest(p plans) string {
	return s.Plan.Digest(p.whole.Revision.Digest, p.policy())
}

// unanswered are the speakers of the file of which nothing is known, never null.
func (p plans) unanswered() []string {
	return slices.DeleteFunc(listJSON(slices.Clone(p.desired.Speakers)), func(name string) bool {
		return slices.ContainsFunc(p.speakers, func(s speakerPlan) bool { return s.speaker == name })
	})
}

// guarded tells whether a guard refuses something.
func (p plans) guarded() bool {
	return slices.ContainsFunc(p.speakers, func(s speakerPlan) bool { return len(s.guards.Refusals) > 0 })
}

// applyable tells whether there is something to do, and apply would do it.
func (p plans) applyable() bool {
	bad := func(s speakerPlan) bool { return s.file != "" || s.older() != nil || len(s.guards.Refusals) > 0 }
	return p.changes() > 0 && len(p.unanswered()) == 0 && !slices.ContainsFunc(p.speakers, bad)
}

// older is what is in force at the speaker, if the file would bring back what that
// replaced; nil if apply takes it.
func (s speakerPlan) older() *wire.InForce {
	f := s.inForce(s.whole.Owner)
	if f == nil || !s.whole.Revision.OlderThan(f.Revision) {
		return nil
	}
	return f
}

// warnOlder says where apply would refuse the file, which is on host, for its age.
func (p plans) warnOlder(to io.Writer, host string) error {
	for _, s := range p.speakers {
		f := s.older()
		if f == nil {
			continue
		}
		o := older{p.file, host, p.whole.Revision, *f}
		if _, err := fmt.Fprintf(to, "warning: %s: %v; apply and watch refuse it\n", s.speaker, o); err != nil {
			return err
		}
		for _, hint := range o.hints(time.UnixMilli(p.now)) {
			if _, err := fmt.Fprintf(to, "hint: %s\n", hint); err != nil {
				return err
			}
		}
	}
	return nil
}

// overlaps is the error of routes that are for one peer twice; nil if there
// are none.
func (p plans) overlaps() error {
	var all failures
	for _, s := range p.speakers {
		for _, o := range s.Overlaps {
			all = append(all, hinted(fmt.Errorf("%s: %s; nothing is done about it", s.speaker, o), "give them peers that have none in common"))
		}
	}
	return all.err()
}

// withheld is the error of routes that the file asks for and somebody else keeps; nil
// if there are none. apply ends with the same code for them: what the file asks for is
// not what is advertised, and no change of routesync's will make it so.
func (p plans) withheld() error {
	var all failures
	for _, s := range p.speakers {
		if n := s.conflicts(); n > 0 {
			all = append(all, hinted(fmt.Errorf("%s: %s of %s that somebody else announces, and keeps", s.speaker, count(n, "route"), p.file),
				"routesync adopt makes them the file's; or have them withdrawn there, or take them out of the file"))
		}
	}
	return all.err()
}

func (p plans) changes() int {
	n := 0
	for _, s := range p.speakers {
		n += len(s.Changes)
	}
	return n
}

// warnLacks says what a speaker's set-up is short of.
func warnLacks(to io.Writer, seen []observation) error {
	for _, o := range seen {
		for _, lack := range o.lacks() {
			if _, err := fmt.Fprintf(to, "warning: %s: %s\n", o.speaker, lack); err != nil {
				return err
			}
		}
	}
	return nil
}

// lacks is what the speaker and its peers are short of.
func (o observation) lacks() []string {
	var all []string
	if o.about != nil {
		all = append(all, o.about.Lacks...)
	}
	for _, n := range o.advertised.Peers {
		for _, lack := range n.Lacks {
			all = append(all, fmt.Sprintf("neighbor %s: %s", n.Addr, lack))
		}
	}
	return all
}
