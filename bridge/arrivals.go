package bridge

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"routesync/bridge/wire"
	"routesync/state"
)

const (
	// changesMax is how many changes wait before later ones may overtake.
	changesMax = 20_000
	// messageRoutes bounds the routes of one message of a stream.
	messageRoutes = 2000
)

// arrival is one thing that came from a peer, until it is published.
type arrival struct {
	kind   wire.ChangeKind
	peer   netip.Addr
	key    state.AnyKey // of routes; only the family of EndOfRIB
	attrs  seenAttrs    // of Announce
	at     time.Time
	text   string
	tables int64 // how many tables were made before it
}

// session tells whether nothing before it counts for the peer any more.
func (x *arrival) session() bool {
	return x.kind == wire.Up || x.kind == wire.Down || x.kind == wire.Gone
}

// receivedStream is what followers of the received routes are told: changes in
// their order, and tables for who asks.
type receivedStream struct {
	stream
	pending   []arrival
	overtaken int
	room      int // compacted when pending has as many
	limit     int // changesMax
	size      int // messageRoutes
	held      func() int
	tables    int64 // how many were made
	asked     []string
	answer    *tableAnswer // that is on its way
}

// add takes a change. Memory is bounded: over its limit only the last change
// of a route is kept, and if there are more of those than the tables have
// routes, the followers have to ask for the tables again.
func (r *receivedStream) add(x arrival) {
	if !r.heeded() {
		return
	}
	x.tables = r.tables
	r.pending = append(r.pending, x)
	if len(r.pending) < max(r.room, r.limit) {
		return
	}
	before := len(r.pending)
	r.pending = compacted(r.pending)
	r.overtaken += before - len(r.pending)
	if len(r.pending) > r.limit+r.held() {
		r.pending, r.overtaken = nil, 0
		r.skip()
	}
	r.room = 2 * len(r.pending)
}

func (r *receivedStream) close() {
	r.missed = len(r.pending) > 0
	r.open, r.pending, r.overtaken, r.room, r.asked, r.answer = false, nil, 0, 0, nil, nil
}

// compacted leaves the last change of each route, in their order, and none from
// before the last session event of its peer.
func compacted(changes []arrival) []arrival {
	type id struct {
		peer netip.Addr
		what string // what else than routes
		key  state.AnyKey
	}
	later := make(map[id]struct{}, len(changes))
	over := map[netip.Addr]struct{}{}
	kept := changes[:0:0]
	for i := len(changes) - 1; i >= 0; i-- {
		x := &changes[i]
		if _, is := over[x.peer]; is {
			continue
		}
		k := id{peer: x.peer, key: x.key}
		switch x.kind {
		case wire.EndOfRIB:
			k.what = string(x.kind)
		case wire.Complete, wire.Incomplete:
			k.what = string(wire.Complete)
		}
		if _, is := later[k]; is {
			continue
		}
		if x.session() {
			over[x.peer] = struct{}{}
		} else {
			later[k] = struct{}{}
		}
		kept = append(kept, *x)
	}
	slices.Reverse(kept)
	return kept
}

// nextReceived is the next message of the received routes: a part of a table
// that was asked for, or else changes. Changes wait while a table is on its way,
// so that no part of it is older than a message before it.
func (c *core) nextReceived() (m wire.Received, to string, ok bool) {
	r := &c.rcv
	if r.answer == nil && len(r.asked) > 0 {
		r.answer = c.copyReceived(r.asked[0])
		r.asked = r.asked[1:]
	}
	if a := r.answer; a != nil {
		m, done := a.next()
		if done {
			r.answer = nil
		}
		m.Speaker, m.Boot, m.Run = c.speaker, c.boot, c.run
		return m, a.to, true
	}
	if len(r.pending) == 0 && !r.beat {
		return m, "", false
	}
	m = wire.Received{Speaker: c.speaker, Boot: c.boot, Run: c.run}
	if len(r.pending) > 0 {
		r.n++
		m.Tables = r.pending[0].tables
		m.Overtaken, r.overtaken = r.overtaken, 0
		m.Changes = r.take()
	}
	m.N, r.beat = r.n, false
	return m, "", true
}

// take takes the next changes out of those that wait, as the same tables have
// them; neighbours that differ in nothing but the route go together.
func (r *receivedStream) take() []wire.Change {
	var out []wire.Change
	n := 0
	for ; n < min(len(r.pending), r.size); n++ {
		x := &r.pending[n]
		if x.tables != r.pending[0].tables {
			break
		}
		if n > 0 && x.kind.Routes() && x.like(&r.pending[n-1]) {
			last := &out[len(out)-1]
			last.IDs = append(last.IDs, x.key.ID)
			continue
		}
		out = append(out, x.change())
	}
	r.pending = r.pending[n:]
	if len(r.pending) == 0 {
		r.pending, r.room = nil, 0 // what it grew to is not needed again
	}
	return out
}

// change is an arrival by itself, as it is published.
func (x *arrival) change() wire.Change {
	w := wire.Change{Kind: x.kind, Peer: x.peer, At: x.at.UnixMilli(), Family: x.key.Family, Reason: x.text}
	if x.kind == wire.Announce {
		w.Attrs = x.attrs.Value()
	}
	if x.kind.Routes() {
		w.IDs = []string{x.key.ID}
	}
	return w
}

func (x *arrival) like(y *arrival) bool {
	return x.kind == y.kind && x.peer == y.peer && x.key.Family == y.key.Family && x.attrs == y.attrs && x.text == y.text
}

// tableAnswer is the received tables as they were when they were asked for, on
// their way to a reader. A copy costs 56 bytes a route for that time.
type tableAnswer struct {
	to     string
	id     string
	n      int64
	tables int64
	rows   []row
	from   []wire.ReceivedFrom
	size   int
	part   int
	of     int
}

type row struct {
	in    *inbound
	key   state.AnyKey
	attrs seenAttrs
}

func (c *core) copyReceived(to string) *tableAnswer {
	c.rcv.tables++
	a := &tableAnswer{to: to, id: fmt.Sprintf("%s/%d", c.run, c.rcv.tables), n: c.rcv.n, tables: c.rcv.tables, size: c.rcv.size}
	a.rows = make([]row, 0, c.rcv.held())
	for _, addr := range slices.SortedFunc(keysOf(c.inbound), netip.Addr.Compare) {
		in := c.inbound[addr]
		a.from = append(a.from, wire.ReceivedFrom{Peer: addr, Up: in.up, Routes: len(in.routes), Missing: in.missing()})
		for k, attrs := range in.routes {
			a.rows = append(a.rows, row{in, k, attrs})
		}
	}
	a.of = max(1, (len(a.rows)+a.size-1)/a.size)
	return a
}

// next is the next part, and whether it is the last. Its routes are in no
// order, so all that are alike go together.
func (a *tableAnswer) next() (wire.Received, bool) {
	a.part++
	m := wire.Received{N: a.n, Tables: a.tables, Part: &wire.Part{ID: a.id, Part: a.part, Of: a.of}}
	type class struct {
		peer   netip.Addr
		family string
		attrs  seenAttrs
	}
	place := map[class]int{}
	n := min(len(a.rows), a.size)
	for _, x := range a.rows[:n] {
		k := class{x.in.peer, x.key.Family, x.attrs}
		i, ok := place[k]
		if !ok {
			i = len(m.Changes)
			place[k] = i
			m.Changes = append(m.Changes, wire.Change{Kind: wire.Announce, Peer: k.peer, Family: k.family, Attrs: x.attrs.Value()})
		}
		m.Changes[i].IDs = append(m.Changes[i].IDs, x.key.ID)
	}
	a.rows = a.rows[n:]
	if a.part < a.of {
		return m, false
	}
	m.From = a.from
	return m, true
}
