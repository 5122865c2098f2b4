package console

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"routesync/state"
)

// show is the lines that a show command prints.
func show(ctx context.Context, b Backend, s statement) ([]string, error) {
	switch s.topic {
	case topicPeers:
		return showPeers(ctx, b, s.speaker)
	case topicReceived:
		routes, err := b.Received(ctx, s.speaker, s.filter)
		if err == nil {
			err = noPeer(ctx, b, s)
		}
		if err != nil {
			return nil, fmt.Errorf("show received: %w", err)
		}
		return receivedTable(routes, s.filter), nil
	}
	adv, err := b.Advertised(ctx, s.speaker)
	if err == nil {
		err = noPeer(ctx, b, s)
	}
	if err != nil {
		return nil, fmt.Errorf("show %s: %w", s.topic, err)
	}
	var out []string
	if !adv.Complete {
		out = append(out, "-- the bridge does not know yet all that its exaBGP announces; this is what it knows")
	}
	if s.topic == topicForeign {
		return append(out, foreignTable(&adv, s.filter)...), nil
	}
	return append(out, advertisedTable(&adv, s.filter)...), nil
}

// noPeer is the error of a filter by a peer that the speaker has not: to show
// nothing would say that it has no routes.
func noPeer(ctx context.Context, b Backend, s statement) error {
	if !s.filter.Peer.IsValid() {
		return nil
	}
	peers, err := b.Peers(ctx, s.speaker)
	if err != nil || slices.ContainsFunc(peers, func(n state.Neighbor) bool { return n.Addr == s.filter.Peer }) {
		return err
	}
	return &state.Fault{Msg: fmt.Sprintf("%s has no peer %s", s.speaker, s.filter.Peer), Hint: "its peers are " + peerWords(peers)}
}

// route is one value of a route.
type route struct {
	key state.Key
	state.Advert
}

// routes lists what a filter takes, in order. Of a route only the peers are
// left that it takes.
func routes(adv *state.Advertised, f Filter, take func(state.Advert) bool) []route {
	var all []route
	for k, adverts := range adv.Routes.All() {
		if !f.takesPrefix(k.Prefix()) || f.Family != "" && !f.takesFamily(k.Family.String()) {
			continue
		}
		for _, a := range adverts {
			if !f.takesOwner(a.Owner) || !take(a) {
				continue
			}
			if f.Peer.IsValid() {
				a.At = slices.DeleteFunc(slices.Clone(a.At), func(at state.At) bool { return at.Peer != f.Peer })
				if len(a.At) == 0 {
					continue
				}
			}
			if f.Text == "" || strings.Contains(strings.Join([]string{routeText(k), a.Attrs.String(), a.Owner, a.From.By}, " "), f.Text) {
				all = append(all, route{k, a})
			}
		}
	}
	slices.SortFunc(all, func(a, b route) int {
		if c := state.CompareKeys(a.key, b.key); c != 0 {
			return c
		}
		if c := strings.Compare(a.Owner, b.Owner); c != 0 {
			return c
		}
		return strings.Compare(a.Attrs.String(), b.Attrs.String())
	})
	return all
}

func advertisedTable(adv *state.Advertised, f Filter) []string {
	t := table{{"ROUTE", "OWNER", "AT", "ATTRIBUTES"}}
	for _, r := range routes(adv, f, func(state.Advert) bool { return true }) {
		t = append(t, []string{routeText(r.key), ownerName(r.Owner), grades(r.At), r.Attrs.String()})
	}
	return t.lines("route")
}

// foreignTable is the routes that no file asks for.
func foreignTable(adv *state.Advertised, f Filter) []string {
	t := table{{"ROUTE", "OWNER", "BY", "SINCE", "EXPIRES", "AT", "ATTRIBUTES"}}
	for _, r := range routes(adv, f, func(a state.Advert) bool { return state.ByHand(a.Owner) }) {
		t = append(t, []string{
			routeText(r.key), ownerName(r.Owner), r.From.By, timeText(r.From.At), timeText(r.From.Expires), grades(r.At), r.Attrs.String(),
		})
	}
	return t.lines("route")
}

// grades says how far a route is at its peers.
func grades(at []state.At) string {
	const named = 4
	var parts []string
	for g := state.Accepted; g <= state.Withdrawing; g++ {
		for _, reason := range reasons(at, g) {
			var peers []string
			for _, a := range at {
				if a.Grade == g && a.Reason == reason {
					peers = append(peers, a.Peer.String())
				}
			}
			part := g.String() + " " + few(peers, named)
			if reason != "" {
				part += " (" + reason + ")"
			}
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "; ")
}

// reasons are the different reasons for a grade, in the order of the peers.
func reasons(at []state.At, g state.Grade) []string {
	var all []string
	for _, a := range at {
		if a.Grade == g && !slices.Contains(all, a.Reason) {
			all = append(all, a.Reason)
		}
	}
	return all
}

func receivedTable(all []Received, f Filter) []string {
	slices.SortFunc(all, Received.compare)
	t := table{{"PEER", "FAMILY", "ROUTE", "ATTRIBUTES"}}
	for _, r := range all {
		if f.Takes(r) {
			t = append(t, []string{r.Peer.String(), r.Family, r.NLRI, r.Attrs})
		}
	}
	return t.lines("route")
}

func showPeers(ctx context.Context, b Backend, speaker string) ([]string, error) {
	peers, err := b.Peers(ctx, speaker)
	if err != nil {
		return nil, fmt.Errorf("show peers: %w", err)
	}
	t := table{{"PEER", "LOCAL-AS", "PEER-AS", "SESSION", "SINCE", "FAMILIES"}}
	var lacks []string
	for _, n := range peers {
		session := "down"
		if n.Up {
			session = "up"
		}
		var families []string
		for _, f := range n.Families {
			families = append(families, f.String())
		}
		t = append(t, []string{
			n.Addr.String(), fmt.Sprint(n.LocalAS), fmt.Sprint(n.PeerAS), session, timeText(n.Since), strings.Join(families, ", "),
		})
		for _, l := range n.Lacks {
			lacks = append(lacks, "-- "+n.Addr.String()+": "+escape(l))
		}
	}
	return append(t.lines("peer"), lacks...), nil
}
