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

// saw notes a plan for a set.
func (p *progress) saw(plan *state.Plan, desired *state.Desired, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := len(plan.Changes) + len(plan.Overlaps)
	if left == 0 && (p.left > 0 || !p.Known) {
		p.Converged = now
	}
	p.left, p.Known = left, true
	p.Desired, p.Unchanged, p.Foreign = len(desired.Routes), plan.Unchanged, len(plan.Foreign)
	p.Pending = count(plan.Changes)
}

// published notes changes that were sent.
func (p *progress) published(c Changes) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Published.Announce += c.Announce
	p.Published.Change += c.Change
	p.Published.Withdraw += c.Withdraw
}

// refused notes what refuses a plan from now on; nothing, that nothing does.
func (p *progress) refused(all []guard.Finding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Guarded = guard.Verdict{Refusals: all}.Rules()
	for _, r := range p.Guarded {
		if p.Refusals == nil {
			p.Refusals = map[state.Rule]uint64{}
		}
		p.Refusals[r]++
	}
}

func count(changes []state.Change) (c Changes) {
	c.Announce, c.Change, c.Withdraw = state.Count(changes)
	return c
}
