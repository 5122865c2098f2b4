package bridge

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"routesync/state"
)

// silentWorld is a world with an exaBGP that answers no command.
func silentWorld(t *testing.T, peers ...*fakePeer) *world {
	w := newWorldOf(t, "3.4.8", peers...)
	w.pass(firstWord)
	w.snapshot()
	return w
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(tickEvery)
		w.core.tick(w.now)
		w.settle()
	}
}

func (w *world) respawn(run string) {
	w.boot("boot-1", run)
	w.pass(quietPause)
	w.snapshot()
}

func TestSilentExaBGP(t *testing.T) {
	p, q := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65000)
	w := silentWorld(t, p, q)
	if about := w.core.about(); !about.Ready || !slices.ContainsFunc(about.Lacks, func(s string) bool { return strings.Contains(s, "does not say whether") }) {
		t.Fatalf("%+v", about)
	}
	w.exabgp.sessionUp(p)
	w.settle()
	w.lease("team")
	d := desired(t, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh+" med 5")
	w.want(d)
	w.settle()
	w.plan(d, 0)
	w.holds(p, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh+" med 5")
	for _, addr := range []string{"127.0.0.2", "127.0.0.3"} { // of the second no event came
		if got := w.grade("10.0.0.0/24", nh, addr); got.Grade != state.Unsent || got.Reason != unsaidReason {
			t.Errorf("at %s: %+v", addr, got)
		}
	}
	lacks := func() []string { return w.core.about().Peers[1].Lacks }
	if !slices.Contains(lacks(), unheardLack) {
		t.Errorf("of a peer that nothing was heard of: %q", lacks())
	}
	w.exabgp.sessionUp(q)
	w.exabgp.sessionDown(q)
	w.settle()
	if got := w.grade("10.0.0.0/24", nh, "127.0.0.3"); got.Grade != state.Held {
		t.Errorf("at a peer that is down: %+v", got)
	}
	if len(lacks()) != 0 {
		t.Errorf("of a peer that was heard of: %q", lacks())
	}
	d = desired(t, "10.0.1.0/24 "+nh+" med 6")
	w.want(d)
	w.settle()
	w.pass(2 * lookAgain)
	w.plan(d, 0)
	w.holds(p, "10.0.1.0/24 "+nh+" med 6")
	if got := w.grade("10.0.1.0/24", nh+" med 6", "127.0.0.2"); got.Grade != state.Unsent {
		t.Errorf("%+v", got)
	}
}

// TestSilentFlap: 3.4 forgets what changed while a session was down.
func TestSilentFlap(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := silentWorld(t, p)
	w.exabgp.sessionUp(p)
	w.settle()
	w.lease("team")
	w.want(desired(t, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh, "10.0.2.0/24 "+nh))
	w.settle()
	w.exabgp.sessionDown(p)
	w.settle()
	d := desired(t, "10.0.1.0/24 "+nh+" med 6", "10.0.2.0/24 "+nh)
	w.want(d)
	w.settle()
	w.exabgp.sessionUp(p)
	w.settle()
	w.holds(p, "10.0.1.0/24 "+nh+" med 6", "10.0.2.0/24 "+nh)
	w.pass(3 * lookAgain)
	w.plan(d, 0)
	w.holds(p, "10.0.1.0/24 "+nh+" med 6", "10.0.2.0/24 "+nh)
	if n := len(w.core.quiet.given) + len(w.core.quiet.repeat) + len(w.core.quiet.withdrawn); n != 0 {
		t.Errorf("%d things are remembered for ever", n)
	}
}

// TestSilentRespawn: routes of the journal are ours, whether exaBGP lists them
// or not; what else it lists is not.
func TestSilentRespawn(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := silentWorld(t, p)
	w.exabgp.sessionUp(p)
	w.settle()
	w.lease("team")
	w.want(desired(t, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh, "10.0.2.0/24 "+nh))
	w.settle()
	w.exabgp.write("neighbor 127.0.0.2 announce route 10.9.0.0/24 " + nh)
	w.exabgp.flush()
	delete(p.seen, desired(t, "10.0.1.0/24").Routes[0].Key)

	w.respawn("run-2")
	if n := w.replica.set.Routes.Len(); n != 4 {
		t.Fatalf("%d routes are known, not 4: %v", n, maps.Collect(w.replica.set.Routes.All()))
	}
	w.lease("team")
	d := desired(t, "10.0.1.0/24 "+nh, "10.0.2.0/24 "+nh+" med 7")
	w.want(d)
	w.settle()
	w.plan(d, 0)
	w.holds(p, "10.0.1.0/24 "+nh, "10.0.2.0/24 "+nh+" med 7", "10.9.0.0/24 "+nh)
	w.want(desired(t))
	w.settle()
	w.pass(lookAgain)
	w.holds(p, "10.9.0.0/24 "+nh)
	if foreign := w.replica.set.Routes.Get(desired(t, "10.9.0.0/24").Routes[0].Key); len(foreign) != 1 || foreign[0].Owner != "" {
		t.Errorf("%+v", foreign)
	}
}

// TestSilentConfigured: what exaBGP's configuration announces is not taken over,
// and a withdraw is not repeated once something else may be there.
func TestSilentConfigured(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := newWorldOf(t, "3.4.8", p)
	w.epoch, w.core.respawned = 0, false
	w.pass(2 * quietPause)
	if w.core.about().Ready {
		t.Fatal("it is ready before exaBGP can list what its configuration announces")
	}
	w.exabgp.write("neighbor 127.0.0.2 announce route 10.9.0.0/24 " + nh)
	w.exabgp.sessionUp(p)
	w.pass(2 * quietPause)
	w.snapshot()
	w.lease("team")
	w.want(desired(t, "10.9.0.0/24 "+nh+" med 9", "10.0.0.0/24 "+nh))
	w.settle()
	w.want(desired(t))
	w.settle()
	w.exabgp.write("neighbor 127.0.0.2 announce route 10.0.0.0/24 " + nh + " med 7")
	w.settle()
	w.exabgp.wrote = nil
	w.pass(3 * lookAgain)
	w.holds(p, "10.9.0.0/24 "+nh, "10.0.0.0/24 "+nh+" med 7")
	if len(w.exabgp.wrote) != 0 || w.replica.set.Routes.Len() != 2 {
		t.Errorf("%q was given; %d routes are known", w.exabgp.wrote, w.replica.set.Routes.Len())
	}
}

// TestSilentStuck: an exaBGP that lists nothing any more is given up, and what
// it is asked next is not answered by what comes late.
func TestSilentStuck(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := silentWorld(t, p)
	w.exabgp.sessionUp(p)
	w.settle()
	w.lease("team")
	w.exabgp.stuck = true
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.settle()
	w.pass(answerPause + time.Second)
	w.exabgp.stuck = false
	w.exabgp.say(p.configuration34()...)
	w.settle()
	w.pass(2 * lookAgain)
	d := desired(t, "10.0.1.0/24 "+nh)
	w.want(d)
	w.settle()
	w.plan(d, 0)
	w.holds(p, "10.0.1.0/24 "+nh)
	if w.core.mute {
		t.Error("it is still said not to answer")
	}
}

// TestSilentRefusals: what 3.4 would drop without a word is not given to it.
func TestSilentRefusals(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := silentWorld(t, p)
	w.lease("team")
	w.want(desired(t, "10.0.0.0/24 "+nh+" large-community 1:2:3", "10.0.1.0/24 "+nh))
	w.settle()
	if len(w.exabgp.wrote) != 1 || len(w.replica.set.Refused) != 1 || !strings.Contains(w.replica.set.Refused[0].Reason, "exaBGP 3.4 does not take large-community") {
		t.Errorf("%q, refused %+v", w.exabgp.wrote, w.replica.set.Refused)
	}
}

// TestSilentRandom: whatever happens, in the end the peers hold what the file
// asks for and what was never the bridge's, once that is what the set says.
func TestSilentRandom(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, q := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65000)
		w := newWorldOf(t, "3.4.8", p, q)
		w.t = t
		w.exabgp.write("neighbor 127.0.0.2 , neighbor 127.0.0.3 announce route 10.9.0.0/24 " + nh)
		w.exabgp.sessionUp(p)
		w.exabgp.sessionUp(q)
		w.pass(firstWord)
		w.snapshot()
		w.lease("team")
		last := desired(t)
		for i := range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch peer := rapid.SampledFrom(w.exabgp.peers).Draw(rt, "peer"); rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0, 1:
				last = drawFile(rt, t)
				w.want(last)
				for range rapid.IntRange(0, 3).Draw(rt, "lines") {
					w.step()
				}
			case 2:
				if peer.up {
					w.exabgp.sessionDown(peer)
				}
			case 3:
				if !peer.up {
					w.exabgp.sessionUp(peer)
				}
			case 4:
				w.pass(rapid.SampledFrom([]time.Duration{time.Second, 2 * sendPatience, lookAgain}).Draw(rt, "pass"))
			default:
				w.exabgp.flush()
				w.respawn(fmt.Sprintf("run-%d", i+2))
				for _, p := range w.exabgp.peers {
					if !p.up { // as with every attempt
						w.exabgp.sessionDown(p)
					}
				}
				w.pass(firstWord)
				w.snapshot()
				w.lease("team")
			}
		}
		w.exabgp.allUp()
		w.converge(rt, last)
		w.pass(2 * lookAgain)
		w.converge(rt, last)
		static := desired(t, "10.9.0.0/24 "+nh).Routes[0]
		for _, p := range w.exabgp.peers {
			want := map[state.Key]state.Attrs{static.Key: static.Attrs}
			for _, r := range last.Routes {
				if r.Peers.All() || slices.Contains(r.Peers.Addrs(), p.addr) {
					want[r.Key] = r.Attrs
				}
			}
			if diff := cmp.Diff(want, p.holds, cmp.Comparer(func(a, b state.Attrs) bool { return a == b })); diff != "" {
				rt.Fatalf("peer %s (- want, + holds):\n%s", p.addr, diff)
			}
		}
	})
}
