package state

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Stricter is the policy that lets through what both do, and nothing else: of each
// thing that they say, the stricter. Neither is changed, and which of them comes first
// means nothing, but for the order of the overrides, which are those of both. The error
// is a [*Fault], about a key of which there is no stricter; it speaks of p as of what is
// there already.
func (p *Policy) Stricter(q *Policy) (*Policy, error) {
	s := &Policy{
		MaxWithdraw:      p.MaxWithdraw.stricter(q.MaxWithdraw),
		MaxWithdrawSpace: p.MaxWithdrawSpace.stricter(q.MaxWithdrawSpace),
		MinRoutes:        max(p.MinRoutes, q.MinRoutes),
		MaxRoutes:        lesser(p.MaxRoutes, q.MaxRoutes, 0),
		Tags:             stricterTags(p, q),
		Peers:            stricterPeers(p, q),
		Protect:          ordered(slices.Concat(p.Protect, q.Protect)),
		Never:            ordered(slices.Concat(p.Never, q.Never)),
		NextHops:         p.NextHops.stricter(q.NextHops),
		Overrides:        slices.Concat(p.Overrides, q.Overrides),
	}
	for _, name := range slices.Sorted(slices.Values(p.Allow)) {
		if slices.Contains(q.Allow, name) {
			s.Allow = append(s.Allow, name)
		}
	}
	for _, err := range []error{
		s.Lengths4.narrow("ipv4", p.Lengths4, q.Lengths4),
		s.Lengths6.narrow("ipv6", p.Lengths6, q.Lengths6),
		s.stricterCommunities(p, q),
		s.stricterRPKI(p, q),
		s.stricterFlap(p, q),
	} {
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// stricter is how many both let go.
func (l Limit) stricter(m Limit) Limit {
	return Limit{min(l.Share, m.Share), lesser(l.Count, m.Count, NoCount)}
}

// lesser is the lesser of two bounds, of which none is no bound.
func lesser(a, b, none int) int {
	switch {
	case a == none:
		return b
	case b == none:
		return a
	}
	return min(a, b)
}

// stricterTags are the bounds of each tag that either names. Who says nothing of how
// many of a tag may go says of it what holds for all: that would be lost if the bound of
// the other stood alone.
func stricterTags(p, q *Policy) []TagBounds {
	var all []TagBounds
	for _, b := range slices.Concat(p.Tags, q.Tags) {
		if slices.ContainsFunc(all, func(x TagBounds) bool { return x.Tag == b.Tag }) {
			continue
		}
		of, _ := p.Tag(b.Tag)
		other, _ := q.Tag(b.Tag)
		b.MinRoutes = max(of.MinRoutes, other.MinRoutes)
		b.MaxWithdraw = nil
		if of.MaxWithdraw != nil || other.MaxWithdraw != nil {
			b.MaxWithdraw = new(of.most(p).stricter(other.most(q)))
		}
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b TagBounds) int { return cmp.Compare(a.Tag, b.Tag) })
	return all
}

// most is how many routes of the tag may go, by the policy that has the bounds.
func (b TagBounds) most(p *Policy) Limit {
	if b.MaxWithdraw == nil {
		return p.MaxWithdraw
	}
	return *b.MaxWithdraw
}

// stricterPeers are the bounds of each peer that either names.
func stricterPeers(p, q *Policy) []PeerBounds {
	var all []PeerBounds
	for _, b := range slices.Concat(p.Peers, q.Peers) {
		if slices.ContainsFunc(all, func(x PeerBounds) bool { return x.Peer == b.Peer }) {
			continue
		}
		of, _ := p.Peer(b.Peer)
		other, _ := q.Peer(b.Peer)
		all = append(all, PeerBounds{b.Peer, of.stricter(other)})
	}
	slices.SortFunc(all, func(a, b PeerBounds) int { return a.Peer.Compare(b.Peer) })
	return all
}

// ordered puts prefixes in order, each of them once.
func ordered(all []netip.Prefix) []netip.Prefix {
	slices.SortFunc(all, netip.Prefix.Compare)
	return slices.Compact(all)
}

// stricter are the next hops that are in both. Of two prefixes that have addresses in
// common one is inside the other.
func (h *NextHops) stricter(other *NextHops) *NextHops {
	switch {
	case h == nil:
		return other
	case other == nil:
		return h
	}
	both := &NextHops{Self: h.Self && other.Self}
	for _, a := range h.Prefixes {
		for _, b := range other.Prefixes {
			switch {
			case !a.Overlaps(b):
			case a.Bits() > b.Bits():
				both.Prefixes = append(both.Prefixes, a)
			default:
				both.Prefixes = append(both.Prefixes, b)
			}
		}
	}
	both.Prefixes = ordered(both.Prefixes)
	return both
}

// narrow makes of lengths those that two others have in common.
func (l *Lengths) narrow(family string, a, b Lengths) error {
	*l = Lengths{max(a.Min, b.Min), min(a.Max, b.Max)}
	if l.Min > l.Max {
		return &Fault{
			Msg:  fmt.Sprintf("prefix-length of %s is %d-%d already, and of %d-%d that leaves none", family, a.Min, a.Max, b.Min, b.Max),
			Hint: "give lengths that have some in common",
		}
	}
	return nil
}

const oneOnly = "say it in one place"

func (p *Policy) stricterCommunities(a, b *Policy) error {
	switch {
	case a.Communities == nil, slices.Equal(a.Communities, b.Communities):
		p.Communities = b.Communities
	case b.Communities == nil:
		p.Communities = a.Communities
	default:
		return &Fault{Msg: "communities are given already, and they are others", Hint: oneOnly}
	}
	return nil
}

func (p *Policy) stricterRPKI(a, b *Policy) error {
	switch {
	case a.RPKI == RPKI{}, a.RPKI == b.RPKI:
		p.RPKI = b.RPKI
	case b.RPKI == RPKI{}:
		p.RPKI = a.RPKI
	default:
		return &Fault{Msg: "rpki is given already, and it is another", Hint: oneOnly}
	}
	return nil
}

// stricterFlap is the one by which a route may change less often, in a longer time.
func (p *Policy) stricterFlap(a, b *Policy) error {
	within := func(x, y Flap) bool {
		return y == Flap{} || x != Flap{} && x.Changes <= y.Changes && x.Within >= y.Within
	}
	switch {
	case within(a.Flap, b.Flap):
		p.Flap = a.Flap
	case within(b.Flap, a.Flap):
		p.Flap = b.Flap
	default:
		return &Fault{
			Msg:  fmt.Sprintf("flap is %s already, and of %s neither is the stricter", a.Flap, b.Flap),
			Hint: "fewer changes in a longer time are stricter",
		}
	}
	return nil
}

// String is how often that is, for people.
func (f Flap) String() string {
	return fmt.Sprintf("%d changes in %s", f.Changes, time.Duration(f.Within)*time.Millisecond)
}
