package reconcile

import (
	"net/netip"
	"slices"

	"routesync/state"
)

// Exactly is a plan that somebody agreed to: what may be sent, and nothing else. What
// is left of it, when a part is done, is of it too: the rest of its changes, or the
// same at fewer peers.
type Exactly struct {
	changes []state.Change // in the order of their keys
}

// NewExactly permits the changes of a plan. They must not be changed any more.
func NewExactly(plan *state.Plan) *Exactly { return &Exactly{plan.Changes} }

// Permit is nil if a plan has no change but those that are permitted; else its error
// is a [*BeyondError].
func (x *Exactly) Permit(plan *state.Plan) error {
	var beyond []state.Change
	rest, n := x.changes, 0
	for i := range plan.Changes {
		c := &plan.Changes[i]
		rest, n = state.Seek(rest, c.Key)
		if !within(c, rest[:n]) {
			beyond = append(beyond, *c)
		}
	}
	if len(beyond) > 0 {
		return &BeyondError{Changes: beyond}
	}
	return nil
}

// within tells whether a change is, at each of its peers, one of those of its key.
func within(c *state.Change, permitted []state.Change) bool {
	if len(c.Peers) == 0 {
		return slices.ContainsFunc(permitted, func(p state.Change) bool { return len(p.Peers) == 0 && sameStep(c, &p) })
	}
	return !slices.ContainsFunc(c.Peers, func(peer netip.Addr) bool {
		return !slices.ContainsFunc(permitted, func(p state.Change) bool { return slices.Contains(p.Peers, peer) && sameStep(c, &p) })
	})
}

// sameStep tells whether two changes of a key lead from the same to the same.
func sameStep(a, b *state.Change) bool {
	if a.Op() != b.Op() || a.Before() != b.Before() || a.After() != b.After() {
		return false
	}
	if was, had := a.Was(), b.Was(); was.Expires != had.Expires || was.Lease != had.Lease {
		return false
	}
	return sameTerms(a, b)
}

// BeyondError says that there is more to do, or something else, than was permitted.
type BeyondError struct {
	Changes []state.Change // those that were not
}

func (e *BeyondError) Error() string {
	text := e.Changes[0].Key.String()
	if len(e.Changes) > 1 {
		text += " and others"
	}
	return "what is to be done has changed: " + text
}
