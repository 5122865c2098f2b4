package bridge

import (
	"slices"

	"routesync/bridge/wire"
	"routesync/state"
)

// updateKeys and updateBytes bound one update or snapshot part, so that a message
// stays far under the broker's limit. The second is only near: of most routes a
// message is as large as its prefixes, but attributes may be of 3,800 bytes, and be
// others for each.
const (
	updateKeys  = 20_000
	updateBytes = 1 << 20
)

// likeness is equal for keys that are advertised alike. Keys with more than one
// advert are rare; they stay by themselves.
type likeness struct {
	family state.Family
	owner  string
	from   state.Provenance
	attrs  state.Attrs
	at     string
	alone  state.Key
}

func alike(k state.Key, adverts []state.Advert) likeness {
	switch len(adverts) {
	case 0:
		return likeness{family: k.Family}
	case 1:
		var at []byte
		for _, x := range adverts[0].At {
			at = append(at, x.Peer.AsSlice()...)
			at = append(at, byte(x.Grade))
			at = append(at, x.Reason...)
			at = append(at, 0)
		}
		return likeness{family: k.Family, owner: adverts[0].Owner, from: adverts[0].From, attrs: adverts[0].Attrs, at: string(at)}
	}
	return likeness{alone: k}
}

// alikeSlots tells whether readers are told the same of two keys of one family.
func alikeSlots(a, b []cell) bool {
	return slices.EqualFunc(a, b, func(x, y cell) bool {
		return x.slot == y.slot || x.peer == y.peer && x.grade == y.grade && x.reason == y.reason && x.owner == y.owner &&
			x.attrs == y.attrs && x.provenance() == y.provenance()
	})
}

// entries groups keys that are advertised alike, as many of the first of them as a
// message has room for, and tells how many these are.
func (c *core) entries(keys []state.Key) (out []wire.Entry, n int) {
	index := map[likeness]int{}
	var before []cell // of the key before this one: most are as that is
	i, bytes := -1, 0
	for _, k := range keys {
		if n == updateKeys || bytes >= updateBytes {
			break
		}
		var slots []cell
		if e := c.table.entries[k]; e != nil {
			slots = e.slots
		}
		if i < 0 || k.Family != out[i].Family || len(out[i].Adverts) > 1 || !alikeSlots(slots, before) {
			adverts := c.table.adverts(k)
			id := alike(k, adverts)
			var known bool
			if i, known = index[id]; !known {
				i, index[id] = len(out), len(out)
				out = append(out, wire.Entry{Family: k.Family, Adverts: adverts})
				bytes += advertsBytes(adverts)
			}
		}
		out[i].Keys = append(out[i].Keys, k)
		before, bytes, n = slots, bytes+keyBytes(k), n+1
	}
	return out, n
}

// advertsBytes is about what adverts take in a message.
func advertsBytes(adverts []state.Advert) int {
	n := groupBytes
	for _, a := range adverts {
		n += groupBytes + len(a.Attrs.Canonical()) + len(a.From.By)
		for _, at := range a.At {
			n += 70 + len(at.Reason)
		}
	}
	return n
}
