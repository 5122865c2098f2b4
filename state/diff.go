package state

import (
	"errors"
	"net/netip"
	"slices"
	"sort"
)

// Op is what a change does.
type Op uint8

const (
	Announce Op = iota + 1 // the route is not at these peers
	Replace                // it is, with other attributes: one announce, no withdraw
	Withdraw               // it is, and is not wanted
)

// Change is one difference: what to do about one NLRI at some peers. There may be
// a million of them, so they only point to what they are about, and what they
// share must not be changed.
type Change struct {
	Key    Key
	Wanted *Wanted      // what asks for the route; nil of Withdraw
	Advert *Advert      // what is advertised; nil of Announce
	Peers  []netip.Addr // none is every peer of the speaker
}

// Op is what the change does.
func (c Change) Op() Op {
	switch {
	case c.Wanted == nil:
		return Withdraw
	case c.Advert == nil:
		return Announce
	}
	return Replace
}

// Before is what is advertised; zero of Announce.
func (c Change) Before() Attrs {
	if c.Advert == nil {
		return Attrs{}
	}
	return c.Advert.Attrs
}

// Was is where that comes from; zero of Announce.
func (c Change) Was() Provenance {
	if c.Advert == nil {
		return Provenance{}
	}
	return c.Advert.From
}

// After is what is asked for; zero of Withdraw.
func (c Change) After() Attrs {
	if c.Wanted == nil {
		return Attrs{}
	}
	return c.Wanted.Attrs
}

// SameAs tells whether both do the same to the same peers, whatever they find there.
func (c *Change) SameAs(d *Change) bool {
	return c.Key == d.Key && c.Op() == d.Op() && c.After() == d.After() && slices.Equal(c.Peers, d.Peers)
}

// Seen tells whether a peer sees anything of the change: not if the route only ends
// at another time.
func (c *Change) Seen() bool { return c.Op() != Replace || c.Before() != c.After() }

// Seek passes over the changes before a key, of some that are in the order of a plan.
// It returns the rest, and how many of these, at its beginning, are of the key.
func Seek(changes []Change, k Key) (rest []Change, n int) {
	if len(changes) > 0 && CompareKeys(changes[0].Key, k) < 0 {
		changes = changes[sort.Search(len(changes), func(i int) bool { return CompareKeys(changes[i].Key, k) >= 0 }):]
	}
	for n < len(changes) && changes[n].Key == k {
		n++
	}
	return changes, n
}

// Foreign is a route that is advertised, but not for this owner. If Wanted is
// not nil, the file asks for the same NLRI at the same peer and can't have it.
type Foreign struct {
	Key    Key
	Advert *Advert
	Wanted *Wanted
}

// Plan is the difference between a desired and an advertised set. Its slices
// are in the order of their keys, and point into both sets.
type Plan struct {
	Speaker   string
	Owner     string
	Changes   []Change
	Foreign   []Foreign
	Overlaps  []Overlap
	Nowhere   []*Wanted // routes for peers that the speaker has none of
	Unchanged int       // routes of the file that are advertised as it says

	// What it was made from, for [Plan.Refresh].
	desired *Desired
	peers   []Neighbor
}

// Count returns how many changes announce, replace and withdraw.
func (p *Plan) Count() (announce, replace, withdraw int) { return Count(p.Changes) }

// Count returns how many of the changes announce, replace and withdraw.
func Count(changes []Change) (announce, replace, withdraw int) {
	for i := range changes {
		switch changes[i].Op() {
		case Announce:
			announce++
		case Replace:
			replace++
		case Withdraw:
			withdraw++
		}
	}
	return announce, replace, withdraw
}

// Contests lists the routes that the file asks for and others have, the first
// [MaxContests] of them.
func (p *Plan) Contests() []Contest {
	var all []Contest
	for i := range p.Foreign {
		f := &p.Foreign[i]
		if f.Wanted == nil {
			continue
		}
		if len(all) == MaxContests {
			break
		}
		if c := (Contest{f.Key, p.Owner, f.Advert.Owner}); !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return all
}

// ErrIncomplete is the refusal to compare with a set of which a part may be
// missing.
var ErrIncomplete = errors.New("the advertised set is not known to be complete")

// Diff returns what leads from the advertised to the desired set. It changes
// neither.
func Diff(desired *Desired, advertised *Advertised) (*Plan, error) {
	if !advertised.Complete {
		return nil, ErrIncomplete
	}
	c := newComparison(desired, advertised)
	// So many there are at least, and to make room as they come takes as long as all
	// else.
	asked := len(desired.Routes)
	c.plan.Changes = slices.Grow(c.plan.Changes, max(asked-advertised.Routes.Len(), advertised.owned(desired.Owner)-asked, 0))
	desired.Join(advertised, c.compare)
	return c.plan, nil
}

// Join gives f each key of either set, in order, with what is asked for and what
// is advertised of it.
func (d *Desired) Join(advertised *Advertised, f func(Key, []Wanted, []Advert)) {
	rest := d.Routes
	for key, adverts := range advertised.Routes.All() {
		for len(rest) > 0 && CompareKeys(rest[0].Key, key) < 0 {
			n := run(rest)
			f(rest[0].Key, rest[:n], nil)
			rest = rest[n:]
		}
		n := 0
		if len(rest) > 0 && rest[0].Key == key {
			n = run(rest)
		}
		f(key, rest[:n], adverts)
		rest = rest[n:]
	}
	for len(rest) > 0 {
		n := run(rest)
		f(rest[0].Key, rest[:n], nil)
		rest = rest[n:]
	}
}

// run is how many of the first routes are of one key.
func run(routes []Wanted) int {
	n := 1
	for n < len(routes) && routes[n].Key == routes[0].Key {
		n++
	}
	return n
}

// owned counts the keys of which all that is advertised is an owner's.
func (a *Advertised) owned(owner string) int {
	n := 0
	for _, adverts := range a.Routes.All() {
		if !slices.ContainsFunc(adverts, func(x Advert) bool { return x.Owner != owner }) {
			n++
		}
	}
	return n
}
