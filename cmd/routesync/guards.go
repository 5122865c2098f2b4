package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"routesync/bridge"
	"routesync/reconcile"
	"routesync/reconcile/guard"
	"routesync/state"
)

// evidence is what plans are judged by besides what is asked for and advertised. It
// belongs to one goroutine.
type evidence struct {
	vrps   vrpSource
	past   *past
	counts bool // of changes, by what is on record: no loop does that
}

func newEvidence(vrps vrpSource, p *past) *evidence { return &evidence{vrps: vrps, past: p} }

func (e *evidence) counting() *evidence {
	e.counts = true
	return e
}

// complete completes a case.
func (e *evidence) complete(c *guard.Case) {
	c.VRPs = e.vrps(c.Desired.Guards().RPKI)
	if e.past != nil {
		c.Tags = e.past.tags(c.Plan)
	}
	if e.past != nil && e.counts {
		c.Changed, c.Uncounted = e.past.changed(c.Plan, c.Desired.Guards().Flap, time.UnixMilli(c.Now))
	}
}

// judge has the guards judge a plan, less what the file and people lift of it.
func (p plans) judge(o observation, plan *state.Plan) guard.Verdict {
	c := guard.Case{Desired: p.desired, Advertised: o.advertised, Plan: plan, Now: p.now, Imagined: o.file != ""}
	newEvidence(p.vrps, o.past).counting().complete(&c)
	if o.file != "" {
		c.Tags = o.askedTags
	}
	return o.named(guard.Check(c, p.desired.Guards()))
}

// lift takes away what overrides lift.
func (p *plans) lift(ordered func(speakerPlan) []state.Override) {
	for i := range p.speakers {
		s := &p.speakers[i]
		if all := ordered(*s); len(all) > 0 && len(s.guards.Refusals) > 0 {
			s.lifted = append(s.lifted, s.guards.Lift(all, s.digest(*p))...)
		}
	}
}

// overridden are the overrides that the file has, and that people gave the bridge.
func (s speakerPlan) overridden() []state.Override {
	return append(s.ordered(), s.whole.Guards().Overrides...)
}

// ordered are the overrides that people gave the bridge of a speaker.
func (s speakerPlan) ordered() []state.Override {
	if s.about == nil {
		return nil
	}
	var all []state.Override
	for _, x := range s.about.Overrides {
		if o, err := state.ParseOverride(x.Text); err == nil && x.Owner == s.Owner {
			all = append(all, o)
		}
	}
	return all
}

// refusedBy is the error of plans that guards refuse; nil if they refuse none. again
// is the command line that was given.
func (p plans) refusedBy(again string) error {
	var all failures
	var overrides []state.Override
	for _, s := range p.speakers {
		if len(s.guards.Refusals) == 0 {
			continue
		}
		var words []string
		for _, f := range s.guards.Refusals {
			words = append(words, refusalText(f))
		}
		announce, replace, withdraw := s.Count()
		all = append(all, &failure{code: exitGuarded, err: fmt.Errorf("%s: refused by a guard; nothing was sent of plan %s, which has %d to announce, %d to change and %d to withdraw:\n  %s",
			s.speaker, state.Short(s.digest(p)), announce, replace, withdraw, strings.Join(words, "\n  "))})
		overrides = append(overrides, s.override(p))
	}
	if len(all) == 0 {
		return nil
	}
	all[len(all)-1].(*failure).hints = []string{"if it is meant, and exactly this: " + again + overrideFlags(overrides)}
	return all
}

// override is what would lift all that refuses the plan, and what lifts it already.
func (s speakerPlan) override(p plans) state.Override {
	return state.NewOverride(s.digest(p), guard.Verdict{Refusals: slices.Concat(s.guards.Refusals, s.lifted)}.Rules())
}

// refusalText is what one guard has against a plan.
func refusalText(f guard.Finding) string {
	text := fmt.Sprintf("%s: %s", f.Rule, f.Text)
	if list := f.List(); list != "" {
		text += ": " + list
	}
	return text
}

func overrideFlags(all []state.Override) string {
	var b strings.Builder
	for _, o := range all {
		b.WriteString(" " + flagOverride + " " + o.String())
	}
	return b.String()
}

// checkOverrides reads what was given with --override.
func (f *applyFlags) checkOverrides() ([]state.Override, error) {
	var all []state.Override
	for _, text := range f.overrides {
		o, err := parseOverride(text)
		if err != nil {
			return nil, err
		}
		o.By = flagOverride
		all = append(all, o)
	}
	return all, nil
}

// parseOverride reads an override that was given on the command line.
func parseOverride(text string) (state.Override, error) {
	o, err := state.ParseOverride(text)
	if fault := (*state.Fault)(nil); errors.As(err, &fault) {
		return o, usage(err, fault.Hint)
	}
	return o, err
}

// again is the command line that was given.
func (f *applyFlags) again() string {
	words := []string{"routesync", "apply"}
	switch {
	case f.instead != nil:
		words = slices.Clone(f.instead)
	case f.plan != "" && f.fileGiven:
		words = append(words, shellWord(f.plan), "-f", shellWord(f.file))
	case f.plan != "":
		words = append(words, shellWord(f.plan))
	default:
		words = append(words, "-f", shellWord(f.file))
		words = append(words, guardWords(f.guards)...)
	}
	if f.yes {
		words = append(words, "--yes")
	}
	if f.olderOK {
		words = append(words, flagOlderOK)
	}
	for _, o := range f.overrides {
		words = append(words, flagOverride, o)
	}
	return strings.Join(words, " ")
}

// shellWord is a word as a shell takes it.
func shellWord(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_+=:,./-"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// permit is what may be sent to a speaker: of what was saved nothing else, and nothing
// that a guard refuses.
func (a *applier) permit(speaker string, c *bridge.Commander) func(*state.Plan) error {
	exactly := a.exactly(speaker)
	gate := &reconcile.Gate{Overrides: a.overrides, Evidence: newEvidence(a.vrps, a.observer.past).counting().complete}
	return func(plan *state.Plan) error {
		if exactly != nil {
			if err := exactly(plan); err != nil {
				return err
			}
		}
		if _, err := gate.Judge(plan, a.desired, c.Advertised(), c.Overrides(), time.Now()); err != nil {
			return err
		}
		a.ledgers.of(speaker).Lift(gate.Lifted())
		return nil
	}
}

// guarded is the error of speakers that moved since what was shown, so that a guard
// refuses what is left to do; nil if there are none.
func (a *applier) guarded() error {
	var all failures
	for _, r := range a.results {
		if r.guarded == nil {
			continue
		}
		words := []string{}
		for _, f := range r.guarded.Findings {
			words = append(words, refusalText(f))
		}
		e := r.guarded
		all = append(all, &failure{code: exitGuarded, err: fmt.Errorf("%s: it moved since the plan was made, and a guard refuses what is left to do; nothing of that was sent (%d to announce, %d to change, %d to withdraw):\n  %s",
			r.speaker, e.Plan.Announce, e.Plan.Change, e.Plan.Withdraw, strings.Join(words, "\n  ")), hints: []string{"see routesync plan"}})
	}
	return all.err()
}
