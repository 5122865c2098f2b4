package bridge

import (
	"fmt"
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
	for o := range c.flying {
		if !o.accepted {
			continue
		}
		for _, p := range slices.Clone(o.waiting) {
			if c.silent(o.since, p) {
				c.giveUp(o, p)
				late = true
			}
		}
	}
	for _, p := range c.peers {
		if !p.unsettled || !p.up || !c.silent(p.since, p) {
			continue
		}
		p.unsettled = false
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
	if late {
		c.windows.add(&exchange{line: exabgp.ShowRIB, ask: c.audit})
	}
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
	case o.withdraw && has(o.proven, p):
		c.table.grade(o.key, s, state.Withdrawing, unwithdrawnReason)
	case o.withdraw:
		// Gone from exaBGP's table; a withdraw that exaBGP does not send is one
		// that the peer does not need (the first batch of a session).
		c.table.drop(o.key, p)
	case s.grade != state.Unsent: // it may have a better reason
		c.table.grade(o.key, s, state.Unsent, c.unsent(o.key))
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

// audit compares what was not sent with exaBGP's table, and forgets what that
// does not have. What was sent is left to the events: the listing takes a
// while, and may be older than they are.
func (c *core) audit(body []string, ok bool) {
	if !ok {
		return
	}
	held := c.holding(body)
	for k, e := range c.table.entries {
		for _, s := range slices.Clone(e.slots) {
			if s.aside || e.flight.at(s.peer) {
				continue
			}
			if _, there := held[place{k, s.peer.Addr}]; s.grade != state.Sent && s.grade != state.Withdrawing && !there {
				c.drift(k, s.peer.Addr, fmt.Sprintf("%s is not in exaBGP's table for %s any more", k, s.peer.Addr))
				c.lose(k, &s)
			}
		}
	}
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

// hasUnsent tells whether there is a route that exaBGP does not send for no
// reason that is known: its withdraw may have been without an event.
func (c *core) hasUnsent() bool {
	for _, e := range c.table.entries {
		for _, s := range e.slots {
			if s.grade == state.Unsent && s.reason == unsentReason {
				return true
			}
		}
	}
	return false
}
