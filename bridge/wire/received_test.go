package wire_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"routesync/bridge/wire"
	"routesync/state"
)

func sampleReceived(t testing.TB) wire.Received {
	peer := netip.MustParseAddr("192.0.2.1")
	return wire.Received{
		Speaker: "edge1", Boot: "b", Run: "r", N: 4, Tables: 6, Part: &wire.Part{ID: "r/4", Part: 2, Of: 2}, Overtaken: 3,
		Changes: []wire.Change{
			{Kind: wire.Announce, Peer: peer, At: 5, Family: "ipv4 unicast", IDs: []string{"10.0.0.0/24", "10.0.1.0/24 path-information 7"},
				Attrs: state.SeenAttrs{Attrs: mustAttrs(t, map[state.Name][]string{state.NextHop: {"192.0.2.1"}, state.AtomicAggregate: {}}), Unknown: "bgp-ls {}\npmsi x"}},
			{Kind: wire.Withdraw, Peer: peer, At: 6, Family: "l2vpn evpn", IDs: []string{`{"code":2}`}},
			{Kind: wire.EndOfRIB, Peer: peer, At: 7, Family: "ipv4 unicast"},
			{Kind: wire.Down, Peer: peer, At: 8, Reason: "peer reset"},
			{Kind: wire.Up, Peer: peer, At: 9},
		},
		From: []wire.ReceivedFrom{{Peer: peer, Up: true, Routes: 2, Missing: "l2vpn evpn"}},
	}
}

func sampleEvents(t testing.TB) wire.Events {
	peer := netip.MustParseAddr("192.0.2.1")
	attrs := state.SeenAttrs{Attrs: mustAttrs(t, map[state.Name][]string{state.NextHop: {"192.0.2.1"}})}
	return wire.Events{
		Speaker: "edge1", Boot: "b", Run: "r", N: 4, Lost: 2,
		Happenings: []wire.Happening{
			{Kind: wire.Sending, At: 5, Peer: peer, Family: "ipv4 unicast", Attrs: attrs, IDs: []string{"10.0.0.0/24"}},
			{Kind: wire.Confirmed, At: 5, Peer: peer, Owner: "team", Family: "ipv4 unicast", Attrs: attrs, IDs: []string{"10.0.0.0/24"}, Grade: state.Sent},
			{Kind: wire.Refusing, At: 5, Owner: "team", Withdraw: true, Family: "ipv4 unicast", IDs: []string{"10.0.0.0/24"}, Text: "no"},
			{Kind: wire.Trouble, At: 6, Text: "t"},
		},
	}
}

// TestStrictReceived: what a peer could have made up does not come in.
func TestStrictReceived(t *testing.T) {
	data, err := wire.EncodeReceived(sampleReceived(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, old, new, want string }{
		{"kind", `"kind":"up"`, `"kind":"on"`, "not known"},
		{"routes", `["{\"code\":2}"]`, `[]`, "has not the routes"},
		{"family", `"family":"l2vpn evpn"`, `"family":""`, "has not the routes"},
		{"attributes", `"kind":"announce"`, `"kind":"withdraw"`, "has attributes"},
		{"line end in a route", `10.0.0.0/24`, `10.0.0.0/24\n`, "not printable"},
		{"escape in an attribute", `bgp-ls`, `\u001b[2J`, "not printable"},
		{"escape in a reason", `peer reset`, `\u009b2J`, "not printable"},
		{"escape in what is missing", `"missing":"`, `"missing":"\u202e`, "not printable"},
		{"peer", `"kind":"up","peer":"192.0.2.1"`, `"kind":"up","peer":""`, "names no peer"},
		{"peer of a table", `"from":[{"peer":"192.0.2.1"`, `"from":[{"peer":""`, "peer"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bad := bytes.Replace(data, []byte(tc.old), []byte(tc.new), 1)
			if bytes.Equal(bad, data) {
				t.Fatalf("%q is not in %s", tc.old, data)
			}
			r, err := wire.DecodeReceived(bad)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
			if d := equal(wire.Received{}, r); d != "" {
				t.Errorf("something was returned beside an error: %s", d)
			}
		})
	}
}
