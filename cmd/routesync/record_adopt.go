package main

import (
	"net/netip"
	"slices"
	"time"

	"routesync/reconcile"
	"routesync/state"
)

// adopting puts adoptions on record: as changes that take a route as it is from
// somebody else.
func (r *record) adopting(speaker string, picked []adoption, rev state.Revision) {
	if r == nil {
		return
	}
	s := reconcile.Sending{ID: 1, At: time.Now(), Cause: reconcile.CauseCommand, Revision: rev}
	for i := range picked {
		a := &picked[i]
		terms := &state.Terms{Attrs: a.advert.Attrs, Peers: state.NewPeers(peersOf(a.advert))}
		if a.wanted != nil {
			terms.Tags, terms.Comment = a.wanted.Tags, a.wanted.Comment
		}
		s.Changes = append(s.Changes, state.Change{
			Key: a.key, Advert: &a.advert, Wanted: &state.Wanted{Key: a.key, Terms: terms}, Peers: peersOf(a.advert),
		})
	}
	r.speaker(speaker).Sending(s)
}

// adopted puts on record what came of them.
func (r *record) adopted(speaker string, picked []adoption, set *state.Advertised, owner string) {
	if r == nil {
		return
	}
	c := reconcile.Confirming{ID: 1, At: time.Now(), Final: true}
	counts := map[netip.Addr]*reconcile.PeerCount{}
	for _, a := range picked {
		for _, peer := range peersOf(a.advert) {
			if counts[peer] == nil {
				counts[peer] = &reconcile.PeerCount{Peer: peer}
			}
			n := counts[peer]
			n.Changes++
			if _, mine := set.Grade(a.key, a.advert.Attrs, owner, peer); mine {
				n.Confirmed++
				continue
			}
			c.Open = append(c.Open, reconcile.Unconfirmed{Key: a.key, Peer: peer, State: reconcile.StandsRefused, Reason: refusalOf(set, a.key, owner)})
		}
	}
	for _, n := range counts {
		if n.Confirmed == n.Changes {
			n.When = c.At
		}
		c.Peers = append(c.Peers, *n)
	}
	slices.SortFunc(c.Peers, func(a, b reconcile.PeerCount) int { return a.Peer.Compare(b.Peer) })
	r.speaker(speaker).Confirming(c)
}

// refusalOf is why an owner was refused a route.
func refusalOf(set *state.Advertised, k state.Key, owner string) string {
	for _, r := range set.Refused {
		if r.Key == k && r.Owner == owner {
			return r.Reason
		}
	}
	return "it changed meanwhile"
}
