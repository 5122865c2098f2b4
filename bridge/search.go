package bridge

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

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
	old := c.table.find(k, s.peer)
	if old != nil && !old.aside && old.attrs == s.attrs {
		return
	}
	if old != nil {
		c.goes(k, old)
	}
	s.peer.doubts.doubt(k, c.now)
}

// fell looks for the cause of a session's end among the routes, as they are
// before it; what it returns sets suspects aside, and is to be done after.
func (c *core) fell(p *peer, reason string) (judge func()) {
	fall, ok := c.dialect.ParseFall(reason)
	if !ok || c.quiet != nil || c.phase != ready {
		return func() {}
	}
	d := &p.doubts
	suspects, foreign := c.suspects(p)
	if fall.Lost {
		suspects = slices.DeleteFunc(suspects, func(s suspect) bool { return !s.sent })
	}
	again := fall.Lost && len(suspects) == 1 && d.spared[suspects[0].value]
	if again || len(suspects) == 0 && (!fall.Lost || d.searching()) {
		suspects = append(suspects, c.widen(p, fall.Lost)...)
	}
	if fall.Lost && (len(suspects) == 0 || !d.losing()) {
		return func() {}
	}
	d.reason = fall.Reason
	for i := range suspects {
		// It may have fallen of what is not ours: that no more is left of ours
		// does not make it guilty.
		suspects[i].other = suspects[i].other || len(foreign) > 0
	}
	if len(suspects) == 0 {
		c.trouble(fmt.Sprintf("the session to %s fell (%s), and of what routesync announces there nothing is new%s", p.Addr, fall.Reason, about(foreign)))
		return func() {}
	}
	c.trouble(fmt.Sprintf("the session to %s fell (%s); looking for the route that it falls of among %d%s", p.Addr, fall.Reason, len(suspects), about(foreign)))
	aside := d.fell(suspects, fall, c.now)
	if fall.Lost && d.resigned {
		return func() { c.resign(p) }
	}
	return func() {
		for _, x := range aside {
			c.enqueue(&op{key: x.key, attrs: x.attrs, withdraw: true, aside: p})
		}
	}
}

// resign ends a search without a result: all comes back.
func (c *core) resign(p *peer) {
	d := &p.doubts
	all := d.parts
	for _, a := range d.accused {
		all = append(all, []value{a.value})
	}
	d.over()
	for _, d.trial = range all {
		c.bringBack(p)
	}
	d.trial = nil
	c.trouble(fmt.Sprintf("the connection to %s is lost again and again; no route is found to be the cause", p.Addr))
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
			all = append(all, suspect{value{o.key, o.attrs}, c.now, has(o.seen, p), p.doubts.others[o.key]})
		}
	}
	for k, at := range p.doubts.fresh.at {
		s := c.table.find(k, p)
		switch {
		case s == nil || s.aside || flying[k] || !p.carries(k.Family):
		case s.owner == "", s.given != (state.Attrs{}): // or the value is somebody else's
			foreign = append(foreign, k)
		default:
			all = append(all, suspect{value{k, s.attrs}, at, s.grade == state.Sent || s.grade == state.Unsent, p.doubts.others[k]})
		}
	}
	return all, foreign
}

// widen finds suspects among the routes that were thought to be good, when the
// session falls without anything new in it.
func (c *core) widen(p *peer, lost bool) []suspect {
	d := &p.doubts
	var all []suspect
	blame := func(k state.Key, s *slot, at time.Time) {
		if s != nil && !s.aside && s.owner != "" && s.given == (state.Attrs{}) {
			d.doubt(k, at)
			all = append(all, suspect{value{k, s.attrs}, at, s.grade == state.Sent, d.others[k]})
		}
	}
	for k, at := range d.misjudged(c.now) {
		blame(k, c.table.find(k, p), at)
	}
	if len(all) > 0 || lost {
		return all
	}
	if d.barren++; d.barren < barrenFalls {
		return nil
	}
	for k, e := range c.table.entries {
		blame(k, e.slot(p), c.now)
	}
	return all
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
		d.barren, d.resigned = 0, false
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
	if c.now.Sub(later(p.since, d.passedAt)) < d.last() || d.retry() {
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
	d.fresh.older(silence, c.now, func(k state.Key, at time.Time) bool {
		s := c.table.find(k, p)
		switch {
		case s == nil || s.aside || !p.carries(k.Family):
		case s.grade != state.Sent && s.grade != state.Unsent:
			return false
		default:
			d.proven(k, at, c.now)
		}
		return true
	})
}

// tries tells whether suspects are being tried at a peer.
func (c *core) tries(p *peer) bool {
	d := &p.doubts
	for k := range d.fresh.at {
		s := c.table.find(k, p)
		if s == nil || s.aside || !p.carries(k.Family) {
			continue
		}
		if _, suspected := d.falls[value{k, s.attrs}]; suspected {
			return true
		}
	}
	return slices.ContainsFunc(d.trial, func(x value) bool {
		e := c.table.entries[x.key]
		if e == nil || e.flight == nil && e.waiting.empty() {
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
