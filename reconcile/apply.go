package reconcile

import (
	"context"
	"time"

	"routesync/state"
)

// tellEvery is how often progress is told: an assessment walks the whole set.
const tellEvery = 200 * time.Millisecond

// Apply sends the difference between desired and what sp advertises, and waits
// until every route has the grade at every peer that is up, or can't get it.
// When ctx ends first, its error comes with the assessment as it stands. progress, if
// any, is told the assessment from time to time.
func Apply(ctx context.Context, sp Speaker, desired *state.Desired, grade state.Grade, progress func(Assessment)) (Assessment, error) {
	tried := attempts{}
	var epoch int64 // that tried is about
	var told time.Time
	for {
		if now := sp.Epoch(); now != epoch {
			tried, epoch = attempts{}, now
		}
		if sp.Advertised().Complete && sp.Settled() {
			plan, err := state.Diff(desired, sp.Advertised())
			if err != nil {
				return Assessment{}, err
			}
			if err := sp.Contest(ctx, plan.Contests()); err != nil {
				return Assess(desired, sp.Advertised(), grade), err
			}
			if todo := tried.fresh(plan.Changes, time.Now()); len(todo) > 0 {
				if err := sp.Send(ctx, todo); err != nil {
					return Assess(desired, sp.Advertised(), grade), err
				}
			} else if a := Assess(desired, sp.Advertised(), grade); len(a.Pending) == 0 {
				return a, nil
			}
		}
		if now := time.Now(); progress != nil && sp.Advertised().Complete && now.Sub(told) >= tellEvery {
			progress(Assess(desired, sp.Advertised(), grade))
			told = now
		}
		if err := sp.Await(ctx, nil); err != nil {
			return Assess(desired, sp.Advertised(), grade), err
		}
	}
}
