package exabgp

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"routesync/state"
)

// receivedLine is the event of an UPDATE that was received.
func receivedLine(message string) string {
	return `{ "exabgp": "4.0.1", "time": 1.5, "host" : "h", "pid" : 7, "ppid" : 1, "counter": 3, "type": "update", ` +
		`"neighbor": { "address": { "local": "192.0.2.1", "peer": "192.0.2.2" }, "asn": { "local": 65000, "peer": 65001 } , ` +
		`"direction": "receive", "message": ` + message + ` } }`
}

// described is an UPDATE in words: "+" announced, "-" withdrawn, "." ended.
func described(u *Update) []string {
	var lines []string
	for _, k := range u.Lost {
		lines = append(lines, fmt.Sprintf("- %s: %s", k.Family, k.ID))
	}
	for _, r := range u.Reached {
		for _, k := range r.Keys {
			lines = append(lines, fmt.Sprintf("+ %s: %s: %s", k.Family, k.ID, r.Attrs))
		}
	}
	for _, f := range u.Ended {
		lines = append(lines, ". "+f)
	}
	return lines
}

func TestReceived(t *testing.T) {
	for name, tc := range map[string]struct {
		message string
		want    []string
	}{
		"unicast": {
			`{ "update": { "attribute": { "origin": "igp", "as-path": [ 65001, 65002 ], "confederation-path": [], "med": 5, "community": [ [65000,1] ], "large-community": [ [1,2,3] ] }, "announce": { "ipv4 unicast": { "192.0.2.9": [ { "nlri": "10.0.0.0/24" }, { "nlri": "10.0.1.0/24", "path-information": "0.0.0.7" } ] }, "ipv6 unicast": { "2001:db8::1": [ "2001:db8::/32" ] } } } }`,
			[]string{
				"+ ipv4 unicast: 10.0.0.0/24: next-hop 192.0.2.9 as-path [65001 65002] med 5 community 65000:1 large-community 1:2:3",
				"+ ipv4 unicast: 10.0.1.0/24 path-information 7: next-hop 192.0.2.9 as-path [65001 65002] med 5 community 65000:1 large-community 1:2:3",
				"+ ipv6 unicast: 2001:db8::/32: next-hop 2001:db8::1 as-path [65001 65002] med 5 community 65000:1 large-community 1:2:3",
			},
		},
		"withdraw with attributes, and announce of the same": {
			`{ "update": { "attribute": { "origin": "igp", "med": 1 }, "announce": { "ipv4 unicast": { "192.0.2.9": [ { "nlri": "10.0.0.0/24" } ] } }, "withdraw": { "ipv4 unicast": [ { "nlri": "10.0.0.0/24" } ] } } }`,
			[]string{"- ipv4 unicast: 10.0.0.0/24", "+ ipv4 unicast: 10.0.0.0/24: next-hop 192.0.2.9 med 1"},
		},
		"bits behind the prefix": {
			`{ "update": { "withdraw": { "ipv4 unicast": [ { "nlri": "10.0.0.1/24" } ], "ipv6 unicast": [ { "nlri": "2001:db8::1/32", "path-information": "0.0.0.0" } ] } } }`,
			[]string{"- ipv4 unicast: 10.0.0.0/24", "- ipv6 unicast: 2001:db8::/32"},
		},
		"no next hop": {
			`{ "update": { "attribute": { "origin": "igp" }, "announce": { "ipv4 flow": { "no-nexthop": [ {"destination-ipv4": [ "10.0.0.2/32" ],"source-port": [ "=53" ], "string": "flow destination-ipv4 10.0.0.2/32 source-port =53" } ] }, "ipv4 unicast": { "null": [ { "nlri": "10.0.0.0/24" } ] } } } }`,
			[]string{
				`+ ipv4 flow: flow destination 10.0.0.2/32 source-port =53: `,
				"+ ipv4 unicast: 10.0.0.0/24: ",
			},
		},
		"labels are no identity": {
			`{ "update": { "attribute": { "origin": "igp" }, "announce": { "ipv4 mpls-vpn": { "192.0.2.9": [ { "nlri": "10.9.0.0/24", "label": [ [800, 12801] ], "rd": "65000:1" } ] }, "ipv4 nlri-mpls": { "192.0.2.9": [ { "nlri": "10.9.0.0/24", "label": [ [800] ] }, { "nlri": "10.9.1.0/24", "label": [ [801] ] } ] } }, "withdraw": { "ipv4 mpls-vpn": [ { "nlri": "10.9.0.0/24", "label": [ [524288] ], "rd": "65000:1" } ], "ipv4 nlri-mpls": [ { "nlri": "10.9.0.0/24" } ] } } }`,
			[]string{
				"- ipv4 mpls-vpn: 10.9.0.0/24 rd 65000:1",
				"- ipv4 nlri-mpls: 10.9.0.0/24",
				"+ ipv4 mpls-vpn: 10.9.0.0/24 rd 65000:1: next-hop 192.0.2.9 label 800",
				"+ ipv4 nlri-mpls: 10.9.0.0/24: next-hop 192.0.2.9 label 800",
				"+ ipv4 nlri-mpls: 10.9.1.0/24: next-hop 192.0.2.9 label 801",
			},
		},
		"evpn": {
			`{ "update": { "attribute": { "origin": "igp", "pmsi": "x" }, "announce": { "l2vpn evpn": { "192.0.2.9": [ { "code": 2, "parsed": true, "raw": "0221AA", "name": "MAC/IP advertisement", "rd": "1:1", "esi": "-", "ethernet-tag": 0, "mac": "00:11:22:33:44:55", "label": [ [7] ], "ip": "192.0.2.7" } ] } }, "withdraw": { "l2vpn evpn": [ { "code": 2, "parsed": true, "raw": "0221BB", "name": "MAC/IP advertisement", "rd": "1:1", "esi": "00", "ethernet-tag": 0, "mac": "00:11:22:33:44:55", "label": [ [0] ], "ip": "192.0.2.7" }, { "code": 9, "parsed": false, "raw": "09" } ] } } }`,
			[]string{
				`- l2vpn evpn: {"code":2,"ethernet-tag":0,"ip":"192.0.2.7","mac":"00:11:22:33:44:55","name":"MAC/IP advertisement","parsed":true,"rd":"1:1"}`,
				`- l2vpn evpn: {"code":9,"parsed":false,"raw":"09"}`,
				`+ l2vpn evpn: {"code":2,"ethernet-tag":0,"ip":"192.0.2.7","mac":"00:11:22:33:44:55","name":"MAC/IP advertisement","parsed":true,"rd":"1:1"}: next-hop 192.0.2.9 pmsi "x" label [[7]] esi "-"`,
			},
		},
		"names that repeat": {
			`{ "update": { "withdraw": { "bgp-ls bgp-ls": [ { "b": 1, "a": 2, "a": 1 } ] } } }`,
			[]string{`- bgp-ls bgp-ls: {"a":2,"a":1,"b":1}`},
		},
		"end of rib": {`{ "eor": { "afi" : "l2vpn", "safi" : "evpn" } }`, []string{". l2vpn evpn"}},
		"escapes": {
			`{ "update": { "attribute": { "x\u001b[2J": "\u009b", "error": "` + "\u202e" + `" }, "announce": { "ipv4 \u0007": { "192.0.2.9": [ { "nlri": "a\nb" }, "` + "\u202e" + `\r" ] } } } }`,
			[]string{
				`+ ipv4 \u0007: {"nlri":"a\nb"}: next-hop 192.0.2.9 error "\u202e" x\u001b[2J "\u009b"`,
				`+ ipv4 \u0007: "\u202e\r": next-hop 192.0.2.9 error "\u202e" x\u001b[2J "\u009b"`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := ParseLine(receivedLine(tc.message))
			if l.Kind != EventLine || l.Event.Direction != Receive {
				t.Fatalf("%+v", l)
			}
			if d := cmp.Diff(tc.want, described(&l.Event.Update)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestParseReceived(t *testing.T) {
	const name = "neighbor 192.0.2.2 local-ip 192.0.2.1 local-as 65000 peer-as 65001 router-id 1.1.1.1 family-allowed in-open "
	for line, want := range map[string]string{
		name + "ipv4 unicast 10.0.0.0/24 next-hop 192.0.2.9 med 5 large-community 1:2:3":  "192.0.2.2 ipv4 unicast 10.0.0.0/24 next-hop 192.0.2.9 med 5 large-community 1:2:3",
		name + "ipv6 unicast 2001:db8::/32 path-information 0.0.0.7 next-hop 2001:db8::1": "192.0.2.2 ipv6 unicast 2001:db8::/32 path-information 7 next-hop 2001:db8::1",
		name + "l2vpn evpn mac-advertisement":                                             `a route to 192.0.2.2 is of family "l2vpn evpn", which routesync can't name`,
		name + "ipv4 unicast banana next-hop 192.0.2.9":                                   `a route to 192.0.2.2 is of family "a form that can't be read", which routesync can't name`,
		"Peer AS up/down": `rib line "Peer AS up/down" names no neighbor`,
	} {
		e, err := v42.ParseReceived(line)
		got := fmt.Sprintf("%s %s %s %s", e.Peer, e.Key.Family, e.Key, e.Attrs)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
}

func TestReceives(t *testing.T) {
	neighbors, err := v42.ParseConfiguration(recorded(t, "configuration.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var got []bool
	for _, n := range neighbors {
		got = append(got, n.Receives("br"))
	}
	if d := cmp.Diff([]bool{false, true, false, false, false, false, false}, got); d != "" {
		t.Error(d)
	}
}

// FuzzReceived: whatever a peer sends, one line stays one line of printable
// text.
func FuzzReceived(f *testing.F) {
	f.Add("a\u001b", "x", "10.0.0.0/24", "1")
	f.Add("med", `5`, `{"nlri":"\u0007"}`, `{"a":1,"a":2}`)
	f.Fuzz(func(t *testing.T, attr, value, nlri, withdrawn string) {
		for _, quote := range []string{"%q: %q", "%q: %s"} {
			line := receivedLine(fmt.Sprintf(`{ "update": { "attribute": { `+quote+` }, "announce": { "ipv4 unicast": { "192.0.2.9": [ %q, %s ] }, %q: { "null": [ %s ] } }, "withdraw": { "l2vpn evpn": [ %s ] } } }`,
				attr, value, nlri, nlri, attr, nlri, withdrawn))
			l := ParseLine(line)
			for _, text := range described(&l.Event.Update) {
				if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
					t.Errorf("%q", text)
				}
			}
			for _, k := range l.Event.Update.Lost {
				_ = k.String()
				state.SortAnyKeys([]state.AnyKey{k, k})
			}
		}
	})
}

// BenchmarkReceived reads the event of an UPDATE with many routes.
func BenchmarkReceived(b *testing.B) {
	const routes = 1000
	var nlri []string
	for i := range routes {
		nlri = append(nlri, fmt.Sprintf(`{ "nlri": "20.%d.%d.0/24" }`, i>>8, i&255))
	}
	line := receivedLine(`{ "update": { "attribute": { "origin": "igp", "as-path": [ 65001 ], "confederation-path": [] }, "announce": { "ipv4 unicast": { "192.0.2.9": [ ` +
		strings.Join(nlri, ", ") + ` ] } } } }`)
	b.ReportAllocs()
	for b.Loop() {
		if l := ParseLine(line); len(l.Event.Update.Reached[0].Keys) != routes {
			b.Fatal(l.Err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*routes), "ns/route")
}
