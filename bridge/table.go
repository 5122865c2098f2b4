package bridge

import (
	"net/netip"
	"slices"

	"routesync/state"
)

// slot is what one peer has, or will have, of one key. Those of a large table have
// few values between them, and keys share them: one that is in the table is never
// changed, but replaced.
type slot struct {
	peer *peer
	claimant
	attrs  state.Attrs
	given  state.Attrs // what its owner gave, if attrs were seen and are somebody else's; or zero
	grade  state.Grade
	reason string
	aside  bool // a suspect that was taken out of exaBGP's table, see suspicion
	leaves bool // it was withdrawn, and is to be again
}

// cell is a slot of one key.
type cell struct {
	*slot
	odd    bool   // counted as such at its peer, see [slot.isOdd]
	listed uint32 // the last audit in which exaBGP's table had it
}

// entry is everything about one key.
type entry struct {
	slots   []cell // at most one a peer, in the order of the peers' addresses
	flight  *op    // the change under way, if any
	waiting queue  // the changes behind it
	dirty   bool   // readers have not been told of it
}

func (e *entry) index(p *peer) int {
	for i := range e.slots {
		if e.slots[i].peer == p {
			return i
		}
	}
	return -1
}

func (e *entry) slot(p *peer) *slot {
	if i := e.index(p); i >= 0 {
		return e.slots[i].slot
	}
	return nil
}

// adjRIBOut is the bridge's picture of exaBGP's Adj-RIB-Out, of all peers. All
// changes go through set, grade and drop, which keep the digest and remember
// the keys that readers have not been told of.
type adjRIBOut struct {
	entries map[state.Key]*entry
	dirty   []state.Key            // that readers have not been told of, in the order of the changes
	touched map[state.Key]struct{} // since an audit began; nil while there is none
	digest  state.Digest
	last    *slot // of those in shared, the one that was used last
	shared  map[slot]*slot
	// strangers are keys that have or had a route of nobody here, of which the
	// journal does not know yet.
	strangers map[state.Key]struct{}
}

// sharedMax bounds the slots that are remembered to be shared. Those of a table in
// which nearly every route has its own are not worth it.
const sharedMax = 1 << 14

func newAdjRIBOut() adjRIBOut {
	return adjRIBOut{entries: map[state.Key]*entry{}, shared: map[slot]*slot{}, strangers: map[state.Key]struct{}{}}
}

func (t *adjRIBOut) entry(k state.Key) *entry {
	e := t.entries[k]
	if e == nil {
		e = &entry{}
		t.entries[k] = e
	}
	return e
}

// find returns the slot of a peer, nil if it has none.
func (t *adjRIBOut) find(k state.Key, p *peer) *slot {
	if e := t.entries[k]; e != nil {
		return e.slot(p)
	}
	return nil
}

// flight is the change of a key that is under way, nil for none.
func (t *adjRIBOut) flight(k state.Key) *op {
	if e := t.entries[k]; e != nil {
		return e.flight
	}
	return nil
}

// share returns a slot like s that others may have too.
func (t *adjRIBOut) share(s slot) *slot {
	if t.last != nil && *t.last == s {
		return t.last
	}
	t.last = t.shared[s]
	if t.last == nil {
		if len(t.shared) >= sharedMax {
			clear(t.shared)
		}
		t.last = &s
		t.shared[s] = t.last
	}
	return t.last
}

// set puts s in place of what its peer had.
func (t *adjRIBOut) set(k state.Key, s slot) {
	e := t.entry(k)
	t.touch(k, e)
	if s.owner == "" {
		t.strangers[k] = struct{}{}
	}
	if i := e.index(s.peer); i >= 0 {
		old := e.slots[i]
		if old.attrs != s.attrs || old.owner != s.owner {
			t.digest = t.digest.Remove(k, old.attrs, old.owner, s.peer.Addr).Add(k, s.attrs, s.owner, s.peer.Addr)
		}
		if old.owner == "" {
			t.strangers[k] = struct{}{}
		}
		e.slots[i] = cell{slot: t.share(s), odd: old.odd}
	} else {
		t.digest = t.digest.Add(k, s.attrs, s.owner, s.peer.Addr)
		i, _ := slices.BinarySearchFunc(e.slots, s.peer.Addr, func(x cell, a netip.Addr) int { return x.peer.Addr.Compare(a) })
		e.slots = slices.Insert(e.slots, i, cell{slot: t.share(s)})
	}
	t.judge(e, s.peer)
}

// list notes that an audit found the key in exaBGP's table of a peer, and tells
// whether it is in this one.
func (t *adjRIBOut) list(k state.Key, p *peer, round uint32) bool {
	e := t.entries[k]
	if e == nil {
		return false
	}
	i := e.index(p)
	if i >= 0 {
		e.slots[i].listed = round
	}
	return i >= 0
}

// touch notes that what peers have of a key has changed.
func (t *adjRIBOut) touch(k state.Key, e *entry) {
	t.mark(k, e)
	if t.touched != nil {
		t.touched[k] = struct{}{}
	}
}

// grade changes how far the route has come at its peer. One that was set aside
// comes no further. s stays what it was.
func (t *adjRIBOut) grade(k state.Key, s *slot, g state.Grade, reason string) {
	e := t.entries[k]
	if e == nil {
		return
	}
	i := e.index(s.peer)
	if i < 0 {
		return
	}
	graded := *e.slots[i].slot
	if graded.aside || graded.grade == g && graded.reason == reason {
		return
	}
	graded.grade, graded.reason = g, reason
	e.slots[i].slot = t.share(graded)
	t.mark(k, e)
	t.judge(e, s.peer)
}

// settle makes the value that an owner's route has the owner's.
func (t *adjRIBOut) settle(k state.Key, p *peer) {
	e := t.entries[k]
	i := e.index(p)
	settled := *e.slots[i].slot
	settled.given = state.Attrs{}
	e.slots[i].slot = t.share(settled)
	t.judge(e, p)
}

// drop removes what a peer has of a key.
func (t *adjRIBOut) drop(k state.Key, p *peer) {
	e := t.entries[k]
	if e == nil {
		return
	}
	i := e.index(p)
	if i < 0 {
		return
	}
	t.touch(k, e)
	if e.slots[i].odd {
		p.odd--
	}
	if e.slots[i].owner == "" {
		t.strangers[k] = struct{}{}
	}
	t.digest = t.digest.Remove(k, e.slots[i].attrs, e.slots[i].owner, p.Addr)
	e.slots = slices.Delete(e.slots, i, i+1)
	t.release(k, e)
}

// release forgets a key of which there is nothing left.
func (t *adjRIBOut) release(k state.Key, e *entry) {
	if len(e.slots) == 0 && e.flight == nil && e.waiting.empty() {
		delete(t.entries, k)
	}
}
