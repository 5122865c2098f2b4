package reconcile

import (
	"net/netip"
	"slices"

	"routesync/state"
)

// Case is one route at one peer that is not as far as it should be.
type Case struct {
	Key    state.Key
	Peer   netip.Addr
	Reason string
	Pos    state.Position // of the route in the file; zero if it is not in it
}

// Assessment says how far a speaker has come with what a file asks for. Its
// lists are in the order of keys and peers.
type Assessment struct {
	Routes    int // of the file
	Confirmed int // of them, at the asked grade at every peer that is up, and at one at least
	Pending   []Case
	Held      []Case // the peer is down; exaBGP sends the route when it is up
	Unsent    []Case // exaBGP was told the route and has not reported it as sent
	Refused   []Case
	Foreign   []Case // somebody else announces it, and keeps it
	Nowhere   []Case // the speaker has none of the peers that it is for
}

// Assess compares a desired set with an advertised one, for a grade: Accepted,
// exaBGP holds the route; Sent, it was written to the peer.
func Assess(desired *state.Desired, advertised *state.Advertised, grade state.Grade) Assessment {
	a := Assessment{Routes: len(desired.Routes)}
	refused := map[state.Key]state.Refusal{}
	for _, r := range advertised.Refused {
		if r.Owner == desired.Owner {
			refused[r.Key] = r
		}
	}
	wanted := map[state.Key][]netip.Addr{}
	resolve := advertised.Resolver()
	overlapping := a.overlaps(desired.Routes, resolve)
	for i := range desired.Routes {
		w := &desired.Routes[i]
		if overlapping[w.Key] {
			continue
		}
		peers := resolve(w.Peers, w.Key.Family)
		wanted[w.Key] = append(wanted[w.Key], peers...)
		held := len(a.Held)
		confirmed := true
		if len(peers) == 0 && !w.Peers.All() {
			a.Nowhere = append(a.Nowhere, Case{Key: w.Key, Pos: w.Pos, Reason: "the speaker has no such peer with the family: " + w.Peers.String()})
			continue
		}
		if len(peers) == 0 {
			a.Refused = append(a.Refused, Case{Key: w.Key, Pos: w.Pos, Reason: refused[w.Key].Reason})
		}
		for _, peer := range peers {
			confirmed = a.route(w, peer, desired.Owner, advertised, grade, refused) && confirmed
		}
		if confirmed && len(a.Held)-held < len(peers) {
			a.Confirmed++
		}
	}
	a.leaving(desired.Owner, wanted, overlapping, advertised, grade, refused)
	for _, cases := range [][]Case{a.Pending, a.Held, a.Unsent, a.Refused, a.Foreign, a.Nowhere} {
		slices.SortStableFunc(cases, compareCases)
	}
	return a
}

// overlaps files the routes of which two are for the same peers, and tells
// their keys.
func (a *Assessment) overlaps(routes []state.Wanted, resolve func(state.Peers, state.Family) []netip.Addr) map[state.Key]bool {
	keys := map[state.Key]bool{}
	for i := 0; i < len(routes); {
		j := i + 1
		for j < len(routes) && routes[j].Key == routes[i].Key {
			j++
		}
		for _, o := range state.FindOverlaps(routes[i:j], resolve) {
			keys[o.Key] = true
			for _, peer := range o.Peers {
				a.Refused = append(a.Refused, Case{Key: o.Key, Peer: peer, Pos: o.Second.Pos, Reason: o.String()})
			}
		}
		i = j
	}
	return keys
}

// route files one route at one peer and tells whether it needs nothing more.
func (a *Assessment) route(w *state.Wanted, peer netip.Addr, owner string, advertised *state.Advertised, grade state.Grade, refused map[state.Key]state.Refusal) bool {
	c := Case{Key: w.Key, Peer: peer, Pos: w.Pos}
	at, there := advertised.Grade(w.Key, w.Attrs, owner, peer)
	c.Reason = at.Reason
	switch {
	case !there && foreignAt(advertised.Routes.Get(w.Key), owner, peer):
		c.Reason = refused[w.Key].Reason
		a.Foreign = append(a.Foreign, c)
	case !there && refused[w.Key].Reason != "":
		c.Reason = refused[w.Key].Reason
		a.Refused = append(a.Refused, c)
	case !there, at.Grade == state.Withdrawing:
		a.Pending = append(a.Pending, c)
	case at.Grade == state.Held:
		a.Held = append(a.Held, c)
		return true // nothing more can be done until the peer is up
	case grade == state.Accepted || at.Grade == state.Sent:
		return true
	case at.Grade == state.Unsent:
		a.Unsent = append(a.Unsent, c)
	default:
		a.Pending = append(a.Pending, c)
	}
	return false
}

// leaving files the routes of the owner that are being withdrawn.
func (a *Assessment) leaving(owner string, wanted map[state.Key][]netip.Addr, overlapping map[state.Key]bool, advertised *state.Advertised, grade state.Grade, refused map[state.Key]state.Refusal) {
	for k, adverts := range advertised.Routes.All() {
		for _, advert := range adverts {
			if advert.Owner != owner || overlapping[k] {
				continue
			}
			for _, at := range advert.At {
				gone := !slices.Contains(wanted[k], at.Peer)
				if r := refused[k]; gone && at.Grade != state.Withdrawing && r.Reason != "" && r.Attrs == (state.Attrs{}) {
					a.Refused = append(a.Refused, Case{Key: k, Peer: at.Peer, Reason: r.Reason})
					continue
				}
				if gone && (at.Grade != state.Withdrawing || grade == state.Sent) {
					a.Pending = append(a.Pending, Case{Key: k, Peer: at.Peer, Reason: "to be withdrawn"})
				}
			}
		}
	}
}

func foreignAt(adverts []state.Advert, owner string, peer netip.Addr) bool {
	return slices.ContainsFunc(adverts, func(a state.Advert) bool {
		return a.Owner != owner && slices.ContainsFunc(a.At, func(at state.At) bool { return at.Peer == peer })
	})
}

func compareCases(a, b Case) int {
	if c := state.CompareKeys(a.Key, b.Key); c != 0 {
		return c
	}
	return a.Peer.Compare(b.Peer)
}
