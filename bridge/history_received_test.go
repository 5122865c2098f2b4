package bridge

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"routesync/bridge/wire"
	"routesync/state"
)

// TestRandomReceived: whatever the peers announce, however often sessions flap,
// bridges die, messages get lost and readers begin anew: each reader ends with
// what exaBGP has, and no message is missed without a gap.
func TestRandomReceived(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, receiving("127.0.0.2", 65001), receiving("127.0.0.3", 65000))
		bound := func() {
			w.core.rcv.limit, w.core.rcv.size = rapid.IntRange(1, 8).Draw(rt, "limit"), rapid.IntRange(1, 4).Draw(rt, "size")
		}
		bound()
		readers := []*listener{w.listen(t), w.listen(t)}
		for i := range rapid.IntRange(1, 60).Draw(rt, "steps") {
			p := rapid.SampledFrom(w.exabgp.peers).Draw(rt, "peer")
			switch rapid.SampledFrom([]string{"hear", "hear", "hear", "hear", "publish", "publish", "flap", "die", "restart", "lose", "twice", "unlink", "sleep", "renew"}).Draw(rt, "step") {
			case "hear":
				if !p.up {
					w.exabgp.sessionUp(p)
				}
				k := desired(t, rapid.SampledFrom([]string{"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24", "2001:db8::/32"}).Draw(rt, "route")).Routes[0].Key
				hop := nh
				if k.Family == state.IPv6Unicast {
					hop = "next-hop 2001:db8::1"
				}
				w.exabgp.hear(p, k, rapid.SampledFrom([]state.Attrs{{}, attrs(t, hop), attrs(t, hop+" med 1")}).Draw(rt, "attributes"))
			case "publish":
				for _, m := range w.core.tell() {
					for _, l := range readers {
						l.carry(m)
					}
				}
			case "lose":
				for _, m := range w.core.tell() {
					for _, l := range readers {
						l.lose(m)
					}
				}
			case "twice":
				for _, m := range w.core.tell() {
					for _, l := range readers {
						l.carry(m)
						l.carry(m)
					}
				}
			case "flap":
				if p.up {
					w.exabgp.sessionDown(p)
				} else {
					w.exabgp.sessionUp(p)
				}
			case "die":
				w.exabgp.out, w.exabgp.listing, w.exabgp.behind = nil, nil, nil
				w.core = newCore(identity{Speaker: "edge1", Boot: "boot-1", Run: fmt.Sprintf("life-%d", i)}, w.memory(), w.core.log)
				bound()
				w.core.hello(w.now)
			case "restart":
				readers[0] = w.listen(t)
			case "unlink":
				w.core.resume()
			case "sleep":
				w.now = w.now.Add(wire.FollowLife + time.Second)
				w.core.tick(w.now)
			case "renew":
				for _, l := range readers {
					l.renew()
				}
			}
			for range rapid.IntRange(0, 3).Draw(rt, "progress") {
				if !w.step() {
					w.exabgp.flush()
				}
			}
		}
		// Everything comes to rest: readers renew, and ask again if their table is
		// late, as they do by the clock.
		w.settle()
		for _, l := range readers {
			l.renew()
			w.publish(readers...)
			if l.missed {
				rt.Fatalf("a message was lost, and no gap was said: %q", l.said)
			}
			if !l.replica.whole {
				l.ask()
				w.publish(readers...)
			}
			checkReceived(rt, w, l)
		}
	})
}

// lose is a message that does not come.
func (l *listener) lose(m telling) {
	if m.kind != wire.TypeReceived || m.to != "" && m.to != fmt.Sprintf("%p", l) {
		return
	}
	body, err := m.encode()
	if err != nil {
		l.t.Fatal(err)
	}
	lost, err := wire.DecodeReceived(body)
	if err != nil {
		l.t.Fatal(err)
	}
	if l.replica.whole && lost.Run == l.replica.run && lost.N > l.replica.n && len(lost.Changes) > 0 {
		l.missed = true
	}
}
