package bridge

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"routesync/state"
)

// TestRandomHistoriesWithPoison runs random files in which some routes are poison
// to one of two peers, session flaps, lost and refused answers, deaths of the
// bridge and time. Afterwards each peer holds what the last file says, less what
// is poison to it; only that is in quarantine, and no session falls any more.
func TestRandomHistoriesWithPoison(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65000)
		a.poisons = med("666", "667")
		a.raises = rapid.Bool().Draw(rt, "raises")
		a.drowns = rapid.SampledFrom([]int{0, 0, 2}).Draw(rt, "drowns")
		a.lag = time.Duration(rapid.IntRange(0, 2500).Draw(rt, "lag")) * time.Millisecond
		w := newWorld(t, a, b)
		w.exabgp.now = w.now
		for _, p := range w.exabgp.peers {
			w.exabgp.sessionUp(p)
		}
		w.settle()
		w.lease("team")
		last := desired(t)
		for i := range rapid.IntRange(1, 15).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"file", "file", "file", "time", "time", "flap", "lose", "refuse", "die"}).Draw(rt, "step") {
			case "file":
				last = drawPoison(rt, t)
				w.commandIfSettled(last)
			case "time":
				w.live(time.Duration(rapid.IntRange(1, 60).Draw(rt, "tenths")) * 100 * time.Millisecond)
			case "flap":
				p := rapid.SampledFrom(w.exabgp.peers).Draw(rt, "peer")
				p.back, p.doom = time.Time{}, time.Time{}
				w.flap(p)
			case "lose":
				w.loseSome(rt)
			case "refuse":
				w.refuseSome(rt)
			case "die":
				w.exabgp.flush()
				w.boot("boot-1", fmt.Sprintf("run-%d", i))
				w.leaseIfReady()
			}
			w.some(rt)
			w.oneInFlight(rt)
		}
		w.exabgp.lose, w.exabgp.refuse = nil, nil
		a.delay = min(a.delay, 5)
		w.settle()
		w.exabgp.allUp()
		a.back = time.Time{}
		w.leaseIfReady()
		// A commander, which tries again what was not done. Of much poison the session
		// falls often, and exaBGP waits for up to a minute each time.
		for i := 0; i < 20 || i < 60 && w.core.findPeer(a.addr).doubts.searching(); i++ {
			w.live(30 * time.Second)
			if w.core.leases["team"] == nil {
				w.leaseIfReady()
			}
			if w.settled() {
				w.want(last)
			}
		}
		fell := a.fell
		w.live(2 * time.Minute)
		if !a.up || a.fell != fell {
			rt.Fatalf("the session still falls, %d times: %s", a.fell, w.core.fault)
		}
		var kept []state.Wanted
		for _, r := range last.Routes {
			if !a.poisons(r.Key, r.Attrs) {
				kept = append(kept, r)
			}
		}
		for at, x := range w.banned {
			attrs, err := state.ParseCanonical(x.Value)
			if err != nil || at.peer != a.addr || !a.poisons(at.key, attrs) {
				rt.Fatalf("in quarantine: %+v", x)
			}
		}
		for _, p := range w.exabgp.peers {
			of := last
			if p == a {
				of = &state.Desired{Routes: kept}
			}
			w.checkPeer(rt, p, of)
		}
		for _, r := range last.Routes {
			at := place{r.Key, a.addr}
			_, banned := w.banned[at]
			refused := slices.ContainsFunc(w.replica.set.Refused, func(x state.Refusal) bool { return x.Key == r.Key })
			if poison := a.poisons(r.Key, r.Attrs); banned != poison || refused != poison {
				rt.Fatalf("%s %s: in quarantine %t, refused %t", r.Key, r.Attrs, banned, refused)
			}
		}
		if w.core.table.digest != w.replica.set.Digest() {
			rt.Fatalf("digest of the bridge %+v, of the reader %+v", w.core.table.digest, w.replica.set.Digest())
		}
		if p := w.core.findPeer(a.addr); p.doubts.searching() || len(p.doubts.fresh.at) > 0 {
			rt.Fatalf("a search goes on: %+v", p.doubts)
		}
	})
}

func drawPoison(rt *rapid.T, t testing.TB) *state.Desired {
	var lines []string
	for i := range 8 {
		med := rapid.SampledFrom([]string{"", "", " med 1", " med 2", " med 666", " med 667"}).Draw(rt, "med")
		if rapid.IntRange(0, 3).Draw(rt, "route") > 0 {
			lines = append(lines, fmt.Sprintf("10.0.%d.0/24 %s%s", i, nh, med))
		}
	}
	return desired(t, lines...)
}
