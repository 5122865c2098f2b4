package bridge

import (
	"net/netip"

	"routesync/bridge/exabgp"
	"routesync/bridge/wire"
	"routesync/state"
)

// eventsMax is how many routes of happenings wait; over it the oldest go.
const eventsMax = 20_000

// eventStream is what followers of a speaker's events are told. It says what
// has happened, never what is so; so old happenings may go, if that is said.
type eventStream struct {
	stream
	pending []wire.Happening
	routes  int // weight of what is pending
	lost    int
}

// weight is the share of a happening in a bound.
func weight(h *wire.Happening) int { return max(1, len(h.IDs)) }

// happen takes a happening, together with the one before if they differ in
// nothing but their routes.
func (e *eventStream) happen(h wire.Happening) {
	if !e.heeded() {
		return
	}
	e.routes += weight(&h)
	if n := len(e.pending); n > 0 && joins(&e.pending[n-1], &h) {
		e.pending[n-1].IDs = append(e.pending[n-1].IDs, h.IDs...)
	} else {
		e.pending = append(e.pending, h)
	}
	for e.routes > eventsMax && len(e.pending) > 1 {
		w := weight(&e.pending[0])
		e.routes -= w
		e.lost += w
		e.pending = e.pending[1:]
	}
}

func joins(a, b *wire.Happening) bool {
	return a.Kind == b.Kind && a.Peer == b.Peer && a.Owner == b.Owner && a.Withdraw == b.Withdraw && a.Family == b.Family &&
		a.Attrs == b.Attrs && a.Grade == b.Grade && a.Text == b.Text &&
		len(a.IDs) > 0 && len(b.IDs) > 0 && len(a.IDs)+len(b.IDs) <= messageRoutes
}

func (e *eventStream) close() {
	e.missed = len(e.pending) > 0
	e.open, e.pending, e.routes, e.lost = false, nil, 0, 0
}

// nextEvents is the next message of happenings.
func (c *core) nextEvents() (wire.Events, bool) {
	e := &c.evt
	if len(e.pending) == 0 && !e.beat {
		return wire.Events{}, false
	}
	if len(e.pending) > 0 {
		e.n++
	}
	m := wire.Events{Speaker: c.speaker, Boot: c.boot, Run: c.run, N: e.n, Lost: e.lost}
	e.beat, e.lost = false, 0
	n, routes := 0, 0
	for ; n < len(e.pending); n++ {
		w := weight(&e.pending[n])
		if n > 0 && routes+w > messageRoutes {
			break
		}
		routes += w
	}
	m.Happenings = e.pending[:n:n]
	e.routes -= routes
	if e.pending = e.pending[n:]; len(e.pending) == 0 {
		e.pending = nil
	}
	return m, true
}

// happen tells followers of a happening, now.
func (c *core) happen(h wire.Happening) {
	if !c.evt.heeded() {
		return
	}
	h.At, h.Text = c.now.UnixMilli(), exabgp.Printable(h.Text)
	c.evt.happen(h)
}

// happenSent tells of an UPDATE that was sent.
func (c *core) happenSent(p *peer, u *exabgp.Update) {
	if !c.evt.heeded() {
		return
	}
	for _, w := range u.Withdrawn {
		c.happenAll(wire.Happening{Kind: wire.Sending, Peer: p.Addr, Withdraw: true, Family: w.Family.String()}, w.Keys)
	}
	for _, a := range u.Announced {
		c.happenAll(wire.Happening{Kind: wire.Sending, Peer: p.Addr, Family: a.Family.String(), Attrs: a.Seen.Comparable()}, a.Keys)
	}
}

// happenAll tells of something that happened to routes, in pieces that fit into
// a message.
func (c *core) happenAll(h wire.Happening, keys []state.Key) {
	for len(keys) > 0 {
		n := min(len(keys), messageRoutes)
		h.IDs = make([]string, n)
		for i, k := range keys[:n] {
			h.IDs[i] = k.String()
		}
		c.happen(h)
		keys = keys[n:]
	}
}

// happenTo tells of something that happened to one route.
func (c *core) happenTo(k state.Key, h wire.Happening) {
	if c.evt.heeded() {
		h.Family, h.IDs = k.Family.String(), []string{k.String()}
		c.happen(h)
	}
}

// happenByHand tells of a command that somebody gave.
func (c *core) happenByHand(whose claimant, withdraw bool, attrs state.Attrs, keys []state.Key) {
	if !c.evt.open {
		return
	}
	h := wire.Happening{Kind: wire.Typing, Owner: whose.owner, Withdraw: withdraw, Family: keys[0].Family.String(), Text: whose.provenance().By}
	if !withdraw {
		h.Attrs.Attrs = attrs
	}
	c.happenAll(h, keys)
}

// confirmed tells how far a change that somebody asked for has come at a peer.
func (c *core) confirmed(o *op, p *peer, g state.Grade, reason string) {
	h := wire.Happening{Kind: wire.Confirmed, Peer: p.Addr, Owner: o.owner, Withdraw: o.withdraw, Grade: g, Text: reason}
	if !o.withdraw {
		h.Attrs.Attrs = o.attrs
	}
	c.happenTo(o.key, h)
}

// drift tells of what was changed behind the bridge's back.
func (c *core) drift(k state.Key, p netip.Addr, text string) {
	c.happenTo(k, wire.Happening{Kind: wire.Drift, Peer: p, Text: text})
	c.fail(text)
}
