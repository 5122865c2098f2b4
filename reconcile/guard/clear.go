package guard

import (
	"net/netip"
	"slices"

	"routesync/state"
)

// Clear tells, at the cost of the plan and not of all that is there, that [Check]
// would find nothing; false if that takes a look at all of it.
func Clear(c Case, p *state.Policy) bool {
	t := &tally{c: &c}
	_, _, withdraw := c.Plan.Count()
	switch added := len(c.Plan.Changes) - withdraw; {
	case p.RPKI.Asks(), c.Changed != nil, c.Uncounted != nil:
		return false
	case added > 0 && p.MaxRoutes > 0:
		return false
	case len(t.touched(p)) > 0, added > 0 && len(t.announcements(p)) > 0:
		return false
	case withdraw == 0:
		return true
	case p.MinRoutes > 0, len(p.Tags) > 0, len(p.Peers) > 0:
		return false
	}
	l := &leaving{c: &c, limit: p.MaxWithdraw, space: p.MaxWithdrawSpace, peers: map[netip.Addr]*few{}, tags: map[string]int{}, lost: map[state.Family]*lost{}}
	return l.gather() && l.enough()
}

// leaving is what a plan withdraws at most, and what has to be there so that it may.
type leaving struct {
	c     *Case
	limit state.Limit
	space state.Limit
	whole few
	peers map[netip.Addr]*few
	tags  map[string]int
	lost  map[state.Family]*lost
}

// few is how many of some routes go, and how many have been seen.
type few struct{ leave, seen int }

// lost is the address space that goes at most, and how much has been seen.
type lost struct {
	most, seen float64
	now        patch
}

// gather counts what goes; false if it can be too much of a tag.
func (l *leaving) gather() bool {
	var last state.Key
	var f fate
	for i := range l.c.Plan.Changes {
		x := &l.c.Plan.Changes[i]
		if x.Op() != state.Withdraw {
			continue
		}
		for _, peer := range x.Peers {
			if l.peers[peer] == nil {
				l.peers[peer] = &few{}
			}
			l.peers[peer].leave++
		}
		if x.Key == last {
			continue
		}
		last = x.Key
		l.whole.leave++
		if x.Key.Family.HasPrefix() {
			if l.lost[x.Key.Family] == nil {
				l.lost[x.Key.Family] = &lost{}
			}
			l.lost[x.Key.Family].most += size(x.Key.Prefix())
		}
		f = fate{key: x.Key, wanted: l.c.asked(x.Key), peers: x.Peers}
		tags, _ := l.c.tags(&f)
		for _, tag := range tags {
			l.tags[tag]++
		}
	}
	for _, n := range l.tags {
		if n > l.limit.Of(n) {
			return false
		}
	}
	return true
}

// asked is what is asked for of a key.
func (c *Case) asked(k state.Key) []state.Wanted {
	i, found := slices.BinarySearchFunc(c.Desired.Routes, k, func(w state.Wanted, k state.Key) int { return state.CompareKeys(w.Key, k) })
	n := i
	for found && n < len(c.Desired.Routes) && c.Desired.Routes[n].Key == k {
		n++
	}
	return c.Desired.Routes[i:n]
}

// enough looks at what is advertised until it is so much that what goes may go;
// false if it never is.
func (l *leaving) enough() bool {
	if l.done() {
		return true
	}
	const often = 64
	n := 0
	for k, adverts := range l.c.Advertised.Routes.All() {
		mine := false
		for i := range adverts {
			a := &adverts[i]
			if a.Owner != l.c.Plan.Owner || l.c.expired(a) {
				continue
			}
			for _, at := range a.At {
				if at.Grade == state.Withdrawing {
					continue
				}
				mine = true
				if p := l.peers[at.Peer]; p != nil {
					p.seen++
				}
			}
		}
		if !mine {
			continue
		}
		l.whole.seen++
		if g := l.lost[k.Family]; g != nil {
			g.see(k)
		}
		if n++; n%often == 0 && l.done() {
			return true
		}
	}
	return l.done()
}

func (g *lost) see(k state.Key) {
	p, rd := k.Prefix(), k.Distinguisher()
	if p.Bits() > 0 && !g.now.has(rd, p) { // what a default route holds is not all that counts
		g.now = patch{rd, p}
		g.seen += size(p)
	}
}

// done tells whether what was seen is enough.
func (l *leaving) done() bool {
	if !l.whole.may(l.limit) {
		return false
	}
	for _, p := range l.peers {
		if !p.may(l.limit) {
			return false
		}
	}
	for _, g := range l.lost {
		if !l.space.Off() && g.most*state.Whole > g.seen*float64(l.space.Share) {
			return false
		}
	}
	return true
}

func (f *few) may(limit state.Limit) bool {
	return limit.Off() || f.leave <= limit.Of(max(f.seen, f.leave))
}
