package state

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
)

func mustAttrs(t *testing.T, values map[Name][]string) Attrs {
	t.Helper()
	a, err := NewAttrs(values)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAttrsAreCanonical(t *testing.T) {
	a := mustAttrs(t, map[Name][]string{
		NextHop: {"2001:DB8::1"}, MED: {"0x10"}, Community: {"no-export", "65000:10", "65000:9", "65535:65281"},
		ASPath: {"1.1", "(3 2)"}, AtomicAggregate: {}, PrefixSID: {"300", "( 800000,100 )"},
	})
	want := "next-hop 2001:db8::1 as-path [65537 (2 3)] med 16 atomic-aggregate community [65000:9 65000:10 no-export] bgp-prefix-sid [300 (800000,100)]"
	if a.String() != want {
		t.Errorf("%s\nwant\n%s", a, want)
	}
	if again := mustAttrs(t, maps.Collect(a.All())); again != a {
		t.Errorf("what All yields makes %q of %q", again, a)
	}
	var names []Name
	for name := range a.All() {
		names = append(names, name)
	}
	if !slices.IsSortedFunc(names, func(a, b Name) int { return slices.Index(Names(), a) - slices.Index(Names(), b) }) {
		t.Errorf("not in the order of Names: %v", names)
	}
}

func TestWhatBGPMeansByAbsentIsAbsent(t *testing.T) {
	none := mustAttrs(t, nil)
	if none != (Attrs{}) || none.String() != "" {
		t.Errorf("no attributes are %q", none)
	}
	for name, value := range map[Name]string{Origin: "IGP", LocalPreference: "0x64"} {
		if a := mustAttrs(t, map[Name][]string{name: {value}}); a != none {
			t.Errorf("%s %s is %q", name, value, a)
		}
	}
	if a := mustAttrs(t, map[Name][]string{MED: {"0"}}); a == none {
		t.Error("med 0 is no med")
	}
}

func TestAttrsRefuse(t *testing.T) {
	many := func(prefix string, n int) []string {
		var values []string
		for i := range n {
			values = append(values, prefix+FormatCommunity(uint32(i+1)))
		}
		return values
	}
	asns := slices.Repeat([]string{"65001"}, 256)
	for msg, values := range map[string]map[Name][]string{
		`attribute "weight" is not known`:                                   {"weight": {"1"}},
		"med takes one value, not 2":                                        {MED: {"1", "2"}},
		"med is empty":                                                      {MED: {}},
		"community is empty":                                                {Community: nil},
		"atomic-aggregate takes no value":                                   {AtomicAggregate: {""}},
		"as-path has something after its as set":                            {ASPath: {"1", "(2 3)", "4"}},
		"as-path has 256 members; a segment holds 255":                      {ASPath: asns},
		"bgp-prefix-sid is not one label index and then (BASE,RANGE) pairs": {PrefixSID: {"(1,2)"}},
		"attribute 0x63 is given twice":                                     {Raw: {"0x63 0xc0 0x01", "0x63 0xc0 0x02"}},
		"bgp-prefix-sid and bgp-prefix-sid-srv6 are one attribute; a route may have one of them": {PrefixSID: {"1"}, PrefixSIDSRv6: {"vpn ::1"}},
		"the attributes take 4004 bytes on the wire; a route may have 3800":                      {Community: many("", 1000)},
		"the attributes take 3816 bytes on the wire; a route may have 3800":                      {LargeCommunity: many("1:", 317), MED: {"1"}},
		"med 4294967296 is over 4294967295":                                                      {MED: {"4294967296"}},
	} {
		got, err := NewAttrs(values)
		var fault *Fault
		if !errors.As(err, &fault) || fault.Msg != msg {
			t.Errorf("want %q: %v", msg, err)
		}
		if got != (Attrs{}) {
			t.Errorf("%q: half a set was returned: %q", msg, got)
		}
	}
}

func TestWith(t *testing.T) {
	a := mustAttrs(t, map[Name][]string{NextHop: {"192.0.2.1"}, MED: {"1"}})
	b, err := a.With(MED, []string{"2"})
	if err != nil || b.String() != "next-hop 192.0.2.1 med 2" || a.String() != "next-hop 192.0.2.1 med 1" {
		t.Errorf("%q of %q, %v", b, a, err)
	}
	c, err := b.With(MED, nil)
	if err != nil || c.String() != "next-hop 192.0.2.1" || c.NextHop() != "192.0.2.1" {
		t.Errorf("%q, %v", c, err)
	}
	if _, ok := c.Get(MED); ok {
		t.Error("a removed med is there")
	}
	if _, err := a.With(MED, []string{"x"}); err == nil {
		t.Error("med x was taken")
	}
}

func TestCheckNextHop(t *testing.T) {
	for _, c := range []struct{ prefix, hop, want string }{
		{"10.0.0.0/8", "192.0.2.1", ""},
		{"10.0.0.0/8", "self", ""},
		{"2001:db8::/32", "2001:db8::1", ""},
		{"2001:db8::/32", "self", ""},
		{"10.0.0.0/8", "", "10.0.0.0/8 has no next-hop"},
		{"10.0.0.0/8", "2001:db8::1", "next-hop 2001:db8::1 is not of the family of 10.0.0.0/8"},
		{"2001:db8::/32", "192.0.2.1", "next-hop 192.0.2.1 is not of the family of 2001:db8::/32"},
	} {
		p, err := ParsePrefix(c.prefix)
		if err != nil {
			t.Fatal(err)
		}
		values := map[Name][]string{}
		if c.hop != "" {
			values[NextHop] = []string{c.hop}
		}
		got := ""
		if err := CheckNextHop(UnicastKey(p, 0), mustAttrs(t, values)); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s by %q: %q, want %q", c.prefix, c.hop, got, c.want)
		}
	}
}

func TestFormatValues(t *testing.T) {
	for want, values := range map[string][]string{"": nil, "1": {"1"}, "[1 2]": {"1", "2"}} {
		if got := FormatValues(values); got != want {
			t.Errorf("%s: %q", strings.Join(values, ","), got)
		}
	}
}
