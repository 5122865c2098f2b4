package exabgp

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"routesync/state"
)

// listed are the lines of a file that an exaBGP of this release wrote.
func listed(tb testing.TB, release, name string) []string {
	tb.Helper()
	b, err := os.ReadFile("testdata/" + release + "/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

func TestDialectOf(t *testing.T) {
	for release, want := range map[string]string{
		"3.4.8": "exaBGP 3.4", "4.2.21": "exaBGP 4.2", "4.0.6": "exaBGP 4.2", "": "exaBGP 4.2",
		"5.0.13": "exaBGP 5.0", "6.0.0-20260822+uncontrolled": "exaBGP 6.0", "7.1": "exaBGP 6.0",
	} {
		if got := DialectOf(release).String(); got != want {
			t.Errorf("%q is %s, want %s", release, got, want)
		}
	}
}

// The routes of the listings and of the events, which were announced in the
// words of 5.0 and 6.0.
var recordedRoutes = map[string]string{
	"10.2.0.0/24":     "next-hop 192.0.2.1 as-path [65000 65010 (65020 65021)] med 5 community [65000:1 no-export] extended-community target:65000:1 large-community 1:2:3",
	"10.0.1.0/24":     "next-hop 192.0.2.1 originator-id 1.2.3.4 cluster-list [1.2.3.4 5.6.7.8]",
	"10.0.4.0/24":     "next-hop 192.0.2.1 extended-community target:192.0.2.1:5",
	"10.0.7.0/24":     "next-hop 192.0.2.1 bgp-prefix-sid [300 (800000,100)]",
	"10.0.8.0/24":     "next-hop 192.0.2.1 bgp-prefix-sid-srv6 ipv6 2001:db8::1",
	"10.0.10.0/24":    "next-hop 192.0.2.1 attribute 0x63 0xe0 0x0102",
	"10.0.12.0/24":    "next-hop 192.0.2.1 as-path (2 3)",
	"10.0.13.0/24":    "next-hop 192.0.2.1 community [1:2 blackhole nopeer] large-community [1:2:3 4:5:6]",
	"10.4.0.0/24":     "next-hop 127.0.0.1",
	"2001:db8:1::/48": "next-hop 2001:db8::1 origin incomplete",
}

// asRecorded compares attributes with what was announced; of an event, what
// exaBGP adds for the eBGP session is taken off.
func asRecorded(t *testing.T, k state.Key, seen Seen, event bool) {
	t.Helper()
	got := seen.Attrs
	if path, _ := got.Get(state.ASPath); event && slices.Equal(path, []string{"65000"}) {
		got, _ = got.With(state.ASPath, nil)
	}
	if raw, _ := got.Get(state.Raw); event && len(raw) > 0 { // without the partial bit
		got, _ = got.With(state.Raw, []string{strings.Replace(raw[0], "0xc0", "0xe0", 1)})
	}
	want, known := recordedRoutes[k.String()]
	if known && got.String() != want || len(seen.Unknown) > 0 {
		t.Errorf("%s is %s and %q, want %s", k, got, seen.Unknown, want)
	}
}

func TestRecordedDialects(t *testing.T) {
	for _, release := range []string{"5.0.13", "6.0.0"} {
		t.Run(release, func(t *testing.T) {
			d := DialectOf(release)
			seen := map[string]int{}
			for _, text := range listed(t, release, "lines.txt") {
				l := ParseLine(text)
				switch l.Kind {
				case Malformed:
					t.Errorf("%s\n%v", text, l.Err)
				case Done:
					seen["done"]++
				case Error:
					seen["error"]++
				case Text:
					v, _ := ParseVersion(text)
					_, reason := ParseReason(text)
					switch {
					case strings.HasPrefix(v, release):
						seen["version"]++
					case IsBarrierHeader(text):
						seen["barrier"]++
					case !reason || d.grammar != grammar60:
						t.Errorf("text %q", text)
					}
				case EventLine:
					seen[l.Event.Type+l.Event.State+string(l.Event.Direction)]++
					u := l.Event.Update
					seen["eor"] += len(u.EOR)
					seen["reached"] += len(u.Reached)
					if len(u.Others) > 0 {
						t.Errorf("others %q in %s", u.Others, text)
					}
					for _, a := range u.Announced {
						for _, k := range a.Keys {
							seen["announced"]++
							asRecorded(t, k, a.Seen, true)
						}
					}
					for _, w := range u.Withdrawn {
						seen["withdrawn"] += len(w.Keys)
					}
				}
			}
			for _, want := range []string{"done", "error", "barrier", "version", "stateup", "updatesend", "updatereceive", "eor", "reached", "announced", "withdrawn"} {
				if seen[want] == 0 {
					t.Errorf("no %q among the lines: %v", want, seen)
				}
			}

			neighbors, err := d.ParseConfiguration(listed(t, release, "configuration.txt"))
			if err != nil || len(neighbors) != 3 {
				t.Fatalf("%d neighbors, %v", len(neighbors), err)
			}
			n := neighbors[0]
			if n.Dialect != d || n.PeerAS != 65001 || !n.AdjRIBOut || len(n.Families) != 2 || len(n.Lacks("br")) != 0 || !n.Receives("br") {
				t.Errorf("%+v lacks %q", n, n.Lacks("br"))
			}
			if got := Own(neighbors, []netip.Addr{neighbors[0].Addr, neighbors[1].Addr}); !slices.Equal(got, []string{"br"}) {
				t.Errorf("own is %q", got)
			}
			sessions, err := ParseExtensive(listed(t, release, "extensive.txt"))
			if err != nil || len(sessions) != 3 {
				t.Fatalf("%d sessions, %v", len(sessions), err)
			}
			if s := sessions[0]; !s.Up() || s.Seconds == 0 || !s.ASN4 || !slices.Equal(s.Families, []state.Family{state.IPv4Unicast, state.IPv6Unicast}) {
				t.Errorf("%+v", s)
			}
			if s := sessions[1]; s.Up() { // 6.0 has the peer's families from its own configuration
				t.Errorf("%+v", s)
			}

			routes, unread := 0, 0
			for _, line := range listed(t, release, "rib.txt") {
				e, err := d.ParseRIB(line)
				if err != nil {
					unread++ // 5.0 has names of ports: "destination-port =domain"
					continue
				}
				routes++
				asRecorded(t, e.Key, e.Seen, false)
			}
			if routes < 13 || unread > 0 && d.grammar != grammar50 || unread > 1 {
				t.Errorf("%d routes, %d that can't be read", routes, unread)
			}
			r, err := d.ParseReceived(listed(t, release, "received.txt")[0])
			if want := "as-path 65001"; err != nil || !strings.Contains(fmt.Sprint(r.Attrs), want) {
				t.Errorf("received %+v, %v, want %s", r, err, want)
			}
		})
	}
}

func TestPathsOfDialects(t *testing.T) {
	for values, want := range map[string][2]string{
		"1 2":       {"[ 1 2 ]", "[ 1 2 ]"},
		"1 2 (3 4)": {"[ 1 2 (3 4) ]", "[ 1 2 ] ( 3 4 )"},
		"(3 4)":     {"[ (3 4) ]", "( 3 4 )"},
	} {
		before, set, some := strings.Cut(values, "(")
		words := strings.Fields(before)
		if some {
			words = append(words, "("+set)
		}
		a := attrs(t, map[state.Name][]string{state.NextHop: {"192.0.2.1"}, state.ASPath: words})
		for i, release := range []string{"4.2.21", "5.0.13"} {
			got := DialectOf(release).Announce(nil, a, []state.Key{key(t, "10.0.0.0/8", 0)})[0].Line
			if !strings.Contains(got, " as-path "+want[i]+" next-hop") {
				t.Errorf("%s: %s, want %s", release, got, want[i])
			}
		}
	}
	const head, tail = `{ "exabgp": "5.0.0", "type": "update", "neighbor": { "address": { "local": "192.0.2.1", "peer": "192.0.2.2" }, "asn": { "local": 1, "peer": 2 }, "direction": "send", "message": { "update": { "attribute": { "as-path": `, ` }, "announce": { "ipv4 unicast": { "192.0.2.1": [ { "nlri": "10.0.0.0/8" } ] } } } } } }`
	for path, want := range map[string]string{
		`{}`: "",
		`{"0": {"element": "as-sequence", "value": [1]}}`:                                                 "1",
		`{"0": {"element": "as-set", "value": [1]}, "1": {"element": "as-sequence", "value": [2]}}`:       "unknown",
		`{"0": {"element": "as-sequence", "value": [1]}, "1": {"element": "as-sequence", "value": [2]}}`:  "unknown", // a confederation's may be among them
		`{"1": {"element": "as-sequence", "value": [1]}}`:                                                 "unknown",
		`{"0": {"element": "as-sequence", "value": [1, 2]}, "1": {"element": "as-set", "value": [3, 4]}}`: "1 2 (3 4)",
	} {
		a := ParseLine(head + path + tail).Event.Update.Announced[0]
		got, _ := a.Attrs.Get(state.ASPath)
		if unknown := len(a.Unknown) > 0; unknown != (want == "unknown") || !unknown && strings.Join(got, " ") != want {
			t.Errorf("%s is %q and %q, want %q", path, got, a.Unknown, want)
		}
	}
	for text, want := range map[string]string{"( 1 2 )": "1 2", "[ 3 4 ]": "(3 4)", "( 1 ) [ 3 4 ]": "1 (3 4)", "{( 1 )} ( 2 )": "unknown", "[ 3 ] ( 1 )": "unknown", "( 1": "unknown"} {
		e, err := DialectOf("5.0.13").ParseRIB("neighbor 192.0.2.2 ipv4 unicast 10.0.0.0/8 next-hop 192.0.2.1 as-path " + text)
		got, _ := e.Attrs.Get(state.ASPath)
		if unknown := len(e.Unknown) > 0; err != nil || unknown != (want == "unknown") || !unknown && strings.Join(got, " ") != want {
			t.Errorf("%s is %q and %q, %v, want %q", text, got, e.Unknown, err, want)
		}
	}
}

// TestRIBOf5GivesBackWhatWasAnnounced: a list has the two kinds of brackets the
// other way round than a command.
func TestRIBOf5GivesBackWhatWasAnnounced(t *testing.T) {
	d := DialectOf("5.0.13")
	rapid.Check(t, func(t *rapid.T) {
		a := genAttrs(false).Draw(t, "attrs")
		words := d.attributeWords(state.IPv4Unicast, a)
		if i := strings.Index(words, " as-path "); i >= 0 {
			path, rest, _ := strings.Cut(words[i+len(" as-path "):], " next-hop ")
			path = strings.NewReplacer("[", "(", "]", ")", "(", "[", ")", "]").Replace(path)
			words = words[:i] + " as-path " + path + " next-hop " + rest
		}
		line := "neighbor 192.0.2.2 local-ip 192.0.2.1 local-as 1 peer-as 2 router-id 1.1.1.1 family-allowed in-open ipv4 unicast 10.0.0.0/8" + words
		e, err := d.ParseRIB(line)
		if err != nil || e.Attrs != a || len(e.Unknown) > 0 {
			t.Fatalf("%s\n%+v\n%v %q\nwant %v", line, e, err, e.Unknown, a)
		}
	})
}

// TestFlushOfDialects: exaBGP 6.0 takes no neighbor before it.
func TestFlushOfDialects(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")
	both := []string{"neighbor 192.0.2.2, neighbor 192.0.2.3 flush adj-rib out"}
	for release, want := range map[string][]string{"4.2.21": both, "5.0.13": both, "6.0.0": {"flush adj-rib out 192.0.2.2", "flush adj-rib out 192.0.2.3"}} {
		if got := DialectOf(release).Flush(a, b); !slices.Equal(got, want) {
			t.Errorf("%s: %q", release, got)
		}
		if resets := (Neighbor{Dialect: DialectOf(release), RouteRefresh: true}).FlushResets(); resets != (release == "4.2.21") {
			t.Errorf("%s: resets %v", release, resets)
		}
	}
}

// TestUnread: of a flow with ports nothing is known at 5.0.
func TestUnread(t *testing.T) {
	for text, unread := range map[string]bool{"flow destination 10.0.0.0/8 destination-port =53": true, "flow port =1": true, "flow destination 10.0.0.0/8 protocol =udp": false} {
		k, err := state.ParseKey(state.IPv4Flow, text)
		if err != nil {
			t.Fatal(err)
		}
		for release, want := range map[string]bool{"4.2.21": false, "5.0.13": unread, "6.0.0": false} {
			if got := DialectOf(release).Unread(k); (got != "") != want {
				t.Errorf("%s at %s: %q", text, release, got)
			}
		}
	}
}

// TestSaysNot: what 5.0 and newer can't say or report is refused there.
func TestSaysNot(t *testing.T) {
	vpn, err := state.ParseKey(state.IPv4VPN, "10.0.0.0/8 rd 1:1")
	if err != nil {
		t.Fatal(err)
	}
	for _, release := range []string{"4.2.21", "5.0.13", "6.0.0"} {
		n := Neighbor{Dialect: DialectOf(release), Addr: netip.MustParseAddr("192.0.2.2"), LocalAddress: netip.MustParseAddr("192.0.2.1"), Families: []state.Family{state.IPv4Unicast, state.IPv4VPN}}
		for _, c := range []struct {
			k     state.Key
			attrs map[state.Name][]string
		}{
			{key(t, "10.0.0.0/8", 0), map[state.Name][]string{state.NextHop: {"192.0.2.1"}, state.PrefixSIDSRv6: {"l3vpn 2001:db8::1"}}},
			{vpn, map[state.Name][]string{state.NextHop: {"self"}, state.Label: {"16"}}},
		} {
			if err := n.Check(c.k, attrs(t, c.attrs)); (err != nil) != (release != "4.2.21") {
				t.Errorf("%s with %v at %s: %v", c.k, c.attrs, release, err)
			}
		}
	}
}
