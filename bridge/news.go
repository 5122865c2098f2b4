package bridge

import (
	"cmp"
	"encoding/binary"
	"slices"

	"routesync/state"
)

// mark notes that readers have to be told of a key.
func (t *adjRIBOut) mark(k state.Key, e *entry) {
	if !e.dirty {
		e.dirty = true
		t.dirty = append(t.dirty, k)
	}
}

// news are the next keys that readers have to be told of, at most n, in order.
// One that was gone in between may come twice.
func (t *adjRIBOut) news(n int) []state.Key {
	n = min(n, len(t.dirty))
	next := t.dirty[:n]
	slices.SortFunc(next, state.CompareKeys)
	once := len(slices.Compact(next))
	copy(next[n-once:], next[:once])
	t.dirty = t.dirty[n-once:]
	return next[n-once:]
}

// told notes that readers are told of the first n of those.
func (t *adjRIBOut) told(n int) {
	for _, k := range t.dirty[:n] {
		if e := t.entries[k]; e != nil {
			e.dirty = false
		}
	}
	if t.dirty = t.dirty[n:]; len(t.dirty) == 0 {
		t.dirty = nil
	}
}

// keys are all that peers have something of, in order.
func (t *adjRIBOut) keys() []state.Key {
	type sortable struct {
		begin uint64 // of the key, in its order
		key   state.Key
	}
	all := make([]sortable, 0, len(t.entries))
	for k, e := range t.entries {
		if len(e.slots) > 0 {
			all = append(all, sortable{beginOf(k), k})
		}
	}
	slices.SortFunc(all, func(a, b sortable) int {
		if a.begin != b.begin {
			return cmp.Compare(a.begin, b.begin)
		}
		return state.CompareKeys(a.key, b.key)
	})
	keys := make([]state.Key, len(all))
	for i := range all {
		keys[i] = all[i].key
	}
	return keys
}

// beginOf is as much of a key as fits into a number. Keys whose numbers differ
// are in the order of those.
func beginOf(k state.Key) uint64 {
	var b [8]byte
	binary.BigEndian.PutUint32(b[:], uint32(k.Family)<<8) // of 24 bits, see [state.Family]
	copy(b[3:], k.NLRI)
	return binary.BigEndian.Uint64(b[:])
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
