package main

import (
	"net/netip"
	"testing"
	"time"
	"unique"

	"routesync/bridge"
	"routesync/bridge/wire"
	"routesync/state"
)

// tableSample is what two peers announce.
func tableSample(t *testing.T) *bridge.ReceivedTable {
	hop := unique.Make(state.SeenAttrs{Attrs: attrs(t, "next-hop", "192.0.2.1")})
	rich := unique.Make(state.SeenAttrs{
		Attrs:   attrs(t, "next-hop", "192.0.2.1", "med", "5", "community", "65000:1", "community", "65000:2", "as-path", "65001"),
		Unknown: "pmsi \"x\\u001b\"\nbgp-ls {}",
	})
	return &bridge.ReceivedTable{Peers: map[netip.Addr]*bridge.ReceivedPeer{
		up(): {Up: true, Routes: map[state.AnyKey]unique.Handle[state.SeenAttrs]{
			key("10.0.0.0/8").Any():    hop,
			key("9.0.0.0/8").Any():     rich,
			key("2001:db8::/32").Any(): unique.Make(state.SeenAttrs{Attrs: attrs(t, "next-hop", "2001:db8::1")}),
			{Family: "ipv4 flow", ID: "flow destination 10.0.0.0/8 protocol =udp"}:                         hop,
			{Family: "l2vpn evpn", ID: `{"code":2,"ethernet-tag":0,"mac":"00:11:22:33:44:55","rd":"1:1"}`}: hop,
		}, Missing: "routes from before this bridge started can't be read from exaBGP's table: 3 of l2vpn evpn"},
		down(): {Routes: map[state.AnyKey]unique.Handle[state.SeenAttrs]{key("10.0.0.0/8").Any(): hop}},
	}}
}

func receivedSample(t *testing.T, filter receivedFilter) receivedReport {
	return newReceived([]string{"edge1", "edge2", "edge3"}, []*bridge.ReceivedTable{tableSample(t), {}, nil}, filter)
}

// followedSample writes all that a follower can be told.
func followedSample(t *testing.T, out *followWriter, events bool) error {
	table := tableSample(t)
	rich := table.Peers[up()].Routes[key("9.0.0.0/8").Any()].Value()
	at := int64(1790000000123)
	what := bridge.Follow{Received: true, Events: events}
	notices := []bridge.Notice{
		{Table: true},
		{Overtaken: 3, Changes: []wire.Change{
			{Kind: wire.Announce, Peer: up(), At: at, Family: "ipv4 unicast", Attrs: rich, IDs: []string{"10.1.0.0/16", "10.2.0.0/16"}},
			{Kind: wire.Withdraw, Peer: up(), At: at, Family: "l2vpn evpn", IDs: []string{`{"code":2,"rd":"1:1"}`}},
			{Kind: wire.EndOfRIB, Peer: up(), At: at, Family: "ipv4 unicast"},
			{Kind: wire.Down, Peer: up(), At: at, Reason: "peer reset"},
			{Kind: wire.Up, Peer: up(), At: at},
			{Kind: wire.Incomplete, Peer: up(), At: at, Reason: "not read yet"},
			{Kind: wire.Complete, Peer: up(), At: at},
			{Kind: wire.Gone, Peer: down(), At: at},
		}},
		{Gap: "2 messages of received routes were missed"},
		{Gap: "the bridge was started again", OfEvents: true},
		{Table: true, Changes: []wire.Change{{Kind: wire.Down, Peer: up()}}},
	}
	if events {
		notices = append(notices, bridge.Notice{Lost: 4, Happenings: []wire.Happening{
			{Kind: wire.Sending, At: at, Peer: up(), Family: "ipv4 unicast", Attrs: rich, IDs: []string{"10.1.0.0/16"}},
			{Kind: wire.Sending, At: at, Peer: up(), Withdraw: true, Family: "ipv4 unicast", IDs: []string{"10.1.0.0/16"}},
			{Kind: wire.Confirmed, At: at, Peer: up(), Owner: "team", Family: "ipv4 unicast", Attrs: rich, IDs: []string{"10.1.0.0/16"}, Grade: state.Sent},
			{Kind: wire.Confirmed, At: at, Peer: up(), Owner: "team", Withdraw: true, Family: "ipv4 unicast", IDs: []string{"10.1.0.0/16"}},
			{Kind: wire.Refusing, At: at, Owner: "team", Family: "ipv4 unicast", Attrs: rich, IDs: []string{"10.1.0.0/16"}, Text: "no such peer"},
			{Kind: wire.Drift, At: at, Peer: up(), Family: "ipv4 unicast", IDs: []string{"10.1.0.0/16"}, Text: "10.1.0.0/16 was withdrawn from 192.0.2.1 behind the bridge's back"},
			{Kind: wire.SessionDown, At: at, Peer: up(), Text: "peer reset"},
			{Kind: wire.SessionUp, At: at, Peer: up()},
			{Kind: wire.Trouble, At: at, Text: "exaBGP does not answer"},
			{Kind: wire.Typing, At: at, Owner: "console", Family: "ipv4 unicast", IDs: []string{"10.0.0.0/8"}, Text: "al on noc1 (console)"},
		}})
	}
	if err := out.write(followedTable("edge1", table, receivedFilter{})); err != nil {
		return err
	}
	for _, n := range notices {
		if err := out.write(followedNotice("edge1", time.UnixMilli(at), n, table, what, receivedFilter{})); err != nil {
			return err
		}
	}
	return nil
}

// TestReceivedFilter: who asks for what there can't be is told so.
func TestReceivedFilter(t *testing.T) {
	t.Parallel()
	for _, family := range []string{"", "ipv4", "ipv4 unicast", "l2vpn evpn", "bgp-ls"} {
		if _, err := (&receivedFlags{family: family}).filter(); err != nil {
			t.Errorf("%q: %v", family, err)
		}
	}
	for _, family := range []string{"foo", "ipv5", "ipv4 ", "ipv4 uni", "unicast"} {
		if _, err := (&receivedFlags{family: family}).filter(); err == nil {
			t.Errorf("%q is a family", family)
		}
	}
	tables := []*bridge.ReceivedTable{tableSample(t), {}}
	all := receivedFilter{family: "ipv4"}
	if got := all.count(tables[0]); got != 4 {
		t.Errorf("%d routes of ipv4", got)
	}
	if err := noPeer([]string{"edge1", "edge2"}, tables, receivedFilter{peers: []netip.Addr{up(), down()}}); err != nil {
		t.Error(err)
	}
	err := noPeer([]string{"edge1", "edge2"}, tables, receivedFilter{peers: []netip.Addr{up(), netip.MustParseAddr("9.9.9.9")}})
	if err == nil || err.Error() != "9.9.9.9 is no peer of edge1, edge2" {
		t.Error(err)
	}
}
