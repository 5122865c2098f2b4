package main

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"routesync/bridge"
	"routesync/bridge/wire"
	"routesync/cmd/routesync/console"
	"routesync/state"
)

// show shows what has come from the peers of a speaker. The first table is
// shown as if all of it came now. gap tells that routes may be missing from what
// was shown; it returns whether that is so now.
func (b *live) show(speaker string, n bridge.Notice, t *bridge.ReceivedTable, first, gap bool) bool {
	if n.Gap != "" && !gap && !first && t.Routes() > 0 {
		gap = true
		b.notice(console.Notice{Speaker: speaker, Text: "received routes may be missing here: " + n.Gap})
	}
	if n.Overtaken > 0 {
		b.notice(console.Notice{Speaker: speaker, Text: fmt.Sprintf("%d changes are left out, for later ones of the same routes", n.Overtaken)})
	}
	if n.Table && first {
		for _, c := range firstChanges(t) {
			b.notice(recvNotice(speaker, &c))
		}
		for _, a := range slices.SortedFunc(maps.Keys(t.Peers), netip.Addr.Compare) {
			if why := t.Peers[a].Missing; why != "" {
				b.notice(console.Notice{Speaker: speaker, Text: fmt.Sprintf("of %s not everything is known: %s", a, why)})
			}
		}
	}
	for i := range n.Changes {
		if r := recvNotice(speaker, &n.Changes[i]); r.Text != "" || len(r.NLRI) > 0 {
			b.notice(r)
		}
	}
	if n.Table && gap {
		gap = false
		b.notice(console.Notice{Speaker: speaker, Text: "all received routes are here again"})
	}
	return gap
}

// firstChanges is a table as changes, the peers and routes in order.
func firstChanges(t *bridge.ReceivedTable) []wire.Change {
	var all []wire.Change
	for _, a := range slices.SortedFunc(maps.Keys(t.Peers), netip.Addr.Compare) {
		byFamily := map[string][]string{}
		for k := range t.Peers[a].Routes {
			byFamily[k.Family] = append(byFamily[k.Family], k.ID)
		}
		for _, f := range slices.Sorted(maps.Keys(byFamily)) {
			slices.Sort(byFamily[f])
			all = append(all, wire.Change{Kind: wire.Announce, Peer: a, Family: f, IDs: byFamily[f]})
		}
	}
	return all
}

// recvNotice is a change for the prompt; nothing for what does not concern it.
func recvNotice(speaker string, c *wire.Change) console.Notice {
	n := console.Notice{Speaker: speaker, Peer: c.Peer, Family: c.Family, Withdraw: c.Kind == wire.Withdraw}
	switch c.Kind {
	case wire.Announce, wire.Withdraw:
		for _, id := range c.IDs {
			n.NLRI = append(n.NLRI, state.AnyKey{Family: c.Family, ID: id}.String())
		}
	case wire.Up:
		n.Text = fmt.Sprintf("session %s up", c.Peer)
	case wire.Down:
		n.Text = fmt.Sprintf("session %s down", c.Peer)
		if c.Reason != "" {
			n.Text += ": " + c.Reason
		}
	case wire.Gone:
		n.Text = fmt.Sprintf("%s is no peer any more", c.Peer)
	}
	return n
}

// consoleReceived is a table as the console shows it.
func consoleReceived(t *bridge.ReceivedTable, filter console.Filter) []console.Received {
	var all []console.Received
	for a, p := range t.Peers {
		for k, attrs := range p.Routes {
			r := console.Received{Peer: a, Family: k.Family, NLRI: k.String(), Attrs: attrs.Value().String()}
			if filter.Takes(r) {
				all = append(all, r)
			}
		}
	}
	return all
}

// notice passes on what comes by itself. It waits for the prompt: what the
// prompt can't take yet waits at the broker, which says what it left out.
func (b *live) notice(n console.Notice) {
	select {
	case b.notices <- n:
	case <-b.ended:
	}
}

// Run keeps a session with the broker until ctx ends.
func (b *live) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { close(b.ended) })()
	return b.broker.Run(ctx, b.session)
}
