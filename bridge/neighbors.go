package bridge

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"routesync/bridge/exabgp"
	"routesync/state"
)

func (c *core) askNeighbors() {
	if slices.ContainsFunc(c.windows.waiting, func(x *exchange) bool { return x.line == exabgp.ShowConfiguration }) {
		return
	}
	c.windows.add(&exchange{line: exabgp.ShowConfiguration, ask: c.learnNeighbors})
	c.askSessions()
}

func (c *core) askSessions() {
	x := &exchange{line: exabgp.ShowExtensive, ask: c.learnSessions}
	x.each = func(line string) {
		c.markSession(line)
		x.body = append(x.body, line)
	}
	c.windows.add(x)
}

// learnNeighbors takes the answer to "show neighbor configuration", and finds
// out which of the neighbors can be commanded: exaBGP does not tell a helper
// its name, but it answers error for a neighbor that does not name it.
func (c *core) learnNeighbors(body []string, ok bool) {
	neighbors, err := c.dialect.ParseConfiguration(body)
	if err != nil || !ok {
		c.trouble(fmt.Sprintf("exaBGP's neighbors can't be read: %v", unread(err)))
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

// unread is why a listing can't be read.
func unread(err error) error {
	if err == nil {
		return errors.New("exaBGP answered error")
	}
	return err
}

// meet adopts neighbors once the table is read that came with new ones: nobody
// may announce over what their configuration announces.
func (c *core) meet(neighbors []exabgp.Neighbor, reached []netip.Addr) {
	fresh := slices.ContainsFunc(reached, func(a netip.Addr) bool { return c.findPeer(a) == nil })
	if !fresh || c.phase < replaying {
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
		for _, r := range c.routes(body) {
			if p := c.findPeer(r.Peer); p != nil && !has(before, p) {
				p.unproven = true
				s := slot{peer: p, claimant: c.lost[place{r.Key, p.Addr}], attrs: r.Attrs}
				s.grade, s.reason = c.expect(r.Key, p)
				c.put(r.Key, s)
				if s.owner != "" {
					c.claim(r.Key)
				}
			}
		}
	}})
}

// adopt takes the neighbors that were reached as the bridge's peers.
func (c *core) adopt(neighbors []exabgp.Neighbor, reached []netip.Addr) {
	var peers []*peer
	var deaf []state.Neighbor
	own := exabgp.Own(neighbors, reached)
	for _, n := range neighbors {
		lacks := n.Lacks(own...)
		for _, lack := range lacks {
			if !slices.Contains(c.lacking(n.Addr), lack) { // said when it was new
				c.log.Warn("exaBGP's configuration lacks something", "neighbor", n.Addr.String(), "lack", lack)
			}
		}
		if !slices.Contains(reached, n.Addr) {
			deaf = append(deaf, state.Neighbor{Addr: n.Addr, LocalAS: n.LocalAS, PeerAS: n.PeerAS, Lacks: lacks, Tags: n.Tags})
			continue
		}
		if slices.ContainsFunc(peers, func(q *peer) bool { return q.Addr == n.Addr }) {
			continue // two sessions with one address: commands reach both alike
		}
		p := c.findPeer(n.Addr)
		if p == nil {
			p = &peer{since: c.now}
		}
		p.Neighbor, p.lacks, p.sayable = n, lacks, sayable{}
		peers = append(peers, p)
	}
	slices.SortFunc(peers, func(a, b *peer) int { return a.Addr.Compare(b.Addr) })
	for _, p := range peers {
		p.counted = p.Counts(own...)
	}
	before := c.peers
	c.peers, c.deaf, c.aboutNews, c.met = peers, deaf, true, true
	c.receiveFrom(peers, own)
	for _, p := range before {
		if !has(peers, p) {
			c.away[p.Addr] = struct{}{}
			c.forget(p)
		}
	}
	for _, p := range peers {
		delete(c.away, p.Addr)
	}
}

// lacking is what was last known to be missing at a neighbor.
func (c *core) lacking(a netip.Addr) []string {
	if p := c.findPeer(a); p != nil {
		return p.lacks
	}
	if i := slices.IndexFunc(c.deaf, func(n state.Neighbor) bool { return n.Addr == a }); i >= 0 {
		return c.deaf[i].Lacks
	}
	return nil
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
			c.leave(k, s)
		}
	}
}

// learnSessions takes the answer to "show neighbor extensive".
func (c *core) learnSessions(body []string, ok bool) {
	if c.quiet != nil {
		c.learnStates()
		return
	}
	sessions, err := exabgp.ParseExtensive(body)
	if err != nil || !ok {
		c.trouble(fmt.Sprintf("exaBGP's sessions can't be read: %v", unread(err)))
		return
	}
	c.lookForTwins(sessions)
	for _, s := range sessions {
		p := c.findPeer(s.Addr)
		if p == nil || p.spoke {
			continue // the event is newer; if it is up, it has been asked for again
		}
		if !s.Up() {
			if p.up {
				c.sessionDown(p, "")
			}
			continue
		}
		if !p.up {
			c.sessionUp(p)
			c.receivedUp(p, false)
			p.since = c.now.Add(-time.Duration(s.Seconds) * time.Second)
		}
		c.compareTally(p, s)
		p.negotiated, p.asked = s.Families, true
		c.aboutNews = true
		c.regrade(p)
		if p.unproven {
			p.unproven = false
			c.proveAt(p)
		}
	}
	if c.phase == resuming {
		c.goOn()
	}
	c.askReceived()
}

// regrade marks what a session can't carry, now that it is known.
func (c *core) regrade(p *peer) {
	for k, e := range c.table.entries {
		s := e.slot(p)
		if s == nil || s.grade == state.Sent || s.grade == state.Withdrawing {
			continue
		}
		if g, reason := c.expect(k, p); g != state.Accepted || s.grade == state.Held {
			c.table.grade(k, s, g, reason)
		}
	}
	// After the grades, which the answers to what was typed are made of.
	for o := range c.flying {
		if !p.carries(o.key.Family) && has(o.waiting, p) {
			if o.withdraw {
				c.table.drop(o.key, p)
			}
			c.landed(o, p)
		}
	}
}
