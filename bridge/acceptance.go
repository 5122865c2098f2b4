package bridge

import (
	"net/netip"

	"routesync/state"
)

// accept notes that exaBGP took a change of one key at the peers of x.
func (c *core) accept(o *op, x *exchange) {
	for _, p := range x.at {
		c.quiet.gave(o, p, x.withdraw, c.now)
		if q := c.findPeer(p.Addr); q != p {
			c.acceptAway(o, x, p.Addr, q)
			continue
		}
		if x.withdraw {
			c.acceptWithdraw(o, p)
		} else {
			c.acceptAnnounce(o, p)
		}
	}
	c.commandDone(o)
}

// acceptAway notes what exaBGP took for a neighbor that was out of its
// configuration in between, and is q now, or nothing.
func (c *core) acceptAway(o *op, x *exchange, a netip.Addr, q *peer) {
	switch {
	case x.withdraw && q != nil:
		c.table.drop(o.key, q)
	case x.withdraw:
		delete(c.lost, place{o.key, a})
	case q == nil:
		c.loseAway(o.key, a, o.claimant)
	default:
		s := slot{peer: q, claimant: o.claimant, attrs: o.attrs}
		s.grade, s.reason = c.expect(o.key, q)
		q.unsettled = true
		c.put(o.key, s)
	}
}

func (c *core) commandDone(o *op) {
	o.commands--
	if o.commands > 0 {
		return
	}
	o.accepted, o.since = true, c.now
	if e := c.table.entries[o.key]; e != nil {
		for _, p := range o.targets {
			c.table.judge(e, p)
		}
	}
	if len(o.turnedDown) > 0 {
		c.claim(o.key) // or somebody else's route could be taken for ours
	}
	c.answerOp(o)
	c.endFlight(o)
}

func (c *core) acceptAnnounce(o *op, p *peer) {
	delete(c.tardy, place{o.key, p.Addr})
	s := slot{peer: p, claimant: o.claimant, attrs: o.attrs}
	s.grade, s.reason = c.expect(o.key, p)
	if s.grade == state.Accepted {
		old := c.table.find(o.key, p)
		// What is given again exaBGP sends, and may send a withdraw of it first.
		same := !o.again && old != nil && old.grade == state.Sent && p.Same(o.key.Family, old.attrs, o.attrs)
		if has(o.seen, p) || same {
			s.grade = state.Sent
		} else {
			o.waiting = append(o.waiting, p)
		}
	}
	c.confirmed(o, p, s.grade, s.reason)
	delete(c.lost, place{o.key, p.Addr})
	c.put(o.key, s)
	c.lift(o.key, p.Addr, o.owner)
}

func (c *core) acceptWithdraw(o *op, p *peer) {
	delete(c.lost, place{o.key, p.Addr})
	s := c.table.find(o.key, p)
	if s == nil {
		return
	}
	if o.aside == nil {
		c.goes(o.key, s)
	}
	atPeer := c.quiet == nil && p.up && p.carries(o.key.Family) && s.grade != state.Held
	if !atPeer || has(o.seen, p) {
		c.keepLatecomer(o.key, s)
		c.table.drop(o.key, p)
		c.confirmed(o, p, 0, "")
		return
	}
	if s.grade == state.Sent {
		o.proven = append(o.proven, p)
	}
	c.table.grade(o.key, s, state.Withdrawing, "")
	o.waiting = append(o.waiting, p)
}

const notNegotiated = "the peer did not negotiate "

// expect is the grade of a route that exaBGP holds and of which nothing was
// reported sent.
func (c *core) expect(k state.Key, p *peer) (state.Grade, string) {
	switch {
	case c.quiet != nil:
		return c.expectUnsaid(p)
	case !p.up:
		return state.Held, ""
	case !p.carries(k.Family):
		return state.Unsent, notNegotiated + k.Family.String()
	}
	return state.Accepted, ""
}

// landed stops waiting for a peer.
func (c *core) landed(o *op, p *peer) {
	for i, w := range o.waiting {
		if w == p {
			o.waiting = append(o.waiting[:i:i], o.waiting[i+1:]...)
			e := c.table.entries[o.key]
			if e != nil {
				c.table.judge(e, p)
			}
			break
		}
	}
	c.endFlight(o)
}

// endFlight ends an operation that waits for nothing more, and starts the one
// behind it.
func (c *core) endFlight(o *op) {
	if !o.accepted || len(o.waiting) > 0 {
		return
	}
	if _, ok := c.flying[o]; !ok {
		return
	}
	delete(c.flying, o)
	c.launches.ended(o)
	e := c.table.entry(o.key)
	e.flight = nil
	c.ended(o, e)
	c.next(o.key, e)
	if o.withdraw {
		c.claim(o.key) // no peer has it any more
	}
	if len(c.flying) == 0 {
		c.converged, c.aboutNews = c.now, true
	}
}

func has(peers []*peer, p *peer) bool {
	for _, x := range peers {
		if x == p {
			return true
		}
	}
	return false
}
