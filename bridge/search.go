package bridge

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"routesync/bridge/wire"
	"routesync/state"
)

// searchEvery is how often the core looks at the clock during a search.
const searchEvery = 100 * time.Millisecond

// pace is how often the core has to look at the clock.
func (c *core) pace() time.Duration {
	if slices.ContainsFunc(c.peers, func(p *peer) bool { return p.up && p.doubts.searching() }) {
		return searchEvery
	}
	return tickEvery
}

// doubt suspects a route that is new at its peer. Of a 3.4 nothing can be known.
func (c *core) doubt(k state.Key, s *slot) {
	if c.quiet != nil || s.aside {
		return
	}
	if old := c.table.find(k, s.peer); old == nil || old.aside || old.attrs != s.attrs {
		s.peer.doubts.doubt(k, c.now)
	}
}

// fell looks for the cause of a session's end among the routes, as they are
// before it; what it returns sets suspects aside, and is to be done after.
func (c *core) fell(p *peer, reason string) (judge func()) {
	fall, ok := c.dialect.ParseFall(reason)
	if !ok || c.quiet != nil || c.phase != ready {
		return func() {}
	}
	d := &p.doubts
	d.reason = fall.Reason
	suspects, foreign := c.suspects(p)
	if len(suspects) == 0 {
		suspects = c.widen(p)
	}
	if len(suspects) == 0 {
		c.trouble(fmt.Sprintf("the session to %s fell (%s), and of what routesync announces there nothing is new%s", p.Addr, fall.Reason, about(foreign)))
		return func() {}
	}
	c.trouble(fmt.Sprintf("the session to %s fell (%s) with %d new routes; looking for the one that it falls of%s", p.Addr, fall.Reason, len(suspects), about(foreign)))
	aside := d.fell(suspects, fall.Raised, c.now)
	return func() {
		for _, x := range aside {
			c.enqueue(&op{key: x.key, attrs: x.attrs, withdraw: true, aside: p})
		}
	}
}

// about names routes that are not ours to touch.
func about(foreign []state.Key) string {
	if len(foreign) == 0 {
		return ""
	}
	return fmt.Sprintf("; exaBGP's own routes that are new: %s", named(foreign))
}

// suspects are the routes that the session to p may have fallen of: those of
// exaBGP's table that are not proven, and those on their way into it. The foreign
// ones are exaBGP's own.
func (c *core) suspects(p *peer) (all []suspect, foreign []state.Key) {
	flying := map[state.Key]bool{}
	for o := range c.flying {
		if !o.withdraw && !o.accepted && has(o.targets, p) && p.carries(o.key.Family) {
			flying[o.key] = true
			all = append(all, suspect{value{o.key, o.attrs}, c.now, has(o.seen, p)})
		}
	}
	for k, at := range p.doubts.fresh {
		s := c.table.find(k, p)
		switch {
		case s == nil || s.aside || flying[k] || !p.carries(k.Family):
		case s.owner == "":
			foreign = append(foreign, k)
		default:
			all = append(all, suspect{value{k, s.attrs}, at, s.grade == state.Sent || s.grade == state.Unsent})
		}
	}
	return all, foreign
}

// widen finds suspects among the routes that were thought to be good, when the
// session falls without anything new in it.
func (c *core) widen(p *peer) []suspect {
	d := &p.doubts
	var all []suspect
	blame := func(k state.Key, s *slot, at time.Time) {
		if s != nil && !s.aside && s.owner != "" {
			d.doubt(k, at)
			all = append(all, suspect{value{k, s.attrs}, at, s.grade == state.Sent})
		}
	}
	for k, at := range d.misjudged(c.now) {
		blame(k, c.table.find(k, p), at)
	}
	if d.barren++; len(all) > 0 || d.barren < barrenFalls {
		return all
	}
	for k, e := range c.table.entries {
		blame(k, e.slot(p), c.now)
	}
	return all
}

// beginAside begins to set a suspect aside. It comes to nothing if the session is
// up before exaBGP is told: what a peer has is not withdrawn for a search.
func (c *core) beginAside(o *op, e *entry) {
	p, s := o.aside, e.slot(o.aside)
	if c.findPeer(p.Addr) != p || s == nil || s.aside || s.owner == "" || s.attrs != o.attrs {
		return
	}
	o.claimant, o.targets = s.claimant, []*peer{p}
	e.flight = o
	c.flying[o] = struct{}{}
	c.start = append(c.start, o)
}

// recall takes back what was to set suspects aside at a peer whose session is up
// again, and was not given to exaBGP yet.
func (c *core) recall(p *peer) {
	var back []*op
	c.windows.waiting = slices.DeleteFunc(c.windows.waiting, func(x *exchange) bool {
		recalled := len(x.ops) > 0 && x.ops[0].aside == p
		if recalled {
			back = append(back, x.ops...)
		}
		return recalled
	})
	for _, o := range back {
		o.targets = nil
		c.commandDone(o)
	}
}

// endedSearch notes what became of setting a suspect aside, or of bringing it
// back.
func (c *core) endedSearch(o *op, e *entry) {
	switch {
	case o.aside != nil:
		c.endedAside(o, e)
	case o.restore && len(o.targets) > 0:
		if s := e.slot(o.targets[0]); s != nil && s.aside { // exaBGP would not take it
			c.table.drop(o.key, s.peer)
			c.claim(o.key)
		}
	}
}

func (c *core) endedAside(o *op, e *entry) {
	p := o.aside
	if !has(o.targets, p) || has(o.turnedDown, p) || c.findPeer(p.Addr) != p || e.slot(p) != nil {
		return
	}
	reason := fmt.Sprintf("suspended: the session fell after it was new (%s); looking for the route that it falls of", p.doubts.reason)
	c.put(o.key, slot{peer: p, claimant: o.claimant, attrs: o.attrs, grade: state.Unsent, reason: reason, aside: true})
	c.claim(o.key)
}

// sentAside: exaBGP sends what was set aside. It may do so once, of what waited
// while the session was down, see [latecomer]; or somebody else put it into
// exaBGP's table.
func (c *core) sentAside(k state.Key, s *slot) {
	at := place{k, s.peer.Addr}
	if _, late := c.tardy[at]; late {
		delete(c.tardy, at)
		return
	}
	c.put(k, slot{peer: s.peer, claimant: s.claimant, attrs: s.attrs, grade: state.Sent})
}

// auditAside takes a route that was set aside out of the search if exaBGP's table
// has it: somebody else put it there.
func (c *core) auditAside(k state.Key, s *slot) {
	if s.listed == c.audits.round {
		back := slot{peer: s.peer, claimant: s.claimant, attrs: s.attrs, listed: s.listed}
		back.grade, back.reason = c.expect(k, s.peer)
		c.put(k, back)
	}
}

// dropAside withdraws a route that exaBGP does not have: it was set aside.
func (c *core) dropAside(o *op, p *peer) {
	c.table.drop(o.key, p)
	c.claim(o.key)
	c.confirmed(o, p, 0, "")
	o.order.note(p.Addr, o.key, wire.Withdrawn, "", "")
}

// search goes on with each search by what time alone can show.
func (c *core) search() {
	if c.phase != ready {
		return
	}
	for _, p := range c.peers {
		if p.up {
			c.searchAt(p)
		}
	}
}

func (c *core) searchAt(p *peer) {
	d := &p.doubts
	if c.now.Sub(p.since) >= slowTime {
		d.barren = 0
	}
	c.acquit(p)
	if !d.searching() || c.tries(p) || c.now.Sub(p.since) < control {
		return
	}
	for d.next() != nil {
		if c.bringBack(p) {
			return
		}
	}
	if c.now.Sub(later(p.since, d.passedAt)) < d.last() {
		return
	}
	reason := d.reason
	for x, falls := range d.over() {
		if s := c.table.find(x.key, p); s != nil && s.aside && s.attrs == x.attrs {
			c.ban(x.key, s, falls, reason)
		}
	}
	c.log.Info("the search is over", "peer", p.Addr)
}

// acquit clears the routes with which the session has lived on.
func (c *core) acquit(p *peer) {
	d := &p.doubts
	silence := d.silence()
	if c.now.Sub(p.since) < silence {
		return
	}
	for k, at := range d.fresh {
		s := c.table.find(k, p)
		switch {
		case s == nil || s.aside:
			delete(d.fresh, k)
		case s.grade != state.Sent && (s.grade != state.Unsent || !p.carries(k.Family)):
		case c.now.Sub(at) >= silence:
			d.proven(k, c.now)
		}
	}
}

// tries tells whether suspects are being tried at a peer.
func (c *core) tries(p *peer) bool {
	d := &p.doubts
	for k := range d.fresh {
		if s := c.table.find(k, p); s != nil && !s.aside && d.falls[value{k, s.attrs}] > 0 && p.carries(k.Family) {
			return true
		}
	}
	return slices.ContainsFunc(d.trial, func(x value) bool {
		e := c.table.entries[x.key]
		if e == nil || e.flight == nil && len(e.waiting) == 0 {
			return false
		}
		s := e.slot(p)
		return s != nil && s.aside
	})
}

// bringBack brings the suspects of the trial back, and tells whether there are
// any left.
func (c *core) bringBack(p *peer) bool {
	some := false
	for _, x := range p.doubts.trial {
		if s := c.table.find(x.key, p); s != nil && s.aside && s.attrs == x.attrs {
			some = true
			c.enqueue(&op{key: x.key, attrs: x.attrs, peers: []netip.Addr{p.Addr}, restore: true})
		}
	}
	return some
}

// beginRestore tells whether a suspect is still to be brought back.
func (c *core) beginRestore(o *op, s *slot) bool {
	if s == nil || !s.aside || s.attrs != o.attrs {
		return false
	}
	o.claimant = s.claimant
	return true
}
