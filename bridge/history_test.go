package bridge

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"routesync/state"
)

// TestRandomHistories runs random files, session flaps, lost and refused
// answers, changes behind the bridge's back and deaths of the bridge, each step
// at a random point of the work on the one before. Afterwards the peers hold
// exactly what the last file says, and no foreign route was touched.
func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65000)
		b.negotiated = rapid.SampledFrom([][]state.Family{b.families, {state.IPv4Unicast}}).Draw(rt, "negotiated")
		w := newWorld(t, a, b)
		static := desired(t, "10.255.0.0/16").Routes[0].Key
		for _, p := range w.exabgp.peers {
			p.cache[static] = attrs(t, nh)
		}
		w.exabgp.sessionUp(a)
		w.boot("boot-1", "run-0")
		w.lease("team")
		last := desired(t)
		steps := rapid.IntRange(1, 12).Draw(rt, "steps")
		for i := range steps {
			switch rapid.SampledFrom([]string{"file", "file", "file", "flap", "lose", "refuse", "drift", "die", "time"}).Draw(rt, "step") {
			case "file":
				last = drawFile(rt, t)
				w.commandIfSettled(last)
			case "flap":
				w.flap(rapid.SampledFrom(w.exabgp.peers).Draw(rt, "peer"))
			case "lose":
				w.loseSome(rt)
			case "refuse":
				w.refuseSome(rt)
			case "drift":
				w.drift(rt)
			case "die":
				w.exabgp.flush()
				w.boot("boot-1", "run-"+string(rune('a'+i)))
				if w.exabgp.lose == nil {
					w.lease("team")
				} else { // what the bridge before had under way may be lost again, and is given up later
					w.leaseIfReady()
				}
			case "time":
				w.now = w.now.Add(time.Minute)
				w.core.tick(w.now)
			}
			w.some(rt)
			w.oneInFlight(rt)
		}
		w.exabgp.lose, w.exabgp.refuse = nil, nil
		w.exabgp.allUp()
		w.converge(rt, last)
		w.check(rt, last, static)
	})
}

// flap ends the session of a peer that has one, and begins that of one that has none.
func (w *world) flap(p *fakePeer) {
	if p.up {
		w.exabgp.sessionDown(p)
	} else {
		w.exabgp.sessionUp(p)
	}
}

// loseSome has exaBGP lose the next commands, and refuseSome answer them with error.
func (w *world) loseSome(rt *rapid.T) {
	left := rapid.IntRange(1, 3).Draw(rt, "lost")
	w.exabgp.lose = func(string) bool { left--; return left >= 0 }
}

func (w *world) refuseSome(rt *rapid.T) {
	left := rapid.IntRange(1, 3).Draw(rt, "refused")
	w.exabgp.refuse = func(string) bool { left--; return left >= 0 }
}

func drawFile(rt *rapid.T, t testing.TB) *state.Desired {
	var lines []string
	for _, prefix := range []string{"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"} {
		med := rapid.SampledFrom([]string{"", " med 1", " med 2"}).Draw(rt, "med")
		switch rapid.IntRange(0, 3).Draw(rt, "route") {
		case 0:
		case 1:
			lines = append(lines, prefix+" "+nh+med+" @127.0.0.2")
		default:
			lines = append(lines, prefix+" "+nh+med)
		}
	}
	if rapid.Bool().Draw(rt, "ipv6") {
		lines = append(lines, "2001:db8::/32 next-hop 2001:db8::1")
	}
	return desired(t, lines...)
}

// settled is what a commander asks before it sends the next difference.
func (w *world) settled() bool {
	w.read()
	l := w.core.leases["team"]
	return w.replica.set.Complete && l != nil && l.Applied >= w.seq
}

func (w *world) commandIfSettled(d *state.Desired) {
	if w.settled() {
		w.want(d)
	}
}

func (w *world) converge(rt *rapid.T, d *state.Desired) {
	for range 6 {
		w.settle()
		w.now = w.now.Add(time.Minute)
		w.present()
		w.core.tick(w.now)
		w.settle()
		if w.core.leases["team"] == nil { // a commander that was refused asks again
			w.leaseIfReady()
		}
		if w.settled() {
			if plan, err := state.Diff(d, &w.replica.set); err == nil && len(plan.Changes) == 0 && !w.core.waits() {
				return
			}
			w.want(d)
		}
	}
	plan, err := state.Diff(d, &w.replica.set)
	rt.Fatalf("not converged: %v, %+v", err, plan)
}

// waits tells whether it is not known yet of something whether it is sent.
func (c *core) waits() bool {
	for _, e := range c.table.entries {
		for _, s := range e.slots {
			if s.grade == state.Accepted || s.reason == unsentReason {
				return true
			}
		}
	}
	return false
}

// drift changes something at exaBGP behind the bridge's back.
func (w *world) drift(rt *rapid.T) {
	p := rapid.SampledFrom(w.exabgp.peers).Draw(rt, "drifting")
	keys := slices.SortedFunc(maps.Keys(p.cache), state.CompareKeys)
	keys = slices.DeleteFunc(keys, func(k state.Key) bool { return strings.HasPrefix(k.String(), "10.255") })
	for _, k := range keys {
		if e := w.core.table.entries[k]; e == nil || e.flight != nil || e.slot(w.core.findPeer(p.addr)) == nil {
			continue // exaBGP itself mixes up two changes at once; that is not what is tested
		}
		other, err := p.cache[k].With(state.MED, []string{"77"})
		if err != nil {
			rt.Fatal(err)
		}
		switch rapid.SampledFrom([]string{"withdrawn", "changed", "hidden", "unsent"}).Draw(rt, "drift") {
		case "withdrawn":
			p.change(k, p.cache[k], true)
		case "changed":
			p.change(k, other, false)
		case "hidden": // as a clear of another neighbor's table does
			p.hide(k)
		case "unsent": // as batches do in which there are several changes of it
			if !p.fresh && p.up && p.cache[k] == p.holds[k] {
				p.pending = append(p.pending, change{key: k, withdraw: true})
			}
		}
		return
	}
}

func (w *world) oneInFlight(rt *rapid.T) {
	keys := map[state.Key]bool{}
	for o := range w.core.flying {
		if keys[o.key] {
			rt.Fatalf("two changes of %s in flight", o.key)
		}
		keys[o.key] = true
	}
}

// check compares what the peers hold with the file.
func (w *world) check(rt *rapid.T, d *state.Desired, static state.Key) {
	for _, p := range w.exabgp.peers {
		w.checkPeer(rt, p, d, static)
	}
	if len(w.core.flying) != 0 || len(w.core.windows.out) > 0 {
		rt.Fatalf("%d changes in flight after convergence, window open %v", len(w.core.flying), len(w.core.windows.out) > 0)
	}
	if w.core.table.digest != w.replica.set.Digest() {
		rt.Fatalf("digest of the bridge %+v, of the reader %+v", w.core.table.digest, w.replica.set.Digest())
	}
}

// checkPeer compares what a peer holds with the file, and static routes.
func (w *world) checkPeer(rt *rapid.T, p *fakePeer, d *state.Desired, static ...state.Key) {
	want := map[state.Key]state.Attrs{}
	for _, k := range static {
		want[k] = attrs(w.t, nh)
	}
	for _, r := range d.Routes {
		if slices.Contains(p.negotiated, r.Key.Family) && (r.Peers.All() || slices.Contains(r.Peers.Addrs(), p.addr)) {
			want[r.Key] = r.Attrs
		}
	}
	if !maps.Equal(want, p.holds) {
		rt.Fatalf("peer %s holds %v, want %v", p.addr, p.holds, want)
	}
}

// some lets a few things happen of those that are under way.
func (w *world) some(rt *rapid.T) {
	for range rapid.IntRange(0, 6).Draw(rt, "progress") {
		if !w.step() {
			w.exabgp.flush()
		}
	}
}

// allUp brings up the sessions that are down.
func (f *fakeExaBGP) allUp() {
	for _, p := range f.peers {
		if !p.up {
			f.sessionUp(p)
		}
	}
}
