package bridge

import (
	"net/netip"
	"slices"
	"time"

	"routesync/bridge/exabgp"
	"routesync/state"
)

// overdue reports what exaBGP accepted and does not send, and has exaBGP's
// table looked at: it may not hold the route any more, which no event tells if
// it was withdrawn behind the bridge's back while the session was down.
func (c *core) overdue() {
	late := false
	if !c.now.Before(c.overdueAt) {
		late = c.overdueInFlight()
	}
	late = c.overdueAtPeers() || late
	c.resumeDelayed()
	if late {
		c.suspect()
	}
}

// overdueInFlight gives up waiting for what is under way, where it is time, and
// tells whether it was. What is accepted from now on is not looked at before it can
// be late.
func (c *core) overdueInFlight() (late bool) {
	oldest := c.now
	for o := range c.flying {
		if !o.accepted {
			continue
		}
		if c.now.Sub(o.since) < sendPatience {
			if o.since.Before(oldest) {
				oldest = o.since
			}
			continue
		}
		oldest = c.now.Add(-sendPatience)
		for _, p := range slices.Clone(o.waiting) {
			if c.silent(o.since, p) {
				c.giveUp(o, p)
				late = true
			}
		}
	}
	c.overdueAt = oldest.Add(sendPatience)
	return late
}

// overdueAtPeers is the same for peers that are sent all of exaBGP's table.
func (c *core) overdueAtPeers() (late bool) {
	for _, p := range c.peers {
		if !p.unsettled || !p.up || !c.silent(p.resent, p) {
			continue
		}
		p.unsettled = false
		c.forgetLatecomers(p)
		for k, e := range c.table.entries {
			s := e.slot(p)
			if s == nil || s.grade != state.Accepted {
				continue
			}
			if e.flight.at(p) {
				continue // it has a clock of its own
			}
			c.table.grade(k, s, state.Unsent, c.unsent(k))
			late = true
		}
	}
	return late
}

// silent tells whether exaBGP has had its time to send something to p.
func (c *core) silent(since time.Time, p *peer) bool {
	return c.now.Sub(later(since, p.heard)) >= sendPatience || c.now.Sub(since) >= sendLimit
}

const unwithdrawnReason = "exaBGP took the withdraw and has not sent it to this peer"

const unsentReason = "exaBGP took the route and has not sent it to this peer"

// unsent is why a route is unsent of which nothing was reported.
func (c *core) unsent(k state.Key) string {
	if reason := c.dialect.Unread(k); reason != "" {
		return reason
	}
	return unsentReason
}

// giveUp stops waiting for exaBGP to send an operation to a peer.
func (c *core) giveUp(o *op, p *peer) {
	s := c.table.find(o.key, p)
	switch {
	case s == nil:
	case o.withdraw && (has(o.proven, p) || o.presumed):
		c.table.grade(o.key, s, state.Withdrawing, unwithdrawnReason)
	case o.withdraw:
		// Gone from exaBGP's table; a withdraw that exaBGP does not send is one
		// that the peer does not need (the first batch of a session).
		c.table.drop(o.key, p)
	case s.grade != state.Unsent: // it may have a better reason
		c.table.grade(o.key, s, state.Unsent, c.unsent(o.key))
		c.audits.unsent(place{o.key, p.Addr})
	}
	c.landed(o, p)
}

// routes are those of exaBGP's table that can be read.
func (c *core) routes(body []string) []exabgp.RIBEntry {
	var all []exabgp.RIBEntry
	for _, line := range body {
		if r, err := c.dialect.ParseRIB(line); err == nil {
			all = append(all, r)
		}
	}
	return all
}

// place is a key at a peer.
type place struct {
	key  state.Key
	peer netip.Addr
}

// holding is what "show adj-rib out extensive" lists.
func (c *core) holding(body []string) map[place]state.Attrs {
	held := map[place]state.Attrs{}
	for _, line := range body {
		if r, err := c.dialect.ParseRIB(line); err == nil {
			held[place{r.Key, r.Peer}] = r.Attrs
		}
	}
	return held
}
