package state_test

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"routesync/state"
)

func drawPlainKeys(t *rapid.T) []state.Key {
	is6 := rapid.Bool().Draw(t, "is6")
	return rapid.SliceOf(rapid.Custom(func(t *rapid.T) state.Key {
		var a [16]byte
		copy(a[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address"))
		addr, bits := netip.AddrFrom16(a), rapid.IntRange(0, 128).Draw(t, "bits")
		if !is6 {
			addr, bits = netip.AddrFrom4([4]byte(a[:4])), bits/4
		}
		return state.UnicastKey(netip.PrefixFrom(addr, bits).Masked(), 0)
	})).Draw(t, "keys")
}

// What is packed is the prefixes as RFC 4271 §4.3 has them, and comes back.
func TestPackedKeysComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := drawPlainKeys(t)
		packed := state.PackKeys(keys)
		var want []byte
		for _, k := range keys {
			p := k.Prefix()
			want = append(want, byte(p.Bits()))
			want = append(want, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
		}
		if !bytes.Equal(packed, want) {
			t.Fatalf("packed %x, want %x", packed, want)
		}
		if len(keys) == 0 {
			return
		}
		back, err := state.UnpackKeys(keys[0].Family, packed)
		if err != nil || !slices.Equal(back, keys) {
			t.Fatalf("%v, %v; want %v", back, err, keys)
		}
	})
}

func TestOnlyPlainKeysArePacked(t *testing.T) {
	p4, p6 := netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")
	multicast, err := state.PrefixKey(state.IPv4Multicast, p4, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	plain := state.UnicastKey(p4, 0)
	for name, keys := range map[string][]state.Key{
		"a path identifier": {plain, state.UnicastKey(p4, 1)},
		"two families":      {plain, state.UnicastKey(p6, 0)},
		"another family":    {multicast},
	} {
		if packed := state.PackKeys(keys); packed != nil {
			t.Errorf("%s: packed as %x", name, packed)
		}
	}
	if state.PackKeys([]state.Key{plain}) == nil {
		t.Error("a plain key was not packed")
	}
}

// FuzzUnpackKeys: what is unpacked is packed as it was, and every key is one
// that text can say.
func FuzzUnpackKeys(f *testing.F) {
	f.Add(false, []byte{24, 10, 0, 1, 0, 32, 1, 2, 3, 4, 9, 10, 128})
	f.Add(true, []byte{32, 0x20, 0x01, 0x0d, 0xb8, 0})
	f.Fuzz(func(t *testing.T, is6 bool, packed []byte) {
		family := state.IPv4Unicast
		if is6 {
			family = state.IPv6Unicast
		}
		keys, err := state.UnpackKeys(family, packed)
		if err != nil {
			if keys != nil {
				t.Errorf("%v beside an error", keys)
			}
			return
		}
		if again := state.PackKeys(keys); !bytes.Equal(again, packed) {
			t.Errorf("packed again: %x, want %x", again, packed)
		}
		for _, k := range keys {
			if back, err := state.ParseKey(family, k.String()); err != nil || back != k {
				t.Errorf("key %s is read as %v, %v", k, back, err)
			}
		}
	})
}

func BenchmarkUnpackKeys(b *testing.B) {
	var keys []state.Key
	for i := range 50_000 {
		keys = append(keys, state.UnicastKey(netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i), 0}), 24), 0))
	}
	packed := state.PackKeys(keys)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := state.UnpackKeys(state.IPv4Unicast, packed); err != nil {
			b.Fatal(err)
		}
	}
}
