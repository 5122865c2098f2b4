package reconcile

import (
	"slices"
	"time"

	"routesync/state"
)

// tryAgain is after what time a change that did not stick is sent again: what
// refused it may have gone.
const tryAgain = 30 * time.Second

// attempts remembers the changes that were sent, so that one which is still
// to do when everything was answered is not sent over and over.
type attempts []sending

// sending is what was sent at one time, in the order of the plan, less what has
// stuck since.
type sending struct {
	at      time.Time
	changes []state.Change
}

// fresh returns the changes, which are in the order of a plan, that were not sent
// lately, and notes them as sent now. What is no longer to do has stuck: it is
// forgotten, so that the same change is sent at once if the route drifts again.
func (a *attempts) fresh(changes []state.Change, now time.Time) []state.Change {
	*a = slices.DeleteFunc(*a, func(s sending) bool { return now.Sub(s.at) >= tryAgain })
	todo := changes
	if len(*a) > 0 && len(changes) > 0 {
		tried := make([]bool, len(changes))
		for i := range *a {
			(*a)[i].keep(changes, tried)
		}
		todo = nil
		for i, was := range tried {
			if !was {
				todo = append(todo, changes[i])
			}
		}
	}
	*a = slices.DeleteFunc(*a, func(s sending) bool { return len(changes) == 0 || len(s.changes) == 0 })
	if len(todo) > 0 {
		*a = append(*a, sending{now, todo})
	}
	return todo
}

// keep forgets what is not among the changes that are still to do, and marks those
// that are.
func (s *sending) keep(changes []state.Change, tried []bool) {
	var still []state.Change
	rest, n := s.changes, 0
	for i := range changes {
		c := &changes[i]
		rest, n = state.Seek(rest, c.Key)
		if slices.ContainsFunc(rest[:n], func(was state.Change) bool { return was.SameAs(c) }) {
			tried[i] = true
			still = append(still, *c)
		}
	}
	s.changes = still
}
