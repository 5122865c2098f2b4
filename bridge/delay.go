package bridge

import (
	"slices"

	"routesync/state"
)

// When a session has come up, or its table was flushed, exaBGP has all routes of
// it to send, and a new value of one that waits may overtake the old one
// (rib/outgoing.py, add_to_rib). So what exaBGP sends again counts as a change in
// flight, and a new value waits for the report of the old. A withdraw need not:
// it takes what waits back, and a route that exaBGP does not have has nothing to
// overtake. The same value once more has nothing to do, but whoever gave it by hand
// is told what came of it, and that is not known yet.

// delays tells whether a change has to wait for that.
func (c *core) delays(k state.Key, e *entry, o *op) bool {
	if o.withdraw || o.adopt != nil {
		return false
	}
	for i := range e.slots {
		s := e.slots[i]
		if !s.waits() || s.attrs == o.attrs && !o.order.answered() || len(o.peers) > 0 && !slices.Contains(o.peers, s.peer.Addr) {
			continue
		}
		c.delayed[k] = struct{}{}
		return true
	}
	return false
}

// waits tells whether exaBGP has the route still to send to a peer that it sends
// all of its table.
func (s *slot) waits() bool { return s.grade == state.Accepted && s.peer.up && s.peer.unsettled }

// resumeDelayed begins the changes that waited for a session that has ended, or
// was sent everything.
func (c *core) resumeDelayed() {
	all := c.delayed
	c.delayed = map[state.Key]struct{}{}
	for k := range all {
		if e := c.table.entries[k]; e != nil {
			c.next(k, e)
		}
	}
}
