package bridge

import (
	"log/slog"
	"testing"
	"time"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
)

// TestReaderAwaitsNoBatch: who only reads is not behind with anything, and does
// not ask for all of the state again and again.
func TestReaderAwaitsNoBatch(t *testing.T) {
	t.Parallel()
	long := time.Now().Add(-2 * answerPatience)
	about := &wire.About{Ready: true, Leases: []wire.Lease{{Owner: "team", Epoch: 3, Applied: 1}}}
	for name, test := range map[string]struct {
		owner string
		seq   int64
		want  bool
	}{
		"a reader":                       {"", 0, false},
		"a commander, all answered":      {"team", 1, false},
		"a commander, one is unanswered": {"team", 2, true},
	} {
		r := NewReader(&rabbit.Session{}, "edge1", slog.New(slog.DiscardHandler))
		r.mandate.Owner, r.epoch, r.seq, r.progress = test.owner, 3, test.seq, long
		r.replica.set.Complete, r.replica.about = true, about
		if got := r.unanswered(); got != test.want {
			t.Errorf("%s: unanswered is %t", name, got)
		}
	}
}
