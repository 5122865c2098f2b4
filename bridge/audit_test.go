package bridge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"routesync/state"
)

// hide has exaBGP keep a route and neither list it nor send it again, as it does
// when another neighbor's table was cleared.
func (p *fakePeer) hide(k state.Key) {
	if p.hidden == nil {
		p.hidden = map[state.Key]bool{}
	}
	p.hidden[k] = true
}

func keyOf(t testing.TB, prefix string) state.Key { return desired(t, prefix).Routes[0].Key }

// announced is a world in which two routes are announced and sent.
func announced(t *testing.T) (*world, *fakePeer, *state.Desired) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	want := desired(t, "10.0.0.0/24 "+nh+" med 1", "10.0.1.0/24 "+nh)
	w.want(want)
	w.settle()
	w.pass(3 * time.Second)
	w.holds(p, "10.0.0.0/24 "+nh+" med 1", "10.0.1.0/24 "+nh)
	return w, p, want
}

// restored has a commander put right what it sees, and looks at the peer.
func (w *world) restored(p *fakePeer, want *state.Desired, changes int) {
	w.t.Helper()
	w.plan(want, changes)
	w.want(want)
	w.settle()
	w.holds(p, "10.0.0.0/24 "+nh+" med 1", "10.0.1.0/24 "+nh)
	w.plan(want, 0)
}

// TestAuditAfterASession finds what was done while the session was down, at
// which no event came.
func TestAuditAfterASession(t *testing.T) {
	for name, behind := range map[string]func(*fakePeer, state.Key){
		"withdrawn": func(p *fakePeer, k state.Key) { p.change(k, state.Attrs{}, true) },
		"changed":   func(p *fakePeer, k state.Key) { p.change(k, attrs(t, nh+" med 7"), false) },
	} {
		t.Run(name, func(t *testing.T) {
			w, p, want := announced(t)
			w.exabgp.sessionDown(p)
			w.settle()
			behind(p, keyOf(t, "10.0.0.0/24"))
			w.pass(time.Second)
			w.exabgp.sessionUp(p)
			w.settle()
			w.pass(3 * time.Second)
			w.restored(p, want, 1)
		})
	}
}

// TestAuditNowAndThen finds without a cause what no event told.
func TestAuditNowAndThen(t *testing.T) {
	w, p, want := announced(t)
	w.core.audits.every = 5 * time.Minute
	delete(p.cache, keyOf(t, "10.0.0.0/24"))
	p.cache[keyOf(t, "10.0.1.0/24")] = attrs(t, nh+" med 8")
	p.cache[keyOf(t, "10.0.2.0/24")] = attrs(t, nh+" med 9")
	w.pass(4 * time.Minute)
	w.plan(want, 0)
	w.pass(time.Minute)
	w.plan(want, 1) // what the peer may still have was put back at once
	if s := w.core.table.find(keyOf(t, "10.0.2.0/24"), w.core.peers[0]); s == nil || s.owner != "" || s.attrs != attrs(t, nh+" med 9") {
		t.Errorf("a foreign route is %+v", s)
	}
	w.want(want)
	w.settle()
	for prefix, a := range map[string]string{"10.0.0.0/24": nh + " med 1", "10.0.1.0/24": nh, "10.0.2.0/24": nh + " med 9"} {
		if k := keyOf(t, prefix); p.cache[k] != attrs(t, a) {
			t.Errorf("exaBGP has %s with %v", prefix, p.cache[k])
		}
	}
	w.pass(20 * time.Minute)
	w.plan(want, 0)
	if n := len(w.exabgp.wrote); n != 4 {
		t.Errorf("%d route commands: %q", n, w.exabgp.wrote)
	}
}

// TestAuditNever: without a cause and an interval there is none.
func TestAuditNever(t *testing.T) {
	w, p, want := announced(t)
	k := keyOf(t, "10.0.0.0/24")
	delete(p.cache, k)
	w.pass(30 * time.Minute)
	w.plan(want, 0)
	w.core.line(`{ "exabgp": "4.0.1", "type": "update", cut`, w.now)
	w.pass(3 * time.Second)
	w.plan(want, 0)
	if p.cache[k] != attrs(t, nh+" med 1") {
		t.Error("what exaBGP's table lacked, and the peer may have, is not put back")
	}
}

// TestTableAndWirePartWays: exaBGP lists the route, and told the peer to drop it
// last. An announce alone changes nothing then.
func TestTableAndWirePartWays(t *testing.T) {
	w, p, want := announced(t)
	p.pending = append(p.pending, change{key: keyOf(t, "10.0.0.0/24"), withdraw: true})
	w.exabgp.flush()
	w.settle()
	w.plan(want, 1)
	w.want(want)
	w.settle()
	if len(p.holds) != 1 {
		t.Fatal("the announce was taken for a change, and should not")
	}
	w.pass(9 * time.Second)
	w.holds(p, "10.0.0.0/24 "+nh+" med 1", "10.0.1.0/24 "+nh)
	w.plan(want, 0)
	if at := w.grade("10.0.0.0/24", nh+" med 1", "127.0.0.2"); at.Grade != state.Sent {
		t.Errorf("it is %v", at)
	}
}

// TestHiddenRoute: exaBGP has a route and neither lists it nor sends it again.
func TestHiddenRoute(t *testing.T) {
	w, p, want := announced(t)
	p.hide(keyOf(t, "10.0.0.0/24"))
	w.exabgp.sessionDown(p)
	w.settle()
	w.exabgp.sessionUp(p)
	w.settle()
	w.pass(3 * time.Second)
	w.plan(want, 1)
	w.want(want)
	w.pass(9 * time.Second)
	w.holds(p, "10.0.0.0/24 "+nh+" med 1", "10.0.1.0/24 "+nh)
	w.plan(want, 0)
}

// TestAgainIsNotForEver: what exaBGP does not send is given again once a minute,
// and its table is left alone otherwise.
func TestAgainIsNotForEver(t *testing.T) {
	w, p, _ := announced(t)
	w.exabgp.hide = func(k state.Key) bool { return k == keyOf(t, "10.0.2.0/24") }
	want := desired(t, "10.0.0.0/24 "+nh+" med 1", "10.0.1.0/24 "+nh, "10.0.2.0/24 "+nh)
	w.want(want)
	before := len(w.exabgp.wrote)
	w.pass(5 * time.Minute)
	if n := len(w.exabgp.wrote) - before; n < 4 || n > 6 {
		t.Errorf("%d commands in five minutes: %q", n, w.exabgp.wrote[before:])
	}
	w.exabgp.hide = nil
	w.pass(2 * time.Minute)
	w.holds(p, "10.0.0.0/24 "+nh+" med 1", "10.0.1.0/24 "+nh, "10.0.2.0/24 "+nh)
}

// TestChangeWhileTheTableIsListed is left to the next audit: the listing is
// older.
func TestChangeWhileTheTableIsListed(t *testing.T) {
	w, p, _ := announced(t)
	k := keyOf(t, "10.0.0.0/24")
	w.core.suspect()
	w.now = w.now.Add(auditPause)
	w.core.tick(w.now)
	for _, line := range w.core.take().lines {
		w.exabgp.write(line)
	}
	listed := w.exabgp.out
	w.exabgp.out = nil
	p.change(k, attrs(t, nh+" med 7"), false)
	w.exabgp.flush()
	for _, line := range append(w.exabgp.out, listed...) {
		w.core.line(line, w.now)
	}
	w.exabgp.out = nil
	w.settle()
	if s := w.core.table.find(k, w.core.peers[0]); s.attrs != attrs(t, nh+" med 7") || s.grade != state.Sent {
		t.Errorf("it is %+v", s)
	}
}

// TestAuditOfALargeTable is passed over where exaBGP would list for long, and
// status says so.
func TestAuditOfALargeTable(t *testing.T) {
	w, _, _ := announced(t)
	var lines []string
	for i := range listedPeriodically + 1 {
		lines = append(lines, fmt.Sprintf("10.%d.%d.%d/32 %s", 1+i>>16, i>>8&255, i&255, nh))
	}
	w.want(desired(t, lines...))
	w.settle()
	w.pass(3 * time.Second)
	for _, test := range []struct {
		name           string
		chunk          int
		cause, skipped bool
	}{
		{"small chunk", 1, false, true},
		{"small chunk, and a cause", 1, true, false},
		{"large chunk", 10000, false, false},
	} {
		w.core.audits.chunk, w.core.audits.every = test.chunk, 0
		if test.cause {
			w.core.suspect()
		} else {
			w.core.audits.every = time.Minute
		}
		round := w.core.audits.round
		w.now = w.now.Add(time.Minute)
		w.core.tick(w.now)
		w.settle()
		said := strings.Contains(strings.Join(w.core.speakerLacks(), " "), "exabgp_api_chunk")
		if audited := w.core.audits.round > round; audited == test.skipped || said != test.skipped {
			t.Errorf("%s: audited: %v, said: %v", test.name, audited, said)
		}
	}
}

// TestAuditWaitsForChanges: exaBGP carries out nothing while it lists its table,
// which takes long while much is new in it. But it does not wait for ever.
func TestAuditWaitsForChanges(t *testing.T) {
	w, _, _ := announced(t)
	w.exabgp.stuck = true
	w.want(desired(t, "10.0.9.0/24 "+nh))
	w.settle()
	if !w.core.busy() {
		t.Fatal("nothing is under way")
	}
	round := w.core.audits.round
	w.core.suspect()
	begun := w.now
	for w.core.audits.round == round {
		w.now = w.now.Add(time.Second)
		for _, p := range w.core.peers {
			p.heard = w.now // it is sent something else
		}
		w.core.tick(w.now)
		w.settle()
		if waited := w.now.Sub(begun); waited > auditWait+time.Second {
			t.Fatalf("no audit for %s", waited)
		}
	}
	if waited := w.now.Sub(begun); waited < auditWait-time.Second {
		t.Errorf("an audit after %s", waited)
	}
}

// What is given again is in flight until exaBGP reports it, although the peer had it:
// a withdraw by somebody else may go out before it, and one from here would be mixed
// up with it.
func TestGivenAgainIsInFlight(t *testing.T) {
	w, p, _ := announced(t)
	w.exabgp.stuck = true
	p.change(keyOf(t, "10.0.1.0/24"), state.Attrs{}, true)
	w.core.suspect()
	w.pass(3 * time.Second)
	if at := w.grade("10.0.1.0/24", nh, "127.0.0.2"); at.Grade != state.Accepted {
		t.Errorf("it is %v, want accepted", at.Grade)
	}
	wrote := len(w.exabgp.wrote)
	w.want(desired(t, "10.0.0.0/24 "+nh+" med 1"))
	w.settle()
	if wrote := w.exabgp.wrote[wrote:]; len(wrote) > 0 {
		t.Errorf("exaBGP was told %q", wrote)
	}
	w.exabgp.stuck = false
	w.settle()
	w.holds(p, "10.0.0.0/24 "+nh+" med 1")
}
