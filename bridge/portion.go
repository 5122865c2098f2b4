package bridge

import "routesync/state"

// first is how many of the first keys one message tells readers of.
func (t *adjRIBOut) first(keys []state.Key) int {
	var before *entry
	bytes := 0
	for i, k := range keys {
		if i == updateKeys || bytes >= updateBytes {
			return i
		}
		e := t.entries[k]
		if e != nil && (before == nil || !e.alike(before)) {
			bytes += e.bytes()
		}
		before, bytes = e, bytes+keyBytes(k)
	}
	return len(keys)
}

// bytes is about what an entry takes in a message besides its keys.
func (e *entry) bytes() int {
	n := groupBytes
	for i := range e.slots {
		s := &e.slots[i]
		n += groupBytes + len(s.attrs.Canonical()) + len(s.provenance().By) + len(s.reason)
	}
	return n
}
