package bridge

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"routesync/state"
)

// TestRandomHistoriesOfDeaths kills the bridge between any two of the things that
// it does, with what it has read and not written down, while routes change, also
// behind its back, and sessions fall. The next one may go on with what the journal
// has, or read it: either way it knows what exaBGP's table has for its peers, whose
// it is, and says of nothing that it was sent which the peer does not have.
func TestRandomHistoriesOfDeaths(t *testing.T) {
	resumed, read := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65000)
		b.negotiated = rapid.SampledFrom([][]state.Family{b.families, {state.IPv4Unicast}}).Draw(rt, "negotiated")
		a.manualEOR = rapid.Bool().Draw(rt, "manual-eor")
		w := newWorld(t, a, b)
		static := desired(t, "10.255.0.0/16").Routes[0].Key
		for _, p := range w.exabgp.peers {
			p.cache[static] = attrs(t, nh)
		}
		w.exabgp.allUp()
		w.boot("boot-1", "run-0")
		w.lease("team")
		last := desired(t)
		for i := range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"file", "file", "file", "flap", "lose", "refuse", "foreign", "die", "die", "die", "time", "time"}).Draw(rt, "step") {
			case "file":
				last = drawFile(rt, t)
				w.commandIfSettled(last)
			case "flap":
				w.flap(rapid.SampledFrom(w.exabgp.peers).Draw(rt, "peer"))
			case "lose":
				w.loseSome(rt)
			case "refuse":
				w.refuseSome(rt)
			case "foreign":
				w.foreign(rt, static)
			case "die":
				w.exabgp.given = nil
				w.die(rt, fmt.Sprint("run-", i))
				w.settle()
				switch {
				case len(w.asked()) > 0:
					read++
				default:
					resumed++
				}
				w.snapshot()
				w.pass(10 * time.Second)
				w.knows(rt)
				w.leaseIfReady()
			case "time":
				w.settle()
				w.pass(time.Duration(rapid.IntRange(1, 90).Draw(rt, "seconds")) * time.Second)
			}
			w.some(rt)
			w.oneInFlight(rt)
		}
		w.exabgp.lose, w.exabgp.refuse = nil, nil
		w.exabgp.allUp()
		w.settle()
		w.leaseIfReady()
		w.converge(rt, last)
		w.knows(rt)
	})
	t.Logf("%d times gone on with, %d times read", resumed, read)
	if resumed == 0 || read == 0 {
		t.Error("one of the two ways was never gone")
	}
}

// die ends the bridge somewhere, and starts the next.
func (w *world) die(rt *rapid.T, run string) {
	for range rapid.IntRange(0, 3).Draw(rt, "steps before") {
		w.step()
	}
	switch rapid.SampledFrom([]string{"before the journal", "before the commands", "in the midst of the commands", "idle"}).Draw(rt, "death") {
	case "before the commands":
		w.write(w.core.take())
	case "in the midst of the commands":
		e := w.core.take()
		w.write(e)
		for _, line := range e.lines[:rapid.IntRange(0, len(e.lines)).Draw(rt, "given")] {
			w.exabgp.write(line)
		}
	case "idle":
		w.settle()
		w.pass(time.Second)
	}
	if rapid.Bool().Draw(rt, "sent") {
		w.exabgp.flush()
	}
	// What it has read and not thought of; the next one reads the rest.
	w.exabgp.out = w.exabgp.out[rapid.IntRange(0, len(w.exabgp.out)).Draw(rt, "read"):]
	if len(w.exabgp.out) > 0 {
		first := w.exabgp.out[0]
		w.exabgp.out = slices.Clone(w.exabgp.out)
		w.exabgp.out[0] = first[rapid.SampledFrom([]int{0, 0, len(first) / 2}).Draw(rt, "torn"):]
	}
	w.core = w.successor("boot-1", run)
}

// foreign changes a route behind the bridge's back, at a peer that is up: what is
// changed at one that is down nobody hears of.
func (w *world) foreign(rt *rapid.T, k state.Key) {
	p := rapid.SampledFrom(w.exabgp.peers).Draw(rt, "at")
	if !p.up || p.fresh || len(p.pending) > 0 {
		return
	}
	med := rapid.SampledFrom([]string{"", " med 7", " med 8"}).Draw(rt, "to")
	p.change(k, attrs(w.t, nh+med), rapid.Bool().Draw(rt, "withdrawn"))
	w.exabgp.flush()
}

// knows compares what the bridge says with what is so.
func (w *world) knows(rt *rapid.T) {
	for _, p := range w.exabgp.peers {
		at := w.core.findPeer(p.addr)
		known := map[state.Key]*slot{}
		for k, e := range w.core.table.entries {
			if s := e.slot(at); s != nil && s.grade != state.Withdrawing {
				known[k] = s
			}
		}
		for k, a := range p.cache {
			switch s := known[k]; {
			case s == nil:
				rt.Fatalf("%s of %s is not known; known are %v", k, p.addr, slices.Collect(maps.Keys(known)))
			case !at.Same(k.Family, s.attrs, a):
				rt.Fatalf("%s of %s is said to be %v, and is %v", k, p.addr, s.attrs, a)
			case (s.owner == "team") == (k.String() == "10.255.0.0/16"):
				rt.Fatalf("%s of %s is said to be of %q", k, p.addr, s.owner)
			}
		}
		for k, s := range known {
			if _, is := p.cache[k]; !is {
				rt.Fatalf("%s is said to be announced to %s, as %v", k, p.addr, s.grade)
			}
			if held, is := p.holds[k]; s.grade == state.Sent && (!is || !at.Same(k.Family, s.attrs, held)) {
				rt.Fatalf("%s is said to be sent to %s, which has %v", k, p.addr, held)
			}
		}
		for k := range p.holds {
			if s := known[k]; s == nil && w.core.table.find(k, at) == nil {
				rt.Fatalf("%s has %s, which is not known", p.addr, k)
			}
		}
	}
}
