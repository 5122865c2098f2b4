package bridge

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"routesync/bridge/exabgp"
	"routesync/bridge/journal"
	"routesync/state"
)

// phase is how much the bridge knows of its exaBGP. What comes before ready is
// read from exaBGP, never assumed: a bridge may be started again under an
// exaBGP that announces a full table.
type phase uint8

const (
	silent  phase = iota // nothing was asked yet
	asked                // the version was asked for; what comes before it is old
	reading              // neighbors and table are being read
	ready                // the advertised set is complete
)

const (
	askAgain = 10 * time.Second
	// lookAgain is how often exaBGP is asked for its neighbors without cause: no
	// event tells that one whose session is down was taken out of the
	// configuration, and an event may be unreadable.
	lookAgain = time.Minute
)

// hello begins the conversation with exaBGP.
func (c *core) hello(now time.Time) {
	c.step(now)
	c.out.begin = true
	c.ask()
}

func (c *core) ask() {
	c.phase, c.askedAt = asked, c.now
	c.out.lines = append(c.out.lines, exabgp.Version)
}

// startOver asks again if exaBGP has said nothing.
func (c *core) startOver() {
	if c.now.Sub(c.askedAt) < askAgain {
		return
	}
	switch {
	case c.phase == asked:
		c.trouble("exaBGP does not answer; is exabgp.api.ack on, and is this process its helper?")
		c.ask()
	case c.phase == ready && c.now.Sub(c.looked) >= lookAgain:
		c.looked = c.now
		c.askNeighbors()
		if c.hasUnsent() {
			c.windows.add(&exchange{line: exabgp.ShowRIB, ask: c.audit})
		}
	case c.phase == reading && len(c.windows.out) == 0 && len(c.windows.waiting) == 0:
		c.askedAt = c.now
		c.read()
	}
}

// versionLine takes a line while the version is awaited. Everything before the
// version's own two lines was meant for the helper before this one.
func (c *core) versionLine(l exabgp.Line) {
	if l.Kind == exabgp.Text {
		if v, ok := exabgp.ParseVersion(l.Text); ok {
			c.exabgp = v
		}
		return
	}
	if l.Kind != exabgp.Done || c.exabgp == "" {
		return
	}
	c.phase, c.askedAt = reading, c.now
	c.log.Info("exaBGP answers", "version", c.exabgp)
	// Answers that the helper before this one is owed come first.
	c.out.lines = append(c.out.lines, c.windows.drain())
	c.read()
}

// read asks for all that there is to know before the set is complete.
func (c *core) read() {
	c.askNeighbors()
	c.windows.add(&exchange{line: exabgp.ShowRIB, ask: c.learnTable})
}

func (c *core) askNeighbors() {
	if slices.ContainsFunc(c.windows.waiting, func(x *exchange) bool { return x.line == exabgp.ShowConfiguration }) {
		return
	}
	c.windows.add(&exchange{line: exabgp.ShowConfiguration, ask: c.learnNeighbors})
	c.windows.add(&exchange{line: exabgp.ShowExtensive, ask: c.learnSessions})
}

// learnNeighbors takes the answer to "show neighbor configuration", and finds
// out which of the neighbors can be commanded: exaBGP does not tell a helper
// its name, but it answers error for a neighbor that does not name it.
func (c *core) learnNeighbors(body []string, ok bool) {
	neighbors, err := exabgp.ParseConfiguration(body)
	if err != nil || !ok {
		c.trouble(fmt.Sprintf("exaBGP's neighbors can't be read: %v", err))
		return
	}
	var reached []netip.Addr
	var probes []*exchange
	answered := 0
	for _, n := range neighbors {
		probes = append(probes, &exchange{line: exabgp.Probe(n.Addr), ask: func(_ []string, ok bool) {
			if ok {
				reached = append(reached, n.Addr)
			}
			// A probe without an answer proves nothing: then the neighbors stay
			// as they were until they are asked for again.
			if answered++; answered == len(neighbors) {
				c.meet(neighbors, reached)
			}
		}})
	}
	if len(neighbors) == 0 {
		c.adopt(nil, nil)
	}
	c.windows.ahead(probes...)
}

// meet adopts neighbors once the table is read that came with new ones: nobody
// may announce over what their configuration announces.
func (c *core) meet(neighbors []exabgp.Neighbor, reached []netip.Addr) {
	fresh := slices.ContainsFunc(reached, func(a netip.Addr) bool { return c.findPeer(a) == nil })
	if !fresh || c.phase != ready {
		c.adopt(neighbors, reached)
		return
	}
	before := c.peers
	c.windows.ahead(&exchange{line: exabgp.ShowRIB, ask: func(body []string, ok bool) {
		if !ok {
			c.trouble("exaBGP does not show the table of its new neighbors")
			return
		}
		c.adopt(neighbors, reached)
		for _, r := range routes(body) {
			if p := c.findPeer(r.Peer); p != nil && !has(before, p) {
				p.unproven = true
				s := slot{peer: p, owner: c.lost[place{r.Key, p.Addr}], attrs: r.Attrs}
				s.grade, s.reason = c.expect(r.Key, p)
				c.table.set(r.Key, s)
			}
		}
	}})
}

// routes are those of exaBGP's table that can be read.
func routes(body []string) []exabgp.RIBEntry {
	var all []exabgp.RIBEntry
	for _, line := range body {
		if r, err := exabgp.ParseRIB(line); err == nil {
			all = append(all, r)
		}
	}
	return all
}

// adopt takes the neighbors that were reached as the bridge's peers.
func (c *core) adopt(neighbors []exabgp.Neighbor, reached []netip.Addr) {
	var peers []*peer
	own := exabgp.Own(neighbors, reached)
	c.deaf = nil
	for _, n := range neighbors {
		lacks := n.Lacks(own...)
		for _, lack := range lacks {
			c.log.Warn("exaBGP's configuration lacks something", "neighbor", n.Addr.String(), "lack", lack)
		}
		if !slices.Contains(reached, n.Addr) {
			c.deaf = append(c.deaf, state.Neighbor{Addr: n.Addr, LocalAS: n.LocalAS, PeerAS: n.PeerAS, Lacks: lacks})
			continue
		}
		if slices.ContainsFunc(peers, func(q *peer) bool { return q.Addr == n.Addr }) {
			continue // two sessions with one address: commands reach both alike
		}
		p := c.findPeer(n.Addr)
		if p == nil {
			p = &peer{since: c.now}
		}
		p.Neighbor, p.lacks = n, lacks
		peers = append(peers, p)
	}
	slices.SortFunc(peers, func(a, b *peer) int { return a.Addr.Compare(b.Addr) })
	before := c.peers
	c.peers, c.aboutNews, c.met = peers, true, true
	for _, p := range before {
		if !has(peers, p) {
			c.forget(p)
		}
	}
}

// forget drops a peer that exaBGP's configuration has no more.
func (c *core) forget(p *peer) {
	for o := range c.flying {
		if has(o.waiting, p) {
			c.landed(o, p)
		}
	}
	for k, e := range c.table.entries {
		if s := e.slot(p); s != nil {
			c.lose(k, s)
		}
	}
}

// learnSessions takes the answer to "show neighbor extensive".
func (c *core) learnSessions(body []string, ok bool) {
	sessions, err := exabgp.ParseExtensive(body)
	if err != nil || !ok {
		c.trouble(fmt.Sprintf("exaBGP's sessions: %v", err))
		return
	}
	for _, s := range sessions {
		p := c.findPeer(s.Addr)
		if p == nil || p.spoke {
			continue // the event is newer; if it is up, it has been asked for again
		}
		if !s.Up() {
			if p.up {
				c.sessionDown(p)
			}
			continue
		}
		if !p.up {
			c.sessionUp(p)
			p.since = c.now.Add(-time.Duration(s.Seconds) * time.Second)
		}
		p.negotiated, p.asked = s.Families, true
		c.aboutNews = true
		c.regrade(p)
		if p.unproven {
			p.unproven = false
			c.proveAt(p)
		}
	}
}

// regrade marks what a session can't carry, now that it is known.
func (c *core) regrade(p *peer) {
	for o := range c.flying {
		if !p.carries(o.key.Family) && has(o.waiting, p) {
			if o.withdraw {
				c.table.drop(o.key, p)
			}
			c.landed(o, p)
		}
	}
	for k, e := range c.table.entries {
		s := e.slot(p)
		if s == nil || s.grade == state.Sent || s.grade == state.Withdrawing {
			continue
		}
		if g, reason := c.expect(k, p); g != state.Accepted || s.grade == state.Held {
			c.table.grade(k, s, g, reason)
		}
	}
}

// learnTable takes the answer to "show adj-rib out extensive". It is what
// exaBGP was told, by whoever; the journal says which of it was for whom.
func (c *core) learnTable(body []string, ok bool) {
	if !ok {
		c.trouble("exaBGP does not show its table; the bridge can't say what is advertised")
		return
	}
	if !c.met {
		return // whose table it is is not known; all is asked for again
	}
	unknown := 0
	for _, line := range body {
		r, err := exabgp.ParseRIB(line)
		if err != nil {
			unknown++
			c.log.Debug("a line of exaBGP's table", "line", line, "error", err)
			continue
		}
		p := c.findPeer(r.Peer)
		if p == nil {
			continue
		}
		s := slot{peer: p, owner: c.claimant(r.Key, p), attrs: r.Attrs}
		s.grade, s.reason = c.expect(r.Key, p)
		if old := c.table.find(r.Key, p); old != nil && old.grade == state.Sent && old.attrs == r.Attrs {
			s.grade = state.Sent
		}
		c.table.set(r.Key, s)
	}
	if unknown > 0 {
		c.log.Info("exaBGP's table has routes that routesync can't name; they are left alone", "routes", unknown)
	}
	c.reclaim()
	c.claims = nil
	c.phase, c.aboutNews = ready, true
	c.log.Info("exaBGP's table is read", "routes", c.table.digest.Count, "peers", len(c.peers))
	c.prove()
}

// audit compares what was not sent with exaBGP's table, and forgets what that
// does not have. What was sent is left to the events: the listing takes a
// while, and may be older than they are.
func (c *core) audit(body []string, ok bool) {
	if !ok {
		return
	}
	held := holding(body)
	for k, e := range c.table.entries {
		for _, s := range slices.Clone(e.slots) {
			if e.flight.at(s.peer) {
				continue
			}
			if _, there := held[place{k, s.peer.Addr}]; s.grade != state.Sent && s.grade != state.Withdrawing && !there {
				c.trouble(fmt.Sprintf("%s is not in exaBGP's table for %s any more", k, s.peer.Addr))
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
func holding(body []string) map[place]state.Attrs {
	held := map[place]state.Attrs{}
	for _, line := range body {
		if r, err := exabgp.ParseRIB(line); err == nil {
			held[place{r.Key, r.Peer}] = r.Attrs
		}
	}
	return held
}

func (c *core) claimant(k state.Key, p *peer) string {
	for _, claim := range c.claims[k] {
		if slices.Contains(claim.Peers, p.Addr) {
			return claim.Owner
		}
	}
	return ""
}

// reclaim takes claims out of the journal that exaBGP's table does not bear
// out: a command that was never given, or a withdraw that was.
func (c *core) reclaim() {
	for k := range c.claims {
		if c.table.entries[k] == nil {
			c.out.claims = append(c.out.claims, journal.Entry{Key: k})
		}
	}
}

// prove has exaBGP send again what this bridge has not seen it send, because a
// bridge before it may have: the peer gets UPDATEs that change nothing, and the
// reports of them prove what it holds.
func (c *core) prove() {
	for _, p := range c.peers {
		c.proveAt(p)
	}
}

func (c *core) proveAt(p *peer) {
	if !p.up || !c.hasUnproven(p) {
		return
	}
	if p.RouteRefresh {
		c.log.Warn("what this peer holds can't be proven until its session restarts", "peer", p.Addr)
		return
	}
	p.heard, p.unsettled = c.now, true
	c.windows.add(&exchange{line: exabgp.Flush(p.Addr), ask: func([]string, bool) {}})
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

func (c *core) hasUnproven(p *peer) bool {
	for _, e := range c.table.entries {
		if s := e.slot(p); s != nil && s.grade == state.Accepted {
			return true
		}
	}
	return false
}
