package bridge

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"routesync/bridge/wire"
	"routesync/state"
)

// TestRandomHistoriesOfThreePeers adds to [TestRandomHistories] what happens
// around a speaker: neighbors come and go with exaBGP's configuration, routes
// differ by peer, commanders change and do not wait, and updates are lost,
// repeated and mixed with snapshots on their way to the reader.
func TestRandomHistoriesOfThreePeers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		all := []*fakePeer{testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65000), testPeer("127.0.0.4", 65002)}
		w := newWorld(t, all...)
		static := desired(t, "10.255.0.0/16").Routes[0].Key
		for _, p := range all {
			p.cache[static] = attrs(t, nh)
		}
		w.exabgp.sessionUp(all[0])
		w.boot("boot-1", "run-0")
		w.lease("team")
		last := desired(t)
		for i := range rapid.IntRange(1, 25).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"file", "file", "file", "again", "flap", "reload", "lose", "refuse", "drift", "die", "time", "takeover", "missed", "twice", "snapshot", "beat"}).Draw(rt, "step") {
			case "file":
				last = drawFileOfThree(rt, t)
				w.commandIfSettled(last)
			case "again": // without a wait for what was sent before
				if l := w.core.leases["team"]; l != nil && w.replica.set.Complete {
					w.want(drawFileOfThree(rt, t))
				}
			case "flap":
				w.flap(rapid.SampledFrom(w.exabgp.peers).Draw(rt, "peer"))
			case "reload":
				p := rapid.SampledFrom(all[1:]).Draw(rt, "neighbor")
				if slices.Contains(w.exabgp.peers, p) {
					w.exabgp.peers = slices.DeleteFunc(slices.Clone(w.exabgp.peers), func(q *fakePeer) bool { return q == p })
					if p.up {
						w.exabgp.sessionDown(p)
					}
					p.cache = map[state.Key]state.Attrs{static: attrs(t, nh)}
				} else {
					w.exabgp.peers = append(slices.Clone(w.exabgp.peers), p)
					slices.SortFunc(w.exabgp.peers, func(a, b *fakePeer) int { return a.addr.Compare(b.addr) })
					w.exabgp.sessionUp(p)
				}
			case "lose":
				w.loseSome(rt)
			case "refuse":
				w.refuseSome(rt)
			case "drift":
				w.drift(rt)
			case "die":
				w.exabgp.flush()
				w.boot("boot-1", fmt.Sprintf("run-%d", i))
				w.leaseIfReady()
			case "takeover":
				w.leaseIfReady()
			case "time":
				w.now = w.now.Add(time.Minute)
				w.core.tick(w.now)
			case "missed":
				if w.core.news() {
					w.core.update()
				}
			case "twice":
				if w.core.news() {
					u := w.core.update()
					w.apply(u)
					w.apply(u)
				}
			case "snapshot":
				w.snapshot()
			case "beat":
				w.apply(w.core.beat())
			}
			for range rapid.IntRange(0, 6).Draw(rt, "progress") {
				if !w.step() || rapid.Bool().Draw(rt, "early") {
					w.exabgp.flush()
				}
			}
			w.oneInFlight(rt)
		}
		w.exabgp.lose, w.exabgp.refuse = nil, nil
		w.exabgp.allUp()
		w.settle()
		w.leaseIfReady()
		known := slices.DeleteFunc(slices.Clone(last.Routes), func(r state.Wanted) bool {
			return !r.Peers.All() && !slices.ContainsFunc(w.exabgp.peers, func(p *fakePeer) bool { return p.addr == r.Peers.Addrs()[0] })
		})
		last = &state.Desired{Owner: last.Owner, Speakers: last.Speakers, Routes: known}
		w.converge(rt, last)
		for _, r := range last.Routes {
			for _, a := range w.replica.set.Resolve(r.Peers, r.Key.Family) {
				if at, _ := w.replica.set.Grade(r.Key, r.Attrs, "team", a); at.Grade != state.Sent && w.core.findPeer(a) != nil {
					rt.Fatalf("%s at %s is %+v; %v peers %v lost %v refused %v", r.Key, a, at, maps.Collect(w.replica.set.Routes.All()), w.replica.set.Peers, w.core.lost, w.replica.set.Refused)
				}
			}
		}
		w.check(rt, last, static)
		if len(w.replica.set.Peers) != len(w.exabgp.peers) {
			rt.Fatalf("peers %v", w.replica.set.Peers)
		}
	})
}

func (w *world) leaseIfReady() {
	if g := w.asks(wire.Request{From: wire.Commander{ID: "w"}}); g.Refused == "" {
		w.snapshot()
	}
}

func drawFileOfThree(rt *rapid.T, t testing.TB) *state.Desired {
	var lines []string
	for _, prefix := range []string{"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"} {
		med := func() string { return rapid.SampledFrom([]string{"", " med 1", " med 2"}).Draw(rt, "med") }
		switch rapid.IntRange(0, 3).Draw(rt, "route") {
		case 0:
		case 1:
			lines = append(lines, prefix+" "+nh+med())
		default:
			for _, p := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.4"} {
				if rapid.Bool().Draw(rt, "here") {
					lines = append(lines, prefix+" "+nh+med()+" @"+p)
				}
			}
		}
	}
	return desired(t, lines...)
}
