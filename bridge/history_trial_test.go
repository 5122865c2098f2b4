package bridge

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"routesync/bridge/wire"
	"routesync/state"
)

// TestRandomHistoriesOfTrials tries files while the bridge is killed between any two
// of the things that it does, exaBGP is started again, commands are lost and
// refused, sessions fall, routes are changed behind the bridge's back, and the
// commander and others come and go. After a trial that nobody confirmed, and enough
// time, every peer holds what it held before for the owner; after one that somebody
// confirmed in time, what its file says. What others have is as it was.
func TestRandomHistoriesOfTrials(t *testing.T) {
	reverted, confirmed, late := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		h := newTrialHistory(rt, t)
		h.begin()
		for i := range rapid.IntRange(1, 14).Draw(rt, "steps") {
			h.step(i)
			h.w.some(rt)
			h.w.oneInFlight(rt)
			h.onlyAsked()
		}
		h.w.exabgp.lose, h.w.exabgp.refuse = nil, nil
		h.w.exabgp.allUp()
		h.w.settle()
		if h.confirmed {
			confirmed++
			for range 4 {
				h.comeAgain()
				h.w.want(h.tried)
				h.elapse(time.Minute)
			}
			h.elapse(2 * trialTime)
			h.holds(h.want(h.tried))
			return
		}
		h.elapse(2*trialTime + 3*revertAgain)
		h.holds(h.before)
		reverted++
		if h.overdue {
			late++
		}
		if len(h.w.core.trials) > 0 || len(h.w.tried) > 0 || h.w.owners["team"].Trial != nil {
			rt.Fatalf("the trial is not over: %+v", h.w.owners["team"])
		}
		if g := h.w.ask("watch", h.revision, ""); g.Older == nil {
			rt.Fatalf("the file that was tried: %+v", g)
		}
		if g := h.w.ask("watch", minute("x", 10), ""); g.Refused != "" {
			rt.Fatalf("the file before: %+v", g)
		}
		h.w.revision = minute("x", 10)
		h.w.snapshot()
		if plan := h.w.want(h.base); len(plan.Changes) > 0 {
			rt.Fatalf("to the file before it is %+v", plan.Changes)
		}
	})
	t.Logf("%d times reverted, %d of them by a bridge that came too late, %d times confirmed", reverted, late, confirmed)
	if reverted == 0 || confirmed == 0 || late == 0 {
		t.Error("one of the ways was never gone")
	}
}

// trialHistory is one of them.
type trialHistory struct {
	w           *world
	rt          *rapid.T
	t           testing.TB
	boot        int
	static      state.Key
	others      state.Key // of another owner
	base, tried *state.Desired
	revision    state.Revision
	before      map[netip.Addr]map[state.Key]state.Attrs // what peers held for the owner
	deadline    time.Time
	confirmed   bool
	overdue     bool // the time was over while no bridge was ready
}

// newTrialHistory is one in which a file is in force, and exaBGP and another owner
// have routes.
func newTrialHistory(rt *rapid.T, t testing.TB) *trialHistory {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65000)
	b.negotiated = rapid.SampledFrom([][]state.Family{b.families, {state.IPv4Unicast}}).Draw(rt, "negotiated")
	h := &trialHistory{w: newWorld(t, a, b), rt: rt, t: t, boot: 1}
	h.static, h.others = desired(t, "10.255.0.0/16").Routes[0].Key, desired(t, "10.254.0.0/16").Routes[0].Key
	w := h.w
	for _, p := range w.exabgp.peers {
		p.cache[h.static] = attrs(t, nh)
	}
	w.exabgp.allUp()
	w.boot("boot-1", "run-0")
	theirs := desired(t, "10.254.0.0/16 "+nh)
	theirs.Owner = "other"
	w.lease("other")
	w.want(theirs)
	w.settle()
	h.base = drawFile(rt, t)
	w.ask("watch", minute("x", 10), "")
	w.revision = minute("x", 10)
	w.want(h.base)
	w.settle()
	h.before = h.want(h.base)
	h.holds(h.before)
	return h
}

// want is what peers hold for the owner if a file is in force.
func (h *trialHistory) want(d *state.Desired) map[netip.Addr]map[state.Key]state.Attrs {
	all := map[netip.Addr]map[state.Key]state.Attrs{}
	for _, p := range h.w.exabgp.peers {
		all[p.addr] = map[state.Key]state.Attrs{}
		for _, r := range d.Routes {
			if slices.Contains(p.families, r.Key.Family) && (r.Peers.All() || slices.Contains(r.Peers.Addrs(), p.addr)) {
				all[p.addr][r.Key] = r.Attrs
			}
		}
	}
	return all
}

// holds compares exaBGP's table, and what peers hold, with what they should.
func (h *trialHistory) holds(want map[netip.Addr]map[state.Key]state.Attrs) {
	h.rt.Helper()
	for _, p := range h.w.exabgp.peers {
		table := maps.Clone(want[p.addr])
		table[h.static], table[h.others] = attrs(h.t, nh), attrs(h.t, nh)
		if !maps.Equal(p.cache, table) {
			h.rt.Fatalf("exaBGP has for %s %v, want %v", p.addr, p.cache, table)
		}
		maps.DeleteFunc(table, func(k state.Key, _ state.Attrs) bool { return !slices.Contains(p.negotiated, k.Family) })
		if !maps.Equal(p.holds, table) {
			h.rt.Fatalf("%s holds %v, want %v", p.addr, p.holds, table)
		}
	}
}

// onlyAsked: of an owner's route no peer ever has what neither file asks for, and
// nobody changed behind the bridge's back.
func (h *trialHistory) onlyAsked() {
	tried := h.want(h.tried)
	for _, p := range h.w.exabgp.peers {
		if p.cache[h.static] != attrs(h.t, nh) || p.cache[h.others] != attrs(h.t, nh) && h.w.core.phase == ready {
			h.rt.Fatalf("a route of somebody else is %v, %v", p.cache[h.static], p.cache[h.others])
		}
		for k, a := range p.cache {
			if k != h.static && k != h.others && a != h.before[p.addr][k] && a != tried[p.addr][k] && a != drifted(h.t, a) {
				h.rt.Fatalf("%s of %s is %v, which no file asks for", k, p.addr, a)
			}
		}
	}
}

// drifted is a value as somebody changed it.
func drifted(t testing.TB, a state.Attrs) state.Attrs {
	other, err := a.With(state.MED, []string{"77"})
	if err != nil {
		t.Fatal(err)
	}
	return other
}

func (h *trialHistory) begin() {
	h.tried, h.revision = drawFile(h.rt, h.t), minute("y", 20)
	h.w.mustTry("a", h.revision)
	h.w.step() // the commander is told behind what the journal has
	h.deadline = h.w.now.Add(trialTime)
	h.w.want(h.tried)
	h.w.some(h.rt)
}

// comeAgain has the commander ask again, as it does in another session.
func (h *trialHistory) comeAgain() bool {
	if h.w.core.phase != ready {
		return false
	}
	g := h.w.try("a", h.revision)
	over := !h.confirmed && !h.w.now.Before(h.deadline)
	if over && g.Refused == "" {
		h.rt.Fatal("the commander goes on after the deadline")
	}
	return g.Refused == ""
}

func (h *trialHistory) step(i int) {
	w := h.w
	what := rapid.SampledFrom([]string{"go on", "go on", "go on", "others", "flap", "lose", "refuse", "drift", "die", "die", "die", "restart", "time", "time", "time", "confirm"}).Draw(h.rt, "step")
	if (what == "lose" || what == "refuse") && w.core.phase != ready {
		return // what is not announced again nobody asks for here
	}
	switch what {
	case "go on":
		if h.comeAgain() && w.replica.set.Complete {
			w.want(h.tried)
		}
	case "others":
		if w.core.phase != ready || h.confirmed {
			return
		}
		if g := w.ask("watch", state.Revision{Digest: "z", Changed: minute("", 30).Changed}, ""); w.now.Before(h.deadline) && g.Refused == "" {
			h.rt.Fatal("another commands while a trial waits")
		}
	case "flap":
		w.flap(rapid.SampledFrom(w.exabgp.peers).Draw(h.rt, "peer"))
	case "lose":
		w.loseSome(h.rt)
	case "refuse":
		w.refuseSome(h.rt)
	case "drift":
		h.drift()
	case "die":
		h.end(rapid.SampledFrom([]time.Duration{0, 0, time.Minute, 2 * trialTime}).Draw(h.rt, "gone"), fmt.Sprint("run-", i), false)
	case "restart":
		h.end(rapid.SampledFrom([]time.Duration{0, time.Minute, 2 * trialTime}).Draw(h.rt, "gone"), fmt.Sprint("run-", i), true)
	case "time":
		h.pass(time.Duration(rapid.IntRange(1, 120).Draw(h.rt, "seconds")) * time.Second)
	case "confirm":
		if rapid.IntRange(0, 3).Draw(h.rt, "confirm") > 0 {
			return
		}
		h.confirm()
	}
}

// pass lets time go by. A revert that has begun goes on by itself.
func (h *trialHistory) pass(d time.Duration) {
	h.w.now = h.w.now.Add(d)
	h.w.core.tick(h.w.now)
}

func (h *trialHistory) elapse(d time.Duration) {
	for end := h.w.now.Add(d); h.w.now.Before(end); {
		h.pass(10 * time.Second)
		h.w.settle()
	}
}

func (h *trialHistory) confirm() {
	h.w.core.obey(wire.Order{Speaker: "edge1", ID: "o", Kind: wire.OrderConfirm, Owner: "team", From: from("p")}, "q", h.w.now)
	a := h.w.core.out.ordered[len(h.w.core.out.ordered)-1].answer
	inTime := h.w.now.Before(h.deadline)
	if (a.Refused == "") != (inTime || h.confirmed) {
		h.rt.Fatalf("confirmed in time %t: %+v", inTime, a)
	}
	h.confirmed = h.confirmed || inTime
	h.w.step() // it is told behind what the journal has
}

// drift changes a route of the trial behind the bridge's back.
func (h *trialHistory) drift() {
	w := h.w
	t := w.core.trials["team"]
	if t == nil || w.core.phase != ready {
		return
	}
	p := rapid.SampledFrom(w.exabgp.peers).Draw(h.rt, "drifting")
	for _, k := range t.keys() {
		noted := false
		for _, x := range t.before[k] {
			noted = noted || slices.Contains(x.Peers, p.addr)
		}
		e := w.core.table.entries[k]
		if a, is := p.cache[k]; is && noted && e != nil && e.flight == nil && e.waiting.empty() && e.slot(w.core.findPeer(p.addr)) != nil && p.up && len(p.pending) == 0 {
			p.change(k, drifted(h.t, a), rapid.Bool().Draw(h.rt, "withdrawn"))
			w.exabgp.flush()
			return
		}
	}
}

// end kills the bridge somewhere, and exaBGP too if it is to, for some time.
func (h *trialHistory) end(gone time.Duration, run string, exabgp bool) {
	w := h.w
	if rapid.Bool().Draw(h.rt, "before the commands") {
		w.write(w.core.take())
	}
	if rapid.Bool().Draw(h.rt, "sent") {
		w.exabgp.flush()
	}
	// What it has read and not thought of; the next one reads the rest.
	w.exabgp.out = w.exabgp.out[rapid.IntRange(0, len(w.exabgp.out)).Draw(h.rt, "read"):]
	w.now = w.now.Add(gone)
	h.overdue = h.overdue || gone > trialTime
	if exabgp {
		w.exabgp.lose, w.exabgp.refuse = nil, nil
		w.exabgp.restart(h.static)
		h.boot++
	}
	w.core = w.successor(fmt.Sprint("boot-", h.boot), run)
	if exabgp {
		w.exabgp.allUp()
	}
}
