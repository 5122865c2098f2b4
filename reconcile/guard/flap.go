package guard

import (
	"fmt"
	"time"

	"routesync/state"
)

// flapping is what there is against routes that change too often, where somebody
// has counted.
func (t *tally) flapping(p *state.Policy) (refusals, warnings []Finding) {
	switch {
	case p.Flap.Changes == 0:
		return nil, nil
	case t.c.Uncounted != nil:
		return nil, []Finding{{Rule: state.RuleFlap, Text: fmt.Sprintf("whether a route changes too often can't be told: %v", t.c.Uncounted)}}
	case t.c.Changed == nil:
		return nil, nil
	}
	f := Finding{Rule: state.RuleFlap}
	most := 0
	var last state.Key
	for i := range t.c.Plan.Changes {
		x := &t.c.Plan.Changes[i]
		if x.Key == last || !x.Seen() {
			continue
		}
		last = x.Key
		if n := t.c.Changed(x.Key); n >= p.Flap.Changes {
			f.add(x.Key)
			most = max(most, n)
		}
	}
	if f.Count == 0 {
		return nil, nil
	}
	within := time.Duration(p.Flap.Within) * time.Millisecond
	f.Text = fmt.Sprintf("%s would change again, which did up to %d times within %s; at most %d may be, or others damp it (flap)", routes(f.Count), most, within, p.Flap.Changes)
	return []Finding{f}, nil
}
