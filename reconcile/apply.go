package reconcile

import (
	"context"
	"slices"
	"time"

	"routesync/state"
)

// tellEvery is how often progress is told at most.
const tellEvery = 200 * time.Millisecond

// look looks how far a speaker has come. That walks both sets, so it takes a
// tenth of the time at most.
type look struct {
	sp      Speaker
	desired *state.Desired
	grade   state.Grade
	due     time.Time // for the next look
}

func (x *look) now() Assessment {
	begun := time.Now()
	a := Assess(x.desired, x.sp.Advertised(), x.grade)
	now := time.Now()
	x.due = now.Add(10 * now.Sub(begun))
	return a
}

// wait is how long not to look; 0 if it is time.
func (x *look) wait() time.Duration { return max(0, time.Until(x.due)) }

// NotSent is the reason of what is pending because [Apply] was not permitted to send it.
const NotSent = "not sent"

// refused is how far the speaker is once permit was against a plan. If anything was
// sent before, it waits until that is confirmed, or ctx ends.
func (x *look) refused(ctx context.Context, plans *planner, sent bool) Assessment {
	for {
		if !sent || x.wait() == 0 && x.sp.Advertised().Complete && x.sp.Settled() {
			plan, err := plans.next(x.sp, x.desired)
			if a := x.now(); err != nil || a.withhold(plan) || !sent {
				return a
			}
		}
		if await(ctx, x.sp, nil, x.wait()) != nil {
			a := x.now()
			a.withhold(plans.plan)
			return a
		}
	}
}

// withhold gives what is pending that is in plan its reason, and tells whether nothing
// else is.
func (a *Assessment) withhold(plan *state.Plan) bool {
	all := true
	rest, n := plan.Changes, 0
	for i := range a.Pending {
		c := &a.Pending[i]
		rest, n = state.Seek(rest, c.Key)
		if slices.ContainsFunc(rest[:n], func(p state.Change) bool { return len(p.Peers) == 0 || slices.Contains(p.Peers, c.Peer) }) {
			c.Reason = NotSent
		} else {
			all = false
		}
	}
	return all
}

// Apply sends the difference between desired and what sp advertises, and waits
// until every route has the grade at every peer that is up, or can't get it.
// When ctx ends first, its error comes with the assessment as it stands. permit, if
// any, is shown each plan before anything of it is sent. With its error nothing of
// that plan is sent, nor of a later one; Apply ends with it as soon as what it sent
// before is confirmed, and what was not sent is pending for the reason [NotSent].
// progress, if any, is told the assessment from time to time.
func Apply(ctx context.Context, sp Speaker, desired *state.Desired, grade state.Grade, permit func(*state.Plan) error, progress func(Assessment)) (Assessment, error) {
	tried := attempts{}
	var epoch int64 // that tried is about
	var told time.Time
	var plans planner
	sent := false // anything
	far := look{sp: sp, desired: desired, grade: grade}
	for {
		if now := sp.Epoch(); now != epoch {
			tried, epoch = attempts{}, now
		}
		nothing := false // left to send
		if sp.Advertised().Complete && sp.Settled() {
			plan, err := plans.next(sp, desired)
			if err != nil {
				return Assessment{}, err
			}
			sp.Left(len(plan.Changes))
			if err := sp.Contest(ctx, plans.contests); err != nil {
				return far.now(), err
			}
			todo := tried.fresh(plan.Changes, time.Now())
			if nothing = len(todo) == 0; !nothing {
				if permit != nil {
					if err := permit(plan); err != nil {
						return far.refused(ctx, &plans, sent), err
					}
				}
				if err := sp.Send(ctx, todo); err != nil {
					return far.now(), err
				}
				sent = true
			}
		}
		longest := far.wait()
		tell := progress != nil && sp.Advertised().Complete && time.Since(told) >= tellEvery
		if longest == 0 && (nothing || tell) {
			a := far.now()
			if nothing && len(a.Pending) == 0 {
				return a, nil
			}
			if tell {
				progress(a)
				told = time.Now()
			}
		}
		if !nothing {
			longest = 0
		}
		if err := await(ctx, sp, nil, longest); err != nil {
			return far.now(), err
		}
	}
}
