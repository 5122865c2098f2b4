package wire_test

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"routesync/bridge/wire"
	"routesync/state"
)

// plain returns n keys with the lengths that a full table has, in order.
func plain(n int) []state.Key {
	keys := make([]state.Key, n)
	for i := range keys {
		bits := 24 - i%5
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{1 + byte(i>>16), byte(i >> 8), byte(i), 0}), bits)
		keys[i] = state.UnicastKey(p.Masked(), 0)
	}
	return keys
}

func TestManyKeysArePacked(t *testing.T) {
	b := sampleBatch(t)
	for n, field := range map[int]string{16: `"nlri":[`, 17: `"prefixes":"`} {
		b.Announce[0].Keys = plain(n)
		b.Withdraw[0].Family, b.Withdraw[0].Keys = state.IPv4Unicast, plain(n)
		b.Adopt[0].Keys = plain(n)
		roundTrip(t, b, wire.EncodeBatch, wire.DecodeBatch)
		data, err := wire.EncodeBatch(b)
		if err != nil || strings.Count(string(data), field) != 3 {
			t.Errorf("%d keys: %s, %v; want %s three times", n, data, err, field)
		}
	}
	u := sampleUpdate(t)
	u.Entries[0].Keys = plain(1000)
	roundTrip(t, u, wire.EncodeUpdate, wire.DecodeUpdate)
	typed := sampleTyped(t)
	typed.Commands[0].Keys = plain(1000)
	roundTrip(t, typed, wire.EncodeTyped, wire.DecodeTyped)
	answer := sampleAnswer(t)
	answer.Results[0].Outcomes[0].Keys = plain(1000)
	roundTrip(t, answer, wire.EncodeAnswer, wire.DecodeAnswer)

	one := plain(17)
	one[3] = mustKey(t, "10.0.1.0/24", 7)
	b.Announce[0].Keys = one
	roundTrip(t, b, wire.EncodeBatch, wire.DecodeBatch)
	if data, err := wire.EncodeBatch(b); err != nil || !strings.Contains(string(data), `"10.0.1.0/24 path-information 7"`) {
		t.Errorf("%s, %v; want a path identifier as text", data, err)
	}
}

func TestStrictPrefixes(t *testing.T) {
	b := sampleBatch(t)
	b.Announce[0].Keys = plain(17)
	data, err := wire.EncodeBatch(b)
	if err != nil {
		t.Fatal(err)
	}
	packed := base64.StdEncoding.EncodeToString(state.PackKeys(plain(17)))
	hosts := state.PackKeys(plain(17))
	hosts[0] = 22 // of 1.0.0.0/24
	hosts[3]++
	text := make([]string, 17)
	for i, k := range plain(17) {
		text[i] = fmt.Sprintf("%q", k)
	}
	field := fmt.Sprintf(`"prefixes":%q`, packed)
	for _, tc := range []struct{ name, with, want string }{
		{"as text", `"nlri":[` + strings.Join(text, ",") + `]`, "not canonical, which is packed"},
		{"few", `"prefixes":"` + base64.StdEncoding.EncodeToString(state.PackKeys(plain(16))) + `"`, "not canonical, which is text"},
		{"both", field + `,"nlri":["10.0.0.0/24"]`, "two lists"},
		{"none", `"prefixes":""`, "without nlri"},
		{"lines", `"prefixes":"` + packed[:8] + `\n` + packed[8:] + `"`, "in lines"},
		{"cut short", `"prefixes":"` + packed[:len(packed)-4] + `"`, "cut short"},
		{"unpadded", `"prefixes":"` + strings.TrimRight(packed+"AA==", "=") + `"`, "illegal base64"},
		{"host bits", `"prefixes":"` + base64.StdEncoding.EncodeToString(hosts) + `"`, "host bits"},
		{"length", `"prefixes":"` + base64.StdEncoding.EncodeToString([]byte{33, 1, 2, 3, 4, 5}) + `"`, "has length 33"},
	} {
		bad := strings.Replace(string(data), field, tc.with, 1)
		if bad == string(data) {
			t.Fatalf("%s is not in %s", field, data)
		}
		if b, err := wire.DecodeBatch([]byte(bad)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, %v; want an error with %q", tc.name, b, err, tc.want)
		}
	}
	other := strings.Replace(string(data), `"family":"ipv4 unicast","attributes"`, `"family":"ipv4 nlri-mpls","attributes"`, 1)
	if _, err := wire.DecodeBatch([]byte(other)); err == nil || !strings.Contains(err.Error(), "not packed") {
		t.Errorf("of a family with labels: %v", err)
	}
}

func BenchmarkEncodeBatch(b *testing.B) {
	batch := sampleBatch(b)
	batch.Announce[0].Keys = plain(50_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.EncodeBatch(batch); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeBatch(b *testing.B) {
	batch := sampleBatch(b)
	batch.Announce[0].Keys = plain(50_000)
	benchmarkDecode(b, batch, wire.EncodeBatch, wire.DecodeBatch)
}

func BenchmarkDecodeSnapshotPart(b *testing.B) {
	u := sampleUpdate(b)
	u.Entries[0].Keys = plain(50_000)
	benchmarkDecode(b, u, wire.EncodeUpdate, wire.DecodeUpdate)
}

func benchmarkDecode[T any](b *testing.B, v T, encode func(T) ([]byte, error), decode func([]byte) (T, error)) {
	data, err := encode(v)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
