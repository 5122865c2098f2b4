package guard

import (
	"fmt"
	"slices"
	"strings"

	"routesync/state"
)

// Shown is how many of the routes that it is about a finding has.
const Shown = 10

// Finding is what a rule has against a plan.
type Finding struct {
	Rule   state.Rule
	Text   string      // what it is, with its numbers
	Routes []state.Key // the first [Shown] that it is about, in order
	Count  int         // how many it is about
}

// List is the routes that it is about, for people: the first few, and how many more
// there are; "" for none.
func (f Finding) List() string {
	const few = 3
	words := make([]string, 0, few)
	for _, k := range f.Routes[:min(few, len(f.Routes))] {
		words = append(words, k.String())
	}
	list := strings.Join(words, ", ")
	if more := f.Count - len(words); more > 0 && len(words) > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}

// add counts a route that the finding is about.
func (f *Finding) add(k state.Key) {
	f.Count++
	if len(f.Routes) < Shown {
		f.Routes = append(f.Routes, k)
	}
}

// Verdict is what there is against a plan, in the order of [state.Rules], and what
// it leads to.
type Verdict struct {
	Refusals []Finding // while there is one, nothing may be sent
	Warnings []Finding
	Impact   Impact
}

// Rules are those that refuse the plan: what an override of it has to name.
func (v Verdict) Rules() []state.Rule {
	var rules []state.Rule
	for _, f := range v.Refusals {
		if !slices.Contains(rules, f.Rule) {
			rules = append(rules, f.Rule)
		}
	}
	return rules
}

// Lift takes away the refusals that overrides lift for the plan with a digest, and
// returns them.
func (v *Verdict) Lift(overrides []state.Override, digest string) (lifted []Finding) {
	var left []Finding
	for _, f := range v.Refusals {
		if state.Lifts(overrides, f.Rule, digest) {
			lifted = append(lifted, f)
		} else {
			left = append(left, f)
		}
	}
	v.Refusals = left
	return lifted
}

// Check judges a plan by a policy.
func Check(c Case, p *state.Policy) Verdict {
	t := take(&c, p)
	v := Verdict{Impact: t.impact()}
	refused, warned := t.origins(p)
	flapping, uncounted := t.flapping(p)
	v.Refusals = slices.Concat(t.withdrawals(p), t.floors(p), t.touched(p), t.announcements(p), refused, flapping)
	v.Warnings = slices.Concat(warned, uncounted)
	byRule := func(a, b Finding) int {
		return slices.Index(state.Rules(), a.Rule) - slices.Index(state.Rules(), b.Rule)
	}
	slices.SortStableFunc(v.Refusals, byRule)
	slices.SortStableFunc(v.Warnings, byRule)
	return v
}
