package main

import (
	"net/netip"
	"slices"

	"routesync/state"
)

// stray is a route that is not where, or as, it is meant to be.
type stray struct {
	kind  string
	key   state.Key
	peers []netip.Addr
}

// What became of a route that a file asks for.
const (
	strayMissing  = "missing"  // it is not advertised
	strayModified = "modified" // it is, with other attributes
	strayGhost    = "ghost"    // it is advertised, and not asked for
	strayTaken    = "taken"    // somebody else announces it
)

// drift is how what is advertised differs from the file that is in force, in the order
// of the keys: because somebody else moved it, or because it is not done yet. It is
// known where this file is the one in force. What comes and goes with time is left out.
func (s speakerPlan) drift() (all []stray, known bool) {
	f := s.inForce(s.Owner)
	if f == nil || f.Revision.Digest == "" || f.Revision.Digest != s.whole.Revision.Digest {
		return nil, false
	}
	for _, c := range s.Changes {
		w := s.wanted(c)
		switch {
		case c.Op() == state.Announce && w.Starts == 0 && len(c.Peers) > 0:
			all = append(all, stray{strayMissing, c.Key, c.Peers})
		case c.Op() == state.Replace && w.Starts == 0:
			all = append(all, stray{strayModified, c.Key, c.Peers})
		case c.Op() == state.Withdraw && (w == nil || w.Expires == 0):
			all = append(all, stray{strayGhost, c.Key, c.Peers})
		}
	}
	for _, x := range s.Foreign {
		if x.Wanted != nil {
			all = append(all, stray{strayTaken, x.Key, peersOf(*x.Advert)})
		}
	}
	slices.SortStableFunc(all, func(a, b stray) int { return state.CompareKeys(a.key, b.key) })
	return all, true
}

// ghosts are the routes of the owner that are advertised and not asked for, in the
// order of the keys: those that the plan withdraws, and those that are leaving already.
func (s speakerPlan) ghosts(desired *state.Desired) []ghostJSON {
	all := []ghostJSON{}
	changes := s.Changes
	desired.Join(s.advertised, func(k state.Key, wanted []state.Wanted, adverts []state.Advert) {
		for ; len(changes) > 0 && state.CompareKeys(changes[0].Key, k) <= 0; changes = changes[1:] {
			if changes[0].Op() == state.Withdraw {
				all = append(all, ghostJSON{k.Family.String(), k.String(), s.peerWords(changes[0].Peers), false})
			}
		}
		for i := range adverts {
			if leaving := s.leaving(k, &adverts[i], wanted); len(leaving) > 0 {
				all = append(all, ghostJSON{k.Family.String(), k.String(), s.peerWords(leaving), true})
			}
		}
	})
	return all
}

// leaving are the peers that a route of the owner is being withdrawn from, and that
// nothing asks for it at.
func (s speakerPlan) leaving(k state.Key, a *state.Advert, wanted []state.Wanted) []netip.Addr {
	if a.Owner != s.Owner {
		return nil
	}
	var peers []netip.Addr
	for _, at := range a.At {
		asked := func(w state.Wanted) bool { return slices.Contains(s.advertised.Resolve(w.Peers, k.Family), at.Peer) }
		if at.Grade == state.Withdrawing && !slices.ContainsFunc(wanted, asked) {
			peers = append(peers, at.Peer)
		}
	}
	return peers
}
