package bridge

import (
	"testing"

	"routesync/bridge/wire"
	"routesync/state"
)

// TestBase: what was planned is carried out once, whoever dies meanwhile, and not
// behind what somebody else put in force.
func TestBase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testPeer("127.0.0.2", 65001))
	ask := func(id string, r state.Revision, base *int64) wire.Grant {
		t.Helper()
		g := w.asks(wire.Request{From: from(id), Revision: r, Base: base})
		if g.Refused != "" && (!g.Stale || g.Epoch != 0) {
			t.Fatalf("it is refused: %+v", g)
		}
		w.settle()
		return g
	}
	granted := func(id string, r state.Revision, base *int64) {
		t.Helper()
		if g := ask(id, r, base); g.Stale {
			t.Fatalf("%s is stale: %s", id, g.Refused)
		}
	}
	stale := func(id string, r state.Revision, base *int64, inForce string) {
		t.Helper()
		was := w.core.epoch
		g := ask(id, r, base)
		if !g.Stale || w.core.epoch != was {
			t.Fatalf("%s is not stale: %+v", id, g)
		}
		if got := g.Now; (got == nil) != (inForce == "") || got != nil && got.Revision.Digest != inForce {
			t.Fatalf("in force is said to be %+v, want %q", got, inForce)
		}
	}
	base := func() *int64 {
		if f := w.replica.about.InForceOf("team"); f != nil {
			return new(f.Epoch)
		}
		return new(int64(0))
	}
	stale("a", minute("x", 10), new(int64(5)), "")
	empty := base()
	granted("a", minute("x", 10), empty)
	granted("a", minute("x", 10), empty) // over another session
	stale("b", minute("x", 10), empty, "x")
	stale("b", minute("y", 11), empty, "x")
	first := base()
	w.boot("boot-1", "run-2")
	granted("a", minute("x", 10), empty)
	stale("b", minute("x", 10), empty, "x")
	granted("b", minute("x", 10), first) // nothing was carried out since it was planned
	w.boot("boot-1", "run-3")
	granted("c", minute("x", 10), first) // nor now
	w.revision = minute("x", 10)
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.settle()
	stale("d", minute("x", 10), first, "x")
	second := base()
	granted("e", state.Revision{}, nil) // an adoption, which brings no file in force
	granted("d", minute("x", 10), second)
	granted("f", minute("z", 12), nil) // a watch, which plans nothing
	stale("d", minute("x", 10), second, "z")
	w.boot("boot-2", "run-4")
	stale("d", minute("x", 10), second, "z")
	granted("d", minute("z", 12), base())
}
