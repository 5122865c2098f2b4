package routefile

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

// limit reads a share, a count, both, or off.
func (g *guardReader) limit(to *state.Limit, what string, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		if l, ok := g.oneLimit(what, n); ok {
			*to = l
		}
		return
	}
	const hint = "write it as 20%, 500, or [20%, 500] for the smaller of both"
	if len(n.Content) != 2 {
		g.faultAt(n, fmt.Sprintf("%s is a share, a count, or a list of both", what), hint)
		return
	}
	a, ok1 := g.oneLimit(what, n.Content[0])
	b, ok2 := g.oneLimit(what, n.Content[1])
	switch {
	case !ok1 || !ok2:
	case a.Off() || b.Off() || (a.Count == state.NoCount) == (b.Count == state.NoCount):
		g.faultAt(n, fmt.Sprintf("%s is not one share and one count", what), hint)
	default:
		*to = state.Limit{Share: min(a.Share, b.Share), Count: max(a.Count, b.Count)}
	}
}

func (g *guardReader) oneLimit(what string, n *yaml.Node) (state.Limit, bool) {
	text, ok := g.text(n, what)
	if !ok {
		return state.Limit{}, false
	}
	l, err := state.ParseLimit(text)
	if err != nil {
		g.faultErr(n, err)
	}
	return l, err == nil
}

func (g *guardReader) space(n *yaml.Node) {
	l, ok := g.oneLimit("max-withdraw-space", n)
	switch {
	case !ok:
	case l.Count != state.NoCount:
		g.faultAt(n, "max-withdraw-space is a share", "write it as 20%, or off")
	default:
		g.MaxWithdrawSpace = l
	}
}

func (g *guardReader) count(to *int, what string, n *yaml.Node) {
	text, ok := g.text(n, what)
	if !ok {
		return
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 || number > math.MaxInt32 || strconv.Itoa(number) != text {
		g.faultAt(n, fmt.Sprintf("%s %q is not a number in 1..%d", what, text, math.MaxInt32), "leave it out for none")
		return
	}
	*to = number
}

func (g *guardReader) tags(n *yaml.Node) {
	g.each(n, "tags of guard", "tags: { ddos: { min-routes: 3 } }", nil, func(at, value *yaml.Node) {
		tag := at.Value
		b := state.TagBounds{Tag: tag}
		if err := state.CheckTag(tag); err != nil {
			g.faultErr(at, err)
		}
		g.each(value, "tag "+tag, tag+": { min-routes: 3 }", boundsKeys(), func(key, n *yaml.Node) {
			if key.Value == "min-routes" {
				g.count(&b.MinRoutes, key.Value, n)
				return
			}
			b.MaxWithdraw = new(state.Limit)
			g.limit(b.MaxWithdraw, key.Value, n)
		})
		g.Tags = append(g.Tags, b)
	})
	slices.SortFunc(g.Tags, func(a, b state.TagBounds) int { return cmp.Compare(a.Tag, b.Tag) })
}

func (g *guardReader) peers(n *yaml.Node) {
	g.each(n, "peers of guard", "peers: { 192.0.2.1: { max-withdraw: off } }", nil, func(at, value *yaml.Node) {
		peer, err := state.ParsePeer(at.Value)
		if err != nil {
			g.faultErr(at, err)
			return
		}
		b := state.PeerBounds{Peer: peer, MaxWithdraw: g.MaxWithdraw}
		if slices.ContainsFunc(g.Peers, func(x state.PeerBounds) bool { return x.Peer == peer }) {
			g.faultAt(at, fmt.Sprintf("peer %s is given twice", peer), "")
		}
		g.each(value, "peer "+at.Value, at.Value+": { max-withdraw: off }", []string{"max-withdraw"}, func(key, n *yaml.Node) {
			g.limit(&b.MaxWithdraw, key.Value, n)
		})
		g.Peers = append(g.Peers, b)
	})
	slices.SortFunc(g.Peers, func(a, b state.PeerBounds) int { return a.Peer.Compare(b.Peer) })
}
