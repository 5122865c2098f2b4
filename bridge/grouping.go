package bridge

import (
	"iter"
	"net/netip"

	"routesync/bridge/wire"
	"routesync/state"
)

// batchBytes is about the size at which a batch has no room left, whatever its
// routes: attributes may be of 3,800 bytes, and a flow of hundreds.
const batchBytes = 1 << 20

// class is what changes of one group of a batch have in common.
type class struct {
	withdraw bool
	family   state.Family
	attrs    state.Attrs
	peers    state.Peers

	expires, lease int64
}

func classOf(ch *state.Change) class {
	g := class{withdraw: ch.Op() == state.Withdraw, family: ch.Key.Family, attrs: ch.After(), peers: state.NewPeers(ch.Peers)}
	if ch.Wanted != nil {
		g.expires, g.lease = ch.Wanted.Expires, ch.Wanted.Lease
	}
	return g
}

// grouping puts changes into classes, without moving them.
type grouping struct {
	changes []state.Change
	classes []members // in the order of their first members
	next    []int32   // behind each change, in its class
}

type members struct {
	class
	peers       []netip.Addr
	first, last int32
	left        int // that are in no batch yet
}

func group(changes []state.Change) grouping {
	g := grouping{changes: changes, next: make([]int32, len(changes))}
	// Most changes have the terms and the peers of another one, and not only equal
	// ones.
	type handle struct {
		terms  *state.Terms // nil of a withdraw
		family state.Family
		peer   *netip.Addr
		peers  int
	}
	var last handle
	n, handles, index := -1, map[handle]int{}, map[class]int{}
	for i := range changes {
		ch := &changes[i]
		h := handle{family: ch.Key.Family, peers: len(ch.Peers)}
		if ch.Wanted != nil {
			h.terms = ch.Wanted.Terms
		}
		if len(ch.Peers) > 0 {
			h.peer = &ch.Peers[0]
		}
		if h != last || n < 0 {
			var known bool
			if n, known = handles[h]; !known {
				n = g.place(ch, index)
				handles[h] = n
			}
			last = h
		}
		m := &g.classes[n]
		if m.left == 0 {
			m.first = int32(i)
		} else {
			g.next[m.last] = int32(i)
		}
		m.last, m.left = int32(i), m.left+1
	}
	return g
}

// place is the number of a change's class.
func (g *grouping) place(ch *state.Change, index map[class]int) int {
	c := classOf(ch)
	n, known := index[c]
	if !known {
		n = len(g.classes)
		index[c] = n
		g.classes = append(g.classes, members{class: c, peers: ch.Peers})
	}
	return n
}

// batches turns changes into batches: all announces before all withdraws, equal
// ones grouped. The first is of at most first routes, and the others of up to twice
// as many as the one before, but of most at most. A batch is made when it is asked
// for.
func batches(changes []state.Change, first, most int) iter.Seq[wire.Batch] {
	return func(yield func(wire.Batch) bool) {
		g, size := group(changes), first
		for _, withdraw := range []bool{false, true} {
			var b wire.Batch
			space := room{size, batchBytes}
			for i := range g.classes {
				m := &g.classes[i]
				for m.left > 0 && m.withdraw == withdraw {
					if space.full() {
						if !yield(b) {
							return
						}
						size = min(2*size, most)
						b, space = wire.Batch{}, room{size, batchBytes}
					}
					if one := g.take(m, &space); withdraw {
						b.Withdraw = append(b.Withdraw, one)
					} else {
						b.Announce = append(b.Announce, one)
					}
				}
			}
			if len(b.Announce)+len(b.Withdraw) > 0 && !yield(b) {
				return
			}
		}
	}
}

// room is what a batch has room for.
type room struct{ keys, bytes int }

func (r room) full() bool { return r.keys <= 0 || r.bytes <= 0 }

// take takes as many keys of a class as there is room for, and at least one.
func (g *grouping) take(m *members, space *room) wire.Group {
	one := wire.Group{
		Family: m.family, Attrs: m.attrs, Peers: m.peers, Expires: m.expires, Lease: m.lease,
		Keys: make([]state.Key, 0, min(m.left, space.keys)),
	}
	space.bytes -= groupBytes + len(m.attrs.Canonical())
	for len(one.Keys) == 0 || m.left > 0 && !space.full() {
		k := g.changes[m.first].Key
		one.Keys = append(one.Keys, k)
		m.first, m.left = g.next[m.first], m.left-1
		space.keys, space.bytes = space.keys-1, space.bytes-keyBytes(k)
	}
	return one
}

// groupBytes is about what a group takes in a message besides its attributes and
// its keys.
const groupBytes = 200

// keyBytes is about what a key takes in a message.
func keyBytes(k state.Key) int {
	if len(k.NLRI) <= 17 {
		return 20
	}
	return 40 + len(k.NLRI)
}
