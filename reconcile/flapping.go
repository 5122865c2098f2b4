package reconcile

import (
	"cmp"
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
	told   map[state.Key]bool // that are held
	noted  string
	passed *passage // a plan that was let through all the same
}

// part is the changes of a plan that may be sent, and how long it takes until
// another may; 0 if nothing is held.
func (g *guarded) part(t *Target, sp Speaker, plan *state.Plan, desired *state.Desired, now time.Time, log *slog.Logger) (free []state.Change, wait time.Duration) {
	f, policy := &g.flaps, desired.Guards()
	f.Settle(plan.Changes)
	if f.passed != nil && (len(plan.Changes) == 0 || f.passed.set != desired.Revision.Digest) {
		f.passed = nil // it was meant for once
	}
	within := time.Duration(policy.Flap.Within) * time.Millisecond
	free, held := f.Part(plan.Changes, policy.Flap.Changes, within, now)
	if len(held) > 0 && g.letGo(sp, plan, desired, held, log) {
		free, held = plan.Changes, nil
	}
	if len(held) == 0 {
		if len(f.told) > 0 {
			log.Info("no route is held any more for changing too often")
			t.note(Flapping, "", "")
			f.told, f.noted = nil, ""
		}
		return free, 0
	}
	f.log(held, within, log)
	f.note(t, held, within, plan, desired)
	first := slices.MinFunc(held, func(a, b flap.Held) int { return a.Until.Compare(b.Until) })
	return free, max(first.Until.Sub(now), time.Millisecond)
}

// letGo tells whether an override lifts the rule for the plan, or did for one that
// this is what is left of.
func (g *guarded) letGo(sp Speaker, plan *state.Plan, desired *state.Desired, held []flap.Held, log *slog.Logger) bool {
	if g.flaps.passed != nil && len(g.flaps.passed.beyond(plan, desired)) == 0 {
		return true
	}
	ordered := sp.Overrides()
	all := slices.Concat(desired.Guards().Overrides, g.Overrides, ordered)
	if len(all) == 0 {
		return false
	}
	digest := plan.Digest(desired.Revision.Digest, desired.Policy.Digest())
	if !state.Lifts(all, state.RuleFlap, digest) {
		return false
	}
	within := time.Duration(desired.Guards().Flap.Within) * time.Millisecond
	text := often(held[0], within)
	if more := len(held) - 1; more > 0 {
		text += fmt.Sprintf(", and %d more too often", more)
	}
	x := Lifted{state.RuleFlap, text, lifting(all, state.RuleFlap, digest)}
	g.lifted = append(slices.Clip(g.lifted), x)
	log.Warn("a guard is overridden", "rule", x.Rule, "text", x.Text, "override", x.Override.String(), "by", cmp.Or(x.Override.By, "the file"))
	g.flaps.passed = &passage{desired.Revision.Digest, desired.Policy.Digest(), plan, NewExactly(plan), true}
	g.use(ordered, state.RuleFlap, digest)
	return true
}

// log says once of each route that it is held.
func (f *flapping) log(held []flap.Held, within time.Duration, log *slog.Logger) {
	const singly = 10 // what more there is, is counted
	told := make(map[state.Key]bool, len(held))
	begun := 0
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
	f.told = told
}

// note notes how many are held, and how they are let go.
func (f *flapping) note(t *Target, held []flap.Held, within time.Duration, plan *state.Plan, desired *state.Desired) {
	last := slices.MaxFunc(held, func(a, b flap.Held) int { return a.Until.Compare(b.Until) })
	text := often(held[0], within) + ", and is held as it is"
	if more := len(held) - 1; more > 0 {
		text += fmt.Sprintf("; so are %d more", more)
	}
	text += ", until " + last.Until.UTC().Format(time.RFC3339)
	o := state.NewOverride(plan.Digest(desired.Revision.Digest, desired.Policy.Digest()), []state.Rule{state.RuleFlap})
	do := "find out what changes it; if it is meant: " + orderText(o, plan.Speaker, plan.Owner)
	if text+do != f.noted {
		f.noted = text + do
		t.note(Flapping, text, do)
	}
}

func often(h flap.Held, within time.Duration) string {
	return fmt.Sprintf("%s changed %d times within %s", h.Key, h.Changes, within)
}
