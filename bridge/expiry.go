package bridge

import (
	"net/netip"
	"time"

	"routesync/state"
)

// expireAgain is the pause between two attempts to withdraw a route that has
// expired.
const expireAgain = 30 * time.Second

// put sets a slot, and sees to it that it ends when it is to.
func (c *core) put(k state.Key, s slot) {
	c.doubt(k, &s)
	c.table.set(k, s)
	c.stray(k, &s)
	if s.ends() {
		c.ending[k] = time.Time{}
	}
}

// ends tells whether the bridge is to withdraw a route by itself some day.
func (s *slot) ends() bool { return s.from != nil && (s.from.Expires != 0 || s.from.Lease != 0) }

// expired tells whether that day has come.
func (c *core) expired(s *slot) bool {
	if s == nil || !s.ends() {
		return false
	}
	if s.from.Expires != 0 && s.from.Expires <= c.now.UnixMilli() {
		return true
	}
	return s.from.Lease != 0 && c.now.Sub(c.heardOf(s.owner)) >= time.Duration(s.from.Lease)*time.Millisecond
}

// over tells whether an announce comes after the end of its route.
func (c *core) over(o *op) bool {
	return !o.withdraw && o.from != nil && o.from.Expires != 0 && o.from.Expires <= c.now.UnixMilli()
}

// forgetLate drops the refusals of routes that had expired, once nobody has
// asked for them again: a commander whose clock is a little late asks for each
// of its routes in its last moment, and never takes that back.
func (c *core) forgetLate() {
	for id, at := range c.tooLate {
		if c.now.Sub(at) < 2*expireAgain {
			continue
		}
		delete(c.tooLate, id)
		if c.wasRefused(id) {
			delete(c.refused, id)
			c.unsaid[id] = struct{}{}
		}
	}
}

// expire withdraws what has come to its end.
func (c *core) expire() {
	if c.phase != ready {
		return
	}
	for k, next := range c.ending {
		owners, ends := c.overAt(k)
		if !ends {
			delete(c.ending, k)
		}
		if len(owners) == 0 || c.now.Before(next) {
			continue
		}
		c.ending[k] = c.now.Add(expireAgain)
		for owner, peers := range owners {
			c.log.Info("a route has expired", "route", k.String(), "owner", owner)
			c.enqueue(&op{key: k, withdraw: true, claimant: claimant{owner: owner}, peers: peers, expiry: true})
		}
	}
}

// overAt lists where a route has expired, by owner, and tells whether there is
// one that does at all.
func (c *core) overAt(k state.Key) (owners map[string][]netip.Addr, ends bool) {
	e := c.table.entries[k]
	if e == nil {
		return nil, false
	}
	for i := range e.slots {
		s := e.slots[i].slot
		ends = ends || s.ends()
		if c.expired(s) && s.grade != state.Withdrawing {
			if owners == nil {
				owners = map[string][]netip.Addr{}
			}
			owners[s.owner] = append(owners[s.owner], s.peer.Addr)
		}
	}
	return owners, ends
}
