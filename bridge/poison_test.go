package bridge

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"routesync/state"
)

// live lets time go by, with ticks as the server has them.
func (w *world) live(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(w.core.pace())
		w.exabgp.pass(w.now)
		w.settle()
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

var _ = rapid.Check
