package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"routesync/bridge/exabgp"
	"routesync/state"
)

// given is one value that a route has at some peers.
type given struct {
	key            state.Key
	attrs          state.Attrs
	expires, lease int64
}

// importAdvertised is what asks for the advertised routes of some owners. A
// route that is being withdrawn is not there any more.
func importAdvertised(set *state.Advertised, pick func(owner string) bool) []state.Wanted {
	at := map[given][]netip.Addr{}
	for k, adverts := range set.Routes.All() {
		for _, a := range adverts {
			if !pick(a.Owner) {
				continue
			}
			v := given{k, a.Attrs, a.From.Expires, a.From.Lease}
			for _, one := range a.At {
				if one.Grade != state.Withdrawing {
					at[v] = append(at[v], one.Peer)
				}
			}
		}
	}
	return wantedAt(at, func(k state.Key) []netip.Addr { return set.Resolve("", k.Family) })
}

// wantedAt is what asks for values at their peers. every is where a route is
// that names no peers.
func wantedAt(at map[given][]netip.Addr, every func(state.Key) []netip.Addr) []state.Wanted {
	var all []state.Wanted
	for v, peers := range at {
		slices.SortFunc(peers, netip.Addr.Compare)
		peers = slices.Compact(peers)
		w := state.Wanted{Key: v.key, Terms: &state.Terms{Attrs: v.attrs, Expires: v.expires, Lease: v.lease}}
		if !slices.Equal(peers, every(v.key)) {
			w.Peers = state.NewPeers(peers)
		}
		all = append(all, w)
	}
	slices.SortFunc(all, func(a, b state.Wanted) int {
		return cmp.Or(state.CompareKeys(a.Key, b.Key), cmp.Compare(a.Peers, b.Peers))
	})
	return all
}

// importConfigured is what asks for the routes of a configuration file.
func importConfigured(name, text string) ([]state.Wanted, []problem) {
	neighbors, routes, faults := exabgp.ParseConfiguredRoutes(text)
	every := slices.Compact(slices.SortedFunc(slices.Values(neighbors), netip.Addr.Compare))
	at := map[given][]netip.Addr{}
	lines := map[state.Key]int32{}
	for _, r := range routes {
		v := given{key: r.Key, attrs: r.Attrs}
		at[v] = append(at[v], r.Neighbor)
		lines[r.Key] = cmp.Or(lines[r.Key], int32(r.Line))
	}
	all := wantedAt(at, func(state.Key) []netip.Addr { return every })
	for i := range all {
		all[i].Pos = state.Position{File: name, Line: lines[all[i].Key]}
	}
	var problems []problem
	for _, f := range faults {
		problems = append(problems, problem{where: fmt.Sprintf("%s:%d", name, f.Line), msg: f.Msg, hint: f.Hint})
	}
	if len(neighbors) == 0 {
		problems = append(problems, problem{where: name, msg: "no neighbor is configured", hint: "is it a configuration file of exaBGP?"})
	}
	return all, problems
}
