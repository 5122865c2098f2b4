package bridge

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"routesync/bridge/exabgp"
	"routesync/bridge/wire"
	"routesync/state"
)

// gracefulWorld has a peer that keeps what it had until the end-of-RIB.
func gracefulWorld(t *testing.T) (*world, *fakePeer) {
	p := testPeer("127.0.0.2", 65001)
	p.manualEOR, p.graceful = true, true
	w := leasedWorld(t, p)
	w.now = w.now.Add(settleDown)
	w.core.tick(w.now)
	w.settle()
	return w, p
}

// A restarted exaBGP gets what was confirmed, whoever else is there, and the
// router that kept it drops none of it.
func TestReplay(t *testing.T) {
	w, p := gracefulWorld(t)
	w.want(desired(t, "10.0.0.0/24 "+nh+" med 5", "10.0.1.0/24 "+nh, "2001:db8::/32 next-hop 2001:db8::1"))
	w.settle()
	w.want(desired(t, "10.0.0.0/24 "+nh+" med 6", "10.0.1.0/24 "+nh, "2001:db8::/32 next-hop 2001:db8::1"))
	w.settle()
	had := maps.Clone(p.holds)
	w.exabgp.restart()
	w.boot("boot-2", "run-2")
	w.exabgp.sessionUp(p)
	w.settle()
	if !maps.Equal(p.holds, had) || len(p.stale) > 0 || len(p.dropped) > 0 {
		t.Errorf("the router holds %v, stale %v, dropped %v; want %v", p.holds, p.stale, p.dropped, had)
	}
	if want := p.negotiated; !slices.Equal(p.ended, want) {
		t.Errorf("end-of-RIB of %v, want %v", p.ended, want)
	}
	w.lease("team")
	w.snapshot()
	w.plan(desired(t, "10.0.0.0/24 "+nh+" med 6", "10.0.1.0/24 "+nh, "2001:db8::/32 next-hop 2001:db8::1"), 0)
	if len(w.before) > 0 || len(w.claims) != 3 {
		t.Errorf("the journal has %v of the life before, and %v", w.before, w.claims)
	}
}

// Nobody commands before exaBGP has taken what it had.
func TestReplayBeforeCommands(t *testing.T) {
	w, _ := gracefulWorld(t)
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.settle()
	w.exabgp.restart()
	w.core = w.successor("boot-2", "run-2")
	seen := false
	for w.step() {
		if w.core.phase != ready {
			seen = seen || w.core.phase == replaying
			w.core.request(wire.Request{Kind: wire.RequestLease, Owner: "team"}, "q", w.now)
			if g := w.core.out.grants[0].answer; g.Refused == "" {
				t.Fatalf("a lease while the bridge is in phase %d", w.core.phase)
			}
			w.core.out.grants = nil
		}
	}
	if !seen {
		t.Error("nothing was replayed")
	}
}

// TestReplayTwice: of a route that differs by peer, one value waits for the other to be
// taken. An exaBGP that is started once more meanwhile gets both.
func TestReplayTwice(t *testing.T) {
	p, q := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65001)
	w := leasedWorld(t, p, q)
	w.want(desired(t, "10.0.0.0/24 "+nh+" med 5 @127.0.0.2", "10.0.0.0/24 "+nh+" med 6 @127.0.0.3"))
	w.settle()
	w.exabgp.restart()
	w.core = w.successor("boot-2", "run-2")
	w.exabgp.allUp()
	for w.core.phase != replaying {
		w.step()
	}
	w.write(w.core.take()) // exaBGP reads nothing of it
	w.exabgp.restart()
	w.boot("boot-3", "run-3")
	w.exabgp.allUp()
	w.settle()
	w.holds(p, "10.0.0.0/24 "+nh+" med 5")
	w.holds(q, "10.0.0.0/24 "+nh+" med 6")
}

// What was withdrawn, even if exaBGP died before it had answered, and what has
// expired, is not revived.
func TestReplayRevivesNothing(t *testing.T) {
	w, p := gracefulWorld(t)
	w.want(desired(t, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh, "10.0.2.0/24 "+nh, "10.0.3.0/24 "+nh))
	w.settle()
	w.want(desired(t, "10.0.1.0/24 "+nh, "10.0.2.0/24 "+nh, "10.0.3.0/24 "+nh))
	w.settle()
	w.want(desired(t, "10.0.2.0/24 "+nh, "10.0.3.0/24 "+nh))
	w.write(w.core.take()) // the withdraw of 10.0.1.0/24, of which exaBGP reads nothing
	p.change(desired(t, "10.0.3.0/24").Routes[0].Key, state.Attrs{}, true)
	w.exabgp.flush() // somebody else's withdraw
	for _, line := range w.exabgp.out {
		w.core.line(line, w.now)
	}
	w.write(w.core.take())
	w.exabgp.restart()
	w.boot("boot-2", "run-2")
	w.exabgp.sessionUp(p)
	w.settle()
	w.holds(p, "10.0.2.0/24 "+nh)
}

// TestReplayOfLeases: a leased route is announced again if its commander was heard
// within the lease, however long exaBGP was gone.
func TestReplayOfLeases(t *testing.T) {
	for name, test := range map[string]struct {
		gone time.Duration
		want []string
	}{
		"soon": {30 * time.Second, []string{"10.0.0.0/24 " + nh, "10.0.1.0/24 " + nh}},
		"late": {time.Minute + time.Second, []string{"10.0.0.0/24 " + nh}},
	} {
		t.Run(name, func(t *testing.T) {
			w, p := gracefulWorld(t)
			w.ask("a", state.Revision{}, "")
			leased := desired(t, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh)
			leased.Routes[1].Lease = time.Minute.Milliseconds()
			w.want(leased)
			w.settle()
			w.now = w.now.Add(time.Hour)
			w.alive("a", state.Revision{})
			w.core.tick(w.now)
			w.settle()
			w.exabgp.restart()
			w.now = w.now.Add(test.gone)
			w.boot("boot-2", "run-2")
			w.exabgp.sessionUp(p)
			w.settle()
			w.holds(p, test.want...)
		})
	}
}

func TestReplayOfRoutesThatEnd(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	soon, late := w.now.Add(time.Minute), w.now.Add(time.Hour)
	w.types("+ 10.0.0.0/24 "+nh+" expires 1m", "+ 10.0.1.0/24 "+nh+" expires 1h", "+ 10.0.2.0/24 "+nh)
	w.settle()
	w.exabgp.restart()
	w.now = soon.Add(time.Second)
	w.boot("boot-2", "run-2")
	w.exabgp.sessionUp(p)
	w.settle()
	w.holds(p, "10.0.1.0/24 "+nh, "10.0.2.0/24 "+nh)
	if w.core.fault != "" {
		t.Errorf("the bridge says %q", w.core.fault)
	}
	w.now = late.Add(time.Second)
	w.core.tick(w.now)
	w.settle()
	w.holds(p, "10.0.2.0/24 "+nh)
}

// A bridge that dies in the middle of a replay leaves the rest to the next.
func TestReplayGoesOn(t *testing.T) {
	for steps := range 12 {
		w, p := gracefulWorld(t)
		w.want(desired(t, "10.0.0.0/24 "+nh+" med 1", "10.0.1.0/24 "+nh+" med 2", "10.0.2.0/24 "+nh+" med 3"))
		w.settle()
		had := maps.Clone(p.holds)
		w.exabgp.restart()
		w.core = w.successor("boot-2", "run-2")
		for range steps {
			w.step()
		}
		w.exabgp.out = nil
		w.boot("boot-2", "run-3")
		w.exabgp.sessionUp(p)
		w.settle()
		if !maps.Equal(p.holds, had) || len(p.dropped) > 0 {
			t.Errorf("after %d steps: the router holds %v, dropped %v; want %v", steps, p.holds, p.dropped, had)
		}
		w.lease("team")
		w.plan(desired(t, "10.0.0.0/24 "+nh+" med 1", "10.0.1.0/24 "+nh+" med 2", "10.0.2.0/24 "+nh+" med 3"), 0)
	}
}

// What exaBGP's table has of a peer is proven also by a bridge that had to wait for
// that: until then exaBGP was not to send it anything.
func TestReplayThatTakesLong(t *testing.T) {
	down, p := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65000)
	w := newWorld(t, down, p)
	p.cache[desired(t, "10.9.0.0/16").Routes[0].Key] = attrs(t, nh)
	w.exabgp.allUp()
	w.settle()
	w.lease("team")
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.settle()
	w.exabgp.sessionDown(down)
	w.settle()
	w.want(desired(t))
	w.exabgp.stuck = true
	w.settle()
	w.boot("boot-1", "run-2")
	if w.core.phase != replaying {
		t.Fatalf("the bridge is in phase %d", w.core.phase)
	}
	w.pass(sendPatience + time.Second)
	w.exabgp.stuck = false
	w.settle()
	w.snapshot()
	if g := w.foreignGrade(p); w.core.phase != ready || g != state.Sent {
		t.Errorf("in phase %d the route of somebody else is %v", w.core.phase, g)
	}
}

// What exaBGP's configuration announces by now stays exaBGP's own.
func TestReplayLeavesTheConfigurationAlone(t *testing.T) {
	w, p := gracefulWorld(t)
	w.want(desired(t, "10.0.0.0/24 "+nh+" med 1", "10.0.1.0/24 "+nh))
	w.settle()
	w.exabgp.restart()
	same, other := desired(t, "10.0.1.0/24").Routes[0].Key, desired(t, "10.0.0.0/24").Routes[0].Key
	p.cache[same], p.cache[other] = attrs(t, nh), attrs(t, nh+" med 9")
	w.boot("boot-2", "run-2")
	w.exabgp.sessionUp(p)
	w.settle()
	w.holds(p, "10.0.0.0/24 "+nh+" med 9", "10.0.1.0/24 "+nh)
	w.snapshot()
	if plan := w.plan(desired(t), 0); len(plan.Foreign) != 2 || len(w.core.refused) > 0 {
		t.Errorf("foreign %+v, refused %v", plan.Foreign, w.core.refused)
	}
}

// Without a journal the End-of-RIB waits for whoever knows what is wanted, and
// not for ever.
func TestEndOfRIBWaits(t *testing.T) {
	w, p := gracefulWorld(t)
	w.want(desired(t, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh))
	w.settle()
	for _, commanded := range []bool{true, false} {
		clear(w.claims)
		w.life = ""
		w.exabgp.restart()
		w.boot("boot-2", "run-2")
		w.exabgp.sessionUp(p)
		w.settle()
		if len(p.ended) > 0 {
			t.Fatal("end-of-RIB before anybody had a say")
		}
		if commanded {
			w.lease("team")
			w.want(desired(t, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh))
			w.settle()
			w.now = w.now.Add(settleDown)
		} else {
			w.now = w.now.Add(2 * time.Minute)
		}
		w.core.tick(w.now)
		w.settle()
		if len(p.ended) == 0 {
			t.Errorf("no end-of-RIB; commanded: %v", commanded)
		}
		if want := map[bool]int{true: 0, false: 2}[commanded]; len(p.dropped) != want {
			t.Errorf("the router dropped %v; commanded: %v", p.dropped, commanded)
		}
	}
}

// Each session has its End-of-RIB, and one without manual-eor none from here.
func TestEndOfRIBOfEachSession(t *testing.T) {
	w, p := gracefulWorld(t)
	for range 2 {
		if len(p.ended) != len(p.negotiated) {
			t.Fatalf("end-of-RIB of %v, want %v", p.ended, p.negotiated)
		}
		w.exabgp.sessionDown(p)
		w.settle()
		w.exabgp.sessionUp(p)
		w.settle()
	}
	w.boot("boot-1", "run-2") // which can't know whether there was one
	if len(p.ended) != 2*len(p.negotiated) {
		t.Errorf("end-of-RIB of %v", p.ended)
	}
	q := testPeer("127.0.0.3", 65001)
	v := newWorld(t, q)
	v.exabgp.sessionUp(q)
	v.settle()
	if len(q.ended) > 0 || slices.ContainsFunc(v.exabgp.wrote, func(l string) bool { return strings.Contains(l, "eor") }) {
		t.Errorf("end-of-RIB of %v to a peer that exaBGP sends it to itself", q.ended)
	}
}

// A helper that died may be owed any number of answers, to barriers too. They
// come to the next one, also behind the first answer to it.
func TestAnswersOwedToTheHelperBefore(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.settle()
	var owed []string
	for range 3 {
		owed = append(owed, "done", "done", "Peer            AS        up/down state       |     #sent     #recvd", "done")
	}
	w.core = w.successor("boot-1", "run-2")
	w.exabgp.say(owed...)
	for range 1000 { // a line at a time, each with all that the core makes of it
		e := w.core.take()
		w.write(e)
		for _, line := range e.lines {
			w.exabgp.write(line)
			if line == exabgp.Version && !w.core.cleared {
				w.exabgp.say(owed...)
			}
		}
		if len(w.exabgp.out) == 0 {
			w.exabgp.flush()
		}
		if len(w.exabgp.out) == 0 {
			break
		}
		line := w.exabgp.out[0]
		w.exabgp.out = w.exabgp.out[1:]
		w.core.line(line, w.now)
	}
	w.snapshot()
	w.lease("team")
	if w.core.fault != "" {
		t.Errorf("the bridge says %q", w.core.fault)
	}
	w.plan(desired(t, "10.0.0.0/24 "+nh), 0)
}

// exaBGP 4.2 ends itself at a flush of which no session is up.
func TestNoFlushOfWhatIsDown(t *testing.T) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65001)
	w := newWorld(t, a, b)
	w.exabgp.sessionUp(a)
	w.exabgp.sessionUp(b)
	w.settle()
	flushed := func() (n int) {
		for _, line := range w.core.take().lines {
			if strings.HasSuffix(line, "flush adj-rib out") {
				n++
			}
		}
		return n
	}
	w.core.flush(a.addr, b.addr)
	w.core.sessionDown(w.core.findPeer(a.addr), "")
	if n := flushed(); n != 1 {
		t.Errorf("%d flushes while one of two is up", n)
	}
	w.core.windows.out = nil
	w.core.flush(a.addr)
	if n := flushed(); n != 0 {
		t.Errorf("%d flushes of a peer that is down", n)
	}
}
