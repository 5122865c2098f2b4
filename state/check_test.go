package state

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckRoute(t *testing.T) {
	const (
		prefix4 = "10.0.0.0/8"
		prefix6 = "2001:db8::/32"
		hop4    = "192.0.2.1"
		hop6    = "2001:db8::1"
	)
	for _, c := range []struct {
		f     Family
		nlri  string
		attrs string // name=value,value; …
		msg   string
	}{
		{IPv4Unicast, prefix4, "next-hop=" + hop4, ""},
		{IPv4Unicast, prefix4, "next-hop=self", ""},
		{IPv4Unicast, prefix4, "next-hop=" + hop4 + ";label=3", "a route of family ipv4 unicast has no label"},
		{IPv4Multicast, prefix4, "next-hop=" + hop6, "next-hop 2001:db8::1 is not of the family of 10.0.0.0/8"},
		{IPv4Labelled, prefix4, "next-hop=" + hop4 + ";label=0", ""},
		{IPv4Labelled, prefix4, "next-hop=" + hop4, "10.0.0.0/8 has no label"},
		{IPv4Labelled, prefix4, "label=3", "10.0.0.0/8 has no next-hop"},
		{IPv6Labelled, prefix6, "next-hop=" + hop4 + ";label=3", "next-hop 192.0.2.1 is not of the family of 2001:db8::/32"},
		{IPv6VPN, prefix6 + " rd 1:1", "next-hop=" + hop6 + ";label=3,4", ""},
		{IPv6VPN, "2001:db8::1/128 rd 1:1", "next-hop=" + hop6 + ";label=3,4,5", "2001:db8::1/128 rd 1:1 with 3 labels has 264 bits; an NLRI has 255"},
		{L2VPNVPLS, "vpls rd 1:1 endpoint 1 base 2 offset 3 size 4", "next-hop=" + hop4 + ";med=4", ""},
		{L2VPNVPLS, "vpls rd 1:1 endpoint 1 base 2 offset 3 size 4", "next-hop=self", "next-hop self is not for vpls rd 1:1 endpoint 1 base 2 offset 3 size 4"},
		{L2VPNVPLS, "vpls rd 1:1 endpoint 1 base 2 offset 3 size 4", "next-hop=" + hop6, "next-hop 2001:db8::1 is not of the family of vpls rd 1:1 endpoint 1 base 2 offset 3 size 4"},
		{L2VPNVPLS, "vpls rd 1:1 endpoint 1 base 2 offset 3 size 4", "next-hop=" + hop4 + ";aigp=4", "a route of family l2vpn vpls can't have aigp"},
		{IPv4Flow, "flow destination 10.0.0.0/8", "", ""},
		{IPv4Flow, "flow destination 10.0.0.0/8", "extended-community=0x8006000000000000;community=1:1;large-community=1:1:1", ""},
		{IPv4Flow, "flow destination 10.0.0.0/8", "med=3", "a route of family ipv4 flow can't have med"},
		{IPv4Flow, "flow destination 10.0.0.0/8", "next-hop=" + hop4, "flow destination 10.0.0.0/8 has a next-hop, and no action sends packets there"},
		{IPv4Flow, "flow destination 10.0.0.0/8", "extended-community=redirect-to-nexthop", "flow destination 10.0.0.0/8 has no next-hop to send packets to"},
		{IPv4Flow, "flow destination 10.0.0.0/8", "next-hop=" + hop4 + ";extended-community=0x0800000000000001", ""},
		{IPv4Flow, "flow destination 10.0.0.0/8", "next-hop=" + hop6 + ";extended-community=redirect-to-nexthop", "next-hop 2001:db8::1 is not of the family of flow destination 10.0.0.0/8"},
		{IPv6FlowVPN, "flow destination 2001:db8::/32 rd 1:1", "next-hop=self;extended-community=redirect-to-nexthop", "next-hop self is not for flow destination 2001:db8::/32 rd 1:1"},
		{IPv6FlowVPN, "flow destination 2001:db8::/32 rd 1:1", "next-hop=" + hop6 + ";extended-community=redirect-to-nexthop", ""},
	} {
		k, err := ParseKey(c.f, c.nlri)
		if err != nil {
			t.Fatal(err)
		}
		values := map[Name][]string{}
		for attr := range strings.SplitSeq(c.attrs, ";") {
			if name, list, ok := strings.Cut(attr, "="); ok {
				values[Name(name)] = strings.Split(list, ",")
			}
		}
		err = CheckRoute(k, mustAttrs(t, values))
		var fault *Fault
		switch {
		case c.msg == "" && err != nil:
			t.Errorf("%s with %s: %v", k, c.attrs, err)
		case c.msg != "" && (!errors.As(err, &fault) || fault.Msg != c.msg):
			t.Errorf("%s with %s:\n got %v\nwant %s", k, c.attrs, err, c.msg)
		}
	}
}

func TestLabels(t *testing.T) {
	for text, want := range map[string]string{"0": "label 0", "1048575": "label 1048575", "16 17 0": "label [16 17 0]", "16 16": "label [16 16]"} {
		if a := mustAttrs(t, map[Name][]string{Label: strings.Fields(text)}); a.String() != want {
			t.Errorf("%s: %s", text, a)
		}
	}
	for _, text := range []string{"", "1048576", "-1", "0x10", "016", "0 16", "524288 3", "1 2 3 4", "x"} {
		if a, err := NewAttrs(map[Name][]string{Label: strings.Fields(text)}); err == nil {
			t.Errorf("%q: taken as %s", text, a)
		}
	}
}

func TestVPLSKeyRefuses(t *testing.T) {
	for _, c := range [][4]uint32{{65536, 1, 1, 1}, {1, 1 << 20, 1, 1}, {1, 1<<20 - 2, 1, 8}, {1, 1, 65536, 1}, {1, 1, 1, 65536}} {
		if k, err := VPLSKey("1:1", c[0], c[1], c[2], c[3]); err == nil {
			t.Errorf("%v: taken as %s", c, k)
		}
	}
	if k, err := VPLSKey("", 1, 1, 1, 1); err == nil {
		t.Errorf("no rd: taken as %s", k)
	}
}
