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
		if !c.wasSeen(s.owner, since) { // what was refused, and is asked for still, is left to do
			continue
		}
		c.table.settle(at.key, p)
		delete(c.strays, at)
		c.claim(at.key)
	}
}

// wasSeen tells whether the commander of an owner is there, has had the time to see
// what is so since then, and says that it is as its file does. One that sent nothing
// may have lost it on the way, be held by a guard, or wait to try again.
func (c *core) wasSeen(owner string, since time.Time) bool {
	l := c.leases[owner]
	return l != nil && l.reached && l.told.Sub(later(l.granted, since)) >= settleDown && c.now.Sub(l.told) < 2*aliveEvery
}
