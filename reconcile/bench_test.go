package reconcile

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"routesync/state"
)

// million is a table as large as the Internet's, and a speaker that has it.
func million(b *testing.B) (*fakeSpeaker, *state.Desired) {
	b.Helper()
	f, d := newFakeSpeaker(), &state.Desired{Owner: "team"}
	terms := file(b, "10.0.0.0/24").Routes[0].Terms
	var keys []state.Key
	for i := range 1_000_000 {
		keys = append(keys, state.UnicastKey(netip.PrefixFrom(netip.AddrFrom4([4]byte{1 + byte(i>>16), byte(i >> 8), byte(i), 0}), 24), 0))
		d.Routes = append(d.Routes, state.Wanted{Key: keys[i], Terms: terms})
	}
	keys, err := state.UnpackKeys(state.IPv4Unicast, state.PackKeys(keys))
	if err != nil {
		b.Fatal(err)
	}
	f.set.Routes.Set([]state.Advert{{Attrs: terms.Attrs, Owner: "team", At: []state.At{{Peer: peerA, Grade: state.Sent}}}}, keys...)
	return f, d
}

// save is d read from a file that was written anew, with another MED for a route.
func save(d *state.Desired, terms *state.Terms) *state.Desired {
	next := *d
	next.Routes = slices.Clone(d.Routes)
	next.Routes[500_000].Terms = terms
	return &next
}

// A route of a million is changed in the file, published, and confirmed.
func BenchmarkConvergeOneRoute(b *testing.B) {
	f, d := million(b)
	target := NewTarget()
	target.Set(d)
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- Converge(ctx, f, target, quiet()) }()
	f.inbox <- func() {}
	saves := []*state.Desired{save(d, file(b, "10.0.0.0/24 5").Routes[0].Terms), d}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		target.Set(saves[i%2])
		for n := len(f.sent()); len(f.sent()) == n; {
			time.Sleep(10 * time.Microsecond)
		}
	}
	b.StopTimer()
	cancel()
	<-done
}

func BenchmarkAssess(b *testing.B) {
	f, d := million(b)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		if a := Assess(d, f.Advertised(), state.Sent); a.Confirmed != len(d.Routes) {
			b.Fatalf("%d confirmed", a.Confirmed)
		}
	}
}
