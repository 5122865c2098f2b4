package bridge

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"routesync/bridge/exabgp"
	"routesync/bridge/wire"
	"routesync/state"
)

// line takes one line from exaBGP.
func (c *core) line(text string, now time.Time) {
	c.step(now)
	l := c.reader.Line(text)
	switch l.Kind {
	case exabgp.EventLine:
		c.event(&l.Event)
	case exabgp.Malformed:
		c.trouble(fmt.Sprintf("a line from exaBGP can't be read: %v", l.Err))
		c.receivedGarbled(l.Lost)
		if !l.Lost.IsValid() {
			c.suspect() // it may have been about what was sent
		}
		if l.Session && c.phase >= replaying {
			c.askNeighbors() // a peer's own words on why it ends a session must not hide that it ended
		}
	case exabgp.Shutdown:
		c.log.Info("exaBGP shuts down")
		c.ends = true
	case exabgp.Text:
		if c.phase == asked {
			c.versionLine(l)
			return
		}
		if c.quiet != nil {
			c.listen(l.Text)
			return
		}
		c.windows.text(l.Text)
	case exabgp.Done, exabgp.Error:
		if c.phase == asked {
			c.versionLine(l)
			return
		}
		if w := c.windows.answer(l.Kind); w != nil {
			c.settle(w)
		}
	}
}

func (c *core) event(e *exabgp.Event) {
	c.hearState(e)
	if c.phase < reading {
		c.past.hear(e)
		return // neighbors and table are read later, and will have it
	}
	c.happened(e)
}

// happened takes an event of what is known.
func (c *core) happened(e *exabgp.Event) {
	p := c.findPeer(e.Peer)
	if p == nil {
		if e.State == "up" {
			c.askNeighbors() // a neighbor that was added to the configuration
		}
		return
	}
	if e.State == "down" {
		c.receivedDown(p, e.Reason) // also of a session that was not asked for yet
	}
	if e.State != "" {
		p.connecting = e.State == "connected"
	}
	p.spoke = p.spoke || e.State == "up" || e.State == "down"
	switch {
	case e.State == "up":
		c.sessionUp(p)
		p.known, p.before = true, c.now.UnixMilli()
		c.receivedUp(p, true)
		c.askNeighbors()
	case e.State == "down" && p.up: // exaBGP repeats it for every attempt that fails
		c.log.Warn("session down", "peer", p.Addr, "reason", e.Reason)
		judge := c.fell(p, e.Reason)
		c.sessionDown(p, e.Reason)
		judge()
		c.askNeighbors() // it may have been taken out of the configuration
	case e.Kind == exabgp.UpdateEvent && e.Direction == exabgp.Send:
		p.heard = c.now
		p.sent++
		c.happenSent(p, &e.Update)
		for _, a := range e.Update.Announced {
			r := report{p: p, sent: a, verdicts: map[state.Attrs]verdict{}}
			for _, k := range a.Keys {
				c.sentAnnounce(k, &r)
			}
		}
		for _, w := range e.Update.Withdrawn {
			for _, k := range w.Keys {
				c.sentWithdraw(p, k)
			}
		}
	case e.Kind == exabgp.UpdateEvent && e.Direction == exabgp.Receive:
		c.receive(p, &e.Update)
	}
}

func (c *core) sessionUp(p *peer) {
	if !p.up {
		c.log.Info("session up", "peer", p.Addr)
		c.happen(wire.Happening{Kind: wire.SessionUp, Peer: p.Addr})
	}
	p.up, p.since, p.heard, p.asked, p.negotiated = true, c.now, c.now, false, nil
	p.self4, p.self6 = netip.Addr{}, netip.Addr{}
	p.tally = tally{}
	p.owed = p.ManualEOR
	p.unsettled, p.resent, c.aboutNews = true, c.now, true
	c.recall(p)
	p.doubts.begins()
	c.suspect() // of what happened while it was down there was no word
	for k, e := range c.table.entries {
		if s := e.slot(p); s != nil && s.grade != state.Withdrawing {
			g, reason := c.expect(k, p)
			c.table.grade(k, s, g, reason)
		}
	}
}

func (c *core) sessionDown(p *peer, reason string) {
	c.receivedDown(p, reason)
	c.happen(wire.Happening{Kind: wire.SessionDown, Peer: p.Addr, Text: reason})
	p.up, p.since, p.asked, p.negotiated, p.unsettled = false, c.now, false, nil, false
	p.tally = tally{}
	c.aboutNews = true
	for k, e := range c.table.entries {
		if s := e.slot(p); s != nil {
			if s.grade == state.Withdrawing {
				c.table.drop(k, p)
				continue
			}
			c.table.grade(k, s, state.Held, "")
		}
	}
	// After the grades, which the answers to what was typed are made of.
	for o := range c.flying {
		if has(o.waiting, p) {
			if o.withdraw {
				c.table.drop(o.key, p)
			}
			c.landed(o, p)
		}
		o.seen = slices.DeleteFunc(o.seen, func(q *peer) bool { return q == p })
	}
}

// report is what exaBGP says it sent to a peer: many NLRI with the same
// attributes, which are compared with what was asked for once.
type report struct {
	p        *peer
	sent     exabgp.Announced
	verdicts map[state.Attrs]verdict
}

type verdict struct {
	ok         bool
	difference string
}

func (c *core) matches(r *report, asked state.Attrs) verdict {
	v, known := r.verdicts[asked]
	if !known {
		v.ok, v.difference = r.p.Matches(asked, r.sent)
		r.verdicts[asked] = v
		if v.ok && asked.NextHop() == "self" {
			c.sentSelf(r)
		}
	}
	return v
}

// sentSelf notes which address a peer got for next-hop self.
func (c *core) sentSelf(r *report) {
	hop, err := netip.ParseAddr(r.sent.Attrs.NextHop())
	self := &r.p.self4
	if r.sent.Family.Is6() {
		self = &r.p.self6
	}
	if err == nil && *self != hop {
		*self, c.aboutNews = hop, true
	}
}

// sentAnnounce: exaBGP writes an UPDATE with k to a peer.
func (c *core) sentAnnounce(k state.Key, r *report) {
	p := r.p
	p.doubts.wrote(k, c.now)
	e := c.table.entry(k)
	defer c.table.release(k, e)
	s := e.slot(p)
	if o := e.flight; o != nil && !o.withdraw && has(o.targets, p) {
		v := c.matches(r, o.attrs)
		switch {
		case v.ok && !o.accepted:
			o.seen = append(o.seen, p)
			return
		case v.ok:
			c.put(k, slot{peer: p, claimant: o.claimant, attrs: o.attrs, grade: state.Sent})
			c.confirmed(o, p, state.Sent, "")
			c.landed(o, p)
			return
		case o.accepted && has(o.waiting, p) && s != nil:
			c.table.grade(k, s, state.Unsent, v.difference)
			c.confirmed(o, p, state.Unsent, v.difference)
			return
		}
		// Not what is in flight: what was there before, sent again.
	} else if o != nil && o.withdraw && has(o.targets, p) && !has(o.proven, p) {
		o.proven = append(o.proven, p)
	}
	if s == nil {
		if !e.flight.at(p) {
			if c.sentLatecomer(k, r) {
				return
			}
			whose := c.lost[place{k, p.Addr}]
			delete(c.lost, place{k, p.Addr})
			c.put(k, slot{peer: p, claimant: whose, attrs: c.observed(p, r.sent), grade: state.Sent})
			if whose.owner != "" {
				c.claim(k)
			}
		}
		return
	}
	if c.matches(r, s.attrs).ok {
		if s.aside {
			c.sentAside(k, s)
		} else if s.grade != state.Withdrawing || e.flight == nil {
			c.table.grade(k, s, state.Sent, "")
		}
		c.next(k, e)
		return
	}
	p.doubts.sentOther(k, c.now)
	if c.overtaken(k, s, e, r) {
		return
	}
	if !e.flight.at(p) {
		c.drift(k, p.Addr, fmt.Sprintf("%s was changed at %s behind the bridge's back", k, p.Addr))
		c.put(k, slot{peer: p, claimant: s.claimant, attrs: c.observed(p, r.sent), given: s.asked(), grade: state.Sent})
	}
}

// observed is the value of a route that was not announced by the bridge: what
// is on the wire, less what exaBGP adds for everybody.
func (c *core) observed(p *peer, a exabgp.Announced) state.Attrs {
	attrs := a.Attrs
	path, ok := attrs.Get(state.ASPath)
	if ok && p.LocalAS != p.PeerAS && len(path) == 1 && path[0] == strconv.FormatUint(uint64(p.LocalAS), 10) {
		if bare, err := attrs.With(state.ASPath, nil); err == nil {
			return bare
		}
	}
	return attrs
}

// sentWithdraw: exaBGP writes an UPDATE that withdraws k from p.
func (c *core) sentWithdraw(p *peer, k state.Key) {
	e := c.table.entries[k]
	if e == nil {
		return
	}
	s := e.slot(p)
	if o := e.flight; o != nil && o.withdraw && has(o.targets, p) {
		if !o.accepted && !has(o.waiting, p) {
			o.seen = append(o.seen, p)
			return
		}
		c.table.drop(k, p)
		c.confirmed(o, p, 0, "")
		c.landed(o, p)
		return
	}
	if o := e.flight; o != nil && has(o.waiting, p) {
		return // somebody's withdraw from before; what is in flight comes after it
	}
	if s != nil && s.grade == state.Withdrawing {
		c.table.drop(k, p)
		return
	}
	if s != nil {
		c.drift(k, p.Addr, fmt.Sprintf("%s was withdrawn from %s behind the bridge's back", k, p.Addr))
		c.lose(k, s)
	}
}

// lose drops a route that exaBGP does not hold any more, and remembers for whom
// it was: if it comes back by itself, it is not a stranger's.
func (c *core) lose(k state.Key, s *slot) {
	ours := s.owner != ""
	c.leave(k, s)
	if ours {
		c.claim(k)
	}
}

// leave is [core.lose] for a neighbor that has gone, and may come back: the
// journal keeps what it had.
func (c *core) leave(k state.Key, s *slot) {
	if s.owner != "" {
		c.lost[place{k, s.peer.Addr}] = s.claimant
	}
	c.goes(k, s)
	c.table.drop(k, s.peer)
}

// loseAway remembers whose a route is at a neighbor that has gone, and may come back
// with it.
func (c *core) loseAway(k state.Key, a netip.Addr, whose claimant) {
	c.lost[place{k, a}] = whose
	c.away[a] = struct{}{}
}
