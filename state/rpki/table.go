package rpki

import (
	"cmp"
	"net/netip"
	"slices"
	"sort"
	"time"
)

// Table is the VRPs of one file. It is not changed any more.
type Table struct {
	made time.Time
	vrps []VRP // in the order of comparePrefixes, and of their ASNs
	// up has, for each VRP, the last one with the next shorter prefix that holds
	// its own; -1 for none.
	up []int32
}

// NewTable takes vrps over. made is when they were validated.
func NewTable(vrps []VRP, made time.Time) *Table {
	slices.SortFunc(vrps, func(a, b VRP) int {
		return cmp.Or(comparePrefixes(a.Prefix, b.Prefix), cmp.Compare(a.ASN, b.ASN), cmp.Compare(a.MaxLength, b.MaxLength), cmp.Compare(a.Expires, b.Expires))
	})
	t := &Table{made: made, vrps: vrps, up: make([]int32, len(vrps))}
	var open []int32 // the prefixes that hold the one that is looked at, each by its last VRP
	for i := 0; i < len(vrps); {
		last := i
		for last+1 < len(vrps) && vrps[last+1].Prefix == vrps[i].Prefix {
			last++
		}
		for len(open) > 0 && !holds(vrps[open[len(open)-1]].Prefix, vrps[i].Prefix) {
			open = open[:len(open)-1]
		}
		up := int32(-1)
		if len(open) > 0 {
			up = open[len(open)-1]
		}
		for ; i <= last; i++ {
			t.up[i] = up
		}
		open = append(open, int32(last))
	}
	return t
}

// comparePrefixes has a prefix before those that it holds, and these before all
// others that come after it. It is [netip.Prefix.Compare] in half the time, for
// prefixes without host bits.
func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// holds tells whether b is a, or is inside it.
func holds(a, b netip.Prefix) bool { return a.Bits() <= b.Bits() && a.Contains(b.Addr()) }

// Made is when the VRPs were validated.
func (t *Table) Made() time.Time { return t.made }

// Len is how many VRPs there are.
func (t *Table) Len() int { return len(t.vrps) }

// Equal tells whether both have the same VRPs, of the same time.
func (t *Table) Equal(u *Table) bool { return t.made.Equal(u.made) && slices.Equal(t.vrps, u.vrps) }

// State is the validity of a route (RFC 6811 §2).
type State uint8

const (
	NotFound State = iota // no VRP is about the prefix
	Valid
	Invalid // some are, and none lets the AS originate it
)

func (s State) String() string { return [...]string{"not found", "valid", "invalid"}[s] }

// Validate tells whether an AS may originate a prefix at a time. Origin 0 is no
// AS, which nothing allows. The VRPs that are about the prefix come with it, the
// longest prefix first; of a route that is valid, no more than the one that says so.
func (t *Table) Validate(p netip.Prefix, origin uint32, now time.Time) (State, []VRP) {
	var about []VRP
	at := now.Unix()
	// Whatever holds p holds the last prefix before it too, or is that.
	i := sort.Search(len(t.vrps), func(i int) bool { return comparePrefixes(t.vrps[i].Prefix, p) > 0 }) - 1
	for i >= 0 {
		up := int(t.up[i])
		if same := t.vrps[i].Prefix; holds(same, p) {
			for ; i >= 0 && t.vrps[i].Prefix == same; i-- {
				v := t.vrps[i]
				switch {
				case v.Expires != 0 && v.Expires <= at:
				case v.ASN == origin && origin != 0 && p.Bits() <= int(v.MaxLength):
					return Valid, []VRP{v}
				default:
					about = append(about, v)
				}
			}
		}
		i = up
	}
	if len(about) == 0 {
		return NotFound, nil
	}
	return Invalid, about
}
