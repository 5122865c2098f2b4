package bridge

import (
	"time"

	"routesync/state"
)

// A stray is an owner's route with another value than the owner last gave it, as
// far as this bridge knows: somebody changed it, or a bridge was killed between
// writing a value down and giving it. The journal keeps the owner's, until the
// commander has seen the route and leaves it as it is.

// stray notes that a slot has such a value.
func (c *core) stray(k state.Key, s *slot) {
	if s.given != (state.Attrs{}) {
		c.strays[place{k, s.peer.Addr}] = c.now
	}
}

// settleStrays makes those values the owners' that their commanders leave.
func (c *core) settleStrays() {
	for at, since := range c.strays {
		p := c.findPeer(at.peer)
		s := c.table.find(at.key, p)
		if s == nil || s.given == (state.Attrs{}) {
			delete(c.strays, at)
			continue
		}
		if !c.wasSeen(s.owner, since) || c.wasRefused(refusalKey{at.key, s.owner}) {
			continue
		}
		c.table.settle(at.key, p)
		delete(c.strays, at)
		c.claim(at.key)
	}
}

// wasSeen tells whether the commander of an owner is there, has had the time to
// change what it saw, and did not: no batch of it is on its way, or was lost on it,
// and nothing keeps it from sending one.
func (c *core) wasSeen(owner string, since time.Time) bool {
	l := c.leases[owner]
	return l != nil && l.sent == l.received && len(l.batches) == 0 && len(l.Conditions) == 0 && !c.busy() &&
		l.told.Sub(later(l.granted, since)) >= settleDown && c.now.Sub(l.told) < 2*aliveEvery
}
