package bridge

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"routesync/state"
)

// live lets time go by, with ticks as the server has them.
func (w *world) live(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.exabgp.sooner(w.now, w.now.Add(w.core.pace()))
		w.exabgp.pass(w.now)
		w.settle()
		w.present()
		w.core.tick(w.now)
		w.settle()
	}
}

// liveUntil lets time go by until something is so, and returns how much did.
func (w *world) liveUntil(limit time.Duration, done func() bool) time.Duration {
	w.t.Helper()
	begun := w.now
	for !done() {
		if w.now.Sub(begun) > limit {
			w.t.Fatalf("not so after %v; refused %+v, the last fault: %s", limit, w.replica.set.Refused, w.core.fault)
		}
		w.live(w.core.pace())
	}
	return w.now.Sub(begun)
}

// med is poison if a route's MED is.
func med(values ...string) func(state.Key, state.Attrs) bool {
	return func(_ state.Key, a state.Attrs) bool {
		v, ok := a.Get(state.MED)
		return ok && slices.Contains(values, v[0])
	}
}

// poisoned is a world with one peer that does not bear a MED of 666.
func poisoned(t testing.TB, change func(*world, *fakePeer)) (*world, *fakePeer) {
	p := testPeer("127.0.0.2", 65001)
	p.poisons = med("666")
	w := newWorld(t, p)
	w.exabgp.now = w.now
	if change != nil {
		change(w, p)
		w.boot("boot-1", "run-1") // what its release is was asked before
	}
	w.exabgp.sessionUp(p)
	w.settle()
	w.lease("team")
	return w, p
}

// many are lines of n routes, of which those at some places are poison.
func many(n int, poison ...int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("10.%d.%d.0/24 %s", i/256, i%256, nh)
		if slices.Contains(poison, i) {
			lines[i] += " med 666"
		}
	}
	return lines
}

// good are the lines without poison.
func good(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.Contains(l, "med 666") })
}

// refusedAs fails the test unless exactly these routes are refused, as
// quarantined.
func (w *world) refusedAs(prefixes ...string) {
	w.t.Helper()
	w.read()
	var got []string
	for _, r := range w.replica.set.Refused {
		got = append(got, r.Key.String())
		if !strings.HasPrefix(r.Reason, "quarantined: the session to 127.0.0.2 fell ") || !strings.HasSuffix(r.Reason, "change the route to have it tried again") {
			w.t.Errorf("%s is refused because %q", r.Key, r.Reason)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, prefixes) {
		w.t.Errorf("refused %v, want %v", got, prefixes)
	}
}

// stays fails the test if a session falls within a minute, or a route is told to
// exaBGP.
func (w *world) stays(p *fakePeer) {
	w.t.Helper()
	fell, wrote := p.fell, len(w.exabgp.wrote)
	w.live(time.Minute)
	if !p.up || p.fell != fell || len(w.exabgp.wrote) != wrote {
		w.t.Errorf("afterwards the session fell %d times (up: %t), and exaBGP was told %q", p.fell-fell, p.up, w.exabgp.wrote[wrote:])
	}
	if d := p.fell; w.core.findPeer(p.addr).doubts.searching() {
		w.t.Errorf("after %d falls the search is not over", d)
	}
	if w.core.table.digest != w.replica.set.Digest() {
		w.t.Errorf("digest of the bridge %+v, of the reader %+v", w.core.table.digest, w.replica.set.Digest())
	}
}

func TestPoisonIsFound(t *testing.T) {
	for _, kind := range []struct {
		name   string
		change func(*world, *fakePeer)
	}{
		{"NOTIFICATION, 4.2", func(*world, *fakePeer) {}},
		{"NOTIFICATION, 5.0", func(w *world, _ *fakePeer) { w.exabgp.release = "5.0.13" }},
		{"exception, 4.2", func(_ *world, p *fakePeer) { p.raises = true }},
		{"exception, 5.0", func(w *world, p *fakePeer) { w.exabgp.release, p.raises = "5.0.13", true }},
		{"slow peer", func(_ *world, p *fakePeer) { p.lag = 700 * time.Millisecond }},
		{"very slow peer", func(_ *world, p *fakePeer) { p.lag = 3 * time.Second }},
	} {
		for _, tc := range []struct {
			routes int
			poison []int
			limit  time.Duration
			falls  int
		}{
			{1, []int{0}, 20 * time.Second, 2},
			{2, []int{0}, 20 * time.Second, 3},
			{30, []int{29}, 30 * time.Second, 4},
			{30, []int{3, 4}, time.Minute, 7},
			{500, []int{77}, time.Minute, 4},
			{500, []int{0, 250, 499}, 3 * time.Minute, 12},
		} {
			t.Run(fmt.Sprintf("%s, %d of %d", kind.name, len(tc.poison), tc.routes), func(t *testing.T) {
				w, p := poisoned(t, kind.change)
				before := "192.0.2.0/24 " + nh
				w.want(desired(t, before))
				w.live(30 * time.Second)
				lines := many(tc.routes, tc.poison...)
				d := desired(t, append(lines, before)...)
				w.want(d)
				limit, falls := tc.limit, tc.falls
				if p.lag > 0 {
					limit, falls = 5*tc.limit, 3*tc.falls
				}
				took := w.liveUntil(limit, func() bool { return len(p.holds) == tc.routes-len(tc.poison)+1 && len(w.core.banned) == len(tc.poison) })
				t.Logf("took %v and %d falls", took, p.fell)
				if p.fell > falls {
					t.Errorf("the session fell %d times", p.fell)
				}
				w.holds(p, append(good(lines), before)...)
				var bad []string
				for _, i := range tc.poison {
					bad = append(bad, strings.Fields(lines[i])[0])
				}
				slices.Sort(bad)
				w.refusedAs(bad...)
				w.plan(d, len(tc.poison))
				w.stays(p)
				w.holds(p, append(good(lines), before)...)

				// It is refused when it is asked for again, and taken when it is another.
				wrote := len(w.exabgp.wrote)
				w.want(d)
				w.settle()
				w.refusedAs(bad...)
				if len(w.exabgp.wrote) != wrote {
					t.Errorf("exaBGP was told %q", w.exabgp.wrote[wrote:])
				}
				for i := range lines {
					lines[i] = strings.ReplaceAll(lines[i], "666", "6")
				}
				w.want(desired(t, append(lines, before)...))
				w.live(10 * time.Second)
				w.holds(p, append(lines, before)...)
				w.refusedAs()
				if len(w.banned) > 0 {
					t.Errorf("the journal has %v", w.banned)
				}
			})
		}
	}
}

// One among many that look like it: of its family, with its attributes. The peer
// answers in 20 ms, and its NOTIFICATION may be lost while exaBGP has much to send.
func TestPoisonAmongMany(t *testing.T) {
	for _, tc := range []struct {
		at, drowns, falls int
	}{{0, 0, 4}, {1_777, 0, 4}, {1_999, 0, 4}, {1_000, 100, 5}} {
		lines := many(2_000)
		culprit := desired(t, lines[tc.at]).Routes[0].Key
		w, p := poisoned(t, func(_ *world, p *fakePeer) {
			p.lag, p.drowns = 20*time.Millisecond, tc.drowns
			p.poisons = func(k state.Key, _ state.Attrs) bool { return k == culprit }
		})
		w.want(desired(t, lines...))
		took := w.liveUntil(45*time.Second, func() bool { return len(p.holds) == 1_999 && len(w.banned) == 1 })
		t.Logf("at %d: took %v and %d falls", tc.at, took, p.fell)
		if p.fell > tc.falls {
			t.Errorf("at %d: the session fell %d times", tc.at, p.fell)
		}
		w.refusedAs(culprit.String())
	}
}

// One with attributes of its own comes back first, and then the rest at once.
func TestPoisonOfItsKind(t *testing.T) {
	w, p := poisoned(t, nil)
	lines := many(1_000, 456)
	w.want(desired(t, lines...))
	took := w.liveUntil(12*time.Second, func() bool { return len(p.holds) == 999 && len(w.banned) == 1 })
	if t.Logf("took %v", took); p.fell != 2 {
		t.Errorf("the session fell %d times", p.fell)
	}
}

// What ends a session for another reason is no fault of a route.
func TestFallsThatProveNothing(t *testing.T) {
	for _, reason := range []string{
		"peer reset, message (notification received (6,2)) error()",
		"peer reset, message (notification received (4,0)) error()",
		"peer reset, message (notification sent (3,1)) error()",
	} {
		t.Run(reason, func(t *testing.T) {
			w, p := poisoned(t, func(_ *world, p *fakePeer) { p.reason = reason })
			lines := many(5, 3)
			w.want(desired(t, lines...))
			w.live(20 * time.Second)
			if p.fell < 3 || slices.ContainsFunc(w.exabgp.wrote, func(line string) bool { return strings.Contains(line, "withdraw") }) {
				t.Errorf("after %d falls exaBGP was told %q", p.fell, w.exabgp.wrote)
			}
			if w.core.peers[0].doubts.searching() || len(p.cache) != 5 {
				t.Errorf("a search goes on, and exaBGP has %v", p.cache)
			}
		})
	}
}

// A NOTIFICATION is lost with the connection while exaBGP has much to send.
func TestLostNotification(t *testing.T) {
	w, p := poisoned(t, func(_ *world, p *fakePeer) { p.drowns = 60 })
	lines := many(300, 0, 299)
	w.want(desired(t, many(50)...))
	w.live(20 * time.Second)
	w.want(desired(t, lines...))
	w.liveUntil(20*time.Minute, func() bool { return len(w.banned) == 2 && len(p.holds) == 298 })
	w.refusedAs("10.0.0.0/24", "10.1.43.0/24")
	w.stays(p)
	w.holds(p, good(lines)...)
}

// Nobody is guilty of lost connections. What is new is tried for a while, and
// then all comes back.
func TestLostConnections(t *testing.T) {
	w, p := poisoned(t, func(_ *world, p *fakePeer) { p.reason = "peer reset, message (closing connection) error(x)" })
	lines := many(40, 21)
	w.want(desired(t, lines...))
	w.live(30 * time.Minute)
	w.refusedAs()
	w.plan(desired(t, lines...), 0)
	if p.fell < 6 || len(p.cache) != 40 {
		t.Errorf("after %d falls exaBGP has %d routes", p.fell, len(p.cache))
	}
	if d := w.core.peers[0].doubts; d.searching() || len(d.parts)+len(d.trial)+len(d.accused) > 0 {
		t.Errorf("a search goes on: %+v", d)
	}
	wrote := len(w.exabgp.wrote)
	w.live(10 * time.Minute)
	if got := w.exabgp.wrote[wrote:]; len(got) > 0 {
		t.Errorf("exaBGP was told %q", got)
	}
	p.poisons = nil
	w.live(3 * time.Minute)
	w.holds(p, lines...)
}

// A peer may come not to bear what it has borne: its session falls with nothing
// new in it. exaBGP's own route is not touched, even if it is the one.
func TestFallsOfWhatIsOld(t *testing.T) {
	t.Run("ours", func(t *testing.T) {
		w, p := poisoned(t, func(_ *world, p *fakePeer) { p.poisons = nil })
		lines := many(40, 13)
		w.want(desired(t, lines...))
		w.live(time.Minute)
		w.holds(p, lines...)
		p.poisons = med("666")
		p.doom = w.now
		wrote := len(w.exabgp.wrote)
		w.liveUntil(5*time.Second, func() bool { return p.fell == 2 })
		if got := w.exabgp.wrote[wrote:]; len(got) > 0 || !strings.Contains(w.core.fault, "nothing is new") {
			t.Errorf("exaBGP was told %q; %s", got, w.core.fault)
		}
		w.liveUntil(3*time.Minute, func() bool { return len(w.banned) == 1 })
		w.refusedAs("10.0.13.0/24")
		w.stays(p)
		w.holds(p, good(lines)...)
	})
	t.Run("exaBGP's own", func(t *testing.T) {
		own := desired(t, "10.255.0.0/16").Routes[0].Key
		w, p := poisoned(t, func(_ *world, p *fakePeer) { p.cache[own] = attrs(t, nh+" med 666") })
		w.live(20 * time.Second)
		if p.fell < 3 || len(w.exabgp.wrote) > 0 || !strings.Contains(w.core.fault, "exaBGP's own routes that are new: 10.255.0.0/16") {
			t.Errorf("after %d falls exaBGP was told %q; %s", p.fell, w.exabgp.wrote, w.core.fault)
		}
	})
}

// Nothing is withdrawn from a session that came up before exaBGP was told to.
func TestSessionIsUpBeforeTheSearch(t *testing.T) {
	down := func(w *world, p *fakePeer) {
		w.core.line(p.envelope("state", map[string]any{"state": "down", "reason": "peer reset, message (notification received (3,1)) error()"}), w.now)
	}
	up := func(w *world, p *fakePeer) {
		w.core.line(p.envelope("state", map[string]any{"state": "up"}), w.now)
		p.resend()
	}
	lines := many(5)
	for _, tc := range []struct {
		name  string
		falls func(*world, *fakePeer)
	}{
		{"at once", func(w *world, p *fakePeer) {
			w.want(desired(t, lines...))
			w.settle()
			down(w, p)
			up(w, p)
		}},
		{"before its turn", func(w *world, p *fakePeer) {
			w.want(desired(t, lines...))
			w.settle()
			down(w, p)
			w.core.line(p.envelope("state", map[string]any{"state": "connected"}), w.now)
			e := w.core.take()
			if len(w.core.asides) == 0 {
				t.Fatal("no withdraw waits")
			}
			for _, line := range e.lines {
				w.exabgp.write(line)
			}
			up(w, p)
		}},
		{"before the answer to the announce", func(w *world, p *fakePeer) {
			w.want(desired(t, lines...))
			e := w.core.take()
			down(w, p)
			up(w, p)
			for _, line := range e.lines {
				w.exabgp.write(line)
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, p := poisoned(t, nil)
			tc.falls(w, p)
			w.live(time.Minute)
			for _, line := range w.exabgp.wrote {
				if strings.Contains(line, "withdraw") {
					t.Errorf("exaBGP was told %q", line)
				}
			}
			w.refusedAs()
			w.holds(p, lines...)
			w.stays(p)
		})
	}
}

// A session may come up before exaBGP has read what it was told while it was down.
// Then it ends once more, before anything is withdrawn from it.
func TestSessionIsUpBeforeTheCommand(t *testing.T) {
	for _, tc := range []struct {
		name   string
		before int // commands that were read before
		resets int
	}{
		{"the first", 0, 1},
		{"the second", 1, 1},
		{"none", 3, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, p := poisoned(t, nil)
			lines := many(120)
			w.want(desired(t, lines...))
			w.live(time.Second)
			p.doom = w.now
			w.exabgp.pass(w.now)
			w.core.take() // what was asked before
			for _, line := range w.exabgp.out {
				w.core.line(line, w.now)
			}
			w.exabgp.out = nil
			for range tc.before {
				w.step()
			}
			e := w.core.take()
			if tc.before < 3 && (len(e.lines) != 3 || e.lines[0] != "neighbor 127.0.0.2 teardown 4" || strings.Count(e.lines[1], "/24") > asideMost) {
				t.Fatalf("exaBGP is told %q", e.lines)
			}
			w.exabgp.sessionUp(p)
			w.exabgp.flush()
			for _, line := range e.lines {
				w.exabgp.write(line)
			}
			w.settle()
			if p.resets != tc.resets || p.withdrew > 0 {
				t.Errorf("the session was ended %d times, and %d routes were withdrawn", p.resets, p.withdrew)
			}
			w.live(time.Minute)
			if p.withdrew > 0 {
				t.Errorf("%d routes were withdrawn", p.withdrew)
			}
			w.refusedAs()
			w.holds(p, lines...)
			w.stays(p)
		})
	}
}

// One fall proves nothing: the routes come back, and stay.
func TestOneFall(t *testing.T) {
	for _, n := range []int{1, 2, 50} {
		w, p := poisoned(t, nil)
		lines := many(n)
		w.want(desired(t, lines...))
		w.live(time.Second)
		p.doom = w.now
		w.live(time.Minute)
		if p.fell != 1 {
			t.Errorf("the session fell %d times", p.fell)
		}
		w.refusedAs()
		w.holds(p, lines...)
		w.stays(p)
	}
}

// In the middle of a search a commander withdraws suspects and changes others.
func TestCommandsDuringASearch(t *testing.T) {
	w, p := poisoned(t, nil)
	lines := many(10, 7)
	w.want(desired(t, lines...))
	w.liveUntil(10*time.Second, func() bool { return p.fell == 1 })
	suspended := func() (n int) {
		for _, r := range desired(t, lines...).Routes {
			at, _ := w.replica.set.Grade(r.Key, r.Attrs, "team", p.addr)
			if at.Grade == state.Unsent && strings.HasPrefix(at.Reason, "suspended: the session fell after it was new (NOTIFICATION 3/10)") {
				n++
			}
		}
		return n
	}
	if n := suspended(); n != 7 {
		t.Errorf("%d routes are said to be suspended: %+v", n, maps.Collect(w.replica.set.Routes.All()))
	}
	// They stay that when the session is up, and although exaBGP lacks them.
	w.liveUntil(5*time.Second, func() bool { return p.up })
	w.core.audits.ended, w.core.audits.took = time.Time{}, 0
	w.core.suspect()
	w.core.auditDue()
	w.settle()
	if n := suspended(); n != 7 {
		t.Errorf("%d routes are said to be suspended after the session is up: %+v", n, maps.Collect(w.replica.set.Routes.All()))
	}
	w.plan(desired(t, lines...), 0)
	now := append(slices.Delete(slices.Clone(lines), 2, 4), "10.9.0.0/16 "+nh)
	for i, line := range now {
		now[i] = strings.Replace(line, "10.0.5.0/24 "+nh, "10.0.5.0/24 "+nh+" med 5", 1)
	}
	wrote := len(w.exabgp.wrote)
	w.want(desired(t, now...))
	w.settle()
	for _, line := range w.exabgp.wrote[wrote:] {
		if strings.Contains(line, "withdraw") && strings.Contains(line, "10.0.2.0/24") {
			t.Errorf("exaBGP was told to withdraw what it does not have: %q", line)
		}
	}
	w.liveUntil(time.Minute, func() bool { return len(w.banned) == 1 })
	w.refusedAs("10.0.7.0/24")
	w.holds(p, good(now)...)
	w.stays(p)

	// And one that is the suspect itself.
	w.want(desired(t, append(good(now), "10.0.7.0/24 "+nh+" med 7")...))
	w.live(10 * time.Second)
	w.want(desired(t, now...))
	fell := p.fell
	w.liveUntil(20*time.Second, func() bool { return p.fell > fell && p.up })
	w.want(desired(t, good(now)...))
	w.live(time.Minute)
	w.refusedAs()
	w.holds(p, good(now)...)
	w.stays(p)
}

// What was typed is set aside and quarantined like what is in a file.
func TestPoisonByHand(t *testing.T) {
	w, p := poisoned(t, nil)
	w.types("+ 10.0.0.0/24 "+nh, "+ 10.0.1.0/24 "+nh+" med 666")
	w.liveUntil(20*time.Second, func() bool { return len(w.banned) == 1 })
	w.refusedAs("10.0.1.0/24")
	w.holds(p, "10.0.0.0/24 "+nh)
	n := w.types("+ 10.0.1.0/24 " + nh + " med 666")
	w.answers(n, "127.0.0.2 refused "+w.replica.set.Refused[0].Reason)
	n = w.types("+ 10.0.1.0/24 " + nh + " med 5")
	w.answers(n, "127.0.0.2 sent")
	w.refusedAs()
}

// What was typed comes back with the bridge that comes after one which died in a
// search, although nobody asks for it again; not what was withdrawn behind its back.
func TestDeathInASearchByHand(t *testing.T) {
	for i := range 12 {
		w, p := poisoned(t, nil)
		w.types("+ 10.9.0.0/24 " + nh)
		w.live(30 * time.Second)
		w.types("+ 10.0.0.0/24 "+nh, "+ 10.0.1.0/24 "+nh+" med 666", "+ 10.0.2.0/24 "+nh)
		if i == 0 { // exaBGP has done what sets aside, and has not answered
			w.settle()
			w.exabgp.pass(w.now)
			w.step()
			e := w.core.take()
			if len(e.lines) == 0 || !strings.Contains(e.lines[1], "10.0.1.0/24") {
				t.Fatalf("exaBGP is told %q", e.lines)
			}
			w.write(e)
			for _, line := range e.lines {
				w.exabgp.write(line)
			}
		} else {
			w.live(time.Duration(i) * 600 * time.Millisecond)
		}
		withdrawn := desired(t, "10.9.0.0/24").Routes[0].Key
		delete(p.cache, withdrawn)
		delete(p.holds, withdrawn)
		w.boot("boot-1", "run-2")
		w.live(time.Minute)
		if _, back := p.cache[withdrawn]; back || len(w.banned) != 1 {
			t.Errorf("after %d: quarantined %v, and what was withdrawn is back: %t", i, w.banned, back)
		}
		w.holds(p, "10.0.0.0/24 "+nh, "10.0.2.0/24 "+nh)
	}
}

// Of two peers one does not bear it: the other has it.
func TestPoisonOfOnePeer(t *testing.T) {
	w, p := poisoned(t, func(w *world, _ *fakePeer) { w.exabgp.add(testPeer("127.0.0.3", 65000)) })
	q := w.exabgp.peers[1]
	w.exabgp.sessionUp(q)
	lines := many(3, 1)
	w.want(desired(t, lines...))
	w.liveUntil(20*time.Second, func() bool { return len(w.banned) == 1 })
	w.refusedAs("10.0.1.0/24")
	w.holds(p, good(lines)...)
	w.holds(q, lines...)
	if q.fell > 0 || !q.up {
		t.Errorf("the other session fell")
	}
	// A bridge after this one knows it, and what the other peer has stays. Nobody
	// withdraws it: the router may not bear that either.
	wrote := len(w.exabgp.wrote)
	w.boot("boot-1", "run-2")
	w.refusedAs("10.0.1.0/24")
	w.lease("team")
	w.want(desired(t, lines...))
	w.live(time.Minute)
	if got := w.exabgp.wrote[wrote:]; len(got) > 0 {
		t.Errorf("exaBGP was told %q", got)
	}
	w.refusedAs("10.0.1.0/24")
	w.holds(q, lines...)
	w.stays(p)
}

// A router may not bear a withdraw of the route either. Neither the search nor a
// bridge that comes in the middle of it gives it one.
func TestPoisonThatIsNotToBeWithdrawn(t *testing.T) {
	for i := range 14 {
		w, p := poisoned(t, func(_ *world, p *fakePeer) { p.unreadable = true })
		lines := many(3, 2)
		w.want(desired(t, lines...))
		w.liveUntil(20*time.Second, func() bool { return len(w.core.peers[0].doubts.accused) == 1 && p.up })
		w.live(500 * time.Millisecond)
		p.resend() // exaBGP takes its time
		w.live(time.Duration(i) * 500 * time.Millisecond)
		withdrew := p.withdrew
		w.boot("boot-1", "run-2")
		w.live(time.Minute)
		if p.withdrew != withdrew || len(w.banned) != 1 || !p.up {
			t.Errorf("after %d/2 s the peer was sent %d withdraws, and in quarantine is %v", i, p.withdrew-withdrew, w.banned)
		}
	}
}

// A bridge that dies in the middle of a search leaves one that begins again, and
// one under another exaBGP remembers what was found.
func TestDeathInASearch(t *testing.T) {
	w, p := poisoned(t, nil)
	lines := many(60, 31)
	d := desired(t, lines...)
	for i := range 6 {
		w.want(d)
		w.live(time.Duration(i) * 700 * time.Millisecond)
		w.boot("boot-1", fmt.Sprintf("run-1%d", i))
		w.lease("team")
	}
	w.want(d)
	w.liveUntil(2*time.Minute, func() bool { return len(w.banned) == 1 && len(p.holds) == 59 })
	w.refusedAs("10.0.31.0/24")
	w.holds(p, good(lines)...)
	w.stays(p)

	fell := p.fell
	clear(p.cache)
	w.exabgp.sessionDown(p)
	w.boot("boot-2", "run-2")
	w.refusedAs("10.0.31.0/24")
	w.exabgp.sessionUp(p)
	w.settle()
	w.lease("team")
	w.want(d)
	w.live(time.Minute)
	w.refusedAs("10.0.31.0/24")
	w.holds(p, good(lines)...)
	if p.fell != fell {
		t.Errorf("the session fell %d times more", p.fell-fell)
	}
}

// A route that the session fell of leaves quarantine when it is announced as something
// else, also if the bridge does not live to hear that it was.
func TestPoisonIsReplacedUnheard(t *testing.T) {
	w, p := poisoned(t, nil)
	w.want(desired(t, "10.0.0.0/24 "+nh+" med 666"))
	w.liveUntil(2*time.Minute, func() bool { return len(w.banned) == 1 })
	w.snapshot()
	w.want(desired(t, "10.0.0.0/24 "+nh+" med 5"))
	e := w.core.take()
	w.write(e)
	for _, line := range e.lines {
		w.exabgp.write(line)
	}
	w.exabgp.flush()
	w.boot("boot-1", "run-2")
	if len(w.banned) > 0 {
		t.Errorf("in quarantine: %v", w.banned)
	}
	w.refusedAs()
	w.holds(p, "10.0.0.0/24 "+nh+" med 5")
}

// What the session fell of may be an older value, which waited for it and came with
// the right one. That is not guilty of it, however often.
func TestPoisonThatWasReplaced(t *testing.T) {
	w, p := poisoned(t, nil)
	d := desired(t, "10.0.0.0/24 "+nh+" med 5")
	k := d.Routes[0].Key
	w.want(d)
	w.settle()
	right := p.cache[k]
	p.doom = w.now
	w.exabgp.pass(w.now)
	for range 3 { // the session is up again before anything could be set aside
		p.back, p.cache[k] = time.Time{}, attrs(t, nh+" med 666")
		w.exabgp.sessionUp(p)
		w.exabgp.flush()
		p.cache[k] = right
		p.pending = append(p.pending, change{key: k})
		w.exabgp.flush()
		w.exabgp.pass(w.now)
	}
	if p.fell < 3 {
		t.Fatalf("the session fell %d times", p.fell)
	}
	w.live(2 * time.Minute)
	w.refusedAs()
	w.holds(p, "10.0.0.0/24 "+nh+" med 5")
	w.stays(p)
}

// A session that falls of what may be a route of somebody else says nothing of the
// one of ours that is new beside it.
func TestFallBesideARouteOfSomebodyElse(t *testing.T) {
	for _, beside := range []bool{false, true} {
		w, p := poisoned(t, nil)
		w.want(desired(t, "10.0.7.0/24 "+nh))
		w.settle()
		if beside {
			theirs := desired(t, "10.0.6.0/24 "+nh).Routes[0]
			p.change(theirs.Key, theirs.Attrs, false)
			w.settle()
		}
		peer := w.core.findPeer(p.addr)
		for range 2 {
			w.core.fell(peer, "peer reset, message (notification received (3,10)) error()")
		}
		if d := &peer.doubts; !d.searching() || len(d.accused) > 0 == beside {
			t.Errorf("beside another's %v: accused %v, want the route of ours only if there is no other", beside, d.accused)
		}
	}
}

// The peer is slower than was measured at a fall of what had been replaced, so that
// poison passes, and what is tried after it is accused. Then the poison is replaced
// too, or withdrawn: that the session lives on does not make the accused guilty.
func TestCulpritLeavesDuringASearch(t *testing.T) {
	for _, culprit := range []string{"10.0.0.0/24 " + nh + " med 2", ""} {
		w, p := poisoned(t, func(_ *world, p *fakePeer) { p.lag = 2500 * time.Millisecond })
		w.want(desired(t, "10.0.2.0/24 "+nh+" med 666"))
		w.live(1500 * time.Millisecond)
		good := []string{"10.0.1.0/24 " + nh + " med 1", "10.0.2.0/24 " + nh}
		w.want(desired(t, append(good, "10.0.0.0/24 "+nh+" med 666")...))
		w.liveUntil(time.Minute, func() bool { return len(w.core.peers[0].doubts.accused) > 0 && p.up })
		if culprit != "" {
			good = append(good, culprit)
		}
		w.want(desired(t, good...))
		w.live(time.Minute)
		w.refusedAs()
		w.holds(p, good...)
		w.stays(p)
	}
}
