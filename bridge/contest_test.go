package bridge

import (
	"slices"
	"testing"
	"time"

	"routesync/bridge/wire"
	"routesync/state"
)

// What a commander asks for that others have is told under its own name, once,
// and no longer than it is there.
func TestContests(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := newWorld(t, p)
	w.lease("team")
	w.settle()
	key := desired(t, "10.0.0.0/24 "+nh).Routes[0].Key
	alive := func(contests ...state.Contest) {
		w.core.request(wire.Request{Kind: wire.RequestAlive, Owner: "team", From: wire.Commander{ID: "w"}, Contests: contests}, "", w.now)
	}
	told := func(want ...state.Contest) {
		t.Helper()
		w.settle()
		if got := w.replica.set.Contests; !slices.Equal(got, want) {
			t.Errorf("told of %v, want %v", got, want)
		}
	}
	ours := state.Contest{Key: key, Owner: "team", Holder: "other"}
	alive(ours)
	told(ours)
	alive(state.Contest{Key: key, Owner: "somebody else", Holder: "other"})
	if w.core.aboutNews {
		t.Error("what was said before is news")
	}
	told(ours)
	pass := func(d time.Duration) {
		w.now = w.now.Add(d)
		w.core.tick(w.now)
	}
	pass(contestPatience - time.Second)
	told(ours)
	pass(time.Second)
	told()
	alive(ours)
	told(ours)
	w.lease("team") // another process, which has said nothing yet
	told()
}
