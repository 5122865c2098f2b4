package reconcile

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"routesync/reconcile/flap"
	"routesync/state"
)

// Flapping is what is noted while routes are held because they change too often.
const Flapping = "flapping"

// flapping holds the routes of a target that change too often. It outlives the
// connections to the speaker.
type flapping struct {
	flap.Governor
	told map[state.Key]bool // that are held
}

// part is the changes of a plan that may be sent, and how long it takes until
// another may; 0 if nothing is held.
func (f *flapping) part(t *Target, plan *state.Plan, policy *state.Policy, now time.Time, log *slog.Logger) (free []state.Change, wait time.Duration) {
	f.Settle(plan.Changes)
	within := time.Duration(policy.Flap.Within) * time.Millisecond
	free, held := f.Part(plan.Changes, policy.Flap.Changes, within, now)
	if len(held) == 0 {
		if len(f.told) > 0 {
			log.Info("no route is held any more for changing too often")
			f.told = nil
			t.note(Flapping, "", "")
		}
		return free, 0
	}
	f.tell(t, held, policy.Flap, log)
	first := slices.MinFunc(held, func(a, b flap.Held) int { return a.Until.Compare(b.Until) })
	return free, max(first.Until.Sub(now), time.Millisecond)
}

// tell says once of each route that it is held, and notes how many are.
func (f *flapping) tell(t *Target, held []flap.Held, limit state.Flap, log *slog.Logger) {
	const singly = 10 // what more there is, is counted
	told := make(map[state.Key]bool, len(held))
	begun := 0
	within := time.Duration(limit.Within) * time.Millisecond
	for _, h := range held {
		told[h.Key] = true
		if f.told[h.Key] {
			continue
		}
		if begun++; begun <= singly {
			log.Warn("the route changes too often, and is held as it is", "route", h.Key.String(), "changes", h.Changes, "within", within, "until", h.Until.UTC().Format(time.RFC3339))
		}
	}
	if more := begun - singly; more > 0 {
		log.Warn("more routes change too often, and are held as they are", "routes", more)
	}
	changed := begun > 0 || len(told) != len(f.told)
	f.told = told
	if !changed {
		return
	}
	last := slices.MaxFunc(held, func(a, b flap.Held) int { return a.Until.Compare(b.Until) })
	text := fmt.Sprintf("%s changed %d times within %s, and is held as it is", held[0].Key, held[0].Changes, within)
	if more := len(held) - 1; more > 0 {
		text += fmt.Sprintf("; so are %d more", more)
	}
	text += ", until " + last.Until.UTC().Format(time.RFC3339)
	t.note(Flapping, text, "find out what changes it; guard: flap says how often a route may change")
}
