//go:build integration

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"routesync/state"
)

// drawKey draws a route of any family that exaBGP can announce.
func drawKey(t *rapid.T) state.Key {
	f := rapid.SampledFrom(announceable()).Draw(t, "family")
	rd := ""
	if f.HasRD() {
		small, big := rapid.Uint16().Draw(t, "16 bits"), rapid.Uint32().Draw(t, "32 bits")
		rd = rapid.SampledFrom([]string{
			"65000:1", fmt.Sprintf("%d:%d", small, big), fmt.Sprintf("192.0.2.%d:%d", byte(big), small), fmt.Sprintf("%d:%d", max(big, 1<<16), small),
		}).Draw(t, "rd")
	}
	var k state.Key
	var err error
	switch {
	case f.IsFlow():
		k, err = state.FlowKey(rd, drawComponents(t, f))
	case f == state.L2VPNVPLS:
		n := rapid.Uint32Max(1<<16 - 1)
		k, err = state.VPLSKey(rd, n.Draw(t, "endpoint"), n.Draw(t, "base"), n.Draw(t, "offset"), n.Draw(t, "size"))
	default:
		k, err = state.PrefixKey(f, drawPrefix(t, f.Is6(), true), rd, rapid.SampledFrom([]uint32{0, 0, 7, 1<<32 - 1}).Draw(t, "path"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func drawPrefix(t *rapid.T, v6, unicast bool) netip.Prefix {
	if v6 {
		b := [16]byte{0x20, 0x01, 0x0d, 0xb8}
		copy(b[4:], rapid.SliceOfN(rapid.Byte(), 12, 12).Draw(t, "address"))
		p, _ := netip.AddrFrom16(b).Prefix(rapid.IntRange(0, 128).Draw(t, "length"))
		return p
	}
	for {
		a := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")))
		p, _ := a.Prefix(rapid.IntRange(0, 32).Draw(t, "length"))
		if !unicast || !p.Addr().IsMulticast() {
			return p
		}
	}
}

// drawComponents draws a match; one of IPv6 has an IPv6 prefix.
func drawComponents(t *rapid.T, f state.Family) []state.Component {
	names := strings.Fields("destination source protocol port destination-port source-port icmp-type icmp-code tcp-flags packet-length dscp fragment")
	limits := map[string]uint64{
		"protocol": 255, "next-header": 255, "icmp-type": 255, "icmp-code": 255, "tcp-flags": 511, "dscp": 63, "traffic-class": 255,
		"fragment": 15, "flow-label": 1<<20 - 1,
	}
	if f.Is6() {
		names = strings.Fields("source next-header port destination-port source-port icmp-type icmp-code tcp-flags packet-length traffic-class fragment flow-label")
	}
	var list []state.Component
	for i, name := range names {
		if i > 0 && rapid.IntRange(0, 3).Draw(t, name) > 0 {
			continue
		}
		c := state.Component{Name: name}
		if name == "source" || name == "destination" {
			c.Values = []string{drawPrefix(t, f.Is6(), false).String()}
			list = append(list, c)
			continue
		}
		operators, limit := []string{"=", "!=", ">", "<", ">=", "<="}, limits[name]
		if limit == 0 {
			limit = 1<<16 - 1
		}
		if name == "tcp-flags" || name == "fragment" {
			operators = []string{"", "=", "!", "!="}
		}
		for range rapid.IntRange(1, 3).Draw(t, "values") {
			var parts []string
			for range rapid.IntRange(1, 2).Draw(t, "parts") {
				parts = append(parts, rapid.SampledFrom(operators).Draw(t, "operator")+strconv.FormatUint(rapid.Uint64Range(1, limit).Draw(t, "number"), 10))
			}
			c.Values = append(c.Values, strings.Join(parts, "&"))
		}
		list = append(list, c)
	}
	return list
}

// drawFor draws attributes that a route may have at the peer.
func (p *pair) drawFor(t *rapid.T, k state.Key) state.Attrs {
	for {
		attrs := drawAttrs(t, k.Family.Is6())
		switch {
		case k.Family.IsFlow():
			attrs = drawActions(t, k.Family.Is6())
		case k.Family == state.L2VPNVPLS:
			attrs, _ = attrs.With(state.AIGP, nil)
			attrs, _ = attrs.With(state.NextHop, []string{"192.0.2.1"})
		case k.Family.HasLabel():
			var label []string
			for range rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(t, "labels") {
				label = append(label, strconv.FormatUint(rapid.Uint64Max(1<<20-1).Draw(t, "label"), 10))
			}
			with, err := attrs.With(state.Label, label)
			if err != nil {
				continue
			}
			attrs = with
		}
		if state.CheckRoute(k, attrs) == nil && p.neighbor.Check(k, attrs) == nil {
			return attrs
		}
	}
}

// edges are the routes at the limits of what exaBGP can send.
func edges(t *testing.T) map[state.Key]state.Attrs {
	t.Helper()
	many := func(n int, format string) string {
		values := make([]string, n)
		for i := range values {
			values[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(values, ",")
	}
	routes := map[state.Key]state.Attrs{}
	add := func(f state.Family, nlri, attrs string) {
		t.Helper()
		k, err := state.ParseKey(f, nlri)
		values := map[state.Name][]string{}
		for attr := range strings.SplitSeq(attrs, ";") {
			if name, list, ok := strings.Cut(attr, "="); ok {
				values[state.Name(name)] = strings.Split(list, ",")
			}
		}
		a, err2 := state.NewAttrs(values)
		if err := errors.Join(err, err2, state.CheckRoute(k, a)); err != nil {
			t.Fatal(err)
		}
		routes[k] = a
	}
	full := ";large-community=" + many(300, "1:2:%d")
	add(state.IPv4Labelled, "0.0.0.0/0", "next-hop=192.0.2.1;label=0")
	add(state.IPv4Labelled, "224.0.0.0/4", "next-hop=self;label=524288")
	add(state.IPv6Labelled, "::/0 path-information 4294967295", "next-hop=2001:db8::1;label=1048575,3,0"+full)
	add(state.IPv4VPN, "192.0.2.1/32 rd 65535:4294967295", "next-hop=192.0.2.1;label=1,2,524288")
	add(state.IPv6VPN, "2001:db8::1/128 rd 0.0.0.0:0 path-information 1", "next-hop=2001:db8::1;label=16,17"+full)
	add(state.IPv6VPN, "::/0 rd 4294967295:65535", "next-hop=2001:db8::1;label=1048575")
	add(state.L2VPNVPLS, "vpls rd 0:0 endpoint 0 base 0 offset 0 size 0", "next-hop=192.0.2.1")
	add(state.L2VPNVPLS, "vpls rd 0:0 endpoint 65535 base 65535 offset 65535 size 65535", "next-hop=192.0.2.1"+full)
	add(state.IPv4Flow, "flow destination 0.0.0.0/0", "")
	add(state.IPv6Flow, "flow destination ::/0", "")
	add(state.IPv6FlowVPN, "flow destination ::/0 rd 0:0", "")
	add(state.IPv4Flow, "flow protocol [ =0 =255 ] fragment not-a-fragment", "")
	// 239, 240 and 255 bytes: the length has one byte, or two.
	lengths := func(n int) string {
		return "[ " + strings.Join(strings.Split(many(n, ">1000&<2%03d"), ","), " ") + " ]"
	}
	add(state.IPv4Flow, "flow destination 10.0.0.0/16 packet-length "+lengths(39), "")
	add(state.IPv4Flow, "flow destination 10.0.0.0/24 packet-length "+lengths(39), "")
	add(state.IPv4Flow, "flow destination 10.0.0.0/8 packet-length "+lengths(41)+" dscp [ =1 =2 ]",
		"next-hop=192.0.2.1;extended-community=redirect-to-nexthop;large-community="+many(290, "1:2:%d"))
	add(state.IPv4FlowVPN, "flow destination 10.0.0.0/8 packet-length "+lengths(40)+" rd 1:1", "")
	return routes
}

// drawActions draws what a flow route does.
func drawActions(t *rapid.T, v6 bool) state.Attrs {
	hop := "192.0.2.1"
	if v6 {
		hop = "2001:db8::1"
	}
	number := func(limit uint64) string { return strconv.FormatUint(rapid.Uint64Max(limit).Draw(t, "number"), 10) }
	values := map[state.Name][]string{}
	for range rapid.IntRange(0, 4).Draw(t, "actions") {
		text := rapid.SampledFrom([]string{
			"accept", "discard", "rate-limit " + number(1<<24), "redirect " + number(1<<16-1) + ":" + number(1<<32-1),
			"redirect " + hop, "redirect-to-nexthop", "redirect-to-nexthop-ietf 192.0.2.9", "copy " + hop, "mark " + number(63),
			"action sample", "action terminal", "action sample-terminal", "community " + number(65535) + ":1", "community no-export",
			"large-community 1:2:" + number(1<<32-1), "extended-community target:" + number(65535) + ":" + number(1<<32-1),
			"extended-community target4:" + number(1<<32-1) + ":" + number(65535), "extended-community target:192.0.2.1:" + number(65535),
			"extended-community origin:" + number(65535) + ":" + number(1<<32-1), "extended-community 0x43" + fmt.Sprintf("%014x", rapid.Uint32().Draw(t, "opaque")),
		}).Draw(t, "action")
		words := strings.Fields(text)
		attr, canonical, err := state.FlowAction(words[0], words[1:])
		if err != nil {
			t.Fatal(err)
		}
		if attr != "" {
			values[attr] = append(values[attr], canonical...)
		}
		if a, ok := state.FlowNextHop(words[0], words[1:]); ok {
			values[state.NextHop] = []string{a.String()}
		}
		if text == "redirect-to-nexthop" {
			values[state.NextHop] = []string{hop}
		}
	}
	attrs, err := state.NewAttrs(values)
	if err != nil {
		t.Fatal(err)
	}
	return attrs
}
