package state_test

import (
	"net/netip"
	"testing"

	"routesync/state"
)

// A digest is on the wire: another one for the same set is another version of it.
func TestDigestIsTheSameEverywhere(t *testing.T) {
	attrs, err := state.NewAttrs(map[state.Name][]string{state.NextHop: {"192.0.2.1"}})
	if err != nil {
		t.Fatal(err)
	}
	key := state.UnicastKey(netip.MustParsePrefix("10.0.0.0/8"), 0)
	d := state.Digest{}.Add(key, attrs, "team", netip.MustParseAddr("192.0.2.9"))
	if got, want := d.Sum(), "c740871304472ae04f88c69fc0d57ef4"; got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

// Every part of what is counted counts, and the bounds between them.
func TestDigestTellsApart(t *testing.T) {
	attrs := func(hop string) state.Attrs {
		a, err := state.NewAttrs(map[state.Name][]string{state.NextHop: {hop}})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	k := func(nlri string) state.Key { return state.Key{Family: state.IPv4Flow, NLRI: nlri} }
	peer := netip.MustParseAddr("192.0.2.9")
	seen := map[string]string{}
	for name, d := range map[string]state.Digest{
		"one":       state.Digest{}.Add(k("ab"), attrs("192.0.2.1"), "c", peer),
		"nlri":      state.Digest{}.Add(k("aa"), attrs("192.0.2.1"), "c", peer),
		"family":    state.Digest{}.Add(state.Key{Family: state.IPv6Flow, NLRI: "ab"}, attrs("192.0.2.1"), "c", peer),
		"attrs":     state.Digest{}.Add(k("ab"), attrs("192.0.2.2"), "c", peer),
		"owner":     state.Digest{}.Add(k("ab"), attrs("192.0.2.1"), "d", peer),
		"peer":      state.Digest{}.Add(k("ab"), attrs("192.0.2.1"), "c", peer.Next()),
		"bounds":    state.Digest{}.Add(k("abc"), state.Attrs{}, "d", peer),
		"bounds 2":  state.Digest{}.Add(k("ab"), state.Attrs{}, "cd", peer),
		"two peers": state.Digest{}.Add(k("ab"), attrs("192.0.2.1"), "c", peer).Add(k("ab"), attrs("192.0.2.1"), "c", peer.Next()),
	} {
		if other, twice := seen[d.Sum()]; twice {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[d.Sum()] = name
	}
}

func BenchmarkDigestAdd(b *testing.B) {
	attrs, err := state.NewAttrs(map[state.Name][]string{state.NextHop: {"192.0.2.1"}, state.Community: {"65000:1", "65000:2"}, state.ASPath: {"65001", "65002"}})
	if err != nil {
		b.Fatal(err)
	}
	keys, peer := plainKeys(1000), netip.MustParseAddr("192.0.2.9")
	var d state.Digest
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d = d.Add(keys[i%len(keys)], attrs, "team", peer)
	}
}

// plainKeys returns n keys in order.
func plainKeys(n int) []state.Key {
	keys := make([]state.Key, n)
	for i := range keys {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{1 + byte(i>>16), byte(i >> 8), byte(i), 0}), 24)
		keys[i] = state.UnicastKey(p, 0)
	}
	return keys
}
