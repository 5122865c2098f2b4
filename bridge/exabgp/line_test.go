package exabgp

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"routesync/state"
)

// recorded are the lines of a file that exaBGP 4.2.21 wrote.
func recorded(tb testing.TB, name string) []string {
	tb.Helper()
	b, err := os.ReadFile("testdata/4.2.21/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if len(lines) < 10 {
		tb.Fatalf("%s has %d lines", name, len(lines))
	}
	return lines
}

// v42 is the dialect of most tests.
var v42 Dialect

func attrs(tb testing.TB, values map[state.Name][]string) state.Attrs {
	tb.Helper()
	a, err := state.NewAttrs(values)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func key(tb testing.TB, prefix string, id uint32) state.Key {
	tb.Helper()
	p, err := state.ParsePrefix(prefix)
	if err != nil {
		tb.Fatal(err)
	}
	return state.UnicastKey(p, id)
}

func TestEveryRecordedLineIsUnderstood(t *testing.T) {
	seen := map[string]int{}
	for _, text := range recorded(t, "lines.txt") {
		l := ParseLine(text)
		switch l.Kind {
		case Malformed:
			t.Errorf("%s\n%v", text, l.Err)
		case Done:
			seen["done"]++
		case Error:
			seen["error"]++
		case Text:
			if IsBarrierHeader(text) {
				seen["barrier"]++
			} else if v, ok := ParseVersion(text); ok {
				seen["version "+v]++
			} else if !strings.HasPrefix(text, "neighbor ") {
				t.Errorf("text %q", text)
			}
		case EventLine:
			e := l.Event
			if e.PID == 0 || e.PPID == 0 || e.Counter == 0 || !e.Peer.IsValid() || !e.Local.IsValid() || e.LocalAS != 65000 || e.PeerAS == 0 {
				t.Errorf("%s\n%+v", text, e)
			}
			seen[e.Type+e.State+string(e.Direction)]++
			if len(e.Update.EOR) > 0 {
				seen["eor"]++
			}
			if len(e.Update.Withdrawn) > 0 {
				seen["withdraw"]++
			}
			for _, a := range e.Update.Announced {
				seen["announce"]++
				if len(a.Unknown) > 0 || len(a.Keys) == 0 {
					t.Errorf("%s\n%+v", text, a)
				}
				if e.Direction == Send && a.PathIDs != (e.Peer == netip.MustParseAddr("127.0.9.4")) {
					t.Errorf("path identifiers %v in %s", a.PathIDs, text)
				}
			}
			if len(e.Update.Others) > 0 {
				t.Errorf("others %q in %s", e.Update.Others, text)
			}
		}
	}
	for _, want := range []string{"done", "error", "barrier", "version 4.2.21", "stateup", "statedown", "stateconnected",
		"updatesend", "updatereceive", "notificationreceive", "eor", "announce", "withdraw"} {
		if seen[want] == 0 {
			t.Errorf("no %q among the recorded lines: %v", want, seen)
		}
	}
}

func TestLinesThatAreNotWellFormed(t *testing.T) {
	head := `{ "exabgp": "4.0.1", "time": 1.5, "host" : "h", "pid" : 7, "ppid" : 1, "counter": 3, "type": "`
	neighbor := `"neighbor": { "address": { "local": "192.0.2.1", "peer": "192.0.2.2" }, "asn": { "local": 65000, "peer": 65001 } , `
	for name, tc := range map[string]struct {
		line  string
		check func(Line) bool
	}{
		"done is exact":  {"done ", func(l Line) bool { return l.Kind == Text }},
		"empty":          {"", func(l Line) bool { return l.Kind == Text }},
		"shutdown word":  {"shutdown", func(l Line) bool { return l.Kind == Shutdown }},
		"shutdown event": {`{ "exabgp": "4.0.1", "time": 1, "host" : "h", "pid" : 7, "ppid" : 1, "type": "notification", "notification": "shutdown" }`, func(l Line) bool { return l.Kind == Shutdown }},
		"cut short":      {head + `state", ` + neighbor, func(l Line) bool { return l.Kind == Malformed && l.Err != nil }},
		"cut short where something was received": {head + `update", ` + neighbor + `"direction": "receive", "message": { "update": { `, func(l Line) bool {
			return l.Kind == Malformed && l.Lost == netip.MustParseAddr("192.0.2.2")
		}},
		"cut short where something was sent": {head + `update", ` + neighbor + `"direction": "send", "message": { "update": { "x": "\"direction\": `, func(l Line) bool { return l.Kind == Malformed && !l.Lost.IsValid() }},
		"no neighbor":                        {head + `state" }`, func(l Line) bool { return l.Kind == Malformed }},
		"python's none":                      {head + `state", ` + strings.Replace(neighbor, "65001", "None", 1) + `"state": "up" } }`, func(l Line) bool { return l.Event.State == "up" && l.Event.PeerAS == 0 }},
		"backslash in reason":                {head + `state", ` + neighbor + `"state": "down", "reason": "a \x b \"c\"" } }`, func(l Line) bool { return l.Event.Reason == `a \x b "c"` }},
		"aigp is not json": {head + `update", ` + neighbor + `"direction": "send", "message": { "update": { "attribute": { "origin": "igp", "aigp": 0x000000000000000a, "med": 1 }, "announce": { "ipv4 unicast": { "192.0.2.1": [ "10.0.0.0/8" ] } } } } } }`, func(l Line) bool {
			return l.Event.Update.Announced[0].Attrs.String() == "next-hop 192.0.2.1 med 1 aigp 10"
		}},
		"a family we can't do": {head + `update", ` + neighbor + `"direction": "send", "message": { "update": { "announce": { "l2vpn evpn": { "192.0.2.1": [ { "code": 2 } ] } }, "withdraw": { "bgp-ls bgp-ls": [ { } ] } } } } }`, func(l Line) bool { return slices.Equal(l.Event.Update.Others, []string{"l2vpn evpn", "bgp-ls bgp-ls"}) }},
		"nlri we can't read": {head + `update", ` + neighbor + `"direction": "send", "message": { "update": { "announce": { "ipv4 flow": { "no-nexthop": [ { "string": "flow" } ] } }, "withdraw": { "ipv4 mpls-vpn": [ { "nlri": "10.0.0.0/8" } ] } } } } }`, func(l Line) bool {
			u := l.Event.Update
			return len(u.Announced)+len(u.Withdrawn) == 0 && slices.Equal(u.Others, []string{`ipv4 flow { "string": "flow" }`, `ipv4 mpls-vpn { "nlri": "10.0.0.0/8" }`})
		}},
		"an attribute we lack": {head + `update", ` + neighbor + `"direction": "send", "message": { "update": { "attribute": { "pmsi": "x" }, "announce": { "ipv4 unicast": { "192.0.2.1": [ { "nlri": "10.0.0.0/8" } ] } } } } } }`, func(l Line) bool { return slices.Equal(l.Event.Update.Announced[0].Unknown, []string{`pmsi "x"`}) }},
		"as 0 stays visible": {head + `update", ` + neighbor + `"direction": "send", "message": { "update": { "attribute": { "as-path": [ 0 ], "med": 1 }, "announce": { "ipv4 unicast": { "192.0.2.1": [ { "nlri": "10.0.0.0/8" } ] } } } } } }`, func(l Line) bool {
			a := l.Event.Update.Announced[0]
			return slices.Equal(a.Unknown, []string{"as-path 0"}) && a.Attrs.String() == "next-hop 192.0.2.1 med 1"
		}},
	} {
		if l := ParseLine(tc.line); !tc.check(l) {
			t.Errorf("%s: %+v", name, l)
		}
	}
	if _, ok := ParseVersion("exabgp is here"); ok {
		t.Error("that is no version")
	}
}

func TestRecordedRIB(t *testing.T) {
	families := map[state.Family]int{}
	var paths []uint32
	for _, line := range recorded(t, "rib.txt") {
		e, err := v42.ParseRIB(line)
		if err != nil || len(e.Unknown) > 0 || !e.Peer.IsValid() || e.Attrs.NextHop() == "" {
			t.Errorf("%s\n%+v %v", line, e, err)
		}
		families[e.Key.Family]++
		if id := e.Key.PathID(); id != 0 {
			paths = append(paths, id)
		}
	}
	if len(families) != 2 || !slices.Equal(paths, []uint32{7, 8}) {
		t.Errorf("families %v, path identifiers %v", families, paths)
	}
}

func TestRIBLinesOfOthers(t *testing.T) {
	const name = "neighbor 192.0.2.2 local-ip 192.0.2.1 local-as 65000 peer-as 65001 router-id 1.1.1.1 family-allowed in-open "
	var family *FamilyError
	if _, err := v42.ParseRIB(name + "l2vpn evpn evpn:mac:::rd 1:1"); !errors.As(err, &family) || family.Family != "l2vpn evpn" {
		t.Errorf("evpn: %v", err)
	}
	e, err := v42.ParseRIB(name + "ipv4 unicast 10.0.0.0/24 next-hop 1.1.1.1 as-path [ ] community 65000:1 extended-community rate-limit:9600 bgp-prefix-sid [ None ] pmsi a b")
	if err != nil || e.Attrs.String() != "next-hop 1.1.1.1 community 65000:1" || len(e.Unknown) != 3 {
		t.Errorf("%v %+v %q", err, e.Attrs, e.Unknown)
	}
	for _, bad := range []string{"", "neighbor", "neighbor x y", name, name + "ipv4 unicast", name + "ipv4 unicast banana", name + "ipv6 unicast 10.0.0.0/8"} {
		if _, err := v42.ParseRIB(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
