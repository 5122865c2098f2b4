package state

import (
	"maps"
	"net/netip"
	"slices"
)

// comparison makes a plan, key by key in their order.
type comparison struct {
	plan    *Plan
	resolve func(Peers, Family) []netip.Addr

	// Most keys are as the one before them, and share what it says of its peers.
	asked    Peers
	family   Family
	meant    []netip.Addr // by asked, in family
	at       []At
	peers    []netip.Addr // of at
	standing bool         // nothing of at is being withdrawn
	same     bool         // peers are those that are meant
}

func newComparison(desired *Desired, advertised *Advertised) *comparison {
	return &comparison{
		plan:    &Plan{Speaker: advertised.Speaker, Owner: desired.Owner, desired: desired, peers: slices.Clone(advertised.Peers)},
		resolve: advertised.Resolver(),
	}
}

// compare adds what is to be done about one key.
func (c *comparison) compare(key Key, wanted []Wanted, adverts []Advert) {
	if !c.plain(key, wanted, adverts) {
		c.plan.compare(key, wanted, adverts, c.resolve)
	}
}

// plain does what [Plan.compare] does for most keys: those of which at most one
// route is asked for, and at most one advertised, at the same peers. It tells
// whether the key is one of them.
func (c *comparison) plain(key Key, wanted []Wanted, adverts []Advert) bool {
	if len(wanted) > 1 || len(adverts) > 1 {
		return false
	}
	if len(adverts) == 0 {
		return c.absent(&wanted[0])
	}
	p, advert := c.plan, &adverts[0]
	if len(wanted) == 0 && advert.Owner != p.Owner {
		p.Foreign = append(p.Foreign, Foreign{Key: key, Advert: advert})
		return true
	}
	if advert.Owner != p.Owner || len(advert.At) == 0 {
		return false
	}
	c.look(advert.At)
	if !c.standing {
		return false
	}
	if len(wanted) == 0 {
		p.Changes = append(p.Changes, Change{Key: key, Advert: advert, Peers: c.peers})
		return true
	}
	w := &wanted[0]
	c.ask(w.Peers, key.Family)
	switch {
	case !c.same:
		return false
	case w.Attrs == advert.Attrs && w.ends(advert.From):
		p.Unchanged++
	default:
		p.Changes = append(p.Changes, Change{Key: key, Wanted: w, Advert: advert, Peers: c.peers})
	}
	return true
}

// absent adds a route of which nothing is advertised.
func (c *comparison) absent(w *Wanted) bool {
	c.ask(w.Peers, w.Key.Family)
	if len(c.meant) == 0 && !w.Peers.All() {
		// A change without peers would be for every peer.
		c.plan.Nowhere = append(c.plan.Nowhere, w)
		return true
	}
	c.plan.Changes = append(c.plan.Changes, Change{Key: w.Key, Wanted: w, Peers: c.meant})
	return true
}

// ask finds out which peers are meant.
func (c *comparison) ask(p Peers, f Family) {
	if f == c.family && p == c.asked {
		return
	}
	c.asked, c.family, c.meant = p, f, c.resolve(p, f)
	c.same = slices.Equal(c.meant, c.peers)
}

// look finds out at which peers a route is.
func (c *comparison) look(at []At) {
	if len(at) == len(c.at) && &at[0] == &c.at[0] {
		return
	}
	c.at, c.peers, c.standing = at, make([]netip.Addr, len(at)), true
	for i := range at {
		c.peers[i] = at[i].Peer
		c.standing = c.standing && at[i].Grade != Withdrawing
	}
	c.same = slices.Equal(c.meant, c.peers)
}

// compare adds what is to be done about one key, whatever it is.
func (p *Plan) compare(key Key, wanted []Wanted, adverts []Advert, resolve func(Peers, Family) []netip.Addr) {
	claims := map[netip.Addr]*Wanted{} // what the file wants at each peer, less what is done
	changed := map[*Wanted]bool{}
	overlaps := FindOverlaps(wanted, resolve)
	if len(overlaps) > 0 {
		p.Overlaps = append(p.Overlaps, overlaps...)
		for i := range adverts {
			if adverts[i].Owner != p.Owner {
				p.foreign(key, &adverts[i], claims, changed)
			}
		}
		return
	}
	for i := range wanted {
		for _, peer := range resolve(wanted[i].Peers, key.Family) {
			claims[peer] = &wanted[i]
		}
	}
	for i := range adverts {
		if adverts[i].Owner == p.Owner {
			p.own(key, &adverts[i], claims, changed)
		} else {
			p.foreign(key, &adverts[i], claims, changed)
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
			p.Changes = append(p.Changes, Change{Key: key, Wanted: want, Peers: missing[want]})
			changed[want] = true
		}
		if !changed[want] {
			p.Unchanged++
		}
	}
}

// own adds what is to be done about a route that this owner has, and takes it off
// the claims.
func (p *Plan) own(key Key, advert *Advert, claims map[netip.Addr]*Wanted, changed map[*Wanted]bool) {
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
		p.Changes = append(p.Changes, Change{Key: key, Wanted: want, Advert: advert, Peers: groups[want]})
		if want != nil {
			changed[want] = true
		}
	}
}

// foreign notes a route of somebody else, and takes what the file wants there
// off the claims: a file never touches what another announced.
func (p *Plan) foreign(key Key, advert *Advert, claims map[netip.Addr]*Wanted, changed map[*Wanted]bool) {
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
