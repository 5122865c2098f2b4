package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"routesync/bridge"
	"routesync/reconcile"
	"routesync/state"
)

// readPlan reads the saved plan that is to be carried out, nil if there is none, and
// finds out its file.
func (f *applyFlags) readPlan() (*savedPlan, error) {
	if f.plan == "" {
		return nil, nil
	}
	saved, err := readSaved(f.plan)
	switch {
	case err != nil:
		return nil, err
	case f.fileGiven:
		saved.File = f.file // where it is now
	case saved.File == stdinName:
		return nil, usage(fmt.Errorf("%s was made for a file on stdin", f.plan), "give that with -f")
	}
	f.file = saved.File
	return saved, nil
}

// refuse is the error of a saved plan that is stale; nil if there is none.
func (s *savedPlan) refuse(now plans, used use) error {
	if s == nil {
		return nil
	}
	x, err := s.check(now, used)
	if err != nil || x == nil {
		return err
	}
	return x.failure()
}

// base is what was in force at a speaker when the plan was made; nil if any may be.
func (s *savedPlan) base(speaker string) *int64 {
	if s == nil {
		return nil
	}
	for _, o := range s.speakers {
		if o.name == speaker {
			epoch := epochOf(o.base, s.owner)
			return &epoch
		}
	}
	return nil // the plan is not for it, which is refused before
}

// overtaken is the error of a plan that a bridge says was used, or overtaken.
func (a *applier) overtaken(late *bridge.StaleError) error {
	x := &stale{plan: a.saved, begun: a.begun}
	x.say("%s: %s", late.Speaker, x.overtaken(late.InForce))
	return x.failure()
}

// agreeAt looks, under the lease, whether a speaker is still as the saved plan says,
// and waits until all of them are: nothing is sent to one if another has moved. Once
// something may have been sent, what is left is no longer what was planned.
func (a *applier) agreeAt(ctx context.Context, o observation, all *muster) error {
	if a.saved == nil || a.begun {
		return nil
	}
	now, err := planAll(a.plans.file, a.whole, a.plans.now, []observation{o})
	if err == nil {
		err = a.saved.refuse(now, ours)
	}
	if err != nil {
		return err
	}
	return all.arrive(ctx, func() { a.begun = true })
}

// exactly is what may be sent to a speaker of a saved plan; nil for anything.
func (a *applier) exactly(speaker string) func(*state.Plan) error {
	if a.saved == nil {
		return nil
	}
	for _, s := range a.plans.speakers {
		if s.speaker == speaker {
			return reconcile.NewExactly(s.Plan).Permit
		}
	}
	return reconcile.NewExactly(&state.Plan{}).Permit
}

// beyond is the error of speakers at which something else is left to do than the plan
// says; nil if there is none.
func (a *applier) beyond() error {
	var all failures
	for _, r := range a.results {
		if r.beyond == nil {
			continue
		}
		p := paragraph{of: len(r.beyond.Changes)}
		for i := range min(p.of, maxListed) {
			p.rows = append(p.rows, changeRow(r.beyond.Changes[i]))
		}
		text := fmt.Sprintf("stale plan: %s moved while %s was carried out. What is left to do is not what that says, and was not sent:", r.speaker, a.flags.plan)
		all = append(all, &failure{code: exitStale, err: errors.New(text + "\n  " + strings.Join(p.lines(), "\n  ")), hints: []string{
			"what was confirmed is above; what is to be done now: " + strings.Join(planWords(a.flags.file, a.saved.Guard), " "),
		}})
	}
	return all.err()
}

// changeRow is a change without what is known of its speaker.
func changeRow(c state.Change) row {
	r := row{sign: sign(c.Op()), nlri: c.Key.String()}
	switch c.Op() {
	case state.Announce:
		r.detail = c.After().String()
	case state.Withdraw:
		r.detail = c.Before().String()
	default:
		r.detail = changeText(c)
	}
	if len(c.Peers) > 0 {
		r.where = "at " + strings.Join(addrsJSON(c.Peers), ", ")
	}
	return r
}

// muster is a meeting of all speakers: who arrives waits for the others.
type muster struct {
	mu   sync.Mutex
	left int
	met  chan struct{}
}

func newMuster(n int) *muster { return &muster{left: n, met: make(chan struct{})} }

// arrive returns when all have, or with the error of ctx. The last one does last,
// before anybody goes on.
func (m *muster) arrive(ctx context.Context, last func()) error {
	m.mu.Lock()
	if m.left--; m.left == 0 {
		last()
		close(m.met)
	}
	m.mu.Unlock()
	select {
	case <-m.met:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
