package state

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// Overlap is a key for which two routes of a file mean the same peers, which
// only the speaker's configuration shows. Nothing is done about such a key.
type Overlap struct {
	Key           Key
	Peers         []netip.Addr // in order
	First, Second *Wanted      // in the order of their places
}

// FindOverlaps finds, among routes of one key, each pair that means the same
// peers; resolve is that of the speaker.
func FindOverlaps(wanted []Wanted, resolve func(Peers, Family) []netip.Addr) []Overlap {
	if len(wanted) < 2 {
		return nil
	}
	var all []Overlap
	first := map[netip.Addr]int{}
	for i := range wanted {
		w := &wanted[i]
		for _, peer := range resolve(w.Peers, w.Key.Family) {
			f, taken := first[peer]
			if !taken {
				first[peer] = i
				continue
			}
			a, b := &wanted[f], w
			if cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line)) > 0 {
				a, b = b, a
			}
			n := slices.IndexFunc(all, func(o Overlap) bool { return o.First == a && o.Second == b })
			if n < 0 {
				n, all = len(all), append(all, Overlap{Key: w.Key, First: a, Second: b})
			}
			all[n].Peers = append(all[n].Peers, peer)
		}
	}
	return all
}

// String says what overlaps where, for people.
func (o Overlap) String() string {
	return fmt.Sprintf("%s is asked for twice at %s: %s for %s, %s for %s",
		o.Key, NewPeers(o.Peers), o.First.Pos, o.First.Peers, o.Second.Pos, o.Second.Peers)
}
