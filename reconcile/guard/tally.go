package guard

import (
	"cmp"
	"maps"
	"math"
	"net/netip"
	"slices"

	"routesync/state"
)

// tally is what is counted on one walk through all that the owner has and will have.
type tally struct {
	c             *Case
	before, after int
	gone, come    Finding // the routes that go altogether, and those that were not there
	unknown       Finding // those of them whose tags are not known
	tags          map[string]*count
	peers         map[netip.Addr]*count
	grounds       []*ground // by family, in order

	// Most routes have the terms, and are at the peers, of the one before.
	stays, fresh runs[*state.Terms]
	at           runs[places]
	lists        map[places][]state.At
}

// places are where a route is: those that begin there, and how many.
type places struct {
	first *state.At
	n     int
}

// count is how many there are, and which of them go.
type count struct {
	before, after int
	leaving       Finding
}

// runs counts things of which the same come in a row.
type runs[T comparable] struct {
	last T
	n    int
	all  map[T]int
}

func (r *runs[T]) add(x T) {
	if x != r.last {
		r.close()
		r.last = x
	}
	r.n++
}

func (r *runs[T]) close() map[T]int {
	if r.n > 0 {
		if r.all == nil {
			r.all = map[T]int{}
		}
		r.all[r.last] += r.n
		r.n = 0
	}
	return r.all
}

func at[K comparable](all map[K]*count, k K) *count {
	if all[k] == nil {
		all[k] = &count{}
	}
	return all[k]
}

// take counts.
func take(c *Case, p *state.Policy) *tally {
	t := &tally{c: c, tags: map[string]*count{}, peers: map[netip.Addr]*count{}, lists: map[places][]state.At{}}
	for _, b := range p.Tags {
		at(t.tags, b.Tag)
	}
	c.fates(t.take)
	for p, n := range t.at.close() {
		for _, x := range t.lists[p] {
			if x.Grade != state.Withdrawing {
				at(t.peers, x.Peer).before += n
			}
		}
	}
	for terms, n := range t.stays.close() {
		for _, tag := range terms.Tags {
			at(t.tags, tag).before += n
			at(t.tags, tag).after += n
		}
	}
	for terms, n := range t.fresh.close() {
		for _, tag := range terms.Tags {
			at(t.tags, tag).after += n
		}
	}
	return t
}

// take counts one route.
func (t *tally) take(f *fate) {
	if f.before {
		t.before++
	}
	if f.after {
		t.after++
	}
	if f.after && !f.before {
		t.come.add(f.key)
	}
	if f.key.Family.HasPrefix() {
		t.ground(f.key.Family).take(f)
	}
	for _, p := range f.peers {
		at(t.peers, p).before++
	}
	for _, p := range f.leaving {
		at(t.peers, p).leaving.add(f.key)
	}
	for i := range f.adverts {
		if a := &f.adverts[i]; a.Owner == t.c.Plan.Owner && len(a.At) > 0 {
			p := places{&a.At[0], len(a.At)}
			if p != t.at.last {
				t.lists[p] = a.At
			}
			t.at.add(p)
		}
	}
	if !f.gone() {
		t.keep(f)
		return
	}
	t.gone.add(f.key)
	tags, known := t.c.tags(f)
	if !known {
		t.unknown.add(f.key)
	}
	for _, tag := range tags {
		x := at(t.tags, tag)
		x.before++
		x.leaving.add(f.key)
	}
}

// keep counts the tags of a route that stays, or comes.
func (t *tally) keep(f *fate) {
	r := &t.fresh
	if f.before {
		r = &t.stays
	}
	switch len(f.wanted) {
	case 0: // left alone for a reason of its own
	case 1:
		r.add(f.wanted[0].Terms)
	default: // a tag counts once, however many peers have different values
		tags, _ := t.c.tags(f)
		for _, tag := range tags {
			x := at(t.tags, tag)
			x.after++
			if f.before {
				x.before++
			}
		}
	}
}

// ground is the ground of a family. The families come in order.
func (t *tally) ground(f state.Family) *ground {
	if n := len(t.grounds); n > 0 && t.grounds[n-1].family == f {
		return t.grounds[n-1]
	}
	g := &ground{family: f}
	t.grounds = append(t.grounds, g)
	return g
}

// inOrder yields the tags, in order.
func (t *tally) inOrder() []string { return slices.Sorted(maps.Keys(t.tags)) }

// atPeers yields the peers, in order.
func (t *tally) atPeers() []netip.Addr {
	return slices.SortedFunc(maps.Keys(t.peers), netip.Addr.Compare)
}

// ground is the address space of the routes of one family: before the plan, and
// what of it is left behind it. A route inside of another adds nothing to it; that
// of each route distinguisher is another. Keys come with the less specific first
// (see [state.Key]).
type ground struct {
	family      state.Family
	routes      int // before
	total, left float64
	now, then   patch // that were begun last
	// rest is the same without default routes, if there are any: next to one, all else
	// is nothing, and nothing goes dark.
	rest *ground
}

// patch is a prefix that is in no other.
type patch struct {
	rd     string
	prefix netip.Prefix
}

func (x *patch) has(rd string, p netip.Prefix) bool {
	return x.prefix.IsValid() && x.rd == rd && x.prefix.Contains(p.Addr())
}

func (g *ground) take(f *fate) {
	p, rd := f.key.Prefix(), f.key.Distinguisher()
	switch {
	case p.Bits() == 0 && g.rest == nil:
		rest := *g
		g.rest = &rest
	case p.Bits() > 0 && g.rest != nil:
		g.rest.take(f)
	}
	if f.before {
		g.routes++
	}
	if f.before && !g.now.has(rd, p) {
		g.now = patch{rd, p}
		g.total += size(p)
		if g.then.has(rd, p) {
			g.left += size(p)
		}
	}
	if f.after && !g.then.has(rd, p) {
		g.then = patch{rd, p}
		if g.now.has(rd, p) {
			g.left += size(p)
		}
	}
}

// size is how many addresses there are in a prefix.
func size(p netip.Prefix) float64 {
	return math.Ldexp(1, p.Addr().BitLen()-p.Bits())
}

// Impact is what a plan leads to. Routes count once, at however many peers they are.
type Impact struct {
	Routes    int // that the owner has at the speaker
	Withdrawn int // of them, that go altogether
	Space     []Space
}

// Space is the address space of the owner's routes of one family: in addresses, and
// those that no route of the owner covers any more.
type Space struct {
	Family      state.Family
	Total, Dark float64
}

// Share is the part that goes dark, 0..1.
func (s Space) Share() float64 { return share(s.Dark, s.Total) }

// Share is the part of the routes that goes, 0..1.
func (i Impact) Share() float64 { return share(float64(i.Withdrawn), float64(i.Routes)) }

func share(part, of float64) float64 {
	if of == 0 {
		return 0
	}
	return part / of
}

func (t *tally) impact() Impact {
	i := Impact{Routes: t.before, Withdrawn: t.gone.Count}
	for _, g := range t.grounds {
		if g.total > 0 {
			i.Space = append(i.Space, Space{g.family, g.total, max(0, g.total-g.left)})
		}
	}
	slices.SortFunc(i.Space, func(a, b Space) int { return cmp.Compare(a.Family, b.Family) })
	return i
}
