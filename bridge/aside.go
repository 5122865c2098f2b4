package bridge

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"routesync/bridge/journal"
	"routesync/bridge/wire"
	"routesync/state"
)

// A suspect is set aside by a withdraw at a peer that is down, and brought back by
// an announce. In between its slot stays, so that nobody takes it for gone.

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

// asideMost is how many routes a command sets aside. exaBGP does 50 steps of its
// commands between two turns of its peers, and a route is one (reactor/
// asynchronous.py, ASYNC.LIMIT), so that such a command is done in one go.
const asideMost = 48

// planAside has suspects set aside, as soon as their peer is not about to be up.
//
// The session can come up before exaBGP has read the command, although that was
// not known yet when it was given. Then it would send the withdraws, of routes
// that it has just sent. So before each it is told to end that session, should
// there be one: which it does before it sends anything else (reactor/peer.py,
// _main), and the session of a peer that is down is not touched.
func (c *core) planAside(attrs state.Attrs, at []*peer, ops []*op) {
	for some := range slices.Chunk(ops, asideMost) {
		c.asides = append(c.asides, c.commands(true, attrs, at, some)...)
	}
}

// giveAside puts what sets suspects aside before the other commands, and tells
// whether any may go.
func (c *core) giveAside() bool {
	i := slices.IndexFunc(c.asides, func(x *exchange) bool { return !x.at[0].connecting || c.findPeer(x.at[0].Addr) != x.at[0] })
	if i < 0 {
		return true
	}
	if len(c.windows.out) > 0 {
		return false
	}
	c.windows.ahead(c.asides[i])
	c.asides = slices.Delete(c.asides, i, i+1)
	return true
}

// aside tells whether a command sets suspects aside. It is given by itself.
func (x *exchange) aside() bool { return len(x.ops) > 0 && x.ops[0].aside != nil }

// recallAside has what a bridge before had set aside announced again, as what the
// life of exaBGP before had is: a search that it died in begins anew. In exaBGP's
// table it is only if it was not set aside any more.
func (c *core) recallAside() {
	for _, k := range slices.SortedFunc(maps.Keys(c.claims), state.CompareKeys) {
		for _, x := range c.claims[k] {
			x.Peers = slices.DeleteFunc(slices.Clone(x.Peers), func(a netip.Addr) bool { return c.table.find(k, c.findPeer(a)) != nil })
			if x.Aside && len(x.Peers) > 0 {
				c.replay.before = append(c.replay.before, journal.Entry{Key: k, Claims: []journal.Claim{x}})
			}
		}
	}
}

// recall takes back what was to set suspects aside at a peer whose session is up
// again, and was not given to exaBGP yet.
func (c *core) recall(p *peer) {
	var back []*op
	recalled := func(x *exchange) bool {
		is := x.aside() && x.ops[0].aside == p
		if is {
			back = append(back, x.ops...)
		}
		return is
	}
	c.asides = slices.DeleteFunc(c.asides, recalled)
	c.windows.waiting = slices.DeleteFunc(c.windows.waiting, recalled) // is given again
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
	// It is no latecomer: a router may not bear its withdraw either.
	delete(c.tardy, place{o.key, p.Addr})
	c.claim(o.key)
}

// sentAside: exaBGP sends what was set aside. As a session begins that may be what
// waited for it, see [latecomer], and is not in exaBGP's table; later somebody
// else put it there.
func (c *core) sentAside(k state.Key, s *slot) {
	if !s.peer.unsettled {
		c.put(k, slot{peer: s.peer, claimant: s.claimant, attrs: s.attrs, grade: state.Sent})
	}
}

// auditAside takes a route that was set aside out of the search if exaBGP's table
// has it: somebody else put it there.
func (c *core) auditAside(k state.Key, s *slot, listed bool) {
	if listed {
		back := slot{peer: s.peer, claimant: s.claimant, attrs: s.attrs}
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

// beginRestore tells whether a suspect is still to be brought back.
func (c *core) beginRestore(o *op, s *slot) bool {
	if s == nil || !s.aside || s.attrs != o.attrs {
		return false
	}
	o.claimant = s.claimant
	return true
}
