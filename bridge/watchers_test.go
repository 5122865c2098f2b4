package bridge

import (
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/state"
)

// minute is a revision that was changed at a minute.
func minute(digest string, n int64) state.Revision {
	return state.Revision{Digest: digest, Changed: n * time.Minute.Milliseconds()}
}

func from(id string) wire.Commander {
	return wire.Commander{ID: id, Host: "host-" + id, Verb: "watch"}
}

// ask asks for the lease of team.
func (w *world) ask(id string, r state.Revision, over string) wire.Grant {
	w.t.Helper()
	g := w.asks(wire.Request{From: from(id), Revision: r, Over: over})
	w.settle()
	return g
}

func (w *world) alive(id string, r state.Revision, conditions ...wire.Condition) {
	w.core.request(wire.Request{Kind: wire.RequestAlive, Owner: "team", From: from(id), Revision: r, Conditions: conditions}, "", w.now)
	w.settle()
}

// standBy is what a watch that stands by is told.
func (w *world) standBy(id string, r state.Revision, conditions ...wire.Condition) wire.Standing {
	w.t.Helper()
	w.core.request(wire.Request{Kind: wire.RequestStandby, Owner: "team", From: from(id), Revision: r, Conditions: conditions}, "q-"+id, w.now)
	last := w.core.out.standings[len(w.core.out.standings)-1]
	if last.to != "q-"+id {
		w.t.Fatalf("the answer goes to %s", last.to)
	}
	w.settle()
	return last.answer
}

func (w *world) inForce() string {
	if f := w.replica.about.InForceOf("team"); f != nil {
		return f.Revision.Digest + " of " + f.Host
	}
	return ""
}

// TestOlderFileGetsNoLease: nor does it take it from who has it, and nothing that
// dies makes it be forgotten.
func TestOlderFileGetsNoLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testPeer("127.0.0.2", 65001))
	take := func(id string, r state.Revision, over, inForce string) {
		t.Helper()
		if g := w.ask(id, r, over); g.Refused != "" {
			t.Fatalf("%v is refused: %s", r, g.Refused)
		}
		if got := w.inForce(); got != inForce {
			t.Fatalf("in force is %s, want %s", got, inForce)
		}
	}
	refuse := func(id string, r state.Revision, over, inForce string) {
		t.Helper()
		epoch := w.core.epoch
		g := w.ask(id, r, over)
		if g.Older == nil || g.Older.Revision.Digest+" of "+g.Older.Host != inForce || !strings.Contains(g.Refused, "older") || g.Epoch != 0 || w.core.epoch != epoch {
			t.Fatalf("%v gets %+v", r, g)
		}
		if got := w.inForce(); got != inForce {
			t.Fatalf("in force is %s, want %s", got, inForce)
		}
	}
	take("a", state.Revision{}, "", "") // an adoption, which brings no file in force
	take("a", minute("x", 10), "", "x of host-a")
	refuse("b", minute("y", 9), "", "x of host-a")
	if l := w.core.leases["team"]; l.Holder.ID != "a" {
		t.Fatalf("%s has the lease", l.Holder.ID)
	}
	take("b", minute("x", 3), "", "x of host-a") // the same set, from a backup
	refuse("c", minute("y", 9), "", "x of host-a")
	w.boot("boot-1", "run-2")
	refuse("c", minute("y", 9), "", "x of host-a")
	w.boot("boot-2", "run-3")
	refuse("c", minute("y", 9), "", "x of host-a")
	refuse("c", minute("y", 9), "z", "x of host-a") // meant over what is not in force any more
	take("c", minute("y", 9), "x", "y of host-c")
	take("a", minute("z", 10), "", "z of host-a")
	take("a", minute("z", 20), "", "z of host-a") // saved again
	refuse("b", minute("x", 15), "", "z of host-a")
}

// TestOlderFileMovesNothing: a batch for one is refused, and a sign of life puts
// none in force.
func TestOlderFileMovesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testPeer("127.0.0.2", 65001))
	w.ask("a", minute("x", 10), "")
	w.alive("a", minute("y", 11))
	if got := w.inForce(); got != "y of host-a" {
		t.Errorf("a save is not in force: %s", got)
	}
	w.alive("a", minute("x", 10))
	if got := w.inForce(); got != "y of host-a" {
		t.Errorf("an older file is in force: %s", got)
	}
	route := desired(t, "10.0.0.0/24 "+nh)
	batch := slices.Collect(batches(mustDiff(t, route, &w.replica.set), 10, 10))[0]
	send := func(r state.Revision) {
		w.seq++
		batch.Speaker, batch.Boot, batch.Owner, batch.Epoch, batch.Seq, batch.Revision = "edge1", "boot-1", "team", w.epoch, w.seq, r
		w.core.step(w.now)
		w.core.batch(batch, ticket(w.seq))
		w.settle()
	}
	send(minute("x", 10))
	if len(w.rejected) != 1 || w.rejected[0].Reason != wire.RejectOlder || len(w.exabgp.wrote) != 0 {
		t.Fatalf("rejected %v, exaBGP was told %v", w.rejected, w.exabgp.wrote)
	}
	w.seq--
	send(minute("z", 12))
	if got := w.inForce(); got != "z of host-a" || len(w.exabgp.wrote) != 1 {
		t.Errorf("in force is %s, exaBGP was told %v", got, w.exabgp.wrote)
	}
	if o := w.owners["team"]; o.Revision != minute("z", 12) {
		t.Errorf("the journal has %v", o)
	}
}

func mustDiff(t testing.TB, d *state.Desired, a *state.Advertised) []state.Change {
	t.Helper()
	plan, err := state.Diff(d, a)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Changes
}

// TestStandbys: a watch that stands by is told who commands with what; readers are
// told of it as long as it is heard, and of what keeps it from its work.
func TestStandbys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testPeer("127.0.0.2", 65001))
	hold := wire.Condition{Name: wire.Faulty, Since: 5, Text: "it has faults"}
	if s := w.standBy("b", state.Revision{}, hold); s.Lease != nil || s.InForce != nil || s.Owner != "team" || s.Speaker != "edge1" {
		t.Errorf("nobody commands: %+v", s)
	}
	w.ask("a", minute("x", 10), "")
	s := w.standBy("b", minute("y", 9))
	if s.Lease == nil || s.Lease.Holder.ID != "a" || s.Lease.Revision != minute("x", 10) || s.InForce == nil || s.InForce.Host != "host-a" {
		t.Errorf("another commands: %+v", s)
	}
	want := wire.Standby{Owner: "team", From: from("b"), Revision: minute("y", 9)}
	if diff := cmp.Diff([]wire.Standby{want}, w.replica.about.Standbys); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	w.standBy("b", minute("y", 9))
	if w.core.aboutNews {
		t.Error("what was said before is news")
	}
	pass := func(d time.Duration) {
		w.now = w.now.Add(d)
		w.core.tick(w.now)
		w.settle()
	}
	pass(silentAfter - time.Millisecond)
	w.alive("a", minute("x", 10), hold)
	if l := w.replica.about.Leases[0]; len(l.Conditions) != 1 || l.Conditions[0] != hold || len(w.replica.about.Standbys) != 1 {
		t.Errorf("told of %+v and %+v", l, w.replica.about.Standbys)
	}
	pass(time.Millisecond)
	if l := w.replica.about.Leases[0]; len(w.replica.about.Standbys) != 0 || l.Silent != 0 {
		t.Errorf("told of %+v and %+v", l, w.replica.about.Standbys)
	}
	heard := w.now.Add(-time.Millisecond)
	pass(silentAfter)
	if l := w.replica.about.Leases[0]; l.Silent != heard.UnixMilli() {
		t.Errorf("silent since %d, want %d", l.Silent, heard.UnixMilli())
	}
	w.alive("a", minute("x", 10))
	if l := w.replica.about.Leases[0]; l.Silent != 0 || len(l.Conditions) != 0 {
		t.Errorf("told of %+v", l)
	}
	w.standBy("b", minute("x", 9))
	w.ask("b", minute("x", 9), "")
	if n := len(w.replica.about.Standbys); n != 0 {
		t.Errorf("who commands stands by: %d", n)
	}
	for i := range 2 * maxStandbys {
		w.standBy("many"+strconv.Itoa(i), state.Revision{})
	}
	if n := len(w.core.watches.standbys); n != maxStandbys {
		t.Errorf("%d standbys", n)
	}
}

// TestHeardIsWrittenDown: of owners that routes depend on, and not at each beat.
func TestHeardIsWrittenDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testPeer("127.0.0.2", 65001))
	w.ask("a", minute("x", 10), "")
	beat := func(d time.Duration) {
		w.now = w.now.Add(d)
		w.alive("a", minute("x", 10))
		w.core.tick(w.now)
		w.settle()
	}
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.settle()
	beat(noteHeardEvery)
	if o := w.owners["team"]; o.Heard != 0 || !w.core.watches.lastHeard("team").IsZero() {
		t.Errorf("nothing depends on it, and it is written down: %v", o)
	}
	leased := desired(t, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh)
	leased.Routes[1].Lease = time.Minute.Milliseconds()
	w.want(leased)
	w.settle()
	beat(noteHeardEvery)
	first := w.now
	if o := w.owners["team"]; o.Heard != first.UnixMilli() || o.Revision != minute("x", 10) {
		t.Errorf("written down is %v", o)
	}
	beat(noteHeardEvery - time.Second)
	if o := w.owners["team"]; o.Heard != first.UnixMilli() {
		t.Error("it is written down at each beat")
	}
	beat(time.Second)
	w.boot("boot-1", "run-2")
	if got := w.core.watches.lastHeard("team"); !got.Equal(w.now) {
		t.Errorf("the next bridge knows of %s, want %s", got, w.now)
	}
}

// Whatever watches say in whatever order: what is in force is never of an older
// change than what it replaced, unless that was meant.
func TestInForceNeverGoesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, testPeer("127.0.0.2", 65001))
		var was state.Revision
		for i := range rapid.IntRange(1, 20).Draw(rt, "steps") {
			r := minute(rapid.SampledFrom([]string{"", "x", "y", "z"}).Draw(rt, "digest"), int64(rapid.IntRange(1, 5).Draw(rt, "changed")))
			id := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "watch")
			over := ""
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0, 1:
				w.ask(id, r, "")
			case 2:
				over = rapid.SampledFrom([]string{"x", "y", "z"}).Draw(rt, "over")
				w.ask(id, r, over)
			case 3:
				w.alive(id, r)
			case 4:
				w.standBy(id, r)
			case 5:
				w.boot("boot-1", "run-"+string(rune('a'+i)))
			}
			var now state.Revision
			if f := w.core.watches.of("team"); f != nil {
				now = f.Revision
			}
			if now.OlderThan(was) && over != was.Digest || was.Digest != "" && now.Digest == "" {
				rt.Fatalf("%v came to %v", was, now)
			}
			was = now
		}
	})
}

// TestConflictsAreSaidOnce, once they have lasted, and again when they are over.
func TestConflictsAreSaidOnce(t *testing.T) {
	t.Parallel()
	var c Conflicts
	now := time.Unix(1, 0)
	look := func(after time.Duration, all, begun, over []string) {
		t.Helper()
		now = now.Add(after)
		gotBegun, gotOver := c.Look(now, all)
		if !slices.Equal(gotBegun, begun) || !slices.Equal(gotOver, over) {
			t.Errorf("begun %q, over %q; want %q, %q", gotBegun, gotOver, begun, over)
		}
	}
	look(0, []string{"a"}, nil, nil)
	look(conflictPatience-1, nil, nil, nil) // two saves of one file
	look(0, []string{"a", "b"}, nil, nil)
	look(conflictPatience, []string{"a", "b"}, []string{"a", "b"}, nil)
	look(time.Hour, []string{"a", "b"}, nil, nil)
	look(0, []string{"b", "c"}, nil, []string{"a"})
	look(conflictPatience, []string{"c"}, []string{"c"}, []string{"b"})
}

// TestOlderEndsTheCommander: whether the lease is refused or a batch, it learns what
// is in force.
func TestOlderEndsTheCommander(t *testing.T) {
	t.Parallel()
	r := NewReader(&rabbit.Session{}, "edge1", slog.New(slog.DiscardHandler))
	r.mandate = Mandate{Owner: "team", Revision: minute("y", 9)}
	f := wire.InForce{Owner: "team", Revision: minute("x", 10), Host: "host-a"}
	r.replica.about = &wire.About{InForce: []wire.InForce{{Owner: "other"}, f}}
	var older *OlderError
	if err := r.older("detail"); !errors.As(err, &older) || older.InForce != f || older.Has != minute("y", 9) {
		t.Errorf("%v", err)
	}
	r.replica.about = nil
	if err := r.older("detail"); err == nil || !strings.Contains(err.Error(), "detail") {
		t.Errorf("%v", err)
	}
}
