package guard

import (
	"net/netip"
	"testing"

	"routesync/state"
)

// BenchmarkOneOfAMillion: what a guard costs where one route of a million goes.
func BenchmarkOneOfAMillion(b *testing.B) {
	advertised := &state.Advertised{Speaker: "edge1", Complete: true, Peers: []state.Neighbor{{Addr: peerA, Up: true, Families: []state.Family{state.IPv4Unicast}}}}
	desired := &state.Desired{Owner: owner}
	attrs := attributes(b, "")
	terms := &state.Terms{Attrs: attrs, Tags: []string{"x"}}
	adverts := []state.Advert{{Attrs: attrs, Owner: owner, At: []state.At{{Peer: peerA, Grade: state.Sent}}}}
	for i := range 1_000_000 {
		k := state.UnicastKey(netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(20 + i>>16), byte(i >> 8), byte(i), 0}), 24), 0)
		advertised.Routes.Set(adverts, k)
		if i != 500_000 {
			desired.Routes = append(desired.Routes, state.Wanted{Key: k, Terms: terms})
		}
	}
	plan, err := state.Diff(desired, advertised)
	if err != nil {
		b.Fatal(err)
	}
	c := Case{Desired: desired, Advertised: advertised, Plan: plan}
	b.Run("clear", func(b *testing.B) {
		for b.Loop() {
			if !Clear(c, state.DefaultPolicy()) {
				b.Fatal("it takes a look at all of it")
			}
		}
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			Check(c, state.DefaultPolicy())
		}
	})
}
