package bridge

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"routesync/bridge/wire"
	"routesync/state"
)

// plainKeys returns n keys in order.
func plainKeys(n int) []state.Key {
	keys := make([]state.Key, n)
	for i := range keys {
		keys[i] = state.UnicastKey(netip.PrefixFrom(netip.AddrFrom4([4]byte{1 + byte(i>>16), byte(i >> 8), byte(i), 0}), 24), 0)
	}
	return keys
}

// TestBatchesAreTheChanges: every change is in one batch, once, with what it asks
// for; announces come first; and no batch is larger than it may be.
func TestBatchesAreTheChanges(t *testing.T) {
	long := make([]string, 255)
	for i := range long {
		long[i] = fmt.Sprint(4_200_000_000 + i)
	}
	var terms []*state.Terms
	for i, path := range [][]string{nil, {"65001"}, long, long} {
		values := map[state.Name][]string{state.NextHop: {"192.0.2.1"}}
		if path != nil {
			values[state.ASPath] = path
		}
		a, err := state.NewAttrs(values)
		if err != nil {
			t.Fatal(err)
		}
		same := state.Terms{Attrs: a, Lease: int64(i % 2)}
		again := same
		terms = append(terms, &same, &again)
	}
	peers := [][]netip.Addr{nil, {netip.MustParseAddr("192.0.2.1")}, {netip.MustParseAddr("192.0.2.1")}, {netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")}}
	rapid.Check(t, func(t *rapid.T) {
		var changes []state.Change
		want := map[string]int{}
		for _, k := range plainKeys(rapid.IntRange(0, 300).Draw(t, "n")) {
			c := state.Change{Key: k, Peers: rapid.SampledFrom(peers).Draw(t, "peers")}
			if rapid.Bool().Draw(t, "announce") {
				c.Wanted = &state.Wanted{Key: k, Terms: rapid.SampledFrom(terms).Draw(t, "terms")}
			}
			if c.Wanted == nil || rapid.Bool().Draw(t, "replace") {
				c.Advert = &state.Advert{}
			}
			changes = append(changes, c)
			var lease int64
			if c.Wanted != nil {
				lease = c.Wanted.Lease
			}
			want[fmt.Sprint(k, c.Wanted == nil, c.After(), lease, c.Peers)]++
		}
		first, most := rapid.IntRange(1, 10).Draw(t, "first"), rapid.IntRange(10, 100).Draw(t, "most")
		got, size, withdraws := map[string]int{}, first, false
		for b := range batches(changes, first, most) {
			if n := b.Routes(); n == 0 || n > size {
				t.Fatalf("a batch has %d routes, and may have %d", n, size)
			}
			if size = min(2*size, most); withdraws && len(b.Announce) > 0 {
				t.Fatal("an announce comes behind a withdraw")
			}
			withdraws = withdraws || len(b.Withdraw) > 0
			for i, g := range slices.Concat(b.Announce, b.Withdraw) {
				for _, k := range g.Keys {
					got[fmt.Sprint(k, i >= len(b.Announce), g.Attrs, g.Lease, g.Peers)]++
				}
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("the batches are %v, want %v", got, want)
		}
	})
}

// TestBatchesAreBounded: however long the attributes are.
func TestBatchesAreBounded(t *testing.T) {
	var changes []state.Change
	path := make([]string, 255)
	for i, k := range plainKeys(2000) {
		for j := range path {
			path[j] = fmt.Sprint(4_200_000_000 + i + j)
		}
		a, err := state.NewAttrs(map[state.Name][]string{state.ASPath: path})
		if err != nil {
			t.Fatal(err)
		}
		changes = append(changes, state.Change{Key: k, Wanted: &state.Wanted{Key: k, Terms: &state.Terms{Attrs: a}}})
	}
	n := 0
	for b := range batches(changes, batchFirst, batchMost) {
		body, err := wire.EncodeBatch(b)
		if err != nil || len(body) > 2*batchBytes {
			t.Errorf("a batch of %d routes has %d bytes, %v", b.Routes(), len(body), err)
		}
		n += b.Routes()
	}
	if n != len(changes) {
		t.Errorf("%d routes came of %d", n, len(changes))
	}
}

// A million announces as they are published.
func BenchmarkBatches(b *testing.B) {
	terms := &state.Terms{}
	peers := []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	var changes []state.Change
	for _, k := range plainKeys(1_000_000) {
		changes = append(changes, state.Change{Key: k, Wanted: &state.Wanted{Key: k, Terms: terms}, Peers: peers})
	}
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		size := 0
		for batch := range batches(changes, batchFirst, batchMost) {
			body, err := wire.EncodeBatch(batch)
			if err != nil {
				b.Fatal(err)
			}
			size += len(body)
		}
		b.ReportMetric(float64(size)/float64(len(changes)), "B/route")
	}
}
