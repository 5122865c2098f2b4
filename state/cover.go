package state

import (
	"net/netip"
	"slices"
)

// Cover says what is left for the addresses of a route that a plan withdraws, at the
// peers that it goes from.
type Cover struct {
	Change int // that withdraws it: its place in the plan
	// By is what still has all of the addresses at each of these peers: a less specific
	// prefix, or the same one on another path, whoever announces it. The most specific
	// counts.
	By []CoveredAt
	// Dark are the peers that are left with none, in order.
	Dark []netip.Addr
	// Inside are those of Dark that more specific prefixes are announced to, in order:
	// they have some of the addresses there, or all.
	Inside []netip.Addr
}

// CoveredAt is a prefix of an owner, and the peers that it covers something at, in
// order.
type CoveredAt struct {
	Prefix netip.Prefix
	Owner  string
	Peers  []netip.Addr
}

// Covers tells of each prefix that the plan withdraws what stays announced of it.
// advertised is what the plan was made from.
func (p *Plan) Covers(advertised *Advertised) []Cover {
	goes := func(c Change) bool { return c.Op() == Withdraw && c.Key.Family.HasPrefix() }
	if !slices.ContainsFunc(p.Changes, goes) {
		return nil
	}
	w := coverWalk{plan: p}
	n := 0 // changes that were visited
	visit := func(k Key, adverts []Advert) {
		from := n
		for n < len(p.Changes) && p.Changes[n].Key == k {
			n++
		}
		if k.Family.HasPrefix() {
			w.visit(k, adverts, from, n)
		}
	}
	for k, adverts := range advertised.Routes.All() {
		for n < len(p.Changes) && CompareKeys(p.Changes[n].Key, k) < 0 {
			visit(p.Changes[n].Key, nil)
		}
		visit(k, adverts)
	}
	for n < len(p.Changes) {
		visit(p.Changes[n].Key, nil)
	}
	w.settle()
	return w.all
}

// coverWalk goes through keys in order, in which a prefix comes before what is in it.
type coverWalk struct {
	plan    *Plan
	all     []Cover
	open    []standing // each is in the one before, or is the same prefix
	waiting []int      // changes of the last prefix, of which other paths may follow
	dark    []shadow   // each is in the one before, or is the same prefix
}

// shadow is a prefix that is left with none at a peer.
type shadow struct {
	standing
	cover int // its place
}

// standing is a route, and what the plan does about it.
type standing struct {
	family  Family
	rd      string
	prefix  netip.Prefix
	adverts []Advert
	changes []Change
}

func (s *standing) has(x *standing) bool {
	return s.family == x.family && s.rd == x.rd && s.prefix.Bits() <= x.prefix.Bits() && s.prefix.Contains(x.prefix.Addr())
}

// at tells whose route it is at a peer behind a plan of owner; false if it is not
// there.
func (s *standing) at(peer netip.Addr, owner string) (whose string, there bool) {
	goes := false
	for i := range s.changes {
		if c := &s.changes[i]; slices.Contains(c.Peers, peer) {
			if c.Op() != Withdraw {
				return owner, true
			}
			goes = true
		}
	}
	if goes {
		return "", false
	}
	i := slices.IndexFunc(s.adverts, func(a Advert) bool {
		return slices.ContainsFunc(a.At, func(at At) bool { return at.Peer == peer && at.Grade != Withdrawing })
	})
	if i < 0 {
		return "", false
	}
	return s.adverts[i].Owner, true
}

func (w *coverWalk) visit(k Key, adverts []Advert, from, to int) {
	x := standing{family: k.Family, rd: k.Distinguisher(), prefix: k.Prefix(), adverts: adverts, changes: w.plan.Changes[from:to]}
	if n := len(w.open); n > 0 && (!x.has(&w.open[n-1]) || !w.open[n-1].has(&x)) { // another prefix
		w.settle()
	}
	for len(w.open) > 0 && !w.open[len(w.open)-1].has(&x) {
		w.open = w.open[:len(w.open)-1]
	}
	w.open = append(w.open, x)
	for len(w.dark) > 0 && !w.dark[len(w.dark)-1].has(&x) {
		w.dark = w.dark[:len(w.dark)-1]
	}
	for _, s := range w.dark {
		w.all[s.cover].inside(&x, w.plan.Owner)
	}
	for i := from; i < to; i++ {
		if w.plan.Changes[i].Op() == Withdraw {
			w.waiting = append(w.waiting, i)
		}
	}
}

// settle finds what covers the changes that wait: all of it has come.
func (w *coverWalk) settle() {
	for _, i := range w.waiting {
		c := Cover{Change: i}
		for _, peer := range w.plan.Changes[i].Peers {
			c.add(peer, w.plan.Owner, w.open)
		}
		if len(c.Dark) > 0 {
			w.dark = append(w.dark, shadow{w.open[len(w.open)-1], len(w.all)})
		}
		w.all = append(w.all, c)
	}
	w.waiting = w.waiting[:0]
}

// inside notes the peers at which a more specific prefix is there.
func (c *Cover) inside(x *standing, owner string) {
	if len(c.Inside) == len(c.Dark) {
		return
	}
	var all []netip.Addr
	for _, peer := range c.Dark {
		_, there := x.at(peer, owner)
		if there || slices.Contains(c.Inside, peer) {
			all = append(all, peer)
		}
	}
	c.Inside = all
}

func (c *Cover) add(peer netip.Addr, owner string, open []standing) {
	for i := len(open) - 1; i >= 0; i-- {
		whose, there := open[i].at(peer, owner)
		if !there {
			continue
		}
		n := slices.IndexFunc(c.By, func(by CoveredAt) bool { return by.Prefix == open[i].prefix && by.Owner == whose })
		if n < 0 {
			n, c.By = len(c.By), append(c.By, CoveredAt{Prefix: open[i].prefix, Owner: whose})
		}
		c.By[n].Peers = append(c.By[n].Peers, peer)
		return
	}
	c.Dark = append(c.Dark, peer)
}
