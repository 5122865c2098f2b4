package reconcile

import (
	"routesync/state"
)

// planner keeps up the plan for one speaker, so that the cost of a change follows
// its size.
type planner struct {
	plan     *state.Plan
	contests []state.Contest // of the plan
}

// next is the plan as of now. It is the same pointer as before if nothing that it
// hangs on has changed.
func (p *planner) next(sp Speaker, desired *state.Desired) (*state.Plan, error) {
	touched, all := sp.Touched()
	last := p.plan
	if all {
		last = nil
	}
	plan, err := last.Refresh(desired, sp.Advertised(), touched)
	if err != nil {
		p.plan = nil // what was touched is told once
		return nil, err
	}
	if plan != p.plan {
		p.plan, p.contests = plan, plan.Contests()
	}
	return plan, nil
}
