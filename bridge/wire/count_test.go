package wire_test

import (
	"testing"

	"routesync/bridge/wire"
	"routesync/examples/lab/table"
	"routesync/state"
)

// realKeys are those of real prefixes, of which each family has its own list.
func realKeys(t testing.TB, v4, v6 int) []state.Key {
	t.Helper()
	var keys []state.Key
	for _, p := range table.Sample(v4, v6) {
		keys = append(keys, state.UnicastKey(p, 0))
	}
	if len(keys) != v4+v6 {
		t.Fatalf("%d prefixes", len(keys))
	}
	return keys
}

// TestCountsPerRoute: what a route costs in bytes on the wire and in allocations at
// both ends, of a real table. They are counted, so that a regression fails on any
// machine.
func TestCountsPerRoute(t *testing.T) {
	const n = 10_000
	b, u := sampleBatch(t), sampleUpdate(t)
	for _, tc := range []struct {
		name   string
		keys   []state.Key
		family state.Family
		bytes  float64
	}{
		{"IPv4", realKeys(t, n, 0), state.IPv4Unicast, 5.6},
		{"IPv6", realKeys(t, 0, 4000), state.IPv6Unicast, 9.3},
	} {
		b.Announce[0].Family, b.Announce[0].Keys, b.Withdraw, b.Adopt = tc.family, tc.keys, nil, nil
		u.Entries[0].Family, u.Entries[0].Keys = tc.family, tc.keys
		batch, err := wire.EncodeBatch(b)
		if err != nil {
			t.Fatal(err)
		}
		update, err := wire.EncodeUpdate(u)
		if err != nil {
			t.Fatal(err)
		}
		routes := float64(len(tc.keys))
		for what, got := range map[string]float64{"a batch": float64(len(batch)) / routes, "an update": float64(len(update)) / routes} {
			t.Logf("%s: %s has %.2f bytes for a route", tc.name, what, got)
			if got > tc.bytes {
				t.Errorf("%s: %s has %.2f bytes for a route, want at most %v", tc.name, what, got, tc.bytes)
			}
		}
		for _, c := range []struct {
			what string
			most float64
			do   func() error
		}{
			{"encode a batch", 0.02, func() error { _, err := wire.EncodeBatch(b); return err }},
			{"decode a batch", 0.05, func() error { _, err := wire.DecodeBatch(batch); return err }},
			{"encode an update", 0.02, func() error { _, err := wire.EncodeUpdate(u); return err }},
			{"decode an update", 0.05, func() error { _, err := wire.DecodeUpdate(update); return err }},
		} {
			got := testing.AllocsPerRun(3, func() {
				if err := c.do(); err != nil {
					t.Fatal(err)
				}
			}) / routes
			t.Logf("%s: to %s takes %.3f allocations for a route", tc.name, c.what, got)
			if got > c.most {
				t.Errorf("%s: to %s takes %.3f allocations for a route, want at most %v", tc.name, c.what, got, c.most)
			}
		}
	}
}
