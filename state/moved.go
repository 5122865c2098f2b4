package state

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
)

// Move is a route that is not advertised any more as it was, at some peers. Before
// and Now point into the sets that were compared: what was advertised there, and
// what is; nil for nothing.
type Move struct {
	Key         Key
	Before, Now *Advert
	Peers       []netip.Addr // in order
}

// Moved lists what is advertised otherwise now than before, in the order of keys: by
// another owner, with other attributes, for another time, or at other peers. How far
// a route has come at a peer is no difference, nor who gave it by hand again.
func Moved(before, now *Advertised) []Move {
	var all []Move
	next, stop := iter.Pull2(now.Routes.All())
	defer stop()
	key, adverts, more := next()
	// through takes what is there now of keys before one, which was not there.
	through := func(until func(Key) bool) {
		for more && until(key) {
			all = appendMoves(all, key, nil, adverts)
			key, adverts, more = next()
		}
	}
	for k, was := range before.Routes.All() {
		through(func(x Key) bool { return CompareKeys(x, k) < 0 })
		if !more || key != k {
			all = appendMoves(all, k, was, nil)
			continue
		}
		if !slices.EqualFunc(was, adverts, advertisedAlike) {
			all = appendMoves(all, k, was, adverts)
		}
		key, adverts, more = next()
	}
	through(func(Key) bool { return true })
	return all
}

// advertisedAlike tells whether two adverts have the same value at the same peers.
func advertisedAlike(a, b Advert) bool {
	return a.sameValue(&b) && slices.EqualFunc(a.At, b.At, func(x, y At) bool { return x.Peer == y.Peer })
}

// sameValue tells whether two adverts differ in nothing that somebody asked for; nil
// is none at all.
func (a *Advert) sameValue(b *Advert) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Owner == b.Owner && a.Attrs == b.Attrs && a.From.Expires == b.From.Expires && a.From.Lease == b.From.Lease
}

// appendMoves appends what moved of one key, those peers together that have the same
// to say.
func appendMoves(all []Move, k Key, before, now []Advert) []Move {
	first := len(all)
	for _, peer := range peersOfBoth(before, now) {
		was, is := at(before, peer), at(now, peer)
		gone := without(was, is)
		come := without(is, was)
		for i := range max(len(gone), len(come)) {
			m := Move{Key: k, Before: nth(gone, i), Now: nth(come, i)}
			same := func(x Move) bool { return x.Before.sameValue(m.Before) && x.Now.sameValue(m.Now) }
			if at := slices.IndexFunc(all[first:], same); at >= 0 {
				all[first+at].Peers = append(all[first+at].Peers, peer)
				continue
			}
			m.Peers = []netip.Addr{peer}
			all = append(all, m)
		}
	}
	return all
}

func peersOfBoth(before, now []Advert) []netip.Addr {
	var peers []netip.Addr
	for _, adverts := range [...][]Advert{before, now} {
		for i := range adverts {
			for _, at := range adverts[i].At {
				peers = append(peers, at.Peer)
			}
		}
	}
	slices.SortFunc(peers, netip.Addr.Compare)
	return slices.Compact(peers)
}

// at are the adverts at a peer: one, but while it is changing hands. They are in an
// order of their own, for a bridge lists them in any.
func at(adverts []Advert, peer netip.Addr) []*Advert {
	var all []*Advert
	for i := range adverts {
		if slices.ContainsFunc(adverts[i].At, func(at At) bool { return at.Peer == peer }) {
			all = append(all, &adverts[i])
		}
	}
	slices.SortFunc(all, func(a, b *Advert) int {
		return cmp.Or(cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Attrs.text, b.Attrs.text),
			cmp.Compare(a.From.Expires, b.From.Expires), cmp.Compare(a.From.Lease, b.From.Lease))
	})
	return all
}

func without(adverts, others []*Advert) []*Advert {
	return slices.DeleteFunc(slices.Clone(adverts), func(a *Advert) bool { return slices.ContainsFunc(others, a.sameValue) })
}

func nth(adverts []*Advert, i int) *Advert {
	if i < len(adverts) {
		return adverts[i]
	}
	return nil
}
