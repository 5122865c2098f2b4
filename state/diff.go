package state

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// Op is what a change does.
type Op uint8

const (
	Announce Op = iota + 1 // the route is not at these peers
	Replace                // it is, with other attributes: one announce, no withdraw
	Withdraw               // it is, and is not wanted
)

// Change is one difference: what to do about one NLRI at some peers.
type Change struct {
	Op     Op
	Key    Key
	Before Attrs        // of Replace and Withdraw
	Was    Provenance   // of the same
	After  Attrs        // of Announce and Replace
	Peers  []netip.Addr // none is every peer of the speaker
	Wanted *Wanted      // what asks for After; nil for Withdraw
}

// Foreign is a route that is advertised, but not for this owner. If Wanted is
// not nil, the file asks for the same NLRI at the same peer and can't have it.
type Foreign struct {
	Key    Key
	Advert Advert
	Wanted *Wanted
}

// Overlap is a key for which two routes of a file mean the same peers, which
// only the speaker's configuration shows. Nothing is done about such a key.
type Overlap struct {
	Key           Key
	Peers         []netip.Addr // in order
	First, Second *Wanted      // in the order of their places
}

// Plan is the difference between a desired and an advertised set. Its slices
// are in the order of their keys.
type Plan struct {
	Speaker   string
	Owner     string
	Changes   []Change
	Foreign   []Foreign
	Overlaps  []Overlap
	Nowhere   []*Wanted // routes for peers that the speaker has none of
	Unchanged int       // routes of the file that are advertised as it says
}

// Count returns how many changes announce, replace and withdraw.
func (p *Plan) Count() (announce, replace, withdraw int) {
	for _, c := range p.Changes {
		switch c.Op {
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
	for _, f := range p.Foreign {
		c := Contest{f.Key, p.Owner, f.Advert.Owner}
		if f.Wanted != nil && len(all) < MaxContests && !slices.Contains(all, c) {
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
	resolve := advertised.Resolver()
	plan := &Plan{Speaker: advertised.Speaker, Owner: desired.Owner}
	for i := 0; i < len(desired.Routes); {
		j := i + 1
		for j < len(desired.Routes) && desired.Routes[j].Key == desired.Routes[i].Key {
			j++
		}
		plan.compare(desired.Routes[i].Key, desired.Routes[i:j], advertised, resolve)
		i = j
	}
	for key := range advertised.Routes.All() {
		_, wanted := slices.BinarySearchFunc(desired.Routes, key, func(w Wanted, k Key) int { return CompareKeys(w.Key, k) })
		if !wanted {
			plan.compare(key, nil, advertised, resolve)
		}
	}
	slices.SortStableFunc(plan.Changes, func(a, b Change) int { return CompareKeys(a.Key, b.Key) })
	slices.SortStableFunc(plan.Overlaps, func(a, b Overlap) int { return CompareKeys(a.Key, b.Key) })
	slices.SortStableFunc(plan.Nowhere, func(a, b *Wanted) int { return CompareKeys(a.Key, b.Key) })
	slices.SortStableFunc(plan.Foreign, func(a, b Foreign) int { return CompareKeys(a.Key, b.Key) })
	return plan, nil
}

// compare adds what is to be done about one key.
func (p *Plan) compare(key Key, wanted []Wanted, advertised *Advertised, resolve func(Peers, Family) []netip.Addr) {
	adverts := advertised.Routes.Get(key)
	claims := map[netip.Addr]*Wanted{} // what the file wants at each peer, less what is done
	changed := map[*Wanted]bool{}
	overlaps := FindOverlaps(wanted, resolve)
	if len(overlaps) > 0 {
		p.Overlaps = append(p.Overlaps, overlaps...)
		for _, advert := range adverts {
			if advert.Owner != p.Owner {
				p.foreign(key, advert, claims, changed)
			}
		}
		return
	}
	for i := range wanted {
		for _, peer := range resolve(wanted[i].Peers, key.Family) {
			claims[peer] = &wanted[i]
		}
	}
	for _, advert := range adverts {
		if advert.Owner != p.Owner {
			p.foreign(key, advert, claims, changed)
			continue
		}
		groups := map[*Wanted][]netip.Addr{}
		for _, at := range advert.At {
			if at.Grade == Withdrawing && claims[at.Peer] == nil {
				continue // told already; repeating it changes nothing
			}
			want := claims[at.Peer]
			delete(claims, at.Peer)
			if want != nil && want.Attrs == advert.Attrs && want.ends(advert.From) && at.Grade != Withdrawing {
				continue
			}
			groups[want] = append(groups[want], at.Peer)
		}
		for _, want := range inOrder(groups) {
			c := Change{Op: Withdraw, Key: key, Before: advert.Attrs, Was: advert.From, Peers: groups[want], Wanted: want}
			if want != nil {
				c.Op, c.After = Replace, want.Attrs
				changed[want] = true
			}
			p.Changes = append(p.Changes, c)
		}
	}
	missing := map[*Wanted][]netip.Addr{}
	for _, peer := range slices.SortedFunc(maps.Keys(claims), netip.Addr.Compare) {
		missing[claims[peer]] = append(missing[claims[peer]], peer)
	}
	for i := range wanted {
		want := &wanted[i]
		nowhere := len(resolve(want.Peers, key.Family)) == 0
		if nowhere && !want.Peers.All() {
			// A change without peers would be for every peer.
			p.Nowhere = append(p.Nowhere, want)
			continue
		}
		if len(missing[want]) > 0 || nowhere {
			p.Changes = append(p.Changes, Change{Op: Announce, Key: key, After: want.Attrs, Peers: missing[want], Wanted: want})
			changed[want] = true
		}
		if !changed[want] {
			p.Unchanged++
		}
	}
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

// foreign notes a route of somebody else, and takes what the file wants there
// off the claims: a file never touches what another announced.
func (p *Plan) foreign(key Key, advert Advert, claims map[netip.Addr]*Wanted, changed map[*Wanted]bool) {
	f := Foreign{Key: key, Advert: advert}
	for _, at := range advert.At {
		if want := claims[at.Peer]; want != nil {
			f.Wanted = want
			changed[want] = true
			delete(claims, at.Peer)
		}
	}
	p.Foreign = append(p.Foreign, f)
}

// inOrder lists the keys of groups: first what is wanted, in the order of its
// peers, then what is not.
func inOrder(groups map[*Wanted][]netip.Addr) []*Wanted {
	return slices.SortedFunc(maps.Keys(groups), func(a, b *Wanted) int {
		switch {
		case a == nil:
			return 1
		case b == nil:
			return -1
		}
		return slices.CompareFunc(groups[a], groups[b], netip.Addr.Compare)
	})
}
