package bridge

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"routesync/bridge/journal"
	"routesync/state"
)

func TestWithdrawTakesTheClaimBack(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.settle()
	w.want(desired(t))
	w.settle()
	w.holds(p)
	if len(w.claims) != 0 {
		t.Errorf("the journal claims %v after the withdraw", w.claims)
	}
	// Somebody else announces it while no bridge looks.
	p.change(desired(t, "10.0.0.0/24").Routes[0].Key, attrs(t, nh), false)
	w.exabgp.flush()
	w.boot("boot-1", "run-2")
	if plan := w.plan(desired(t), 0); len(plan.Foreign) != 1 {
		t.Errorf("foreign %+v, want the route of somebody else", plan.Foreign)
	}
}

func TestOwnerOfALostRouteIsForgottenOnceItIsAnnouncedAgain(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	d := desired(t, "10.0.0.0/24 "+nh)
	k := d.Routes[0].Key
	w.want(d)
	w.settle()
	p.change(k, state.Attrs{}, true) // behind the bridge's back
	w.settle()
	w.want(d)
	w.settle()
	w.want(desired(t))
	w.settle()
	w.holds(p)
	p.change(k, attrs(t, nh+" med 7"), false) // somebody else's now
	w.settle()
	if plan := w.plan(desired(t), 0); len(plan.Foreign) != 1 {
		t.Errorf("foreign %+v, want the route of somebody else", plan.Foreign)
	}
}

func TestPeerAddedByReloadGetsNothingThatIsNotForIt(t *testing.T) {
	a := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, a)
	b := w.exabgp.add(testPeer("127.0.0.3", 65001))
	d := desired(t, "10.0.0.0/24 "+nh+" @127.0.0.2")
	w.want(d)
	w.settle()
	w.exabgp.sessionUp(b)
	w.settle()
	w.holds(a, "10.0.0.0/24 "+nh)
	w.holds(b)
}

func TestRoutesOfAPeerAddedByReloadAreRead(t *testing.T) {
	a := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, a)
	b := w.exabgp.add(testPeer("127.0.0.3", 65001))
	k := desired(t, "10.9.0.0/16").Routes[0].Key
	b.cache[k] = attrs(t, nh+" med 9")
	w.exabgp.sessionUp(b)
	w.exabgp.flush() // before the bridge has asked who that is
	w.settle()
	if at := w.foreignGrade(b); at != state.Sent {
		t.Errorf("grade of the foreign route %v, want sent", at)
	}
	d := desired(t, "10.9.0.0/16 "+nh)
	w.want(d)
	w.settle()
	w.holds(b, "10.9.0.0/16 "+nh+" med 9")
}

// An UPDATE of a session that came up while exaBGP listed the sessions is proof.
func TestSessionUpWhileSessionsAreListed(t *testing.T) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65001)
	w := newWorld(t, a, b)
	w.exabgp.sessionUp(a)
	w.settle()
	w.lease("team")
	d := desired(t, "10.0.0.0/24 "+nh)
	w.want(d)
	w.settle()

	w.core.askNeighbors()
	for range 100 {
		e := w.core.take()
		listing := slices.Contains(e.lines, "show neighbor extensive")
		for _, line := range e.lines {
			w.exabgp.write(line)
		}
		if listing {
			// The lines of the second neighbor are out when its session comes up.
			lines := w.exabgp.out
			i := slices.Index(lines, "done")
			w.exabgp.out = slices.Clone(lines[:i])
			w.exabgp.sessionUp(b)
			w.exabgp.flush()
			w.exabgp.out = append(w.exabgp.out, lines[i:]...)
		}
		out := w.exabgp.out
		w.exabgp.out = nil
		for _, line := range out {
			w.core.line(line, w.now)
		}
		if listing {
			break
		}
	}
	w.settle()
	w.now = w.now.Add(time.Minute)
	w.core.tick(w.now)
	w.settle()
	if at := w.grade("10.0.0.0/24", nh, "127.0.0.3"); at.Grade != state.Sent {
		t.Errorf("at %+v, want sent", at)
	}
}

func TestPeerRemovedWhileItsCommandIsOut(t *testing.T) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65001)
	w := newWorld(t, a, b)
	w.exabgp.sessionUp(a)
	w.settle()
	w.lease("team")
	w.exabgp.peers = []*fakePeer{a}
	w.core.askNeighbors()
	w.core.pump()
	d := desired(t, "10.0.0.0/24 "+nh)
	w.want(d)
	w.settle()
	w.plan(d, 0)
	w.now = w.now.Add(time.Minute)
	w.core.tick(w.now)
	w.settle()
	w.plan(d, 0)
	for _, s := range w.core.table.entries[d.Routes[0].Key].slots {
		if w.core.findPeer(s.peer.Addr) != s.peer {
			t.Errorf("a route at %s, which is no neighbor any more", s.peer.Addr)
		}
	}
}

func TestPeerRemovedBeforeItsWithdrawGoesOut(t *testing.T) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65001)
	w := leasedWorld(t, a, b)
	w.want(desired(t, "10.0.0.0/24 "+nh+" @127.0.0.3"))
	w.settle()
	w.want(desired(t))
	w.core.adopt(nil, nil) // in the same turn of the loop
	w.core.take()
	w.settle()
	if !w.settled() {
		t.Error("the batch is not answered")
	}
}

func TestWithdrawAtARemovedPeerEnds(t *testing.T) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65001)
	w := leasedWorld(t, a, b)
	w.want(desired(t, "10.0.0.0/24 "+nh+" @127.0.0.3"))
	w.settle()
	w.exabgp.peers = []*fakePeer{a} // exaBGP reads its configuration again
	w.exabgp.sessionDown(b)
	w.settle()
	w.want(desired(t))
	w.settle()
	w.now = w.now.Add(time.Minute)
	w.core.tick(w.now)
	w.settle()
	w.want(desired(t))
	w.settle()
	w.plan(desired(t), 0)
}

func TestNeighborsThatCantBeReadLeaveTheJournalAlone(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	d := desired(t, "10.0.0.0/24 "+nh)
	w.want(d)
	w.settle()
	w.exabgp.garble = "show neighbor configuration"
	w.boot("boot-1", "run-2")
	if w.replica.set.Complete || len(w.claims) != 1 {
		t.Errorf("complete %v, journal %v; want an incomplete set and the claim", w.replica.set.Complete, w.claims)
	}
	w.exabgp.garble = ""
	w.now = w.now.Add(time.Minute)
	w.core.tick(w.now)
	w.settle()
	w.snapshot()
	w.plan(d, 0)
}

func TestTableThatIsNotShownIsAskedForAgain(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := newWorld(t, p)
	w.exabgp.garble = "show adj-rib out extensive"
	w.boot("boot-1", "run-2")
	w.exabgp.garble = ""
	w.now = w.now.Add(time.Minute)
	w.core.tick(w.now)
	w.settle()
	w.snapshot()
	if !w.replica.set.Complete {
		t.Error("the bridge never learns the table")
	}
}

func TestAnswerToTheVersionThatNeverEndsIsReported(t *testing.T) {
	w := &world{t: t, exabgp: newFake(t), now: time.Unix(1_800_000_000, 0)}
	w.core = newCore(identity{Speaker: "edge1", Boot: "b", Run: "r"}, journal.Memory{}, slog.New(slog.DiscardHandler))
	w.core.hello(w.now)
	w.core.take()
	w.core.line("exabgp 4.2.21", w.now) // exabgp.api.ack is off: no done
	w.core.tick(w.now.Add(time.Minute))
	if !strings.Contains(w.core.fault, "exabgp.api.ack") {
		t.Errorf("fault %q, want a word about exabgp.api.ack", w.core.fault)
	}
}

func TestBeatIsNoUpdate(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.settle()
	w.exabgp.sessionDown(p)
	for w.step() {
	}
	w.core.update() // lost on its way: nothing but grades and the session changed
	beat := w.core.beat()
	w.apply(beat)
	if at := w.grade("10.0.0.0/24", nh, "127.0.0.2"); at.Grade != state.Held {
		t.Errorf("the reader believes %v, want held", at.Grade)
	}
}

// A peer that exaBGP keeps sending other things to does not keep a change in
// flight for ever.
func TestBusyPeerDoesNotBlockAKey(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.exabgp.hide = func(k state.Key) bool { return k.String() == "10.0.0.0/24" }
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.settle()
	w.want(desired(t, "10.0.0.0/24 "+nh+" med 1"))
	w.settle()
	other := desired(t, "10.5.0.0/24").Routes[0].Key
	for i := range 600 {
		w.now = w.now.Add(time.Second)
		p.change(other, attrs(t, nh+" med "+string(rune('0'+i%10))), false)
		w.settle()
		w.core.tick(w.now)
		w.settle()
	}
	if !w.settled() {
		t.Error("after ten minutes the second change still waits for the first")
	}
}

func TestOverdueLooksAgainAtWhatWasInFlightElsewhere(t *testing.T) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65001)
	w := newWorld(t, a, b)
	w.exabgp.sessionUp(a)
	w.settle()
	w.lease("team")
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.settle()
	// exaBGP does not send it to b at all, and a change at a is in flight.
	w.exabgp.hide = func(state.Key) bool { return true }
	w.exabgp.sessionUp(b)
	w.settle()
	w.now = w.now.Add(3 * time.Second)
	w.core.tick(w.now)
	two := desired(t, "10.0.0.0/24 "+nh+" med 1 @127.0.0.2")
	two.Routes = append(two.Routes, desired(t, "10.0.0.0/24 "+nh+" @127.0.0.3").Routes...)
	w.want(two)
	w.settle()
	for range 60 {
		w.now = w.now.Add(time.Second)
		w.core.tick(w.now)
		w.settle()
	}
	if at := w.grade("10.0.0.0/24", nh, "127.0.0.3"); at.Grade != state.Unsent {
		t.Errorf("at %+v, want unsent", at)
	}
}

func TestForeignRouteThatComesUpWhileTheKeyIsInFlightElsewhere(t *testing.T) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65001)
	w := leasedWorld(t, a, b)
	k := desired(t, "10.0.0.0/24").Routes[0].Key
	w.want(desired(t, "10.0.0.0/24 "+nh+" @127.0.0.2"))
	w.step() // the command is out
	b.change(k, attrs(t, nh+" med 9"), false)
	a.up = false // exaBGP gets to b first
	w.exabgp.flush()
	a.up = true
	out := w.exabgp.out
	w.exabgp.out = nil
	for _, line := range out {
		w.core.line(line, w.now)
	}
	w.settle()
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.settle()
	w.holds(b, "10.0.0.0/24 "+nh+" med 9")
}

func TestUpdatesDoNotClearWhatWasNeverRefused(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.want(desired(t, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh))
	for w.step() {
	}
	if u := w.core.update(); len(u.Cleared) != 0 {
		t.Errorf("cleared %v, want nothing", u.Cleared)
	}
}

// What the peer was sent is not gone because exaBGP is slow to withdraw it.
func TestWithdrawThatIsLateIsNotDone(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.settle()
	w.want(desired(t))
	w.exabgp.stuck = true
	w.settle()
	w.now = w.now.Add(time.Minute)
	w.core.tick(w.now)
	w.settle()
	if w.replica.set.Routes.Len() != 1 || len(p.holds) != 1 {
		t.Errorf("advertised %v, the peer holds %v", maps.Collect(w.replica.set.Routes.All()), p.holds)
	}
}

// foreignGrade is how far 10.9.0.0/16 is at p, if it is nobody's that the bridge knows.
func (w *world) foreignGrade(p *fakePeer) state.Grade {
	for _, advert := range w.replica.set.Routes.Get(desired(w.t, "10.9.0.0/16").Routes[0].Key) {
		for _, at := range advert.At {
			if at.Peer == p.addr && advert.Owner == "" {
				return at.Grade
			}
		}
	}
	return 0
}

// What a peer says as it ends its session stands in the event, and exaBGP 4.2
// does not escape it: the session is looked up when the event can't be read.
func TestGarbledEndOfASession(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.settle()
	w.exabgp.sessionDown(p)
	w.exabgp.out[len(w.exabgp.out)-1] = `{ "exabgp": "4.0.1", "time": 1, "host" : "h", "pid" : 7, "ppid" : 1, "counter": 2, "type": "state", ` +
		`"neighbor": { "address": { "local": "127.0.0.1", "peer": "127.0.0.2" }, "state": "down", "reason": "message ("direction": "receive")" } }`
	w.settle()
	if at := w.grade("10.0.0.0/24", nh, "127.0.0.2"); at.Grade != state.Held {
		t.Errorf("grade %v, want held", at.Grade)
	}
}

// A value that somebody gives one peer, while a change of the route is still under
// way to another, is no word on that change: it is put right like any other.
func TestDriftBesideAChangeUnderWay(t *testing.T) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65001)
	w := leasedWorld(t, a, b)
	d := desired(t, "10.0.0.0/24 "+nh+" med 2")
	k := d.Routes[0].Key
	w.exabgp.stuck = true
	w.want(d)
	w.settle()
	takes := func(p *fakePeer) {
		for _, c := range p.pending {
			w.exabgp.send(p, c)
		}
		p.pending = nil
		w.settle()
	}
	takes(a)
	a.change(k, attrs(t, nh+" med 7"), false)
	takes(a)
	w.exabgp.stuck = false
	w.settle()
	w.want(d)
	w.settle()
	w.holds(a, "10.0.0.0/24 "+nh+" med 2")
	w.holds(b, "10.0.0.0/24 "+nh+" med 2")
	w.plan(d, 0)
}
