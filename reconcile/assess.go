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

// assessor makes an assessment, key by key.
type assessor struct {
	Assessment
	owner   string
	grade   state.Grade
	resolve func(state.Peers, state.Family) []netip.Addr
	refused map[state.Key]state.Refusal
}

// Assess compares a desired set with an advertised one, for a grade: Accepted,
// exaBGP holds the route; Sent, it was written to the peer.
func Assess(desired *state.Desired, advertised *state.Advertised, grade state.Grade) Assessment {
	a := assessor{
		Assessment: Assessment{Routes: len(desired.Routes)},
		owner:      desired.Owner, grade: grade, resolve: advertised.Resolver(), refused: map[state.Key]state.Refusal{},
	}
	for _, r := range advertised.Refused {
		if r.Owner == desired.Owner {
			a.refused[r.Key] = r
		}
	}
	desired.Join(advertised, a.key)
	for _, cases := range [][]Case{a.Pending, a.Held, a.Unsent, a.Refused, a.Foreign, a.Nowhere} {
		slices.SortStableFunc(cases, compareCases)
	}
	return a.Assessment
}

// key files what is asked for, and what is leaving, of one key.
func (a *assessor) key(k state.Key, wanted []state.Wanted, adverts []state.Advert) {
	if overlaps := state.FindOverlaps(wanted, a.resolve); len(overlaps) > 0 {
		for _, o := range overlaps {
			for _, peer := range o.Peers {
				a.Refused = append(a.Refused, Case{Key: k, Peer: peer, Pos: o.Second.Pos, Reason: o.String()})
			}
		}
		return
	}
	for i := range wanted {
		w := &wanted[i]
		peers := a.resolve(w.Peers, k.Family)
		if len(peers) == 0 && !w.Peers.All() {
			a.Nowhere = append(a.Nowhere, Case{Key: k, Pos: w.Pos, Reason: "the speaker has no such peer with the family: " + w.Peers.String()})
			continue
		}
		if len(peers) == 0 {
			a.Refused = append(a.Refused, Case{Key: k, Pos: w.Pos, Reason: a.refused[k].Reason})
		}
		held, confirmed := len(a.Held), true
		for _, peer := range peers {
			confirmed = a.route(w, peer, adverts) && confirmed
		}
		if confirmed && len(a.Held)-held < len(peers) {
			a.Confirmed++
		}
	}
	a.leaving(k, wanted, adverts)
}

// route files one route at one peer and tells whether it needs nothing more.
func (a *assessor) route(w *state.Wanted, peer netip.Addr, adverts []state.Advert) bool {
	at, there := state.GradeIn(adverts, w.Attrs, a.owner, peer)
	if there && (at.Grade == state.Sent || a.grade == state.Accepted && at.Grade != state.Withdrawing && at.Grade != state.Held) {
		return true
	}
	c := Case{Key: w.Key, Peer: peer, Pos: w.Pos, Reason: at.Reason}
	switch {
	case !there && foreignAt(adverts, a.owner, peer):
		c.Reason = a.refused[w.Key].Reason
		a.Foreign = append(a.Foreign, c)
	case !there && a.refused[w.Key].Reason != "":
		c.Reason = a.refused[w.Key].Reason
		a.Refused = append(a.Refused, c)
	case !there, at.Grade == state.Withdrawing:
		a.Pending = append(a.Pending, c)
	case at.Grade == state.Held:
		a.Held = append(a.Held, c)
		return true // nothing more can be done until the peer is up
	case at.Grade == state.Unsent:
		a.Unsent = append(a.Unsent, c)
	default:
		a.Pending = append(a.Pending, c)
	}
	return false
}

// leaving files the routes of the owner that are being withdrawn.
func (a *assessor) leaving(k state.Key, wanted []state.Wanted, adverts []state.Advert) {
	for i := range adverts {
		if adverts[i].Owner != a.owner {
			continue
		}
		for _, at := range adverts[i].At {
			gone := !slices.ContainsFunc(wanted, func(w state.Wanted) bool { return slices.Contains(a.resolve(w.Peers, k.Family), at.Peer) })
			if !gone {
				continue
			}
			if r := a.refused[k]; at.Grade != state.Withdrawing && r.Reason != "" && r.Attrs == (state.Attrs{}) {
				a.Refused = append(a.Refused, Case{Key: k, Peer: at.Peer, Reason: r.Reason})
				continue
			}
			if at.Grade != state.Withdrawing || a.grade == state.Sent {
				a.Pending = append(a.Pending, Case{Key: k, Peer: at.Peer, Reason: "to be withdrawn"})
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
