package bridge

import (
	"strings"
	"testing"
	"time"

	"routesync/bridge/wire"
	"routesync/state"
)

// watchOf asks for the lease of a watch, which gives way to a pause.
func (w *world) watchOf(id string, r state.Revision) wire.Grant {
	g := w.asks(wire.Request{From: from(id), Revision: r, Pausable: true})
	if g.Refused == "" {
		w.revision = r
	}
	w.settle()
	return g
}

// TestPause: a watch commands nothing while it is paused, whoever dies, and an apply
// does; then the watch goes on.
func TestPause(t *testing.T) {
	t.Parallel()
	p := testPeer("127.0.0.2", 65001)
	w := newWorld(t, p)
	w.exabgp.sessionUp(p)
	w.settle()
	w.watchOf("watch", minute("x", 10))
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.settle()
	w.want(desired(t, "10.0.0.0/24 "+nh+" med 1"))
	under := w.core.take()
	w.write(under)
	w.want(desired(t, "10.0.0.0/24 "+nh+" med 2", "10.0.1.0/24 "+nh)) // waits behind the first
	w.core.obey(wire.Order{Speaker: "edge1", ID: "o", Kind: wire.OrderPause, Owner: "team", From: from("ana"), Reason: "a window"}, "q", w.now)
	e := w.core.take()
	w.write(e)
	for _, line := range append(under.lines, e.lines...) {
		w.exabgp.write(line)
	}
	w.settle()
	if p.holds[desired(t, "10.0.0.0/24").Routes[0].Key] != attrs(t, nh+" med 1") {
		t.Errorf("behind the pause the peer holds %v", p.holds)
	}
	w.want(desired(t, "10.0.2.0/24 "+nh))
	w.settle()
	if n := len(w.rejected); n == 0 || w.rejected[n-1].Reason != wire.RejectNoLease {
		t.Errorf("rejected %v", w.rejected)
	}
	if x := w.replica.about.Pauses; len(x) != 1 || x[0].Owner != "team" || x[0].By.ID != "ana" || x[0].Reason != "a window" || x[0].At != w.now.UnixMilli() {
		t.Errorf("told of %+v", x)
	}
	for _, boot := range []string{"boot-1", "boot-1", "boot-2"} {
		if g := w.watchOf("watch", minute("x", 10)); !g.Ordered || !strings.Contains(g.Refused, "it is paused by host-ana") {
			t.Fatalf("the watch that is paused: %+v", g)
		}
		if s := w.standBy("watch", minute("x", 10)); s.Pause == nil || s.Pause.Reason != "a window" {
			t.Fatalf("it is told %+v", s)
		}
		w.boot(boot, "run-"+boot)
	}
	w.exabgp.allUp()
	if g := w.ask("apply", minute("y", 11), ""); g.Refused != "" {
		t.Fatalf("an apply: %+v", g)
	}
	if got := w.order(wire.OrderResume, "ana"); got != "resumed" {
		t.Error(got)
	}
	if got := w.order(wire.OrderResume, "ana"); got != "it was not paused" {
		t.Error(got)
	}
	if g := w.watchOf("watch", minute("z", 12)); g.Refused != "" || len(w.replica.about.Pauses) != 0 {
		t.Errorf("the watch goes on: %+v", g)
	}
}

// TestPauseKeepsLeasedRoutes: they stay while the watch stands by, and go when it
// does.
func TestPauseKeepsLeasedRoutes(t *testing.T) {
	t.Parallel()
	p := testPeer("127.0.0.2", 65001)
	w := newWorld(t, p)
	w.exabgp.sessionUp(p)
	w.settle()
	w.watchOf("watch", minute("x", 10))
	leased := desired(t, "10.0.0.0/24 "+nh)
	leased.Routes[0].Lease = time.Minute.Milliseconds()
	w.want(leased)
	w.settle()
	w.order(wire.OrderPause, "ana")
	for range 60 {
		w.pass(3 * time.Second)
		w.standBy("watch", minute("x", 10))
	}
	w.holds(p, "10.0.0.0/24 "+nh)
	if l := w.replica.about.Leases[0]; l.Silent == 0 {
		t.Errorf("the commander that was dismissed is said to be there: %+v", l)
	}
	w.pass(2 * time.Minute)
	w.holds(p)
}

// TestOverride: kept until the plan is carried out, or for a day.
func TestOverride(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testPeer("127.0.0.2", 65001))
	done := ""
	give := func(text string) string {
		w.core.obey(wire.Order{Speaker: "edge1", ID: "o", Kind: wire.OrderOverride, Owner: "team", From: from("ana"), Text: text, Reason: "r"}, "q", w.now)
		a := w.core.out.ordered[len(w.core.out.ordered)-1].answer
		w.settle()
		done = a.Done
		return a.Refused
	}
	told := func() (all []string) {
		for _, o := range w.replica.about.Overrides {
			all = append(all, o.Text)
		}
		return all
	}
	const one, two = "withdraw@000000000001", "withdraw,never@000000000002"
	for _, text := range []string{one, two, one} {
		if refused := give(text); refused != "" {
			t.Fatal(refused)
		}
	}
	if got := strings.Join(told(), " "); got != two+" "+one {
		t.Errorf("told of %s", got)
	}
	w.boot("boot-2", "run-2")
	if o := w.replica.about.Overrides; len(o) != 2 || o[0].By.ID != "ana" || o[0].Reason != "r" || o[0].Until != w.now.Add(overrideLife).UnixMilli() {
		t.Errorf("told of %+v", o)
	}
	w.ask("watch", minute("x", 10), "")
	w.core.request(wire.Request{Kind: wire.RequestAlive, Owner: "team", From: from("watch"), Revision: minute("x", 10), Overridden: []string{two}}, "", w.now)
	w.settle()
	if got := strings.Join(told(), " "); got != one {
		t.Errorf("told of %s", got)
	}
	w.now = w.now.Add(overrideLife)
	w.core.tick(w.now)
	w.settle()
	if got := told(); len(got) > 0 || len(w.owners["team"].Overrides) > 0 {
		t.Errorf("told of %s", got)
	}
	for i := range wire.MaxOverrides {
		if refused := give("withdraw@00000000000" + string("0123456789abcdef"[i%16]) + string("ab"[i/16])); refused != "" {
			t.Fatal(refused)
		}
	}
	before := told()
	if refused := give(one); refused != "" || !strings.Contains(done, "instead of "+before[0]+", the oldest of 20") {
		t.Errorf("one more: refused %q, done %q", refused, done)
	}
	if got, want := strings.Join(told(), " "), strings.Join(append(before[1:], one), " "); got != want {
		t.Errorf("told of %s, want %s", got, want)
	}
	w.alive("watch", minute("x", 10), wire.Condition{Name: "guarded", Text: "t", Do: "routesync override " + two + " --speaker edge1"})
	for text, want := range map[string]bool{two: true, "withdraw@000000000002" + strings.Repeat("0", 52): true, one: false} {
		if give(text); strings.HasPrefix(done, "it holds for that plan, until ") != want {
			t.Errorf("%s: %s", text, done)
		}
	}
	w.core.obey(wire.Order{Speaker: "edge2", Kind: wire.OrderPause, Owner: "team"}, "q", w.now)
	w.core.obey(wire.Order{Speaker: "edge1", Kind: wire.OrderPause, Owner: state.OwnerConsole}, "q", w.now)
	for _, a := range w.core.out.ordered {
		if a.answer.Refused == "" {
			t.Errorf("taken: %+v", a)
		}
	}
}

// TestHalted: a watch learns that it is paused, and who holds a trial that it was
// reverted; others go on.
func TestHalted(t *testing.T) {
	t.Parallel()
	paused := &wire.About{Pauses: []wire.Pause{{Owner: "team", Reason: "r"}}}
	reverted := &wire.About{InForce: []wire.InForce{{Owner: "team", Epoch: 9, Reverted: &wire.Reverted{Digest: "y"}}}}
	for name, test := range map[string]struct {
		about    *wire.About
		pausable bool
		owner    string
		digest   string
		epoch    int64
		want     string
	}{
		"paused watch":           {paused, true, "team", "x", 5, "the watch stands by"},
		"paused apply":           {paused, false, "team", "x", 5, ""},
		"another owner is":       {paused, true, "other", "x", 5, ""},
		"reverted":               {reverted, false, "team", "y", 5, "was reverted"},
		"reverted to its file":   {reverted, false, "team", "x", 5, ""},
		"reverted before it had": {reverted, false, "team", "y", 10, ""},
		"who only reads":         {reverted, false, "", "", 0, ""},
	} {
		r := &Reader{replica: newReplica("edge1"), epoch: test.epoch}
		r.speaker, r.replica.about = "edge1", test.about
		r.mandate = Mandate{Owner: test.owner, Pausable: test.pausable, Revision: state.Revision{Digest: test.digest}}
		if err := r.halted(); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
