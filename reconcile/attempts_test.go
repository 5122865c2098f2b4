package reconcile

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"routesync/state"
)

// TestAttempts: a change is sent when it was not sent for some time, or when it was
// not to do meanwhile.
func TestAttempts(t *testing.T) {
	name := func(c state.Change) string { return fmt.Sprint(c.Key, c.Op(), c.After(), c.Peers) }
	var all []state.Change // in the order of a plan
	for _, prefix := range []string{"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"} {
		one, other := file(t, prefix).Routes[0], file(t, prefix+" 5").Routes[0]
		for _, peers := range [][]netip.Addr{nil, {peerA}} {
			all = append(all,
				state.Change{Key: one.Key, Wanted: &one, Peers: peers}, state.Change{Key: one.Key, Wanted: &other, Peers: peers},
				state.Change{Key: one.Key, Wanted: &one, Advert: &state.Advert{}, Peers: peers}, state.Change{Key: one.Key, Advert: &state.Advert{}, Peers: peers})
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		var a attempts
		sent := map[string]time.Time{}
		now := time.Unix(1_800_000_000, 0)
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
			var changes, want []state.Change
			still := map[string]time.Time{}
			for _, c := range all {
				if !rapid.Bool().Draw(t, "to do") {
					continue
				}
				changes = append(changes, c)
				last, tried := sent[name(c)]
				if !tried || now.Sub(last) >= tryAgain {
					last, want = now, append(want, c)
				}
				still[name(c)] = last
			}
			sent = still
			got := a.fresh(changes, now)
			if !slices.EqualFunc(got, want, func(x, y state.Change) bool { return name(x) == name(y) }) {
				t.Fatalf("sent %v, want %v", got, want)
			}
		}
	})
}
