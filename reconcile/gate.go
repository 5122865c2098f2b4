package reconcile

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"routesync/reconcile/guard"
	"routesync/state"
)

// Gate lets the plans for one speaker through that no guard refuses, or of which all
// that refuses them is lifted. It belongs to one goroutine at a time, and outlives
// connections. The zero Gate has nothing lifted.
type Gate struct {
	// Overrides were given for what is done now, besides those of the policy.
	Overrides []state.Override
	// Evidence, if any, completes what a plan is judged by.
	Evidence func(*guard.Case)

	passed *passage
	last   judgement
}

// passage is a plan that was let through. What is left of it is not judged again,
// only what there is to do besides: a session broke in the middle of it, or, if
// something was lifted for it, somebody undid a part of it.
type passage struct {
	set, policy string // digests
	of          *state.Plan
	exactly     *Exactly
	lifted      bool
}

// judgement is the last one, and what it hangs on.
type judgement struct {
	plan      *state.Plan
	policy    *state.Policy
	overrides []state.Override
	at        time.Time
	verdict   guard.Verdict
	lifted    []Lifted
	digest    string // of the plan; "" if nothing was to be lifted
	err       *GuardedError
}

// GuardedError says that guards refuse a plan. Nothing of it was sent.
type GuardedError struct {
	Speaker  string
	Plan     Changes
	Digest   string          // of the plan
	Findings []guard.Finding // that refuse it, and are not lifted
	Override state.Override  // that would lift them
}

// Error names the rules, with their numbers.
func (e *GuardedError) Error() string {
	return fmt.Sprintf("%s: refused by a guard, and nothing of plan %s is sent: %s", e.Speaker, e.Digest[:min(state.ShortDigest, len(e.Digest))], findingsText(e.Findings))
}

// Judge tells what there is against a plan from what is advertised to what is desired
// now. ordered are overrides that others gave the speaker. Refusals that are lifted
// are not in the verdict; with others the error is a [*GuardedError].
func (g *Gate) Judge(plan *state.Plan, desired *state.Desired, advertised *state.Advertised, ordered []state.Override, now time.Time) (guard.Verdict, error) {
	rest := g.passed.beyond(plan, desired)
	if len(plan.Changes) == 0 && g.passed != nil && !g.passed.lifted {
		g.passed = nil // which may be a million changes
	}
	if len(rest) == 0 {
		g.last = judgement{}
		return guard.Verdict{}, nil
	}
	policy := desired.Guards()
	overrides := slices.Concat(policy.Overrides, g.Overrides, ordered)
	if !g.last.holds(plan, desired.Policy, overrides, now) {
		g.last = judgement{plan: plan, policy: desired.Policy, overrides: overrides, at: now}
		g.last.judge(rest, g.Evidence, desired, advertised)
	}
	if g.last.err != nil {
		return g.last.verdict, g.last.err
	}
	lifted := len(g.last.lifted) > 0 || len(rest) < len(plan.Changes) && g.passed.lifted
	g.passed = &passage{desired.Revision.Digest, desired.Policy.Digest(), plan, NewExactly(plan), lifted}
	return g.last.verdict, nil
}

// holds tells whether a judgement would be the same now. Some of what it hangs on
// is looked at anew only now and then.
func (j *judgement) holds(plan *state.Plan, policy *state.Policy, overrides []state.Override, now time.Time) bool {
	same := func(a, b state.Override) bool { return a.Plan == b.Plan && slices.Equal(a.Rules, b.Rules) }
	return j.plan == plan && j.policy == policy && now.Sub(j.at) < lookAgain && slices.EqualFunc(j.overrides, overrides, same)
}

// judge judges changes of the plan. What it is overridden by is the whole of it,
// which is what people see.
func (j *judgement) judge(changes []state.Change, evidence func(*guard.Case), desired *state.Desired, advertised *state.Advertised) {
	part := *j.plan
	part.Changes = changes
	c := guard.Case{Desired: desired, Advertised: advertised, Plan: &part, Now: j.at.UnixMilli()}
	if evidence != nil {
		evidence(&c)
	}
	if guard.Clear(c, desired.Guards()) {
		return
	}
	j.verdict = guard.Check(c, desired.Guards())
	if len(j.verdict.Refusals) == 0 {
		return
	}
	j.digest = j.plan.Digest(desired.Revision.Digest, desired.Policy.Digest())
	rules := j.verdict.Rules()
	for _, f := range j.verdict.Lift(j.overrides, j.digest) {
		j.lifted = append(j.lifted, Lifted{f.Rule, f.Text, lifting(j.overrides, f.Rule, j.digest)})
	}
	if len(j.verdict.Refusals) > 0 {
		j.err = &GuardedError{
			Speaker: j.plan.Speaker, Plan: count(j.plan.Changes), Digest: j.digest,
			Findings: j.verdict.Refusals, Override: state.NewOverride(j.digest, rules),
		}
	}
}

// Lifted is what would have refused the plan that was let through last.
func (g *Gate) Lifted() []Lifted { return g.last.lifted }

// lifting is the first of some overrides that lifts a rule for the plan with a digest;
// the zero one if none does.
func lifting(all []state.Override, r state.Rule, digest string) state.Override {
	for _, o := range all {
		if o.Lifts(r, digest) {
			return o
		}
	}
	return state.Override{}
}

// beyond is what of a plan was not let through yet, for the same file.
func (p *passage) beyond(plan *state.Plan, desired *state.Desired) []state.Change {
	if p == nil || p.set == "" || p.set != desired.Revision.Digest || p.policy != desired.Policy.Digest() {
		return plan.Changes
	}
	if p.of == plan {
		return nil
	}
	if more := (*BeyondError)(nil); errors.As(p.exactly.Permit(plan), &more) {
		return more.Changes
	}
	return nil
}
