package bridge

import (
	"strings"
	"testing"
	"time"

	"routesync/state"
)

// withdrawnWhileDown is a world with a peer of which the session is down, and a route
// that was withdrawn since.
func withdrawnWhileDown(t *testing.T) (*world, *fakePeer, state.Key) {
	t.Helper()
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	d := desired(t, "10.0.0.0/24 "+nh)
	w.want(d)
	w.settle()
	w.exabgp.sessionDown(p)
	w.settle()
	w.want(desired(t))
	w.settle()
	return w, p, d.Routes[0].Key
}

// A route that was withdrawn while the session was down, and that exaBGP sends
// all the same, is withdrawn again: also by a bridge that was started since.
func TestLatecomerIsWithdrawnAgain(t *testing.T) {
	for name, between := range map[string]func(*world){
		"the same bridge":                        func(*world) {},
		"a bridge that was started since":        func(w *world) { w.boot("boot-1", "run-2") },
		"a file that asks for another meanwhile": func(w *world) { w.want(desired(t, "10.0.1.0/24 "+nh)); w.settle() },
	} {
		t.Run(name, func(t *testing.T) {
			w, p, k := withdrawnWhileDown(t)
			between(w)
			w.sendOnce(p, k, attrs(t, nh))
			if _, there := p.holds[k]; there || w.core.table.entries[k] != nil {
				t.Errorf("the peer holds %v, the table has %v of it; want nothing", p.holds, w.core.table.entries[k])
			}
			w.now = w.now.Add(sendLimit)
			w.core.tick(w.now)
			w.settle()
			if len(w.claims[k]) > 0 || len(w.core.tardy) > 0 {
				t.Errorf("the journal has %v of it", w.claims[k])
			}
		})
	}
}

// exaBGP's table, which never had it any more, does not tell whether its withdraw
// was taken: one without an answer is given again, by a bridge that did not see
// the route sent too.
func TestLatecomerWhoseWithdrawIsLost(t *testing.T) {
	w, p, k := withdrawnWhileDown(t)
	w.exabgp.lose = func(line string) bool { return strings.Contains(line, "withdraw") }
	w.sendOnce(p, k, attrs(t, nh))
	w.boot("boot-1", "run-2")
	w.settle()
	w.exabgp.lose = nil
	if _, there := p.holds[k]; !there {
		t.Fatal("the peer does not hold the route; want it held, and its withdraws lost")
	}
	w.pass(4 * sendPatience)
	if _, there := p.holds[k]; there || w.core.table.entries[k] != nil || len(w.claims[k]) > 0 {
		t.Errorf("the peer holds %v, the table has %v of it, and the journal %v; want nothing", p.holds, w.core.table.entries[k], w.claims[k])
	}
}

// What was lost when it was given once more was not tried, and needs no pause.
func TestLatecomerWhoseWithdrawIsLostAgain(t *testing.T) {
	w, p, k := withdrawnWhileDown(t)
	w.exabgp.lose = func(line string) bool { return strings.Contains(line, "withdraw") }
	w.sendOnce(p, k, attrs(t, nh))
	for at := (place{k, p.addr}); w.core.audits.stuck[at] == nil; {
		w.pass(tickEvery)
	}
	w.exabgp.lose = nil
	w.pass(3 * sendPatience)
	if _, there := p.holds[k]; there {
		t.Error("the peer still holds the route")
	}
}

// What comes when the session has long been up is somebody else's.
func TestWhatComesLaterIsForeign(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := newWorld(t, p)
	w.lease("team")
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.settle()
	w.want(desired(t))
	w.settle()
	w.exabgp.sessionUp(p)
	w.settle()
	w.now = w.now.Add(sendLimit)
	w.core.tick(w.now)
	w.settle()
	k := desired(t, "10.0.0.0/24").Routes[0].Key
	p.change(k, attrs(t, nh), false)
	w.settle()
	if _, there := p.holds[k]; !there {
		t.Error("a route that was announced by hand was withdrawn")
	}
}

// sendOnce has exaBGP send what it had forgotten to forget, with the first of a
// session.
func (w *world) sendOnce(p *fakePeer, k state.Key, a state.Attrs) {
	p.cache[k] = a
	w.exabgp.sessionUp(p)
	w.exabgp.flush()
	delete(p.cache, k)
	w.settle()
}

// A new value waits until the old one is sent again.
func TestNewValueWaitsForTheOld(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := newWorld(t, p)
	w.lease("team")
	w.want(desired(t, "10.0.0.0/24 "+nh+" med 1", "10.0.1.0/24 "+nh))
	w.settle()
	w.exabgp.stuck = true
	w.exabgp.sessionUp(p)
	w.settle()
	w.exabgp.wrote = nil
	d := desired(t, "10.0.0.0/24 "+nh+" med 2", "10.0.2.0/24 "+nh)
	w.want(d)
	w.settle()
	if all := strings.Join(w.exabgp.wrote, "\n"); strings.Contains(all, "med 2") || !strings.Contains(all, "10.0.2.0/24") || !strings.Contains(all, "withdraw") {
		t.Errorf("commands %q; want the new route and the withdraw alone", w.exabgp.wrote)
	}
	w.exabgp.stuck = false
	w.settle()
	w.holds(p, "10.0.0.0/24 "+nh+" med 2", "10.0.2.0/24 "+nh)
	w.plan(d, 0)

	w.exabgp.stuck = true
	w.exabgp.sessionDown(p)
	w.exabgp.sessionUp(p)
	w.settle()
	d = desired(t, "10.0.0.0/24 "+nh+" med 3", "10.0.2.0/24 "+nh)
	w.want(d)
	w.settle()
	w.exabgp.sessionDown(p) // nothing waits any more
	w.settle()
	w.now = w.now.Add(tickEvery)
	w.core.tick(w.now)
	w.settle()
	w.plan(d, 0)
}

// A value that somebody gave behind the bridge's back is never announced for the
// owner of the route, not by an exaBGP that is started again either.
func TestValueOfAnotherIsNotClaimed(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.want(desired(t, "10.0.0.0/24 "+nh+" med 1"))
	w.settle()
	k := desired(t, "10.0.0.0/24").Routes[0].Key
	p.change(k, attrs(t, nh+" med 7"), false)
	w.settle()
	w.exabgp.refuse = func(string) bool { return true }
	w.want(desired(t, "10.0.0.0/24 "+nh+" med 2"))
	w.settle()
	want := attrs(t, nh+" med 1").Canonical()
	if len(w.claims[k]) != 1 || w.claims[k][0].Value != want {
		t.Errorf("the journal has %+v, want %s", w.claims[k], want)
	}
}

// A withdraw that is being given again is never forgotten on the way.
func TestLatecomerIsNotRevived(t *testing.T) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65001)
	w := leasedWorld(t, a, b)
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.settle()
	w.want(desired(t))
	w.step() // exaBGP is told, and its answers are lost
	k := desired(t, "10.0.0.0/24").Routes[0].Key
	w.core = w.successor("boot-1", "run-2")
	w.exabgp.out = nil
	for range 1000 {
		w.step()
		for _, x := range w.claims[k] {
			if !x.Leaving {
				t.Fatalf("the journal has %+v", w.claims[k])
			}
		}
	}
}

// Of two values of a route that exaBGP sends, in either order, the one that was
// given last ends up at the peer.
func TestOvertakenValue(t *testing.T) {
	for name, order := range map[string][]string{"older last": {"2", "1"}, "older first": {"1", "2"}} {
		t.Run(name, func(t *testing.T) {
			p := testPeer("127.0.0.2", 65001)
			w := newWorld(t, p)
			w.lease("team")
			w.want(desired(t, "10.0.0.0/24 "+nh+" med 1"))
			w.settle()
			d := desired(t, "10.0.0.0/24 "+nh+" med 2")
			w.want(d)
			w.settle()
			w.exabgp.stuck = true
			w.exabgp.sessionUp(p)
			w.settle()
			w.exabgp.stuck = false
			k := d.Routes[0].Key
			for _, med := range order {
				p.cache[k], p.pending = attrs(t, nh+" med "+med), []change{{key: k}}
				w.exabgp.flush()
			}
			p.cache[k] = d.Routes[0].Attrs
			w.exabgp.wrote = nil
			w.settle()
			w.holds(p, "10.0.0.0/24 "+nh+" med 2")
			if at := w.grade("10.0.0.0/24", nh+" med 2", "127.0.0.2"); at.Grade != state.Sent {
				t.Errorf("at %+v, want sent; commands %q", at, w.exabgp.wrote)
			}
			w.plan(d, 0)
		})
	}
}

// A value that was overtaken long after the session came up is found to be in
// exaBGP's table, and given again.
func TestOvertakenValueIsFoundByTheAudit(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := newWorld(t, p)
	w.lease("team")
	w.exabgp.sessionUp(p)
	w.want(desired(t, "10.0.0.0/24 "+nh+" med 1"))
	w.settle()
	for range 20 {
		w.now = w.now.Add(sendPatience)
		w.core.tick(w.now)
		w.settle()
	}
	d := desired(t, "10.0.0.0/24 "+nh+" med 2")
	w.want(d)
	w.settle()
	k := d.Routes[0].Key
	p.cache[k], p.pending = attrs(t, nh+" med 1"), []change{{key: k}}
	w.exabgp.flush() // what a resend that was late left behind
	p.cache[k] = d.Routes[0].Attrs
	w.settle()
	w.core.suspect()
	for range 20 {
		w.now = w.now.Add(sendPatience)
		w.core.tick(w.now)
		w.settle()
	}
	w.holds(p, "10.0.0.0/24 "+nh+" med 2")
	w.plan(d, 0)
}

// A value that was overtaken is given once more until exaBGP takes it, although its
// table does not list the route: the peer has another.
func TestOvertakenValueThatIsNotListed(t *testing.T) {
	for _, pause := range []time.Duration{time.Second, sendLimit} {
		t.Run(pause.String(), func(t *testing.T) {
			p := testPeer("127.0.0.2", 65001)
			w := leasedWorld(t, p)
			d := desired(t, "10.0.0.0/24 "+nh+" med 1")
			w.want(d)
			w.settle()
			k := d.Routes[0].Key
			p.change(k, attrs(t, nh+" med 2"), false)
			p.hide(k)
			w.exabgp.lose = func(string) bool { return true }
			w.settle()
			w.exabgp.lose = nil
			for range 2 * sendPatience / time.Second {
				w.now = w.now.Add(pause)
				w.core.tick(w.now)
				w.settle()
			}
			w.holds(p, "10.0.0.0/24 "+nh+" med 1")
			w.plan(d, 0)
		})
	}
}

// A value is overtaken also while a change of the route still waits at another peer.
func TestOvertakenValueWhileAnotherPeerWaits(t *testing.T) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65001)
	w := newWorld(t, a, b)
	w.exabgp.sessionUp(b)
	w.settle()
	w.lease("team")
	w.want(desired(t, "10.0.0.0/24 "+nh+" med 1"))
	w.settle()
	w.exabgp.stuck = true
	d := desired(t, "10.0.0.0/24 "+nh+" med 2 @127.0.0.2")
	w.want(d)
	w.settle()
	w.exabgp.sessionUp(a)
	w.settle()
	w.exabgp.stuck = false
	waits := b.pending
	b.pending = nil
	k := d.Routes[0].Key
	for _, med := range []string{"2", "1"} {
		a.cache[k], a.pending = attrs(t, nh+" med "+med), []change{{key: k}}
		w.exabgp.flush()
	}
	a.cache[k] = d.Routes[0].Attrs
	w.settle()
	if s := w.core.table.find(k, w.core.findPeer(a.addr)); s.attrs != d.Routes[0].Attrs || s.grade == state.Sent {
		t.Errorf("the table has %+v while the peer has an older value", s)
	}
	b.pending = waits
	w.settle()
	w.holds(a, "10.0.0.0/24 "+nh+" med 2")
	w.plan(d, 0)
}

// A route that comes while its withdraw still waits at another peer is one that
// comes late.
func TestLatecomerWhileAnotherPeerWaits(t *testing.T) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65001)
	w := newWorld(t, a, b)
	w.exabgp.sessionUp(b)
	w.settle()
	w.lease("team")
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.settle()
	w.exabgp.stuck = true
	w.want(desired(t))
	w.settle()
	w.exabgp.stuck = false
	b.pending, a.pending = nil, nil
	k := desired(t, "10.0.0.0/24").Routes[0].Key
	w.sendOnce(a, k, attrs(t, nh))
	if _, there := a.holds[k]; there {
		b.change(k, attrs(t, nh), true)
		w.settle()
	}
	if _, there := a.holds[k]; there {
		t.Errorf("the peer holds %v", a.holds)
	}
}

// Nor does a value become the owner's that somebody gave while no bridge was
// there.
func TestValueOfAnotherIsNotClaimedByTheNext(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.want(desired(t, "10.0.0.0/24 "+nh+" med 1"))
	w.settle()
	k := desired(t, "10.0.0.0/24").Routes[0].Key
	p.change(k, attrs(t, nh+" med 7"), false)
	w.exabgp.flush()
	w.boot("boot-1", "run-2")
	w.core.claim(k)
	w.settle()
	if want := attrs(t, nh+" med 1").Canonical(); len(w.claims[k]) != 1 || w.claims[k][0].Value != want {
		t.Errorf("the journal has %+v, want %s", w.claims[k], want)
	}
}
