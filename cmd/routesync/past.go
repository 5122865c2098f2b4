package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"sync"
	"time"

	"routesync/reconcile/history"
	"routesync/state"
)

// pastPatience is how long the history may take to tell of a route: nothing waits for
// a disk that hangs.
const pastPatience = time.Second

// past is what is on record of an owner, for what is said of a plan.
type past struct{ store *history.Store }

// newPast is that of an owner; nil if there is no place for it.
func newPast(w *world, g *globalFlags, owner string) *past {
	dir, err := g.historyPlace(w.getenv)
	if err != nil || dir == "" {
		return nil
	}
	store, err := history.Open(dir, owner)
	if err != nil {
		return nil
	}
	return &past{store}
}

var errPastSlow = errors.New("the history is slow, and was not read")

// last finds who set the routes last that a plan takes away.
func (p *past) last(plan *state.Plan) (*history.Settings, error) {
	if p == nil {
		return nil, nil
	}
	var leaving []state.Change
	for i := range plan.Changes {
		if c := &plan.Changes[i]; c.Op() == state.Withdraw {
			leaving = append(leaving, *c)
		}
	}
	if len(leaving) == 0 {
		return nil, nil
	}
	return inTime(func() (*history.Settings, error) { return p.store.Last(plan.Speaker, leaving) })
}

// inTime reads a disk, which may hang.
func inTime[T any](read func() (T, error)) (T, error) {
	type answer struct {
		found T
		err   error
	}
	got := make(chan answer, 1)
	go func() { // a read of a disk can't be given up
		found, err := read()
		got <- answer{found, err}
	}()
	patience := time.NewTimer(pastPatience)
	defer patience.Stop()
	select {
	case a := <-got:
		return a.found, a.err
	case <-patience.C:
		var none T
		return none, errPastSlow
	}
}

// changed is how often the routes of a plan changed in the time in which a policy
// counts that; nil if none can have, so often that it matters.
func (p *past) changed(plan *state.Plan, limit state.Flap, now time.Time) (func(state.Key) int, error) {
	if limit.Changes == 0 || len(plan.Changes) == 0 {
		return nil, nil
	}
	asked := func(k state.Key) bool {
		_, found := slices.BinarySearchFunc(plan.Changes, k, func(c state.Change, k state.Key) int { return state.CompareKeys(c.Key, k) })
		return found
	}
	since := now.Add(-time.Duration(limit.Within) * time.Millisecond)
	counts, err := inTime(func() (map[state.Key]int, error) { return p.store.Recent(plan.Speaker, since, limit.Changes, asked) })
	if err != nil || counts == nil {
		return nil, err
	}
	return func(k state.Key) int { return counts[k] }, nil
}

// tags tells with which tags routes were announced that a plan takes away. It looks
// when it is asked first.
func (p *past) tags(plan *state.Plan) func(state.Key, netip.Addr) ([]string, bool) {
	look := sync.OnceValue(func() *history.Settings {
		found, err := p.last(plan)
		if err != nil {
			return nil // whatever is not known counts against every tag
		}
		return found
	})
	return func(k state.Key, peer netip.Addr) ([]string, bool) { return look().Tags(k, peer) }
}

// warnPast says where it is not known who set routes last, though it might be.
func (p plans) warnPast(to io.Writer) error {
	for _, s := range p.speakers {
		if s.pastErr == nil {
			continue
		}
		if _, err := fmt.Fprintf(to, "warning: %s: who set last what goes is not known: %v\n", s.speaker, s.pastErr); err != nil {
			return hinted(err)
		}
	}
	return nil
}
