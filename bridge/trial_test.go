package bridge

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"routesync/bridge/journal"
	"routesync/bridge/wire"
	"routesync/state"
)

// trialTime is for how long the trials of these tests wait.
const trialTime = 5 * time.Minute

// try asks for the lease of a trial.
func (w *world) try(id string, r state.Revision) wire.Grant {
	w.t.Helper()
	g := w.asks(wire.Request{From: from(id), Revision: r, ConfirmWithin: trialTime.Milliseconds()})
	if g.Refused == "" {
		w.revision = r
		w.snapshot()
	}
	return g
}

func (w *world) mustTry(id string, r state.Revision) {
	w.t.Helper()
	if g := w.try(id, r); g.Refused != "" {
		w.t.Fatalf("no trial: %s", g.Refused)
	}
}

// order gives an order and returns what is answered: what was done, or "refused: "
// and why.
func (w *world) order(kind wire.OrderKind, id string) string {
	w.core.obey(wire.Order{Speaker: "edge1", ID: "o-" + id, Kind: kind, Owner: "team", From: from(id)}, "q-"+id, w.now)
	a := w.core.out.ordered[len(w.core.out.ordered)-1]
	w.settle()
	if a.to != "q-"+id || a.answer.ID != "o-"+id || a.answer.Speaker != "edge1" {
		w.t.Fatalf("answered %+v", a)
	}
	if a.answer.Refused != "" {
		return "refused: " + a.answer.Refused
	}
	return a.answer.Done
}

// trialWorld has a file in force, x of minute 10, with routes at two peers.
func trialWorld(t *testing.T, lines ...string) (*world, *fakePeer, *fakePeer) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65000)
	w := newWorld(t, a, b)
	w.exabgp.allUp()
	w.settle()
	w.ask("before", minute("x", 10), "")
	w.revision = minute("x", 10)
	w.want(desired(t, lines...))
	w.settle()
	return w, a, b
}

// isOver fails the test if something of a trial is kept, once that was looked at.
func (w *world) isOver() {
	w.t.Helper()
	w.pass(2*revertAgain + 5*time.Second)
	if len(w.core.trials) > 0 || len(w.tried) > 0 || w.owners["team"].Trial != nil || len(w.replica.about.Trials) > 0 {
		w.t.Errorf("what is over is kept: %v, %v, %+v", w.core.trials, w.tried, w.owners["team"])
	}
}

func before() []string {
	return []string{"10.0.0.0/24 " + nh + " med 1", "10.0.1.0/24 " + nh + " med 1", "10.0.2.0/24 " + nh}
}

func after() []string {
	return []string{"10.0.0.0/24 " + nh + " med 2", "10.0.2.0/24 " + nh, "10.0.3.0/24 " + nh}
}

// TestRevert: what a trial changed and nobody confirmed is brought back, one
// announce for each route that changed, announces before withdraws, and the file
// that was tried is an older one from then on.
func TestRevert(t *testing.T) {
	t.Parallel()
	w, a, b := trialWorld(t, before()...)
	w.mustTry("a", minute("y", 20))
	w.want(desired(t, after()...))
	w.settle()
	w.holds(a, after()...)
	if x := w.replica.about.Trials; len(x) != 1 || x[0].Changed != 3 || x[0].By.ID != "a" || x[0].Before != minute("x", 10) || x[0].Revision != minute("y", 20) ||
		x[0].Deadline != w.now.Add(trialTime).UnixMilli() || x[0].Revert {
		t.Errorf("told of %+v", x)
	}
	w.exabgp.wrote = nil
	w.pass(trialTime - time.Second)
	if len(w.exabgp.wrote) > 0 || len(w.tried["team"]) != 3 {
		t.Fatalf("before its time exaBGP is told %q, and kept is %v", w.exabgp.wrote, w.tried)
	}
	w.pass(2 * time.Second)
	w.holds(a, before()...)
	w.holds(b, before()...)
	kinds := ""
	for _, line := range w.exabgp.wrote {
		kinds += map[bool]string{true: "w", false: "a"}[strings.Contains(line, "withdraw")]
	}
	if kinds != "aw" { // the two announces have the same attributes
		t.Errorf("exaBGP is told %q", w.exabgp.wrote)
	}
	at := w.now
	w.isOver()
	f := w.replica.about.InForce[0]
	if f.Revision.Digest != "x" || f.Host != "host-before" || f.Revision.Changed < at.Add(-2*time.Second).UnixMilli() || f.Revision.Changed > at.UnixMilli() || f.Reverted == nil || f.Reverted.Digest != "y" {
		t.Errorf("in force is %+v", f)
	}
	if g := w.ask("b", minute("y", 20), ""); g.Older == nil || !strings.Contains(g.Refused, "was reverted at") {
		t.Errorf("the file that was tried: %+v", g)
	}
	if g := w.ask("b", minute("x", 10), ""); g.Refused != "" {
		t.Errorf("the file before: %+v", g)
	}
	w.plan(desired(t, before()...), 0)
	if g := w.ask("b", state.Revision{Digest: "y", Changed: w.now.UnixMilli()}, ""); g.Refused != "" {
		t.Errorf("the file that was tried, touched: %+v", g)
	}
	if f := w.replica.about.InForce[0]; f.Reverted != nil {
		t.Errorf("in force is %+v", f)
	}
}

// TestConfirm: what is confirmed stays, is so for whoever asks again, and the trial
// does not begin anew with the next session of its commander.
func TestConfirm(t *testing.T) {
	t.Parallel()
	w, a, _ := trialWorld(t, before()...)
	if got := w.order(wire.OrderConfirm, "p"); got != "refused: no trial waits" {
		t.Error(got)
	}
	w.mustTry("a", minute("y", 20))
	w.want(desired(t, after()...))
	w.settle()
	if got := w.order(wire.OrderConfirm, "p"); got != "confirmed" {
		t.Error(got)
	}
	if got := w.order(wire.OrderConfirm, "p"); !strings.HasPrefix(got, "it was confirmed at") {
		t.Error(got)
	}
	if got := w.order(wire.OrderConfirm, "q"); !strings.HasPrefix(got, "refused: no trial waits; of the last one, it was confirmed at") {
		t.Error(got)
	}
	w.mustTry("a", minute("y", 20))
	w.boot("boot-1", "run-2")
	w.mustTry("a", minute("y", 20))
	if len(w.core.trials) > 0 || len(w.tried) > 0 {
		t.Error("a trial began anew")
	}
	w.pass(2 * trialTime)
	w.holds(a, after()...)
	if f := w.replica.about.InForce[0]; f.Revision != minute("y", 20) || f.Reverted != nil {
		t.Errorf("in force is %+v", f)
	}
}

// TestRevertByOrder: a person need not wait for the deadline.
func TestRevertByOrder(t *testing.T) {
	t.Parallel()
	w, a, _ := trialWorld(t, before()...)
	w.mustTry("a", minute("y", 20))
	w.want(desired(t, after()...))
	w.settle()
	if got := w.order(wire.OrderRevert, "p"); got != "3 routes are brought back to what they were" {
		t.Error(got)
	}
	if got := w.order(wire.OrderRevert, "p"); !strings.HasPrefix(got, "it was reverted at") {
		t.Error(got)
	}
	w.holds(a, before()...)
	if got := w.order(wire.OrderConfirm, "q"); !strings.HasPrefix(got, "refused: no trial waits; of the last one, it was reverted at") {
		t.Error(got)
	}
	if f := w.replica.about.InForce[0]; f.Reverted == nil || f.Reverted.By.ID != "p" {
		t.Errorf("in force is %+v", f)
	}
}

// TestTrialKeepsOthersOut: while a trial waits only its commander commands, over as
// many sessions as it takes, and the deadline stays; whoever else asks is told why.
// Its commander does not come back behind the revert, whatever it is meant over.
func TestTrialKeepsOthersOut(t *testing.T) {
	t.Parallel()
	w, a, _ := trialWorld(t, before()...)
	w.mustTry("a", minute("y", 20))
	w.want(desired(t, after()...))
	w.settle()
	deadline := w.owners["team"].Trial.Deadline
	for _, id := range []string{"b", "before"} {
		if g := w.ask(id, minute("y", 21), ""); !strings.Contains(g.Refused, "a trial waits to be confirmed: that of watch on host-a") {
			t.Errorf("%s: %+v", id, g)
		}
	}
	w.pass(time.Minute)
	w.boot("boot-1", "run-2")
	if g := w.ask("b", minute("y", 21), ""); !strings.Contains(g.Refused, "a trial waits") {
		t.Errorf("the next bridge: %+v", g)
	}
	w.mustTry("a", minute("y", 20))
	if d := w.owners["team"].Trial.Deadline; d != deadline {
		t.Errorf("the deadline is %d, and was %d", d, deadline)
	}
	s := w.standBy("b", minute("y", 21))
	if s.Trial == nil || s.Trial.By.ID != "a" {
		t.Errorf("a watch that stands by is told %+v", s)
	}
	w.pass(trialTime)
	w.holds(a, before()...)
	w.core.request(wire.Request{Kind: wire.RequestLease, Owner: "team", From: from("a"), Revision: minute("y", 1<<30), Over: "x", ConfirmWithin: 1}, "q", w.now)
	if g := w.core.out.grants[0].answer; g.Older == nil || g.Epoch != 0 {
		t.Errorf("its commander comes back: %+v", g)
	}
}

// TestBatchesBehindRevert: nothing that was sent for the trial is done any more.
func TestBatchesBehindRevert(t *testing.T) {
	t.Parallel()
	w, a, _ := trialWorld(t, before()...)
	w.mustTry("a", minute("y", 20))
	w.want(desired(t, after()...)) // of which nothing was begun that waits behind something
	epoch := w.epoch
	w.now = w.now.Add(trialTime)
	w.core.tick(w.now)
	w.epoch = epoch
	w.want(desired(t, "10.0.9.0/24 "+nh))
	w.settle()
	w.holds(a, before()...)
	if n := len(w.rejected); n == 0 || w.rejected[n-1].Reason != wire.RejectNoLease {
		t.Errorf("rejected %v", w.rejected)
	}
}

// TestRevertAfterDeaths: the bridge, or exaBGP, is down when the time is over.
func TestRevertAfterDeaths(t *testing.T) {
	for name, test := range map[string]struct {
		boot string
		late bool
	}{
		"the bridge in time":  {"boot-1", false},
		"the bridge too late": {"boot-1", true},
		"exaBGP in time":      {"boot-2", false},
		"exaBGP too late":     {"boot-2", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a, b := trialWorld(t, before()...)
			w.mustTry("a", minute("y", 20))
			w.want(desired(t, after()...))
			w.settle()
			w.exabgp.wrote = nil
			if test.late {
				w.now = w.now.Add(trialTime)
			}
			if test.boot == "boot-2" {
				w.exabgp.restart()
			}
			w.boot(test.boot, "run-2")
			w.exabgp.allUp()
			w.settle()
			if !test.late {
				w.holds(a, after()...)
				w.pass(trialTime + time.Second)
			}
			w.pass(time.Second)
			w.holds(a, before()...)
			w.holds(b, before()...)
			told := strings.Join(w.exabgp.wrote, "\n")
			if test.late && test.boot == "boot-2" && (strings.Contains(told, "med 2") || strings.Contains(told, "10.0.3.0/24")) {
				t.Errorf("a new exaBGP is told what was tried:\n%s", told)
			}
			if f := w.replica.about.InForce[0]; f.Revision.Digest != "x" || f.Reverted == nil {
				t.Errorf("in force is %+v", f)
			}
			w.isOver()
		})
	}
}

// TestRevertLeavesOthers: what somebody else has by now stays theirs, and that is
// said; what was changed behind the bridge's back is as it was before.
func TestRevertLeavesOthers(t *testing.T) {
	t.Parallel()
	w, a, b := trialWorld(t, before()...)
	w.mustTry("a", minute("y", 20))
	w.want(desired(t, after()...))
	w.settle()
	w.types("+ 10.0.1.0/24 " + nh + " med 7 @127.0.0.2") // the trial has withdrawn it
	w.pass(time.Minute)
	changed, added := desired(t, "10.0.0.0/24").Routes[0].Key, desired(t, "10.0.3.0/24").Routes[0].Key
	a.change(changed, attrs(t, nh+" med 9"), false)
	b.change(changed, state.Attrs{}, true)
	b.change(added, state.Attrs{}, true)
	w.exabgp.flush()
	w.settle()
	w.pass(trialTime + time.Second)
	w.holds(a, "10.0.0.0/24 "+nh+" med 1", "10.0.1.0/24 "+nh+" med 7", "10.0.2.0/24 "+nh)
	w.holds(b, before()...)
	if !strings.Contains(w.core.fault, "10.0.1.0/24") || !strings.Contains(w.core.fault, "owner console now, and stays theirs") {
		t.Errorf("said is %q", w.core.fault)
	}
	w.isOver()
}

// TestRevertOfTerms: an end that a trial gave a route is taken back, and what has
// come to its end meanwhile is not brought back.
func TestRevertOfTerms(t *testing.T) {
	t.Parallel()
	w, a, _ := trialWorld(t, "10.0.0.0/24 "+nh)
	soon := w.now.Add(trialTime / 2).UnixMilli()
	first := desired(t, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh+" med 1", "10.0.2.0/24 "+nh+" med 1", "10.0.4.0/24 "+nh)
	first.Routes[1].Expires, first.Routes[2].Expires = soon, w.now.Add(time.Hour).UnixMilli()
	first.Routes[3].Lease = (10 * time.Minute).Milliseconds()
	w.want(first)
	w.settle()
	w.mustTry("a", minute("y", 20))
	then := desired(t, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh+" med 2", "10.0.2.0/24 "+nh+" med 2")
	then.Routes[0].Expires = w.now.Add(2 * trialTime).UnixMilli()
	w.want(then)
	w.settle()
	w.holds(a, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh+" med 2", "10.0.2.0/24 "+nh+" med 2")
	w.pass(trialTime + time.Second)
	w.holds(a, "10.0.0.0/24 "+nh, "10.0.2.0/24 "+nh+" med 1", "10.0.4.0/24 "+nh)
	w.pass(2 * trialTime) // nobody was heard for longer than the lease
	w.holds(a, "10.0.0.0/24 "+nh, "10.0.2.0/24 "+nh+" med 1")
	w.pass(time.Hour)
	w.holds(a, "10.0.0.0/24 "+nh)
}

// TestRevertIsTriedAgain: exaBGP refuses it at first. Who commands then, decides.
func TestRevertIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, commands := range map[string]bool{"nobody commands": false, "somebody commands": true} {
		t.Run(name, func(t *testing.T) {
			w, a, _ := trialWorld(t, before()...)
			w.mustTry("a", minute("y", 20))
			w.want(desired(t, after()...))
			w.settle()
			w.exabgp.refuse = func(line string) bool { return true }
			w.pass(trialTime + time.Second)
			w.holds(a, after()...)
			if x := w.replica.about.Trials; len(x) != 1 || !x[0].Revert || !x[0].Free || len(w.tried["team"]) != 3 {
				t.Fatalf("told of %+v", x)
			}
			w.exabgp.refuse = nil
			if commands {
				if g := w.ask("b", state.Revision{Digest: "y", Changed: w.now.UnixMilli()}, ""); g.Refused != "" {
					t.Fatalf("%+v", g)
				}
			}
			w.pass(revertAgain + time.Second)
			if commands {
				w.holds(a, after()...)
			} else {
				w.holds(a, before()...)
			}
			w.isOver()
		})
	}
}

// TestRevertToNothing: no file was in force, and the one that was tried is older
// than that all the same.
func TestRevertToNothing(t *testing.T) {
	t.Parallel()
	w, a, _ := trialWorld(t)
	w.owners["team"] = journal.Owner{Name: "team"}
	w.boot("boot-1", "run-2")
	w.mustTry("a", minute("y", 1<<30)) // by a clock that is ahead
	w.want(desired(t, after()...))
	w.settle()
	w.pass(trialTime + time.Second)
	w.holds(a)
	if g := w.ask("b", minute("y", 1<<30), ""); g.Older == nil || g.Older.Revision.Digest != noFile {
		t.Errorf("%+v", g)
	}
	w.isOver()
	w.boot("boot-1", "run-3")
	if g := w.ask("b", minute("y", 1<<30), ""); g.Older == nil {
		t.Errorf("%+v", g)
	}
}

// TestNoTrialWithoutAJournal: a bridge that would forget it begins none.
func TestNoTrialWithoutAJournal(t *testing.T) {
	t.Parallel()
	w, _, _ := trialWorld(t, before()...)
	w.core.forgets("the disk is full")
	if g := w.try("a", minute("y", 20)); !strings.Contains(g.Refused, "there can be no trial: the disk is full") {
		t.Errorf("%+v", g)
	}
	s, err := NewServer(Options{Speaker: "edge1"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if s.core.memoryless == "" {
		t.Error("a bridge without a journal would begin a trial")
	}
}

// TestTrialIsShared: what a trial keeps of routes that were alike is kept once.
func TestTrialIsShared(t *testing.T) {
	t.Parallel()
	w, _, _ := trialWorld(t)
	w.mustTry("a", minute("y", 20))
	var lines []string
	for i := range 50 {
		lines = append(lines, fmt.Sprintf("10.0.%d.0/24 %s", i, nh))
	}
	w.want(desired(t, lines...))
	w.settle()
	all := slices.Collect(maps.Values(w.core.trials["team"].before))
	if len(all) != len(lines) {
		t.Fatalf("%d routes", len(all))
	}
	for _, claims := range all {
		if &claims[0] != &all[0][0] {
			t.Fatal("two routes that were alike are kept apart")
		}
	}
}

// TestRevertsDriftToTheOwners: what somebody had changed before the trial comes back
// as its owner gave it.
func TestRevertsDriftToTheOwners(t *testing.T) {
	t.Parallel()
	w, a, _ := trialWorld(t, before()...)
	w.pass(time.Minute)
	a.change(desired(t, "10.0.0.0/24").Routes[0].Key, attrs(t, nh+" med 9"), false)
	w.exabgp.flush()
	w.settle()
	w.holds(a, "10.0.0.0/24 "+nh+" med 9", "10.0.1.0/24 "+nh+" med 1", "10.0.2.0/24 "+nh)
	w.mustTry("a", minute("y", 20))
	w.want(desired(t, after()...))
	w.settle()
	w.pass(trialTime + time.Second)
	w.holds(a, before()...)
}

// TestRevertWithdrawsLast: no withdraw goes before each announce of the revert was
// answered, although one waits behind a change that is under way.
func TestRevertWithdrawsLast(t *testing.T) {
	t.Parallel()
	w, a, _ := trialWorld(t, before()...)
	w.mustTry("a", minute("y", 20))
	w.want(desired(t, "10.0.1.0/24 "+nh+" med 1", "10.0.2.0/24 "+nh, "10.0.0.0/24 "+nh+" med 1", "10.0.3.0/24 "+nh))
	w.settle()
	w.want(desired(t, after()...))
	under := w.core.take()
	w.write(under)
	w.now = w.now.Add(trialTime)
	w.core.tick(w.now)
	e := w.core.take()
	w.write(e)
	for o := range w.core.flying {
		if o.revert != nil && o.withdraw {
			t.Errorf("%s is withdrawn behind %q", o.key, under.lines)
		}
	}
	for _, line := range append(under.lines, e.lines...) {
		w.exabgp.write(line)
	}
	w.settle()
	w.holds(a, before()...)
}

// TestRevertForgetsWhatWaits: a change that waits for exaBGP to send its table comes
// to nothing.
func TestRevertForgetsWhatWaits(t *testing.T) {
	t.Parallel()
	w, a, _ := trialWorld(t, before()...)
	w.mustTry("a", minute("y", 20))
	w.exabgp.sessionDown(a)
	w.settle()
	w.exabgp.sessionUp(a)
	for _, line := range w.exabgp.out {
		w.core.line(line, w.now)
	}
	w.exabgp.out = nil
	w.want(desired(t, after()...))
	if len(w.core.delayed) == 0 {
		t.Fatal("nothing waits")
	}
	w.now = w.now.Add(trialTime)
	w.core.tick(w.now)
	w.settle()
	w.pass(10 * time.Second) // exaBGP does not send a withdraw of what it had not sent
	w.holds(a, before()...)
}

// TestRevertOfPoison: a route that was tried, and of which the session fell, is what
// it was before.
func TestRevertOfPoison(t *testing.T) {
	t.Parallel()
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65000)
	a.poisons = med("666")
	w := newWorld(t, a, b)
	w.exabgp.now = w.now
	w.exabgp.allUp()
	w.settle()
	w.ask("before", minute("x", 10), "")
	w.want(desired(t, before()...))
	w.live(time.Minute)
	w.mustTry("a", minute("y", 20))
	w.want(desired(t, "10.0.0.0/24 "+nh+" med 666", "10.0.2.0/24 "+nh, "10.0.3.0/24 "+nh+" med 666"))
	w.live(trialTime - time.Second)
	if len(w.banned) != 2 {
		t.Fatalf("in quarantine: %v", w.banned)
	}
	w.live(time.Minute)
	w.exabgp.allUp()
	w.live(time.Minute)
	w.holds(a, before()...)
	w.holds(b, before()...)
}
