package bridge

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"routesync/bridge/exabgp"
	"routesync/state"
)

const (
	// auditPause is the least time between two audits that have a cause.
	auditPause = 2 * time.Second
	// auditShare is how much longer than an audit took there is none after it:
	// exaBGP sends nothing while it lists.
	auditShare = 20
	// auditRest bounds that, where exaBGP was late for another reason.
	auditRest = time.Minute
	// auditWait bounds how long one with a cause waits for changes that are under
	// way: exaBGP carries out none of them while it lists, and what changes meanwhile
	// is left out of it.
	auditWait = time.Minute
	// auditNamed is how many differences of one audit are told by name.
	auditNamed = 10
)

// audits compare exaBGP's own table with the bridge's picture of it: now and
// then, and when something may have been missed. What changes while exaBGP lists
// its table is left to the next one.
type audits struct {
	every   time.Duration // between two that have no cause; 0: never
	chunk   int           // exabgp.api.chunk
	cause   bool          // something may have been missed
	caused  time.Time     // when that was first so
	asked   time.Time
	ended   time.Time
	took    time.Duration
	round   uint32                // number of the last one
	others  map[place]exabgp.Seen // listed, and not so in the bridge's picture
	stuck   map[place]*stuck
	skipped string // why there is none, for status
	told    int    // differences told by name
	found   int
}

// suspect has an audit made soon: the bridge may have missed something.
func (c *core) suspect() {
	if a := &c.audits; !a.cause {
		a.cause, a.caused = true, c.now
	}
}

// auditDue begins an audit when it is time.
func (c *core) auditDue() {
	a := &c.audits
	if c.phase != ready || c.quiet != nil || c.windows.waits(exabgp.ShowRIB) {
		return
	}
	rested := c.now.Sub(a.ended)
	periodic := a.every > 0 && rested >= a.every && !c.busy()
	caused := a.cause && (!c.busy() || c.now.Sub(a.caused) >= auditWait)
	if !periodic && !caused || rested < max(auditPause, min(auditShare*a.took, auditRest)) {
		return
	}
	skipped := c.tableTooLong(a.cause)
	c.aboutNews = c.aboutNews || skipped != a.skipped
	a.skipped, a.cause = skipped, false
	if skipped != "" {
		a.ended = c.now
		return
	}
	a.round++
	a.asked, a.others, a.told, a.found = c.now, map[place]exabgp.Seen{}, 0, 0
	c.table.touched = map[state.Key]struct{}{}
	c.windows.add(&exchange{line: exabgp.ShowRIB, each: c.auditLine, ask: c.auditEnd})
}

// tableTooLong says why exaBGP is not asked for its table, "" if it may be.
func (c *core) tableTooLong(cause bool) string {
	if c.audits.chunk >= listingChunk {
		return ""
	}
	limit := listedPeriodically
	if cause {
		limit = listedForCause
	}
	routes := map[*peer]int{}
	for _, e := range c.table.entries {
		for i := range e.slots {
			routes[e.slots[i].peer]++
		}
	}
	for _, p := range c.peers {
		if routes[p] > limit {
			return fmt.Sprintf("exaBGP's table is not compared with what is advertised: it would do little else while it lists %d routes of %s; "+
				"set exabgp_api_chunk=10000 in its environment", routes[p], p.Addr)
		}
	}
	return ""
}

// auditLine takes one route of exaBGP's table.
func (c *core) auditLine(line string) {
	r, err := c.dialect.ParseRIB(line)
	if err != nil {
		return // of a family that routesync can't name, or another neighbor's
	}
	p := c.findPeer(r.Peer)
	if p == nil {
		return
	}
	if c.table.list(r.Key, p, c.audits.round) && heldAs(p, r.Key, r.Seen, c.table.find(r.Key, p)) {
		return
	}
	c.audits.others[place{r.Key, r.Peer}] = r.Seen
}

// heldAs tells whether a route of exaBGP's table is what a slot says. What can't
// be read of it proves nothing.
func heldAs(p *peer, k state.Key, listed exabgp.Seen, s *slot) bool {
	if len(listed.Unknown) > 0 || listed.Attrs == s.attrs || p.Same(k.Family, listed.Attrs, s.attrs) {
		return true
	}
	if s.owner == "" && s.grade == state.Sent {
		return true // its value is what was on the wire, with what exaBGP adds
	}
	asked, _ := p.Matches(s.attrs, exabgp.Announced{Seen: listed, Family: k.Family})
	return asked
}

// auditEnd draws the conclusions.
func (c *core) auditEnd(_ []string, ok bool) {
	a := &c.audits
	touched, others := c.table.touched, a.others
	c.table.touched, a.others = nil, nil
	a.ended, a.took = c.now, c.now.Sub(a.asked)
	if !ok {
		return // it was said, or exaBGP is asked again for another reason
	}
	settled := func(k state.Key, p *peer) bool {
		_, moved := touched[k]
		return !moved && !c.table.flight(k).at(p)
	}
	for at, listed := range others {
		if p := c.findPeer(at.peer); p != nil && settled(at.key, p) {
			c.auditOther(at, p, listed)
		}
	}
	for k, e := range c.table.entries {
		for _, s := range slices.Clone(e.slots) {
			listed := s.listed == a.round
			switch s := c.table.find(k, s.peer); {
			case s == nil || !settled(k, s.peer):
			case s.aside:
				c.auditAside(k, s, listed)
			case listed:
				c.againIfUnsent(k, s)
			case s.grade == state.Withdrawing:
				c.againIfUnsent(k, s)
			case c.againIfHidden(k, s):
			default:
				c.auditMissing(k, s)
			}
		}
	}
	c.forgetStuck()
	if more := a.found - a.told; more > 0 {
		c.fail(fmt.Sprintf("exaBGP's table differed from what is advertised in %d more routes", more))
	}
}

// auditOther takes a route that exaBGP's table has otherwise.
func (c *core) auditOther(at place, p *peer, listed exabgp.Seen) {
	s := c.table.find(at.key, p)
	found := slot{peer: p, attrs: listed.Attrs}
	found.grade, found.reason = c.expect(at.key, p)
	switch {
	case s == nil:
		// Whoever gave it, it is announced.
		found.claimant = c.lost[at]
		delete(c.lost, at)
		c.log.Info("exaBGP's table has a route that was not known", "route", at.key.String(), "peer", at.peer)
	case s.grade == state.Withdrawing:
		c.auditDrift(at.key, at.peer, "%s is in exaBGP's table for %s again")
	case s.given != (state.Attrs{}) && (s.given == listed.Attrs || p.Same(at.key.Family, listed.Attrs, s.given)):
		// It was given what its owner says, and sent another value behind that.
		c.auditDrift(at.key, at.peer, "%s is in exaBGP's table for %s as it was given, and was sent with another value; it is given again")
		found.claimant, found.attrs = s.claimant, s.given
		if p.up {
			found.grade, found.reason = state.Unsent, unsentReason
		}
	default:
		found.claimant = s.claimant
		if given := s.asked(); given != listed.Attrs && !p.Same(at.key.Family, listed.Attrs, given) {
			found.given = given
		}
		c.auditDrift(at.key, at.peer, "%s was changed in exaBGP's table for %s behind the bridge's back")
	}
	p.unsettled = p.unsettled || p.up
	c.put(at.key, found)
	c.table.list(at.key, p, c.audits.round)
	if found.owner != "" {
		c.claim(at.key)
	}
	c.againIfUnsent(at.key, c.table.find(at.key, p))
}

const forgottenReason = "exaBGP's table does not have the route any more, and the peer was not seen to be told"

// auditMissing takes a route that exaBGP's table has no more. Where the peer was
// sent it, it may still have it, whatever the table says: an owner's is put back,
// so that the next session does not lose it, and a withdraw reaches it.
func (c *core) auditMissing(k state.Key, s *slot) {
	switch {
	case s.grade != state.Sent:
		c.auditDrift(k, s.peer.Addr, "%s is not in exaBGP's table for %s any more")
		c.lose(k, s)
	case s.owner == "":
		c.auditDrift(k, s.peer.Addr, "%s is not in exaBGP's table for %s any more, which may still have it")
		c.table.grade(k, s, state.Withdrawing, forgottenReason)
	default:
		if c.againAt(k, s) {
			c.auditDrift(k, s.peer.Addr, "%s is not in exaBGP's table for %s any more, and is announced again")
		}
	}
}

func (c *core) auditDrift(k state.Key, p netip.Addr, format string) {
	c.audits.found++
	if c.audits.told == auditNamed {
		return
	}
	c.audits.told++
	c.drift(k, p, fmt.Sprintf(format, k, p))
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
