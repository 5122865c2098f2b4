package main

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"routesync/bridge"
	"routesync/bridge/wire"
	"routesync/state"
)

// adoption is a route of somebody else that is to become the file's, at the
// peers of its advert.
type adoption struct {
	key    state.Key
	advert state.Advert
	wanted *state.Wanted // what the file asks for there; nil if it does not
}

// selection says which routes are to be adopted.
type selection struct {
	names    []string // in the text of [state.Key]
	wanted   bool     // besides, all that the file asks for
	unwanted bool     // of those named, also what the file does not ask for
	from     string   // only routes of this owner
	anyOwner bool     // from says nothing: then, routes that no file asks for
}

// choice is what a selection means at one speaker.
type choice struct {
	picked  []adoption
	refused []problem       // what was named and is not to be adopted
	skipped []problem       // what the file asks for and is not to be adopted
	found   map[string]bool // the names that mean something there
}

// pick finds the routes at one speaker.
func (s selection) pick(desired *state.Desired, set *state.Advertised) choice {
	c := choice{found: map[string]bool{}}
	asked := map[state.Key]map[netip.Addr]*state.Wanted{}
	for i := range desired.Routes {
		w := &desired.Routes[i]
		if asked[w.Key] == nil {
			asked[w.Key] = map[netip.Addr]*state.Wanted{}
		}
		for _, peer := range set.Resolve(w.Peers, w.Key.Family) {
			asked[w.Key][peer] = w
		}
	}
	for k, adverts := range set.Routes.All() {
		named := slices.Contains(s.names, k.String())
		for _, advert := range adverts {
			if !s.anyOwner && advert.Owner != s.from {
				continue
			}
			if named {
				c.found[k.String()] = true
			}
			if advert.Owner == desired.Owner {
				continue
			}
			groups := map[*state.Wanted][]state.At{}
			for _, at := range advert.At {
				w := asked[k][at.Peer]
				if at.Grade != state.Withdrawing && (named || s.wanted && w != nil) {
					groups[w] = append(groups[w], at)
				}
			}
			for _, w := range slices.SortedFunc(maps.Keys(groups), func(a, b *state.Wanted) int {
				return groups[a][0].Peer.Compare(groups[b][0].Peer)
			}) {
				a := adoption{key: k, advert: advert, wanted: w}
				a.advert.At = groups[w]
				switch p, bad := s.objection(a); {
				case bad && named:
					c.refused = append(c.refused, p)
				case bad:
					c.skipped = append(c.skipped, p)
				default:
					c.picked = append(c.picked, a)
				}
			}
		}
	}
	return c
}

// objection says why a route is not to be adopted.
func (s selection) objection(a adoption) (problem, bool) {
	where := fmt.Sprintf("%s at %s", a.key, addrList(peersOf(a.advert)))
	switch {
	case s.anyOwner && !state.ByHand(a.advert.Owner):
		return problem{where, "it is announced by " + bridge.OwnerName(a.advert.Owner) + ", for whom another file speaks",
			"take it out of that file, and then add --from " + a.advert.Owner}, true
	case a.wanted == nil && !s.unwanted:
		return problem{where, "the file does not ask for it: the next apply would withdraw it",
			"put it into the file; if it is to be withdrawn, add --unwanted"}, true
	}
	return problem{}, false
}

func addrList(addrs []netip.Addr) string {
	text := ""
	for i, a := range addrs {
		if i > 0 {
			text += ", "
		}
		text += a.String()
	}
	return text
}

// adopted is what is advertised when routes have been adopted.
func adopted(set *state.Advertised, picked []adoption, owner string) *state.Advertised {
	after := *set
	after.Routes = set.Routes.Clone()
	for _, a := range picked {
		var rest []state.Advert
		for _, advert := range after.Routes.Get(a.key) {
			if advert.Owner == a.advert.Owner && advert.Attrs == a.advert.Attrs && advert.From == a.advert.From {
				advert.At = slices.DeleteFunc(slices.Clone(advert.At), func(at state.At) bool { return a.has(at.Peer) })
			}
			if len(advert.At) > 0 {
				rest = append(rest, advert)
			}
		}
		after.Routes.Set(append(rest, state.Advert{Attrs: a.advert.Attrs, Owner: owner, At: a.advert.At}), a.key)
	}
	return &after
}

func (a adoption) has(peer netip.Addr) bool {
	return slices.ContainsFunc(a.advert.At, func(at state.At) bool { return at.Peer == peer })
}

// adoptionBatches puts adoptions together, so that each batch has at most size
// routes.
func adoptionBatches(picked []adoption, size int) [][]wire.Adoption {
	type class struct {
		family state.Family
		from   string
		peers  state.Peers
	}
	var order []class
	keys := map[class][]state.Key{}
	for _, a := range picked {
		c := class{a.key.Family, a.advert.Owner, state.NewPeers(peersOf(a.advert))}
		if keys[c] == nil {
			order = append(order, c)
		}
		keys[c] = append(keys[c], a.key)
	}
	var out [][]wire.Adoption
	room := 0
	for _, c := range order {
		for rest := keys[c]; len(rest) > 0; {
			if room == 0 {
				out, room = append(out, nil), size
			}
			n := min(room, len(rest))
			out[len(out)-1] = append(out[len(out)-1], wire.Adoption{Family: c.family, From: c.from, Peers: c.peers.Addrs(), Keys: rest[:n]})
			rest, room = rest[n:], room-n
		}
	}
	return out
}

// adoptionResult is what came of adoptions at one speaker.
type adoptionResult struct {
	done    int
	refused []problem
}

// judge looks at what is advertised, now that the bridge has answered.
func judge(set *state.Advertised, picked []adoption, owner string) adoptionResult {
	var r adoptionResult
	for _, a := range picked {
		var missing []netip.Addr
		for _, at := range a.advert.At {
			mine := slices.ContainsFunc(set.Routes.Get(a.key), func(advert state.Advert) bool {
				return advert.Owner == owner && slices.ContainsFunc(advert.At, func(x state.At) bool { return x.Peer == at.Peer })
			})
			if !mine {
				missing = append(missing, at.Peer)
			}
		}
		if len(missing) == 0 {
			r.done++
			continue
		}
		r.refused = append(r.refused, problem{where: fmt.Sprintf("%s at %s", a.key, addrList(missing)), msg: refusalOf(set, a.key, owner)})
	}
	return r
}
