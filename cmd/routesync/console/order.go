package console

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"routesync/bridge/exabgp"
	"routesync/bridge/wire"
	"routesync/state"
)

// commands makes commands of the orders of a line. The peers are asked for only
// if an order tells them apart by more than their addresses.
func commands(ctx context.Context, b Backend, s statement, now time.Time) ([]wire.Command, error) {
	var all []wire.Command
	for _, o := range s.orders {
		var peers []state.Neighbor
		if slices.ContainsFunc(o.Neighbors, needsPeers) {
			var err error
			if peers, err = b.Peers(ctx, s.speaker); err != nil {
				return nil, fmt.Errorf("which peers are meant: %w", err)
			}
		}
		addrs, err := resolve(s.speaker, o.Neighbors, peers)
		if err != nil {
			return nil, err
		}
		all = append(all, grouped(o, addrs, expiry(o.Expires, now))...)
	}
	return all, nil
}

func needsPeers(s exabgp.Selector) bool { return s != exabgp.Selector{Addr: s.Addr} }

// resolve is the peers that the selectors mean, in order; nil for every peer.
func resolve(speaker string, selectors []exabgp.Selector, peers []state.Neighbor) ([]netip.Addr, error) {
	var addrs []netip.Addr
	for _, s := range selectors {
		if !needsPeers(s) {
			// Whether there is such a peer is the bridge's to say.
			addrs = append(addrs, s.Addr)
			continue
		}
		if s.LocalIP.IsValid() || s.RouterID.IsValid() || s.InOpen {
			return nil, &state.Fault{
				Msg:  fmt.Sprintf("%s: nothing is known here of a peer's local-ip, router-id and family-allowed", s),
				Hint: "leave them out",
			}
		}
		i := slices.IndexFunc(peers, func(n state.Neighbor) bool {
			return s.Addr == n.Addr && (s.LocalAS == 0 || s.LocalAS == n.LocalAS) && (s.PeerAS == 0 || s.PeerAS == n.PeerAS)
		})
		if i < 0 {
			return nil, &state.Fault{Msg: fmt.Sprintf("%s has no peer that is %s", speaker, s), Hint: "its peers are " + peerWords(peers)}
		}
		addrs = append(addrs, s.Addr)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs), nil
}

func peerWords(peers []state.Neighbor) string {
	var words []string
	for _, n := range peers {
		words = append(words, fmt.Sprintf("%s (local-as %d, peer-as %d)", n.Addr, n.LocalAS, n.PeerAS))
	}
	return few(words, 5)
}

func expiry(e exabgp.Expiry, now time.Time) int64 {
	switch {
	case e.After != 0:
		return now.Add(e.After).UnixMilli()
	case !e.At.IsZero():
		return e.At.UnixMilli()
	}
	return 0
}

// grouped makes a command of each run of routes that share family and
// attributes. To order them otherwise would change what exaBGP is told.
func grouped(o exabgp.Order, peers []netip.Addr, expires int64) []wire.Command {
	var all []wire.Command
	for _, r := range o.Routes {
		if o.Withdraw {
			r.Attrs = state.Attrs{}
		}
		if n := len(all); n > 0 && all[n-1].Attrs == r.Attrs && all[n-1].Keys[0].Family == r.Key.Family {
			all[n-1].Keys = append(all[n-1].Keys, r.Key)
			continue
		}
		all = append(all, wire.Command{
			Withdraw: o.Withdraw, Attrs: r.Attrs, Peers: peers, Keys: []state.Key{r.Key}, Expires: expires,
		})
	}
	return all
}

// subject names some routes.
func subject(keys []state.Key) string {
	words := make([]string, 0, namedRoutes)
	for _, k := range keys[:min(len(keys), namedRoutes)] {
		words = append(words, routeText(k))
	}
	switch {
	case len(keys) == 1:
		return words[0]
	case len(keys) <= namedRoutes:
		return strings.Join(words, ", ")
	}
	return count(len(keys), "route")
}

// routeText names a route; the families that most routes are of are left out.
func routeText(k state.Key) string {
	if k.Family == state.IPv4Unicast || k.Family == state.IPv6Unicast {
		return k.String()
	}
	return k.String() + " (" + k.Family.String() + ")"
}

// namedRoutes is how many routes an answer names before it counts them.
const namedRoutes = 3
