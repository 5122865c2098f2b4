package bridge

import (
	"slices"

	"routesync/bridge/journal"
	"routesync/state"
)

// tried are the routes of a trial at some peers of which it is not noted yet what
// they had.
type tried struct {
	of     *trial
	claims []journal.Claim
}

// noting returns what notes what an operation is about to change; nothing if it is of
// no trial.
func (c *core) noting(o *op) tried {
	if t := c.trials[o.owner]; o.batch != nil && t != nil && t.revert == nil {
		return tried{of: t}
	}
	return tried{}
}

// note notes what a peer has of the route, if the trial changes it for the first
// time.
func (x *tried) note(o *op, p *peer, s *slot) {
	if x.of == nil {
		return
	}
	for _, claim := range x.of.before[o.key] {
		if slices.Contains(claim.Peers, p.Addr) {
			return
		}
	}
	had := journal.Claim{Owner: o.owner, Leaving: true}
	if s != nil && s.owner == o.owner && s.grade != state.Withdrawing && !s.leaves {
		had = journal.Claim{Owner: o.owner, From: s.provenance(), Value: s.asked().Canonical()}
	}
	x.claims = withClaim(x.claims, &had, p.alone())
}

// keep writes down what was noted.
func (c *core) keep(x *tried, k state.Key) {
	if len(x.claims) == 0 {
		return
	}
	t := x.of
	all := append(slices.Clone(t.before[k]), x.claims...)
	if !slices.EqualFunc(all, t.last, sameClaim) {
		t.last = all
	}
	t.before[k] = t.last
	e := journal.Entry{Key: k, Claims: t.last}
	if n := len(c.out.tried); n > 0 && c.out.tried[n-1].Owner == t.owner {
		c.out.tried[n-1].Entries = append(c.out.tried[n-1].Entries, e)
		return
	}
	c.out.tried = append(c.out.tried, journal.Tried{Owner: t.owner, Entries: []journal.Entry{e}})
}
