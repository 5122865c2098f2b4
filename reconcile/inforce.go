package reconcile

import (
	"time"

	"routesync/state"
)

// lookAgain is how often the clock is looked at while a route is still to start
// or to expire: a timer does not see that a clock was set, or that the machine
// slept.
const lookAgain = time.Minute

// inForce is what is asked for now of a set in which routes start and expire.
type inForce struct {
	whole, part *state.Desired
	from, next  int64 // between these, part is it; next is 0 for no end
}

// at is what is asked for at a time: the same pointer until the set or what is
// in force of it changes. byTime tells that the time alone changed it.
func (f *inForce) at(whole *state.Desired, t time.Time) (part *state.Desired, byTime bool) {
	now := t.UnixMilli()
	if whole == f.whole && (whole == nil || f.next == 0 && now >= f.from || f.from <= now && now < f.next) {
		return f.part, false
	}
	byTime = whole == f.whole
	f.whole, f.from = whole, now
	if whole == nil {
		f.part, f.next = nil, 0
		return nil, false
	}
	f.part, f.next = whole.At(now)
	return f.part, byTime
}

// wait is the longest time that nothing is to be done by itself, 0 for ever:
// what is left is tried again, what is held comes free, and routes start and expire.
func (f *inForce) wait(left int, held time.Duration, t time.Time) time.Duration {
	longest := held
	if left > 0 && (longest == 0 || longest > tryAgain) {
		longest = tryAgain
	}
	if f.next != 0 {
		due := min(max(time.UnixMilli(f.next).Sub(t), time.Millisecond), lookAgain)
		if longest == 0 || due < longest {
			longest = due
		}
	}
	return longest
}
