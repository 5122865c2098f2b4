package bridge

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"unique"

	"routesync/bridge/wire"
	"routesync/state"
)

// ReceivedTable is a reader's copy of what the peers of a speaker announce.
type ReceivedTable struct {
	Peers map[netip.Addr]*ReceivedPeer
}

// ReceivedPeer is what one peer announces.
type ReceivedPeer struct {
	Up     bool
	Routes map[state.AnyKey]unique.Handle[state.SeenAttrs]
	// Missing says why there may be more routes; "" if these are all.
	Missing string
}

// Routes is how many routes the table has.
func (t *ReceivedTable) Routes() int {
	n := 0
	for _, p := range t.Peers {
		n += len(p.Routes)
	}
	return n
}

// Notice is what has come over a [Follower], in the order in which it is to be
// taken: the gap, the table, what was overtaken or lost, and then the rest.
type Notice struct {
	// Gap says that something was missed, and what. Of received routes the table
	// comes again; OfEvents tells that it is happenings that are missing, which
	// nothing brings back.
	Gap      string
	OfEvents bool
	// Table tells that the table of received routes is whole, for the first time
	// or after a gap. Changes are then what has become different over the gap.
	Table bool
	// Overtaken is how many changes were left out before Changes, because of
	// later ones of the same routes; Lost how many happenings.
	Overtaken, Lost int
	Changes         []wire.Change
	Happenings      []wire.Happening
}

// isZero tells whether there is nothing to take.
func (n *Notice) isZero() bool {
	return n.Gap == "" && !n.Table && n.Overtaken == 0 && n.Lost == 0 && len(n.Changes) == 0 && len(n.Happenings) == 0
}

// receivedReplica keeps a copy of received tables. It is whole only after a
// whole table, and as long as no message is missed.
type receivedReplica struct {
	speaker, boot, run string
	n, tables          int64
	whole              bool
	table              *ReceivedTable // the last whole one and what came since; nil before the first

	parts   string // id of the table that is coming in
	next    int    // its next part
	torn    string // id of a table that had a part missing
	pending *ReceivedTable
}

// apply takes a message. After a gap only a table helps.
func (r *receivedReplica) apply(m *wire.Received) (Notice, error) {
	if m.Speaker != r.speaker {
		return Notice{}, fmt.Errorf("received routes of speaker %q where %q was asked for", m.Speaker, r.speaker)
	}
	if m.Part != nil {
		return r.part(m), nil
	}
	switch {
	case !r.whole:
		return Notice{}, nil // the table is on its way, and has this
	case m.Boot != r.boot:
		return r.gap("exaBGP was started again"), nil
	case m.Run != r.run:
		return r.gap("the bridge was started again"), nil
	case m.N > r.n+1 || m.N == r.n+1 && len(m.Changes) == 0:
		return r.gap(missed(r.n, m)), nil
	case m.N <= r.n:
		return Notice{}, nil
	}
	r.n = m.N
	if m.Tables < r.tables {
		return Notice{}, nil
	}
	for i := range m.Changes {
		r.table.change(&m.Changes[i])
	}
	return Notice{Overtaken: m.Overtaken, Changes: m.Changes}, nil
}

func missed(n int64, m *wire.Received) string {
	last := m.N
	if len(m.Changes) > 0 {
		last--
	}
	return fmt.Sprintf("%d messages of received routes were missed", last-n)
}

func (r *receivedReplica) gap(why string) Notice {
	r.whole, r.parts, r.pending = false, "", nil
	return Notice{Gap: why}
}

// part takes a part of a table.
func (r *receivedReplica) part(m *wire.Received) Notice {
	if m.Part.Part == 1 {
		r.parts, r.next, r.pending = m.Part.ID, 1, &ReceivedTable{Peers: map[netip.Addr]*ReceivedPeer{}}
	}
	if r.pending == nil && (r.whole || m.Part.ID == r.torn || m.Part.Part < m.Part.Of) {
		return Notice{}
	}
	if m.Part.ID != r.parts || m.Part.Part != r.next {
		r.torn = m.Part.ID
		return r.gap("a part of the table of received routes was missed")
	}
	r.next++
	for i := range m.Changes {
		r.pending.change(&m.Changes[i])
	}
	if m.Part.Part < m.Part.Of {
		return Notice{}
	}
	for _, f := range m.From {
		p := r.pending.peer(f.Peer)
		p.Up, p.Missing = f.Up, f.Missing
		if len(p.Routes) != f.Routes {
			return r.gap(fmt.Sprintf("the table of received routes has %d of %s, and should have %d", len(p.Routes), f.Peer, f.Routes))
		}
	}
	n := Notice{Table: true}
	if r.table != nil {
		n.Changes = differences(r.table, r.pending)
	}
	r.table, r.boot, r.run, r.n, r.tables, r.whole = r.pending, m.Boot, m.Run, m.N, m.Tables, true
	r.parts, r.pending = "", nil
	return n
}

func (t *ReceivedTable) peer(a netip.Addr) *ReceivedPeer {
	p := t.Peers[a]
	if p == nil {
		p = &ReceivedPeer{Routes: map[state.AnyKey]unique.Handle[state.SeenAttrs]{}}
		t.Peers[a] = p
	}
	return p
}

// change makes a change in the table.
func (t *ReceivedTable) change(c *wire.Change) {
	p := t.peer(c.Peer)
	switch c.Kind {
	case wire.Announce:
		attrs := unique.Make(c.Attrs)
		for _, id := range c.IDs {
			p.Routes[state.AnyKey{Family: c.Family, ID: id}] = attrs
		}
	case wire.Withdraw:
		for _, id := range c.IDs {
			delete(p.Routes, state.AnyKey{Family: c.Family, ID: id})
		}
	case wire.Up, wire.Down:
		p.Up, p.Missing = c.Kind == wire.Up, ""
		clear(p.Routes)
	case wire.Complete, wire.Incomplete:
		p.Missing = c.Reason
	case wire.Gone:
		delete(t.Peers, c.Peer)
	case wire.EndOfRIB:
	}
}

// differences are the changes that make before into after, withdraws first.
// When and in which order they came is not known.
func differences(before, after *ReceivedTable) []wire.Change {
	var out []wire.Change
	for _, a := range slices.SortedFunc(maps.Keys(before.Peers), netip.Addr.Compare) {
		if after.Peers[a] == nil {
			out = append(out, wire.Change{Kind: wire.Gone, Peer: a})
		}
	}
	for _, a := range slices.SortedFunc(maps.Keys(after.Peers), netip.Addr.Compare) {
		old, p := before.Peers[a], after.Peers[a]
		fresh := old == nil
		if fresh {
			old = &ReceivedPeer{}
		}
		if old.Up && !p.Up {
			out = append(out, wire.Change{Kind: wire.Down, Peer: a})
			old = &ReceivedPeer{}
		}
		if !old.Up && p.Up {
			out = append(out, wire.Change{Kind: wire.Up, Peer: a})
			old = &ReceivedPeer{}
		}
		out = append(out, old.differences(a, p)...)
		switch {
		case old.Missing == p.Missing && !fresh:
		case p.Missing == "":
			out = append(out, wire.Change{Kind: wire.Complete, Peer: a})
		default:
			out = append(out, wire.Change{Kind: wire.Incomplete, Peer: a, Reason: p.Missing})
		}
	}
	return out
}

func (p *ReceivedPeer) differences(a netip.Addr, after *ReceivedPeer) []wire.Change {
	var gone, new []state.AnyKey
	for k := range p.Routes {
		if _, still := after.Routes[k]; !still {
			gone = append(gone, k)
		}
	}
	for k, attrs := range after.Routes {
		if old, was := p.Routes[k]; !was || old != attrs {
			new = append(new, k)
		}
	}
	state.SortAnyKeys(gone)
	state.SortAnyKeys(new)
	var out []wire.Change
	add := func(c wire.Change, id string) {
		if n := len(out); n > 0 && out[n-1].Kind == c.Kind && out[n-1].Family == c.Family && out[n-1].Attrs == c.Attrs {
			out[n-1].IDs = append(out[n-1].IDs, id)
			return
		}
		c.Peer, c.IDs = a, []string{id}
		out = append(out, c)
	}
	for _, k := range gone {
		add(wire.Change{Kind: wire.Withdraw, Family: k.Family}, k.ID)
	}
	for _, k := range new {
		add(wire.Change{Kind: wire.Announce, Family: k.Family, Attrs: after.Routes[k].Value()}, k.ID)
	}
	return out
}
