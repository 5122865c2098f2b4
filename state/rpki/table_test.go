package rpki

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"routesync/state"
)

// TestValidate has the cases of RFC 6811 §2 and RFC 6483 §4.
func TestValidate(t *testing.T) {
	p := netip.MustParsePrefix
	now := time.Unix(1_800_000_000, 0)
	table := NewTable([]VRP{
		{p("192.0.2.0/24"), 24, 64496, 0},
		{p("198.51.100.0/22"), 24, 64496, 0},
		{p("198.51.100.0/24"), 24, 64497, 0},
		{p("203.0.113.0/24"), 32, 0, 0},
		{p("10.0.0.0/8"), 16, 64496, now.Unix()}, // expires now
		{p("10.1.0.0/16"), 16, 64496, now.Unix() + 1},
		{p("2001:db8::/32"), 48, 64496, 0},
	}, now)
	for _, tc := range []struct {
		prefix string
		origin uint32
		want   State
		about  string
	}{
		{"192.0.2.0/24", 64496, Valid, "[AS64496 192.0.2.0/24]"},
		{"192.0.2.0/24", 64497, Invalid, "[AS64496 192.0.2.0/24]"},
		{"192.0.2.0/25", 64496, Invalid, "[AS64496 192.0.2.0/24]"}, // longer than it may be
		{"192.0.2.0/23", 64496, NotFound, "[]"},                    // no VRP holds it
		{"192.0.0.0/16", 64496, NotFound, "[]"},
		{"192.0.2.0/24", 0, Invalid, "[AS64496 192.0.2.0/24]"}, // no origin matches nothing
		{"198.51.100.0/24", 64496, Valid, "[AS64496 198.51.100.0/22-24]"},
		{"198.51.100.0/24", 64497, Valid, "[AS64497 198.51.100.0/24]"},
		{"198.51.100.0/24", 64498, Invalid, "[AS64497 198.51.100.0/24 AS64496 198.51.100.0/22-24]"},
		{"198.51.101.0/24", 64497, Invalid, "[AS64496 198.51.100.0/22-24]"},
		{"203.0.113.7/32", 64496, Invalid, "[AS0 203.0.113.0/24-32]"}, // AS 0 lets nobody
		{"203.0.113.7/32", 0, Invalid, "[AS0 203.0.113.0/24-32]"},     // and is not the AS of no origin
		{"10.2.0.0/16", 64497, NotFound, "[]"},                        // the only one has expired
		{"10.1.0.0/16", 64497, Invalid, "[AS64496 10.1.0.0/16]"},
		{"2001:db8:1::/48", 64496, Valid, "[AS64496 2001:db8::/32-48]"},
		{"2001:db8:1::/49", 64496, Invalid, "[AS64496 2001:db8::/32-48]"},
		{"2001:db9::/32", 64496, NotFound, "[]"},
		{"0.0.0.0/0", 64496, NotFound, "[]"},
	} {
		got, about := table.Validate(p(tc.prefix), tc.origin, now)
		if got != tc.want || fmt.Sprint(about) != tc.about {
			t.Errorf("%s of AS%d is %s by %v, want %s by %s", tc.prefix, tc.origin, got, about, tc.want, tc.about)
		}
	}
}

// TestValidateLikeTheSlowWay: as who walks all VRPs would have it.
func TestValidateLikeTheSlowWay(t *testing.T) {
	prefix := rapid.Custom(func(t *rapid.T) netip.Prefix {
		addr := netip.AddrFrom4([4]byte{10, 0, byte(rapid.IntRange(0, 3).Draw(t, "a")), byte(rapid.IntRange(0, 255).Draw(t, "b"))})
		if rapid.Bool().Draw(t, "ipv6") {
			addr = netip.AddrFrom16([16]byte{0x20, 0x01, 14: byte(rapid.IntRange(0, 3).Draw(t, "a"))})
		}
		p, _ := addr.Prefix(rapid.IntRange(max(0, addr.BitLen()-18), addr.BitLen()).Draw(t, "bits"))
		return p
	})
	now := time.Unix(1_800_000_000, 0)
	rapid.Check(t, func(t *rapid.T) {
		vrps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) VRP {
			p := prefix.Draw(t, "vrp")
			return VRP{
				Prefix: p, MaxLength: uint8(rapid.IntRange(p.Bits(), p.Addr().BitLen()).Draw(t, "max")),
				ASN: uint32(rapid.IntRange(0, 3).Draw(t, "as")), Expires: rapid.SampledFrom([]int64{0, now.Unix() - 1, now.Unix() + 1}).Draw(t, "expires"),
			}
		}), 1, 40).Draw(t, "vrps")
		table := NewTable(slices.Clone(vrps), now)
		for range 20 {
			p, origin := prefix.Draw(t, "prefix"), uint32(rapid.IntRange(0, 3).Draw(t, "origin"))
			want := NotFound
			for _, v := range vrps {
				if !v.Prefix.Overlaps(p) || v.Prefix.Bits() > p.Bits() || v.Expires != 0 && v.Expires <= now.Unix() {
					continue
				}
				if want == NotFound {
					want = Invalid
				}
				if v.ASN == origin && origin != 0 && p.Bits() <= int(v.MaxLength) {
					want = Valid
				}
			}
			if got, about := table.Validate(p, origin, now); got != want {
				t.Fatalf("%s of AS%d is %s by %v, want %s", p, origin, got, about, want)
			}
		}
	})
}

func TestOrigin(t *testing.T) {
	for _, tc := range []struct {
		path  []string
		local uint32
		as    uint32
		known bool
	}{
		{nil, 64496, 64496, true},
		{nil, 0, 0, false},
		{[]string{"64497"}, 64496, 64497, true},
		{[]string{"64496", "64498"}, 0, 64498, true},
		{[]string{"64496", "(64498 64499)"}, 64496, 0, true},
	} {
		values := map[state.Name][]string{state.NextHop: {"192.0.2.1"}}
		if tc.path != nil {
			values[state.ASPath] = tc.path
		}
		attrs, err := state.NewAttrs(values)
		if err != nil {
			t.Fatal(err)
		}
		if as, known := Origin(attrs, tc.local); as != tc.as || known != tc.known {
			t.Errorf("%v from AS%d is of AS%d, %t; want %d, %t", tc.path, tc.local, as, known, tc.as, tc.known)
		}
	}
}

// large is a file of as many VRPs as there are, and will be for years.
func large(b *testing.B, n int) []byte {
	b.Helper()
	type roa struct {
		ASN       int    `json:"asn"`
		Prefix    string `json:"prefix"`
		MaxLength int    `json:"maxLength"`
		TA        string `json:"ta"`
		Expires   int64  `json:"expires"`
	}
	roas := make([]roa, n)
	for i := range roas {
		addr := netip.AddrFrom4([4]byte{byte(1 + i>>16), byte(i >> 8), byte(i), 0})
		bits := 24 - i%3
		p, err := addr.Prefix(bits)
		if err != nil {
			b.Fatal(err)
		}
		roas[i] = roa{64496 + i%1000, p.String(), 24, "ripe", 1795687200}
	}
	data, err := json.MarshalIndent(map[string]any{"metadata": map[string]string{"buildtime": "2026-11-26T10:00:00Z"}, "roas": roas}, "", "\t")
	if err != nil {
		b.Fatal(err)
	}
	return data
}

func BenchmarkParse(b *testing.B) {
	data := large(b, 600_000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	table, err := Parse(large(b, 600_000))
	if err != nil {
		b.Fatal(err)
	}
	now := time.Unix(1_790_000_000, 0)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		addr := netip.AddrFrom4([4]byte{byte(1 + i>>16%9), byte(i >> 8), byte(i), 0})
		table.Validate(netip.PrefixFrom(addr, 24), 64496, now)
	}
}
