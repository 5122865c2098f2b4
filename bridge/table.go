package bridge

import (
	"cmp"
	"net/netip"
	"slices"

	"routesync/state"
)

// slot is what one peer has, or will have, of one key.
type slot struct {
	peer *peer
	claimant
	attrs  state.Attrs
	given  state.Attrs // what its owner gave, if attrs were seen and are somebody else's; or zero
	grade  state.Grade
	reason string
	aside  bool   // a suspect that was taken out of exaBGP's table, see suspicion
	leaves bool   // it was withdrawn, and is to be again
	odd    bool   // counted as such at its peer, see [slot.isOdd]
	listed uint32 // the last audit in which exaBGP's table had it
}

// entry is everything about one key.
type entry struct {
	slots   []slot // at most one a peer, in the order of the peers' addresses
	flight  *op    // the change under way, if any
	waiting []*op  // the changes behind it, in order
}

func (e *entry) slot(p *peer) *slot {
	for i := range e.slots {
		if e.slots[i].peer == p {
			return &e.slots[i]
		}
	}
	return nil
}

// adjRIBOut is the bridge's picture of exaBGP's Adj-RIB-Out, of all peers. All
// changes go through set, grade and drop, which keep the digest and remember
// the keys that readers have not been told of.
type adjRIBOut struct {
	entries map[state.Key]*entry
	dirty   map[state.Key]struct{}
	touched map[state.Key]struct{} // since an audit began; nil while there is none
	digest  state.Digest
	// strangers are keys that have or had a route of nobody here, of which the
	// journal does not know yet.
	strangers map[state.Key]struct{}
}

func newAdjRIBOut() adjRIBOut {
	return adjRIBOut{entries: map[state.Key]*entry{}, dirty: map[state.Key]struct{}{}, strangers: map[state.Key]struct{}{}}
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

// set puts s in place of what its peer had.
func (t *adjRIBOut) set(k state.Key, s slot) {
	e := t.entry(k)
	t.touch(k)
	s.odd = false
	if s.owner == "" {
		t.strangers[k] = struct{}{}
	}
	if old := e.slot(s.peer); old != nil {
		t.digest = t.digest.Remove(k, old.attrs, old.owner, s.peer.Addr).Add(k, s.attrs, s.owner, s.peer.Addr)
		s.odd = old.odd
		if old.owner == "" {
			t.strangers[k] = struct{}{}
		}
		*old = s
		t.judge(e, old)
		return
	}
	t.digest = t.digest.Add(k, s.attrs, s.owner, s.peer.Addr)
	i, _ := slices.BinarySearchFunc(e.slots, s.peer.Addr, func(x slot, a netip.Addr) int { return x.peer.Addr.Compare(a) })
	e.slots = slices.Insert(e.slots, i, s)
	t.judge(e, &e.slots[i])
}

// touch notes that what peers have of a key has changed.
func (t *adjRIBOut) touch(k state.Key) {
	t.dirty[k] = struct{}{}
	if t.touched != nil {
		t.touched[k] = struct{}{}
	}
}

// grade changes how far the route has come at its peer. One that was set aside
// comes no further.
func (t *adjRIBOut) grade(k state.Key, s *slot, g state.Grade, reason string) {
	if s.aside || s.grade == g && s.reason == reason {
		return
	}
	s.grade, s.reason = g, reason
	t.dirty[k] = struct{}{}
	if e := t.entries[k]; e != nil && (s.odd || s.isOdd()) {
		t.judge(e, s)
	}
}

// drop removes what a peer has of a key.
func (t *adjRIBOut) drop(k state.Key, p *peer) {
	e := t.entries[k]
	if e == nil {
		return
	}
	i := slices.IndexFunc(e.slots, func(s slot) bool { return s.peer == p })
	if i < 0 {
		return
	}
	t.touch(k)
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
	if len(e.slots) == 0 && e.flight == nil && len(e.waiting) == 0 {
		delete(t.entries, k)
	}
}

// adverts is the key as readers are told it: slots of the same owner, value
// and provenance together.
func (t *adjRIBOut) adverts(k state.Key) []state.Advert {
	e := t.entries[k]
	if e == nil {
		return nil
	}
	var out []state.Advert
	for _, s := range e.slots {
		at := state.At{Peer: s.peer.Addr, Grade: s.grade, Reason: s.reason}
		from := s.provenance()
		i := slices.IndexFunc(out, func(a state.Advert) bool { return a.Owner == s.owner && a.Attrs == s.attrs && a.From == from })
		if i < 0 {
			out = append(out, state.Advert{Attrs: s.attrs, Owner: s.owner, From: from, At: []state.At{at}})
			continue
		}
		out[i].At = append(out[i].At, at)
	}
	slices.SortStableFunc(out, func(a, b state.Advert) int { return cmp.Compare(a.Owner, b.Owner) })
	return out
}
