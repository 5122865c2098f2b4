package exabgp

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"routesync/state"
)

func keyOf(tb testing.TB, f state.Family, text string) state.Key {
	tb.Helper()
	k, err := state.ParseKey(f, text)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// set reads "next-hop=192.0.2.1;label=3,4".
func set(tb testing.TB, text string) state.Attrs {
	tb.Helper()
	values := map[state.Name][]string{}
	for attr := range strings.SplitSeq(text, ";") {
		if name, list, ok := strings.Cut(attr, "="); ok {
			values[state.Name(name)] = strings.Split(list, ",")
		}
	}
	return attrs(tb, values)
}

func TestCommandsOfFamilies(t *testing.T) {
	for _, c := range []struct {
		family state.Family
		attrs  string
		keys   []string
		want   []string // of an announce
	}{
		{state.IPv4Labelled, "next-hop=192.0.2.1;label=800", []string{"10.0.0.0/8", "10.0.0.0/9 path-information 7", "11.0.0.0/8"}, []string{
			"announce route 10.0.0.0/9 path-information 7 next-hop 100::10:320 next-hop 192.0.2.1 label 800",
			"announce attributes next-hop 100::10:320 next-hop 192.0.2.1 label 800 nlri 10.0.0.0/8 11.0.0.0/8",
		}},
		{state.IPv6VPN, "next-hop=2001:db8::1;label=16,17;extended-community=target:1:2", []string{"2001:db8::/32 rd 1:1", "2001:db8::/32 rd 1.1.1.1:1", "2001:db8::/33 rd 1:1"}, []string{
			"announce attributes next-hop 100::200:100:11 next-hop 2001:db8::1 attribute [ 0x10 0xc0 0x0002000100000002 ] label [ 16 17 ] rd 1:1 nlri 2001:db8::/32 2001:db8::/33",
			"announce attributes next-hop 100::200:100:11 next-hop 2001:db8::1 attribute [ 0x10 0xc0 0x0002000100000002 ] label [ 16 17 ] rd 1.1.1.1:1 nlri 2001:db8::/32",
		}},
		{state.IPv4Flow, "", []string{"flow destination 10.0.0.0/8 port [ =80 >1024&<2000 ] tcp-flags =syn+ack"}, []string{
			"announce flow route { match { destination 10.0.0.0/8; port [ =80 >1024&<2000 ]; tcp-flags =syn+ack; } then { accept; } }",
		}},
		{state.IPv4Flow, "", []string{"flow destination 10.0.0.0/8 icmp-type [ =source-quench&!=info-request =info-reply =mask-request =mask-reply =echo-request >traceroute ]"}, []string{
			"announce flow route { match { destination 10.0.0.0/8; icmp-type [ =4&!=15 =16 =17 =18 =echo-request >30 ]; } then { accept; } }",
		}},
		{state.IPv6FlowVPN, "next-hop=2001:db8::1;community=no-export;extended-community=redirect-to-nexthop,target:1:2;large-community=1:2:3",
			[]string{"flow destination ::/0 rd 1:1"}, []string{
				"announce flow route { rd 1:1; next-hop 2001:db8::1; match { destination ::/0; } then { community no-export; " +
					"extended-community [ 0x0800000000000000 0x0002000100000002 ]; large-community 1:2:3; } }",
			}},
		{state.L2VPNVPLS, "next-hop=192.0.2.1;med=3;large-community=1:2:3", []string{"vpls rd 1:1 endpoint 1 base 2 offset 3 size 4", "vpls rd 1:2 endpoint 1 base 2 offset 3 size 4"}, []string{
			"announce vpls rd 1:1 endpoint 1 base 2 offset 3 size 4 next-hop 192.0.2.1 med 3 attribute [ 0x20 0xc0 0x000000010000000200000003 ]",
			"announce vpls rd 1:2 endpoint 1 base 2 offset 3 size 4 next-hop 192.0.2.1 med 3 attribute [ 0x20 0xc0 0x000000010000000200000003 ]",
		}},
	} {
		var keys []state.Key
		for _, text := range c.keys {
			keys = append(keys, keyOf(t, c.family, text))
		}
		for verb, render := range map[string]func([]netip.Addr, state.Attrs, []state.Key) []Command{"announce": v42.Announce, "withdraw": v42.Withdraw} {
			var got []string
			var held []state.Key
			if labels, _ := set(t, c.attrs).Get(state.Label); verb == "withdraw" && len(labels) > 1 {
				continue
			}
			for _, cmd := range render(nil, set(t, c.attrs), keys) {
				got = append(got, "announce"+strings.TrimPrefix(cmd.Line, verb))
				held = append(held, cmd.Keys...)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: got\n%s\nwant\n%s", c.family, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			slices.SortFunc(held, state.CompareKeys)
			slices.SortFunc(keys, state.CompareKeys)
			if !slices.Equal(held, keys) {
				t.Errorf("%s: the commands are for %v", c.family, held)
			}
		}
	}
	stack := []state.Key{keyOf(t, state.IPv4Labelled, "10.0.0.0/8")}
	for attrs, want := range map[string]string{
		"next-hop=192.0.2.1;label=16,17": "withdraw attributes next-hop 100::200:100:11 next-hop 192.0.2.1 label 16 nlri 10.0.0.0/8",
		"next-hop=192.0.2.1":             "withdraw attributes next-hop 192.0.2.1 label 524288 nlri 10.0.0.0/8",
	} {
		if got := v42.Withdraw(nil, set(t, attrs), stack)[0].Line; got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	if got := v42.Announce(nil, state.Attrs{}, nil); got != nil {
		t.Errorf("no keys: %v", got)
	}
}

// What exaBGP holds to be the same it does not send again.
func TestLabelsRenderApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := rapid.SliceOfN(rapid.Uint32Range(1, 1000), 1, 3)
		words := func(labels []uint32) []string { return strings.Fields(strings.Trim(fmt.Sprint(labels), "[]")) }
		a, b := words(draw.Draw(t, "labels")), words(draw.Draw(t, "other labels"))
		if (labelMark(a) == labelMark(b)) != slices.Equal(a, b) {
			t.Fatalf("%v and %v are marked %s and %s", a, b, labelMark(a), labelMark(b))
		}
		if discard := netip.MustParsePrefix("100::/64"); !discard.Contains(labelMark(a)) {
			t.Fatalf("%s is no discard address", labelMark(a))
		}
	})
}

func TestRecordedFamilies(t *testing.T) {
	announced, withdrawn := map[state.Family]int{}, map[state.Family]int{}
	for _, text := range recorded(t, "families.txt") {
		l := ParseLine(text)
		u := l.Event.Update
		// A withdraw in the first batch of a session leaves nothing but attributes.
		if l.Kind != EventLine || len(u.Others) > 0 || len(u.Announced)+len(u.Withdrawn) > 1 {
			t.Errorf("%s\n%+v", text, l)
		}
		for _, a := range u.Announced {
			if _, labelled := a.Attrs.Get(state.Label); len(a.Unknown) > 0 || len(a.Keys) != 1 || labelled != a.Family.HasLabel() {
				t.Errorf("%s\n%+v", text, a)
			}
			announced[a.Family]++
		}
		for _, w := range u.Withdrawn {
			withdrawn[w.Family]++
		}
	}
	listed := map[state.Family]int{}
	for _, line := range recorded(t, "families-rib.txt") {
		e, err := v42.ParseRIB(line)
		if err != nil || len(e.Unknown) > 0 {
			t.Errorf("%s\n%+v %v", line, e, err)
		}
		listed[e.Key.Family]++
	}
	for _, f := range state.Families() {
		if f.HasPrefix() && !f.HasLabel() || f == state.IPv6FlowVPN { // the others' lines, or not recorded
			continue
		}
		if announced[f] == 0 || listed[f] == 0 {
			t.Errorf("%s: announced %d times, listed %d times", f, announced[f], listed[f])
		}
	}
	if len(withdrawn) < 5 {
		t.Errorf("withdrawn are %v", slices.Collect(maps.Keys(withdrawn)))
	}
}

func TestTextOfFamilies(t *testing.T) {
	const name = "neighbor 192.0.2.2 local-ip 192.0.2.1 local-as 65000 peer-as 65001 router-id 1.1.1.1 family-allowed in-open "
	for text, want := range map[string]string{
		"ipv4 nlri-mpls 10.0.0.0/8 path-information 0.0.0.7 label [ 3 4 ] next-hop self med 1": "10.0.0.0/8 path-information 7 | next-hop self med 1 label [3 4] | ",
		"ipv6 mpls-vpn ::/0 label 3 next-hop 2001:db8::1 rd 1:1":                               "::/0 rd 1:1 | next-hop 2001:db8::1 label 3 | ",
		"ipv4 nlri-mpls 10.0.0.0/8 label 3 (49) next-hop self":                                 "10.0.0.0/8 | next-hop self label 3 | (49)",
		"ipv4 mpls-vpn 10.0.0.0/8 label 3 next-hop self":                                       "",
		"ipv4 flow flow next-header =5":                                                        "",
		"ipv4 flow flow destination-ipv6 ::/0/0":                                               "",
		"ipv4 flow flow destination-ipv4 10.0.0.0/8 extended-community [ rate-limit:9600 mark 10 action sample-terminal redirect:1:2 origin:1:0.0.0.9 copy-to-nexthop redirect-to-nexthop-ietf 192.0.2.1 copy-to-nexthop-ietf 192.0.2.1 (with copy) target:70000L:1 ]": "flow destination 10.0.0.0/8 | extended-community " +
			"[0x010cc00002010000 0x010cc00002010001 0x0800000000000001 0x8006000046160000 0x8007000000000003 0x800900000000000a origin:1:9 redirect:1:2 target:70000:1] | ",
		"ipv4 flow flow destination-ipv4 10.0.0.0/8 extended-community [ mark x ]": "flow destination 10.0.0.0/8 |  | extended-community mark x",
		"l2vpn vpls vpls rd 1:1 endpoint 1":                                        "",
	} {
		e, err := v42.ParseRIB(name + text)
		got := fmt.Sprintf("%s | %s | %s", e.Key, e.Attrs, strings.Join(e.Unknown, "; "))
		if (want == "") != (err != nil) || (want != "" && got != want) {
			t.Errorf("%s:\n got %s, %v\nwant %s", text, got, err, want)
		}
	}
}

func TestAnUpdateIsSplitByLabel(t *testing.T) {
	line := `{ "exabgp": "4.0.1", "time": 1.5, "host" : "h", "pid" : 7, "ppid" : 1, "counter": 3, "type": "update", "neighbor": { ` +
		`"address": { "local": "192.0.2.1", "peer": "192.0.2.2" }, "asn": { "local": 65000, "peer": 65001 } , "direction": "send", "message": { "update": { ` +
		`"attribute": { "med": 1 }, "announce": { "ipv4 nlri-mpls": { "192.0.2.1": [ { "nlri": "10.0.0.0/8", "label": [ [3] ] }, ` +
		`{ "nlri": "11.0.0.0/8", "label": [ [4, 65] ] }, { "nlri": "12.0.0.0/8", "label": [ [3] ] }, { "nlri": "13.0.0.0/8", "label": [ [0], [9] ] } ] } } } } } }`
	var got []string
	for _, a := range ParseLine(line).Event.Update.Announced {
		got = append(got, fmt.Sprintf("%v %s %q", a.Keys, a.Attrs, a.Unknown))
	}
	want := []string{
		"[10.0.0.0/8 12.0.0.0/8] next-hop 192.0.2.1 med 1 label 3 []",
		"[11.0.0.0/8] next-hop 192.0.2.1 med 1 label 4 []",
		`[13.0.0.0/8] next-hop 192.0.2.1 med 1 ["label 0 9"]`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCheckFamilies(t *testing.T) {
	n := Neighbor{Addr: netip.MustParseAddr("192.0.2.2"), Families: state.Families()}
	for _, c := range []struct {
		family      state.Family
		nlri, attrs string
		want        string
	}{
		{state.IPv4Multicast, "224.0.0.0/4", "next-hop=192.0.2.1", "can't announce ipv4 multicast"},
		{state.IPv6Multicast, "ff00::/8", "next-hop=2001:db8::1", "can't announce ipv6 multicast"},
		{state.L2VPNVPLS, "vpls rd 1:1 endpoint 1 base 65536 offset 3 size 4", "next-hop=192.0.2.1", "base up to 65535"},
		{state.L2VPNVPLS, "vpls rd 1:1 endpoint 1 base 65535 offset 3 size 4", "next-hop=192.0.2.1", ""},
		{state.IPv4Flow, "flow destination 10.0.0.0/8", "extended-community=target:1:2,target:192.0.2.1:1,target4:1:2,origin:1:2,0x8006000000000000,0x4300000000000001", ""},
		{state.IPv4Flow, "flow destination 10.0.0.0/8", "extended-community=origin:192.0.2.1:1", "can't tell"},
		{state.IPv4Flow, "flow destination 10.0.0.0/8", "extended-community=0x4002000100000002", "can't tell"},
		{state.IPv4Flow, "flow destination 10.0.0.0/8", "extended-community=0x800600013f000000", "can't tell"},
		{state.IPv4Unicast, "10.0.0.0/8", "next-hop=192.0.2.1;extended-community=0x800600013f000000", ""},
		{state.IPv4VPN, "10.0.0.0/8 rd 1:1 path-information 1", "next-hop=192.0.2.1;label=3", "add-path send"},
	} {
		err := n.Check(keyOf(t, c.family, c.nlri), set(t, c.attrs))
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s with %s: %v", c.nlri, c.attrs, err)
		}
	}
}

func TestMatchesLabels(t *testing.T) {
	n := Neighbor{Addr: netip.MustParseAddr("192.0.2.2"), LocalAS: 65000, PeerAS: 65000}
	sent := Announced{Seen: Seen{Attrs: set(t, "next-hop=192.0.2.1;label=3")}, Family: state.IPv4Labelled}
	for asked, want := range map[string]string{
		"next-hop=192.0.2.1;label=3": "",
		"next-hop=192.0.2.1;label=4": "label 4 was sent as 3",
		"next-hop=192.0.2.1":         "label 3 was sent and not asked for",
	} {
		if ok, got := n.Matches(set(t, asked), sent); got != want || ok != (want == "") {
			t.Errorf("%s: %v %q, want %q", asked, ok, got, want)
		}
	}
	flow := Announced{Family: state.IPv4Flow}
	if ok, difference := n.Matches(state.Attrs{}, flow); !ok {
		t.Errorf("a flow route without anything: %s", difference)
	}
}
