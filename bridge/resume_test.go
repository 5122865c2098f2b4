package bridge

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"routesync/state"
)

// steady is a world in which two routes are announced to two peers, and a static
// one, and nothing has happened for a while.
func steady(t *testing.T) (*world, *state.Desired) {
	t.Helper()
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65000)
	w := newWorld(t, a, b)
	for _, p := range w.exabgp.peers {
		p.cache[keyOf(t, "10.255.0.0/16")] = attrs(t, nh)
		w.exabgp.sessionUp(p)
	}
	w.settle()
	w.lease("team")
	want := desired(t, "10.0.0.0/24 "+nh+" med 1", "10.0.1.0/24 "+nh)
	w.want(want)
	w.settle()
	w.pass(2 * time.Minute)
	w.exabgp.given = nil
	return w, want
}

// next starts the next bridge. What the one before had read is gone.
func (w *world) next() {
	w.t.Helper()
	before, updates := w.replica.set.Digest(), w.updates()
	w.boot("boot-1", "next")
	w.read()
	if !w.replica.set.Complete {
		w.t.Fatal("it does not come to be ready")
	}
	if got := w.replica.set.Digest(); got != before {
		w.t.Errorf("it has %v", w.replica.set.Digest())
	}
	if got := w.updates(); !slices.Equal(got, updates) {
		w.t.Errorf("UPDATEs: %v became %v", updates, got)
	}
}

func (w *world) updates() (all []int) {
	for _, p := range w.exabgp.peers {
		all = append(all, p.updates)
	}
	return all
}

// asked tells what of exaBGP's table was asked for, and what it had to send again.
func (w *world) asked() (all []string) {
	for _, line := range w.exabgp.given {
		if strings.HasPrefix(line, "show adj-rib out") || strings.Contains(line, "flush") {
			all = append(all, line)
		}
	}
	return all
}

// TestResume: nothing is read and nothing sent if nothing can have happened.
func TestResume(t *testing.T) {
	w, want := steady(t)
	for range 3 {
		w.next()
		if asked := w.asked(); len(asked) > 0 || len(w.exabgp.wrote) != 2 {
			t.Errorf("exaBGP was asked %q, and given %q", asked, w.exabgp.wrote)
		}
		for _, addr := range []string{"127.0.0.2", "127.0.0.3"} {
			for _, r := range want.Routes {
				if at := w.grade(r.Key.String(), words(r.Attrs), addr); at.Grade != state.Sent {
					t.Errorf("%s at %s is %v", r.Key, addr, at)
				}
			}
		}
		w.pass(time.Minute)
		w.plan(want, 0)
	}
}

// A value that was written down, not given, and that exaBGP then does not take,
// leaves the one before in place, and nobody else may announce over that.
func TestResumedAndRefused(t *testing.T) {
	w, _ := steady(t)
	p := w.exabgp.peers[0]
	w.exabgp.sessionDown(p)
	w.settle()
	w.pass(2 * time.Minute)
	want := desired(t, "10.0.0.0/24 "+nh+" med 3", "10.0.1.0/24 "+nh)
	w.want(want)
	w.write(w.core.take())
	w.exabgp.refuse = func(string) bool { return true }
	w.boot("boot-1", "next")
	k := keyOf(t, "10.0.0.0/24")
	s := w.core.table.find(k, w.core.findPeer(p.addr))
	if s == nil || s.owner != "team" || s.attrs != attrs(t, nh+" med 1") || s.given != attrs(t, nh+" med 3") {
		t.Fatalf("the table has %+v", s)
	}
	w.exabgp.refuse = nil
	w.lease("team")
	w.want(want)
	w.pass(2 * time.Minute)
	if got := p.cache[k]; got != attrs(t, nh+" med 3") {
		t.Errorf("exaBGP has %v", got)
	}
	w.plan(want, 0)
}

// A route is its owner's at a neighbor that was out of exaBGP's configuration for a
// while, whatever became of the route elsewhere and of the bridge.
func TestNeighborThatWasAway(t *testing.T) {
	w, _ := steady(t)
	all, b := w.exabgp.peers, w.exabgp.peers[1]
	w.exabgp.peers = all[:1]
	w.exabgp.sessionDown(b)
	w.pass(2 * time.Minute)
	if w.core.findPeer(b.addr) != nil {
		t.Fatal("the neighbor is still there")
	}
	for _, run := range []string{"second", "third"} {
		w.lease("team")
		w.want(desired(t, "10.0.0.0/24 "+nh+" med 7 @127.0.0.2", "10.0.1.0/24 "+nh+" @127.0.0.2"))
		w.settle()
		w.boot("boot-1", run)
	}
	w.exabgp.peers = all
	w.exabgp.sessionUp(b)
	b.cache[keyOf(t, "10.0.0.0/24")] = attrs(t, nh+" med 1")
	w.boot("boot-1", "fourth")
	if s := w.core.table.find(keyOf(t, "10.0.0.0/24"), w.core.findPeer(b.addr)); s == nil || s.owner != "team" {
		t.Errorf("the table has %+v", s)
	}
}

// By hand that value is nobody's that would give it once more: exaBGP sends it again,
// so that it is known to be there.
func TestResumedByHandAndRefused(t *testing.T) {
	w, _ := steady(t)
	w.types("+ 10.0.5.0/24 " + nh)
	w.pass(2 * time.Minute)
	w.types("+ 10.0.5.0/24 " + nh + " med 3")
	w.write(w.core.take())
	w.exabgp.refuse = func(string) bool { return true }
	w.boot("boot-1", "next")
	w.exabgp.refuse = nil
	w.pass(2 * time.Minute)
	for _, p := range w.exabgp.peers {
		s := w.core.table.find(keyOf(t, "10.0.5.0/24"), w.core.findPeer(p.addr))
		if s == nil || s.owner != "" || s.attrs != attrs(t, nh) || s.grade != state.Sent {
			t.Errorf("the table has %+v at %s, which holds %v", s, p.addr, p.holds)
		}
	}
}

// TestNotResumed: a peer of which something may have happened is read, and no
// other.
func TestNotResumed(t *testing.T) {
	const first, second = "127.0.0.2", "127.0.0.3"
	static := "10.255.0.0/16"
	for name, test := range map[string]struct {
		behind func(w *world, p *fakePeer) // the bridge's back, while nobody reads
		flush  bool                        // it is up, and has to be proven
	}{
		"a route of somebody else's": {func(w *world, p *fakePeer) { p.change(keyOf(t, "10.9.0.0/24"), attrs(t, nh), false); w.exabgp.flush() }, true},
		"one changed": {func(w *world, p *fakePeer) {
			p.change(keyOf(t, static), attrs(t, nh+" med 3"), false)
			w.exabgp.flush()
		}, true},
		"one withdrawn":          {func(w *world, p *fakePeer) { p.change(keyOf(t, static), attrs(t, nh), true); w.exabgp.flush() }, true},
		"the session fell":       {func(w *world, p *fakePeer) { w.exabgp.sessionDown(p) }, false},
		"the session is another": {func(w *world, p *fakePeer) { w.exabgp.sessionDown(p); w.exabgp.sessionUp(p); w.exabgp.flush() }, true},
		"all was sent again":     {func(w *world, p *fakePeer) { p.resend(); w.exabgp.flush() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			w, want := steady(t)
			p := w.exabgp.peers[1]
			test.behind(w, p)
			other := w.exabgp.peers[0].updates
			w.boot("boot-1", "next")
			w.read()
			expected := []string{"show adj-rib out " + second + " extensive"}
			if test.flush {
				expected = append(expected, "neighbor "+second+" flush adj-rib out")
			}
			if asked := w.asked(); !slices.Equal(asked, expected) {
				t.Errorf("exaBGP was asked %q, want %q", asked, expected)
			}
			if w.exabgp.peers[0].updates != other {
				t.Error("the other peer was sent something")
			}
			held := 0
			for k, adverts := range w.replica.set.Routes.All() {
				for _, a := range adverts {
					for _, at := range a.At {
						if at.Peer.String() != second {
							continue
						}
						held++
						if p.cache[k] != a.Attrs {
							t.Errorf("%s is %v, want %v", k, a.Attrs, p.cache[k])
						}
					}
				}
			}
			if held != len(p.cache) {
				t.Errorf("%d routes at %s, want %d", held, second, len(p.cache))
			}
			w.plan(want, 0)
			w.pass(3 * time.Minute)
			w.exabgp.given = nil
			w.next()
			if asked := w.asked(); len(asked) > 0 {
				t.Errorf("another time exaBGP was asked %q", asked)
			}
		})
	}
}

// TestNotResumedAfterItsEnd: that a peer was sent something before its session ended,
// both of which only the next bridge hears of, says nothing of what it has.
func TestNotResumedAfterItsEnd(t *testing.T) {
	w, _ := steady(t)
	p := w.exabgp.peers[1]
	p.change(keyOf(t, "10.255.0.0/16"), attrs(t, nh+" med 3"), false)
	w.exabgp.flush()
	w.exabgp.sessionDown(p)
	w.core = w.successor("boot-1", "next")
	w.settle()
	if w.core.phase != ready || !w.core.peers[0].up || w.core.findPeer(p.addr).up {
		t.Fatal("it does not come to be ready")
	}
	for k, e := range w.core.table.entries {
		if s := e.slot(w.core.findPeer(p.addr)); s == nil || s.grade != state.Held {
			t.Errorf("%s is %+v, want held", k, s)
		}
	}
}

// TestResumeWhileDown: a peer that is down is as the journal says, if that was
// kept to the end.
func TestResumeWhileDown(t *testing.T) {
	w, _ := steady(t)
	w.exabgp.sessionDown(w.exabgp.peers[1])
	w.settle()
	w.lease("team")
	want := desired(t, "10.0.0.0/24 "+nh+" med 2")
	w.want(want)
	w.settle()
	w.pass(time.Minute)
	w.exabgp.given = nil
	w.next()
	w.plan(want, 0)
	if asked := w.asked(); len(asked) > 0 {
		t.Errorf("exaBGP was asked %q", asked)
	}
	w.exabgp.sessionUp(w.exabgp.peers[1])
	w.settle()
	w.pass(time.Minute)
	w.plan(want, 0)
	for _, p := range w.exabgp.peers {
		w.holds(p, "10.0.0.0/24 "+nh+" med 2", "10.255.0.0/16 "+nh)
	}
}

// TestResumeUnderWay: what was under way is given again, and nothing else: of
// every moment between the words of the journal and those of exaBGP.
func TestResumeUnderWay(t *testing.T) {
	for name, die := range map[string]func(w *world){
		"before the commands": func(w *world) { w.write(w.core.take()) },
		"before the answers": func(w *world) {
			e := w.core.take()
			w.write(e)
			for _, line := range e.lines {
				w.exabgp.write(line)
			}
		},
		"before anything": func(w *world) {},
		"before they are sent": func(w *world) {
			w.step()
			w.write(w.core.take())
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := steady(t)
			want := desired(t, "10.0.0.0/24 "+nh+" med 9", "10.0.2.0/24 "+nh)
			w.want(want)
			die(w)
			w.boot("boot-1", "next")
			w.lease("team")
			w.read()
			if asked := w.asked(); len(asked) > 0 {
				t.Errorf("exaBGP was asked %q", asked)
			}
			w.want(want)
			w.settle()
			w.pass(time.Minute)
			w.plan(want, 0)
			for _, p := range w.exabgp.peers {
				w.holds(p, "10.0.0.0/24 "+nh+" med 9", "10.0.2.0/24 "+nh, "10.255.0.0/16 "+nh)
			}
		})
	}
}

// A route that has expired is withdrawn until it is gone, also when the bridge
// died at the first try, and exaBGP gave no answer to the next.
func TestExpiryUnderWayIsTriedAgain(t *testing.T) {
	w, want := steady(t)
	want.Routes[0].Expires = w.now.Add(time.Minute).UnixMilli()
	w.want(want)
	w.settle()
	w.now = w.now.Add(2 * time.Minute)
	w.core.tick(w.now)
	w.exabgp.lose = func(string) bool { return true }
	w.step()
	w.boot("boot-1", "next")
	for _, p := range w.exabgp.peers {
		w.holds(p, "10.0.0.0/24 "+nh+" med 1", "10.0.1.0/24 "+nh, "10.255.0.0/16 "+nh)
	}
	w.exabgp.lose = nil
	w.pass(expireAgain)
	for _, p := range w.exabgp.peers {
		w.holds(p, "10.0.1.0/24 "+nh, "10.255.0.0/16 "+nh)
	}
}

// What a peer that is down was never sent is suspected in every life of the bridge,
// also behind one that had to read exaBGP's table.
func TestUnsentIsSuspectedInEveryLife(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := newWorld(t, p)
	w.settle()
	w.lease("team")
	w.want(desired(t, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh))
	w.settle()
	for i, kept := range []bool{false, true} {
		w.exabgp.out = nil
		w.core = w.successor("boot-1", fmt.Sprintf("run-%d", 2+i))
		w.core.past.kept = kept
		w.settle()
		if n := len(w.core.peers[0].doubts.fresh.at); n != 2 || w.core.phase != ready {
			t.Errorf("kept %v: %d routes are suspected, want 2", kept, n)
		}
	}
}
