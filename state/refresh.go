package state

import (
	"slices"
)

// refreshUpTo is the part of all keys up to which it is cheaper to look each one up
// than to walk all of them.
const refreshUpTo = 1.0 / 16

// Refresh is [Diff], for who has the plan from before: p, or nil. touched are the
// keys of which what is advertised may have become something else since p was made,
// in any order. The cost is that of the keys that may differ; if desired is another
// set, also of walking through both. p stays as it is.
func (p *Plan) Refresh(desired *Desired, advertised *Advertised, touched []Key) (*Plan, error) {
	if p == nil || !advertised.Complete || p.Speaker != advertised.Speaker || p.Owner != desired.Owner ||
		!slices.EqualFunc(p.peers, advertised.Peers, meantAlike) {
		return Diff(desired, advertised)
	}
	if desired == p.desired && len(touched) == 0 {
		return p, nil
	}
	keys := slices.Concat(touched, p.keys())
	if desired != p.desired {
		keys = appendDifferent(keys, p.desired.Routes, desired.Routes)
	}
	if float64(len(keys)) > refreshUpTo*float64(len(desired.Routes)+advertised.Routes.Len()) {
		return Diff(desired, advertised)
	}
	slices.SortFunc(keys, CompareKeys)
	keys = slices.Compact(keys)

	c := newComparison(desired, advertised)
	rest, asked := desired.Routes, 0
	for _, k := range keys {
		i, there := slices.BinarySearchFunc(rest, k, func(w Wanted, k Key) int { return CompareKeys(w.Key, k) })
		rest = rest[i:]
		n := 0
		if there {
			n = run(rest)
		}
		if adverts := advertised.Routes.Get(k); n > 0 || len(adverts) > 0 {
			c.compare(k, rest[:n], adverts)
		}
		rest, asked = rest[n:], asked+n
	}
	next := c.plan
	next.Unchanged += len(desired.Routes) - asked
	next.Foreign = replaced(p.Foreign, keys, next.Foreign)
	return next, nil
}

// keys are those that a plan says something of which hangs on the desired set: of
// the others all that is asked for is unchanged.
func (p *Plan) keys() []Key {
	keys := make([]Key, 0, len(p.Changes)+len(p.Overlaps)+len(p.Nowhere))
	for i := range p.Changes {
		keys = append(keys, p.Changes[i].Key)
	}
	for i := range p.Overlaps {
		keys = append(keys, p.Overlaps[i].Key)
	}
	for _, w := range p.Nowhere {
		keys = append(keys, w.Key)
	}
	for i := range p.Foreign {
		if p.Foreign[i].Wanted != nil {
			keys = append(keys, p.Foreign[i].Key)
		}
	}
	return keys
}

// appendDifferent appends the keys of which a plan for a can be another one than
// for b.
func appendDifferent(keys []Key, a, b []Wanted) []Key {
	for len(a) > 0 && len(b) > 0 {
		x, y := &a[0], &b[0]
		switch c := CompareKeys(x.Key, y.Key); {
		case c < 0:
			keys, a = append(keys, x.Key), a[1:]
		case c > 0:
			keys, b = append(keys, y.Key), b[1:]
		default:
			if x.Terms != y.Terms && !x.plannedAs(y.Terms) {
				keys = append(keys, x.Key)
			}
			a, b = a[1:], b[1:]
		}
	}
	for i := range a {
		keys = append(keys, a[i].Key)
	}
	for i := range b {
		keys = append(keys, b[i].Key)
	}
	return keys
}

// plannedAs tells whether a plan makes no difference between two terms.
func (t *Terms) plannedAs(other *Terms) bool {
	return t.Attrs == other.Attrs && t.Peers == other.Peers && t.Expires == other.Expires && t.Lease == other.Lease
}

// meantAlike tells whether [Advertised.Resolve] makes no difference between two
// peers.
func meantAlike(a, b Neighbor) bool {
	return a.Addr == b.Addr && a.PeerAS == b.PeerAS && slices.Equal(a.Tags, b.Tags) && slices.Equal(a.Families, b.Families)
}

// replaced puts what is now foreign of some keys in place of what was. All are in
// order. Where others have much, that most often changes nothing.
func replaced(was []Foreign, keys []Key, now []Foreign) []Foreign {
	isThere := func(k Key) bool {
		_, there := slices.BinarySearchFunc(was, k, func(f Foreign, k Key) int { return CompareKeys(f.Key, k) })
		return there
	}
	if len(now) == 0 && !slices.ContainsFunc(keys, isThere) {
		return was
	}
	all := make([]Foreign, 0, len(was)+len(now))
	for i := range was {
		k := was[i].Key
		for len(keys) > 0 && CompareKeys(keys[0], k) < 0 {
			keys = keys[1:]
		}
		if len(keys) > 0 && keys[0] == k {
			continue
		}
		for len(now) > 0 && CompareKeys(now[0].Key, k) < 0 {
			all, now = append(all, now[0]), now[1:]
		}
		all = append(all, was[i])
	}
	return append(all, now...)
}
