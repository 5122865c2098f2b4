package exabgp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"routesync/state"
)

func TestCommands(t *testing.T) {
	a := attrs(t, map[state.Name][]string{
		state.NextHop: {"192.0.2.1"}, state.MED: {"5"}, state.ASPath: {"1", "2", "(3 4)"}, state.Aggregator: {"1:1.2.3.4"},
		state.AtomicAggregate: nil, state.ExtendedCommunity: {"target:192.0.2.1:5"}, state.PrefixSID: {"300", "(800000,100)"},
		state.Raw: {"0x63 0xc0 0x0102"},
	})
	peers := []netip.Addr{netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::2")}
	keys := []state.Key{key(t, "10.0.0.0/24", 0), key(t, "10.0.1.0/24", 7), key(t, "10.0.2.0/24", 0)}
	const words = " as-path [ 1 2 (3 4) ] next-hop 192.0.2.1 med 5 atomic-aggregate aggregator ( 1:1.2.3.4 ) attribute [ 0x10 0xc0 0x0102c00002010005 ]" +
		" attribute [ 0x28 0xc0 0x0100070000000000012c03000800000c3500000064 ] attribute [ 0x63 0xc0 0x0102 ]"
	got := v42.Announce(peers, a, keys)
	want := []string{
		"neighbor 192.0.2.2, neighbor 2001:db8::2 announce route 10.0.1.0/24 path-information 7" + words,
		"neighbor 192.0.2.2, neighbor 2001:db8::2 announce attributes" + words + " nlri 10.0.0.0/24 10.0.2.0/24",
	}
	if len(got) != 2 || got[0].Line != want[0] || got[1].Line != want[1] {
		t.Errorf("got\n%v\nwant\n%q", got, want)
	}
	if got := v42.Withdraw(nil, a, keys[:1]); len(got) != 1 || got[0].Line != "withdraw attributes"+words+" nlri 10.0.0.0/24" {
		t.Errorf("withdraw: %v", got)
	}
	if got := v42.Withdraw(nil, a, []state.Key{key(t, "2001:db8::/32", 0)}); strings.Contains(got[0].Line, "0x63") {
		t.Errorf("an ipv6 withdrawal carries raw attributes: %v", got)
	}
}

func TestEveryKeyIsInOneLineThatFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := genAttrs(false).Draw(t, "attrs")
		var keys []state.Key
		for i := range rapid.IntRange(0, 2000).Draw(t, "keys") {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
			keys = append(keys, state.UnicastKey(p, uint32(i%50/49)))
		}
		var got []state.Key
		for _, c := range v42.Announce(nil, a, keys) {
			if len(c.Line) >= maxLine && len(v42.attributeWords(state.IPv4Unicast, a)) < maxLine/2-100 {
				t.Fatalf("a line of %d bytes", len(c.Line))
			}
			if strings.ContainsAny(c.Line, "\n;{}#\"'\\") || len(c.Keys) == 0 {
				t.Fatalf("line %q", c.Line)
			}
			got = append(got, c.Keys...)
		}
		slices.SortFunc(got, state.CompareKeys)
		slices.SortFunc(keys, state.CompareKeys)
		if !slices.Equal(got, keys) {
			t.Fatalf("%d keys of %d", len(got), len(keys))
		}
	})
}

// TestRIBGivesBackWhatWasAnnounced reads back what exaBGP would print for a
// route that was announced: the words of the command in other case and
// spacing, next hop first.
func TestRIBGivesBackWhatWasAnnounced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v6 := rapid.Bool().Draw(t, "v6")
		a := genAttrs(v6).Draw(t, "attrs")
		prefix, family := "10.0.0.0/8", "ipv4 unicast"
		if v6 {
			prefix, family = "2001:db8::/32", "ipv6 unicast"
		}
		text := strings.NewReplacer("(", " ( ", ")", " ) ", "0xc0 ", "0xC0 ", "0xe0 ", "0xE0 ").Replace(v42.attributeWords(state.IPv4Unicast, a))
		line := fmt.Sprintf("neighbor 192.0.2.2 local-ip 192.0.2.1 local-as 1 peer-as 2 router-id 1.1.1.1 family-allowed in-open %s %s path-information 0.0.1.0 %s", family, prefix, text)
		e, err := v42.ParseRIB(line)
		if err != nil || e.Attrs != a || len(e.Unknown) > 0 || e.Key.PathID() != 256 {
			t.Fatalf("%s\n%+v\n%v %q\nwant %v", line, e, err, e.Unknown, a)
		}
	})
}

// genAttrs draws attributes that state takes, of every name.
func genAttrs(v6 bool) *rapid.Generator[state.Attrs] {
	return rapid.Custom(func(t *rapid.T) state.Attrs {
		number := func(limit uint64) string { return fmt.Sprint(rapid.Uint64Max(limit).Draw(t, "number")) }
		asn := func() string { return fmt.Sprint(rapid.Uint32Min(1).Draw(t, "as")) }
		ip4 := func() string {
			return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address"))).String()
		}
		bytes := func(n int) string { return fmt.Sprintf("%x", rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "bytes")) }
		some := func(one func() string) []string {
			var list []string
			for range rapid.IntRange(1, 4).Draw(t, "length") {
				list = append(list, one())
			}
			return list
		}
		values := map[state.Name][]string{state.NextHop: {"192.0.2.1"}}
		if v6 {
			values[state.NextHop] = []string{"2001:db8::1"}
		}
		for _, name := range state.Names() {
			if name == state.NextHop || rapid.IntRange(0, 2).Draw(t, string(name)) > 0 {
				continue
			}
			switch name {
			case state.Origin:
				values[name] = []string{rapid.SampledFrom([]string{"igp", "egp", "incomplete"}).Draw(t, "origin")}
			case state.ASPath:
				values[name] = append(some(asn), "("+strings.Join(some(asn), " ")+")")
			case state.MED, state.LocalPreference:
				values[name] = []string{number(1<<32 - 1)}
			case state.AtomicAggregate:
				values[name] = nil
			case state.Aggregator:
				values[name] = []string{asn() + ":" + ip4()}
			case state.Community:
				values[name] = some(func() string { return number(1<<16-1) + ":" + number(1<<16-1) })
			case state.OriginatorID:
				values[name] = []string{ip4()}
			case state.ClusterList:
				values[name] = some(ip4)
			case state.ExtendedCommunity:
				values[name] = some(func() string { return "0x" + bytes(8) })
			case state.AIGP:
				values[name] = []string{number(1<<64 - 1)}
			case state.LargeCommunity:
				values[name] = some(func() string { return number(1<<32-1) + ":" + number(1<<32-1) + ":" + number(1<<32-1) })
			case state.PrefixSID:
				values[name] = append([]string{number(1<<32 - 1)}, some(func() string { return "(" + number(1<<24-1) + "," + number(1<<24-1) + ")" })...)
			case state.PrefixSIDSRv6:
				if _, other := values[state.PrefixSID]; !other {
					values[name] = []string{rapid.SampledFrom([]string{"ipv6", "vpn", "l3vpn"}).Draw(t, "sid") + " 2001:db8::" + bytes(1)}
				}
			case state.Raw:
				values[name] = []string{fmt.Sprintf("0x%02x 0xe0 0x%s", rapid.IntRange(100, 120).Draw(t, "code"), bytes(3))}
			}
		}
		a, err := state.NewAttrs(values)
		if err != nil {
			t.Skip(err) // an extended community that exaBGP can't send
		}
		return a
	})
}

// TestAnnounceSpelled: the words are other ones, and what they say is the same.
func TestAnnounceSpelled(t *testing.T) {
	k := keyOf(t, state.IPv4Unicast, "10.0.0.0/24")
	for _, c := range []struct{ attrs, want string }{
		{"next-hop=192.0.2.1;med=1", "neighbor 192.0.2.2 announce attributes next-hop 192.0.2.1 med 1 local-preference 100 nlri 10.0.0.0/24"},
		{"next-hop=192.0.2.1;local-preference=7", "neighbor 192.0.2.2 announce attributes next-hop 192.0.2.1 local-preference 7 origin igp nlri 10.0.0.0/24"},
		{"next-hop=192.0.2.1;local-preference=7;origin=egp", ""},
	} {
		a, peer := set(t, c.attrs), []netip.Addr{netip.MustParseAddr("192.0.2.2")}
		d := DialectOf("4.2.21")
		got := d.AnnounceSpelled(peer, a, []state.Key{k})[0].Line
		want := c.want
		if want == "" {
			want = d.Announce(peer, a, []state.Key{k})[0].Line
		}
		if got != want || d.Spells(k.Family, a) != (c.want != "") {
			t.Errorf("%q, want %q", got, want)
		}
		_, listed, _ := strings.Cut(got, "attributes")
		listed, _, _ = strings.Cut(listed, " nlri")
		r, err := d.ParseRIB("neighbor 192.0.2.2 ipv4 unicast 10.0.0.0/24" + listed)
		if err != nil || r.Attrs != a {
			t.Errorf("listed as %q it is %v, %v", listed, r.Attrs, err)
		}
	}
}
