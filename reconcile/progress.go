package reconcile

import (
	"maps"
	"slices"
	"sync"
	"time"

	"routesync/reconcile/guard"
	"routesync/state"
)

// Changes are numbers of changes, by what they do.
type Changes struct{ Announce, Change, Withdraw int }

// Progress is how far a speaker is from the file, as its loop saw it last: when
// everything that was sent before was answered.
type Progress struct {
	Known     bool      // it was seen; without it, the numbers say nothing
	Desired   int       // routes that are asked for now
	Unchanged int       // of them, those that need nothing
	Foreign   int       // routes of others
	Pending   Changes   // what is left, sent already or not
	Converged time.Time // when nothing was left for the first time since something was; zero if never
	Published Changes   // in all, since the target was made
	// Guarded are the rules that hold the plan now, and Refusals how many plans each
	// rule has refused, in all.
	Guarded  []state.Rule
	Refusals map[state.Rule]uint64
}

// progress is a Progress that a loop writes and others read.
type progress struct {
	plan    *state.Plan   // that the loop saw last
	refusal *GuardedError // of it; nil if nothing refused it

	mu   sync.Mutex
	left int // changes and overlaps
	Progress
}

// Progress is how far the speaker of this target is.
func (t *Target) Progress() Progress {
	t.progress.mu.Lock()
	defer t.progress.mu.Unlock()
	p := t.progress.Progress
	p.Guarded, p.Refusals = slices.Clone(p.Guarded), maps.Clone(p.Refusals)
	return p
}

// saw notes a plan for a set, and what refuses it, together: its numbers and its rules
// are of the same moment.
func (p *progress) saw(plan *state.Plan, desired *state.Desired, refusal *GuardedError, now time.Time) {
	if plan == p.plan && refusal == p.refusal {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if plan != p.plan {
		left := len(plan.Changes) + len(plan.Overlaps)
		if left == 0 && (p.left > 0 || !p.Known) {
			p.Converged = now
		}
		p.left, p.Known = left, true
		p.Desired, p.Unchanged, p.Foreign = len(desired.Routes), plan.Unchanged, len(plan.Foreign)
		p.Pending = count(plan.Changes)
	}
	if refusal != p.refusal {
		p.Guarded = nil
		if refusal != nil {
			p.refuse(guard.Verdict{Refusals: refusal.Findings}.Rules())
		}
	}
	p.plan, p.refusal = plan, refusal
}

// refuse counts rules that refuse a plan from now on.
func (p *progress) refuse(rules []state.Rule) {
	p.Guarded = rules
	if p.Refusals == nil {
		p.Refusals = map[state.Rule]uint64{}
	}
	for _, r := range rules {
		p.Refusals[r]++
	}
}

// published notes changes that were sent.
func (p *progress) published(c Changes) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Published.Announce += c.Announce
	p.Published.Change += c.Change
	p.Published.Withdraw += c.Withdraw
}

func count(changes []state.Change) (c Changes) {
	c.Announce, c.Change, c.Withdraw = state.Count(changes)
	return c
}
