package exabgp

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"routesync/state"
)

func TestRecordedConfiguration(t *testing.T) {
	neighbors, err := v42.ParseConfiguration(recorded(t, "configuration.txt"))
	if err != nil || len(neighbors) != 7 {
		t.Fatalf("%d neighbors, %v", len(neighbors), err)
	}
	want := Neighbor{
		Addr: netip.MustParseAddr("127.0.9.4"), LocalAddress: netip.MustParseAddr("127.0.9.14"), RouterID: netip.MustParseAddr("10.1.1.1"),
		LocalAS: 65000, PeerAS: 65002, HoldTime: 90,
		Families: []state.Family{state.IPv4Unicast, state.IPv6Unicast},
		AddPath:  []string{"ipv4 unicast", "ipv6 unicast"}, AddPathMode: "send/receive",
		AdjRIBIn: true, AdjRIBOut: true, ManualEOR: true, GroupUpdates: true, ASN4: true,
		API: []API{{Process: "br", NeighborChanges: true, Receive: []string{"parsed", "notification"}, Send: []string{"parsed", "update"}}},
	}
	if d := cmp.Diff(want, neighbors[2], cmpopts.EquateComparable(netip.Addr{}, Dialect{})); d != "" {
		t.Error(d)
	}
	if got := neighbors[1]; got.GracefulRestart != 120 || len(got.API) != 2 {
		t.Errorf("%+v", got)
	}
	for _, lines := range [][]string{{"}"}, {"banana"}, {"neighbor x {"}, {"neighbor 192.0.2.1 {", "family {"}} {
		if _, err := v42.ParseConfiguration(lines); err == nil {
			t.Errorf("%q was taken", lines)
		}
	}
}

// What exaBGP says of a neighbor can give it tags, in words of its description.
func TestTagsOfANeighbor(t *testing.T) {
	neighbors, err := v42.ParseConfiguration([]string{
		"neighbor 192.0.2.2 {", `  description "Example Ltd tag:transit, tag:lon1 tag:lon1 tag:";`, "  local-as 65000;", "}",
	})
	if err != nil || len(neighbors) != 1 {
		t.Fatalf("%v, %v", neighbors, err)
	}
	if got := neighbors[0].Tags; !slices.Equal(got, []string{"lon1"}) {
		t.Errorf("tags %q, want lon1 alone: the comma is no part of a tag", got)
	}
}

func TestOwnProcess(t *testing.T) {
	neighbors, _ := v42.ParseConfiguration(recorded(t, "configuration.txt"))
	var reached []netip.Addr
	for _, n := range neighbors[:6] {
		reached = append(reached, n.Addr)
	}
	if got := Own(neighbors, reached); !slices.Equal(got, []string{"br"}) {
		t.Errorf("own is %q", got)
	}
	if got := Own(neighbors, []netip.Addr{netip.MustParseAddr("127.0.9.3")}); !slices.Equal(got, []string{"other"}) {
		t.Errorf("own is %q", got)
	}
	if got := Own(neighbors, nil); len(got) != 0 {
		t.Errorf("own is %q", got)
	}
}

func TestLacks(t *testing.T) {
	neighbors, _ := v42.ParseConfiguration(recorded(t, "configuration.txt"))
	for i, n := range neighbors {
		if got := n.Lacks("br"); (len(got) != 0) != (i == 6) {
			t.Errorf("%s lacks %q", n.Addr, got)
		}
	}
	bare := Neighbor{RouteRefresh: true, GracefulRestart: 120, AddPathMode: "send", API: []API{{Process: "x", Negotiated: true, Send: []string{"update"}}}}
	got := strings.Join(bare.Lacks(), "\n")
	for _, word := range []string{"neighbor-changes;", "send { parsed; update; }", "remove negotiated;", "adj-rib-out true;", "route-refresh disable;", "manual-eor true;", "family {"} {
		if !strings.Contains(got, word) {
			t.Errorf("%q is not among\n%s", word, got)
		}
	}
}

func TestRecordedSessions(t *testing.T) {
	sessions, err := ParseExtensive(recorded(t, "extensive.txt"))
	if err != nil || len(sessions) != 7 {
		t.Fatalf("%d sessions, %v", len(sessions), err)
	}
	both := []state.Family{state.IPv4Unicast, state.IPv6Unicast}
	old, down := sessions[3], sessions[5]
	if s := sessions[0]; !s.Up() || s.Seconds == 0 || !s.ASN4 || !slices.Equal(s.Families, both) {
		t.Errorf("%+v", s)
	}
	if !old.Up() || old.ASN4 || !slices.Equal(old.Families, both[:1]) {
		t.Errorf("%+v", old)
	}
	if down.Up() || len(down.Families) != 0 {
		t.Errorf("%+v", down)
	}
	if got := parseDuration([]string{"2", "days,", "3:04:05"}); got != 2*86400+3*3600+4*60+5 {
		t.Errorf("duration %d", got)
	}
	if _, err := ParseExtensive([]string{"banana"}); err == nil {
		t.Error("banana was taken")
	}
}

func TestCheck(t *testing.T) {
	v4, v6 := key(t, "10.0.0.0/8", 0), key(t, "2001:db8::/32", 0)
	self := attrs(t, map[state.Name][]string{state.NextHop: {"self"}})
	n := Neighbor{Addr: netip.MustParseAddr("192.0.2.2"), RouterID: netip.MustParseAddr("1.1.1.1"), Families: []state.Family{state.IPv4Unicast, state.IPv6Unicast}, AddPathMode: "disable"}
	six := n
	six.Addr = netip.MustParseAddr("2001:db8::2")
	paths := n
	paths.AddPathMode, paths.AddPath = "send/receive", []string{"ipv4 unicast"}
	four := n
	four.Families = n.Families[:1]
	for name, tc := range map[string]struct {
		n    Neighbor
		k    state.Key
		want string
	}{
		"ipv4 self on ipv4": {n, v4, ""},
		"ipv6 self on ipv4": {n, v6, "no ipv6 address"},
		"ipv4 self on ipv6": {six, v4, ""},
		"ipv6 self on ipv6": {six, v6, ""},
		"no such family":    {four, v6, "no family ipv6 unicast"},
		"path without":      {n, key(t, "10.0.0.0/8", 7), "add-path send"},
		"path with":         {paths, key(t, "10.0.0.0/8", 7), ""},
		"path other family": {paths, key(t, "2001:db8::/32", 7), "add-path send"},
	} {
		err := tc.n.Check(tc.k, self)
		if (err == nil) != (tc.want == "") || (err != nil && !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMatches(t *testing.T) {
	internal := Neighbor{Addr: netip.MustParseAddr("192.0.2.2"), LocalAddress: netip.MustParseAddr("192.0.2.1"), LocalAS: 65000, PeerAS: 65000}
	external := internal
	external.PeerAS = 65001
	type set = map[state.Name][]string
	hop := []string{"192.0.2.9"}
	for name, tc := range map[string]struct {
		n           Neighbor
		asked, sent set
		want        string
	}{
		"same":               {internal, set{state.NextHop: hop, state.MED: {"1"}}, set{state.NextHop: hop, state.MED: {"1"}}, ""},
		"med":                {internal, set{state.NextHop: hop, state.MED: {"10"}}, set{state.NextHop: hop, state.MED: {"20"}}, "med 10 was sent as 20"},
		"not sent":           {internal, set{state.NextHop: hop, state.AtomicAggregate: nil}, set{state.NextHop: hop}, "atomic-aggregate was not sent"},
		"not asked":          {internal, set{state.NextHop: hop}, set{state.NextHop: hop, state.Community: {"1:2", "1:3"}}, "community [1:2 1:3] was sent and not asked for"},
		"self":               {internal, set{state.NextHop: {"self"}}, set{state.NextHop: {"192.0.2.1"}}, ""},
		"own as":             {external, set{state.NextHop: hop}, set{state.NextHop: hop, state.ASPath: {"65000"}}, ""},
		"own as is missing":  {external, set{state.NextHop: hop}, set{state.NextHop: hop}, "as-path 65000 was not sent"},
		"path as given":      {external, set{state.NextHop: hop, state.ASPath: {"1"}}, set{state.NextHop: hop, state.ASPath: {"1"}}, ""},
		"preference":         {internal, set{state.NextHop: hop, state.LocalPreference: {"200"}}, set{state.NextHop: hop}, "local-preference 200 was sent as 100"},
		"preference outside": {external, set{state.NextHop: hop, state.LocalPreference: {"200"}}, set{state.NextHop: hop, state.ASPath: {"65000"}}, ""},
		"aigp":               {internal, set{state.NextHop: hop, state.AIGP: {"5"}}, set{state.NextHop: hop}, ""},
		"halved":             {internal, set{state.NextHop: hop, state.Aggregator: {"4200000000:1.2.3.4"}}, set{state.NextHop: hop, state.Aggregator: {"64086:1.2.3.4"}}, ""},
		"partial":            {internal, set{state.NextHop: hop, state.Raw: {"0x63 0xe0 0x01"}}, set{state.NextHop: hop, state.Raw: {"0x63 0xc0 0x01"}}, ""},
	} {
		ok, got := tc.n.Matches(attrs(t, tc.asked), Announced{Seen: Seen{Attrs: attrs(t, tc.sent)}, Family: state.IPv4Unicast})
		if got != tc.want || ok != (tc.want == "") {
			t.Errorf("%s: %v %q, want %q", name, ok, got, tc.want)
		}
	}
}
