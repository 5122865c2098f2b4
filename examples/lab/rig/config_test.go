package rig

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRouterConfig(t *testing.T) {
	o := RouterOptions{
		Name: "r1", Address: netip.MustParseAddr("127.0.0.2"), AS: 65001, PeerAS: 65000,
		Families: []string{IPv4}, Extra: "protocol static { ipv4; }", PeerExtra: "graceful restart on;", ChannelExtra: "add paths rx;",
	}
	if err := o.complete(3); err != nil {
		t.Fatal(err)
	}
	got, err := o.config(12345)
	if err != nil {
		t.Fatal(err)
	}
	want := `log stderr all;
timeformat route iso long us;
timeformat protocol iso long us;
router id 10.255.0.3;
ipv4 table hops_ipv4;
protocol device {}
protocol static { ipv4; }
protocol bgp r1 {
  local 127.0.0.2 port 12345 as 65001;
  neighbor 127.0.0.1 as 65000;
  strict bind yes;
  passive yes;
  multihop;
  error wait time 1, 1;
  error forget time 1;
  graceful restart on;
  ipv4 { import all; export none; igp table hops_ipv4; add paths rx; };
}
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCollectorConfig(t *testing.T) {
	o := RouterOptions{Name: "c1", Address: netip.MustParseAddr("127.0.0.5"), AS: 65001, PeerAS: 65000}
	if err := o.complete(3); err != nil {
		t.Fatal(err)
	}
	c := &Collector{Address: o.Address, Port: 12345, opts: o, dir: "/lab/c1"}
	const head = `[global.config]
  as = 65001
  router-id = "10.255.0.3"
  port = 12345
  local-address-list = ["127.0.0.5"]
[[mrt-dump]]
  [mrt-dump.config]
    dump-type = "updates"
    file-name = "updates.mrt"
    rotation-interval = 86400
[[neighbors]]
  [neighbors.config]
    neighbor-address = "127.0.0.1"
    peer-as = 65000
  [neighbors.transport.config]
    passive-mode = true
    local-address = "127.0.0.5"
`
	want := head
	for _, f := range collectorFamilies() {
		want += "  [[neighbors.afi-safis]]\n    [neighbors.afi-safis.config]\n      afi-safi-name = \"" + f[1] + "\"\n"
	}
	if diff := cmp.Diff(want, c.config()); diff != "" {
		t.Error(diff)
	}
	n := c.Neighbor()
	if n.Address != o.Address || n.Port != 12345 || n.PeerAS != 65001 || n.LocalAddress != o.PeerAddress || len(n.Families) != 11 {
		t.Errorf("%+v", n)
	}
}

func TestGivenConfigurations(t *testing.T) {
	r := RouterOptions{
		Address: netip.MustParseAddr("127.0.0.2"), AS: 65000, PeerAS: 65000, Extra: "not this",
		Config: func(port uint16) string { return fmt.Sprintf("local port %d;\n", port) },
	}
	if err := r.complete(1); err != nil {
		t.Fatal(err)
	}
	got, err := r.config(179)
	want := "log stderr all;\ntimeformat route iso long us;\ntimeformat protocol iso long us;\nlocal port 179;\n"
	if got != want || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for config, helper := range map[string]bool{
		"# process none {\nneighbor ::1 {\n}\n":                false,
		"neighbor ::1 {\n}\nprocess p {\n  run /bin/cat;\n}\n": true,
	} {
		s := SpeakerOptions{Config: config}
		if err := s.complete(1); err != nil {
			t.Fatal(err)
		}
		if s.config() != config || s.helped() != helper {
			t.Errorf("%q became %q, with a helper: %t", config, s.config(), s.helped())
		}
	}
}

func TestRouterOptionsRefuse(t *testing.T) {
	good := RouterOptions{Name: "r", Address: netip.MustParseAddr("::1"), AS: 1, PeerAS: 2}
	for name, spoil := range map[string]func(*RouterOptions){
		"a name bird cannot read": func(o *RouterOptions) { o.Name = "r-1" },
		"no address":              func(o *RouterOptions) { o.Address = netip.Addr{} },
		"not loopback":            func(o *RouterOptions) { o.Address = netip.MustParseAddr("192.0.2.1") },
		"no AS":                   func(o *RouterOptions) { o.AS = 0 },
		"an unknown family":       func(o *RouterOptions) { o.Families = []string{"ipv4 unicast"} },
	} {
		o := good
		spoil(&o)
		if err := o.complete(1); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if err := good.complete(1); err != nil || good.PeerAddress != netip.IPv6Loopback() {
		t.Errorf("%v, peer %v", err, good.PeerAddress)
	}
}

func TestSpeakerConfig(t *testing.T) {
	o := SpeakerOptions{
		Name: "edge1", LocalAS: 65000, Run: []string{"/bin/routesync", "bridge", "--speaker", "edge1"},
		Static: []string{"route 10.0.0.0/24 next-hop self"},
		Neighbors: []Neighbor{
			{Address: netip.MustParseAddr("127.0.0.2"), Port: 179, PeerAS: 65001, Extra: "hold-time 9;"},
			{
				Address: netip.MustParseAddr("::1"), Port: 180, PeerAS: 65000, Families: []string{"ipv6 unicast"},
				Without: []Piece{AdjRIBOut, Send, NeighborChanges},
			},
			{Address: netip.MustParseAddr("127.0.0.3"), Port: 181, PeerAS: 65001, Without: []Piece{API}},
		},
	}
	if err := o.complete(2); err != nil {
		t.Fatal(err)
	}
	want := `process routesync {
  run /bin/routesync bridge --speaker edge1;
  encoder json;
}
neighbor 127.0.0.2 {
  router-id 10.254.0.2;
  local-address 127.0.0.1;
  local-as 65000;
  peer-as 65001;
  connect 179;
  adj-rib-out true;
  hold-time 9;
  family { ipv4 unicast; ipv6 unicast; }
  api {
    processes [ routesync ];
    neighbor-changes;
    send { parsed; update; }
    receive { parsed; update; notification; }
  }
  static { route 10.0.0.0/24 next-hop self; }
}
neighbor ::1 {
  router-id 10.254.0.2;
  local-address ::1;
  local-as 65000;
  peer-as 65000;
  connect 180;
  adj-rib-out false;
  family { ipv6 unicast; }
  api {
    processes [ routesync ];
    receive { parsed; update; notification; }
  }
  static { route 10.0.0.0/24 next-hop self; }
}
neighbor 127.0.0.3 {
  router-id 10.254.0.2;
  local-address 127.0.0.1;
  local-as 65000;
  peer-as 65001;
  connect 181;
  adj-rib-out true;
  family { ipv4 unicast; ipv6 unicast; }
  static { route 10.0.0.0/24 next-hop self; }
}
`
	if diff := cmp.Diff(want, o.config()); diff != "" {
		t.Error(diff)
	}
}

func TestSpeakerOptionsRefuse(t *testing.T) {
	neighbor := Neighbor{Address: netip.MustParseAddr("127.0.0.2"), Port: 1, PeerAS: 1}
	for name, o := range map[string]SpeakerOptions{
		"no AS":              {Neighbors: []Neighbor{neighbor}},
		"no neighbor":        {LocalAS: 1},
		"no port":            {LocalAS: 1, Neighbors: []Neighbor{{Address: neighbor.Address, PeerAS: 1}}},
		"a word with blanks": {LocalAS: 1, Neighbors: []Neighbor{neighbor}, Run: []string{"/bin/sh", "-c", "echo x; cat"}},
		"a folder's name":    {LocalAS: 1, Neighbors: []Neighbor{neighbor}, Name: "../edge1"},
	} {
		if err := o.complete(1); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestParseStat(t *testing.T) {
	for stat, want := range map[string]struct {
		state  byte
		parent int
		ok     bool
	}{
		"12 (sh) S 7 1 1":              {'S', 7, true},
		"12 (a) b (c) d) Z 3 1":        {'Z', 3, true},
		"12 (sh":                       {},
		"12 (sh) S":                    {},
		"12 (sh) S x 1":                {'S', 0, false},
		"12 (sh) Sleeping 1 1":         {},
		"12 (tmux: server) S 1 12 12 ": {'S', 1, true},
	} {
		state, parent, ok := parseStat([]byte(stat))
		if ok != want.ok || (ok && (state != want.state || parent != want.parent)) {
			t.Errorf("%q: %c %d %v", stat, state, parent, ok)
		}
	}
}

func TestDescendants(t *testing.T) {
	table := parents{2: 1, 3: 2, 4: 2, 5: 3, 6: 1, 7: 6}
	if diff := cmp.Diff([]int{3, 4, 5}, table.descendants(2)); diff != "" {
		t.Error(diff)
	}
	if got := table.descendants(7); len(got) != 0 {
		t.Error(got)
	}
}

func TestPorts(t *testing.T) {
	for text, want := range map[string]int{
		"32768\t60999\n": 32767, "20000 60999": 19999, "1024 65535": defaultHigh, "": defaultHigh, "a b": defaultHigh,
	} {
		if got := parsePortRange(text); got != want {
			t.Errorf("%q: %d", text, got)
		}
	}
	r, err := reserve(netip.MustParseAddr("127.0.0.7"), 3)
	if err != nil {
		t.Fatal(err)
	}
	defer r.release()
	if len(r.ports) != 3 || r.ports[0] == r.ports[1] || r.ports[1] == r.ports[2] {
		t.Error(r.ports)
	}
	if _, err := reserve(netip.MustParseAddr("192.0.2.1"), 1); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Error(err)
	}
}
