package reconcile

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"routesync/state"
)

// Of a route that two files ask for, the one that has it hears of the other,
// once, and the one that does not has the bridge tell.
func TestContest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, target := newFakeSpeaker(), NewTarget()
		d := file(t, "10.0.0.0/24", "10.0.1.0/24")
		theirs, ours := d.Routes[0].Key, d.Routes[1].Key
		f.set.Routes.Set([]state.Advert{{Owner: "other", At: []state.At{{Peer: peerA, Grade: state.Sent}}}}, theirs)
		target.Set(d)
		var log bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- Converge(ctx, f, target, slog.New(slog.NewTextHandler(&log, nil))) }()
		synctest.Wait()
		if want := []state.Contest{{Key: theirs, Owner: "team", Holder: "other"}}; !slices.Equal(f.contests, want) {
			t.Errorf("contests %+v, want %+v", f.contests, want)
		}
		f.inbox <- func() { f.set.Contests = []state.Contest{{Key: ours, Owner: "other", Holder: "team"}} }
		f.inbox <- func() {}
		f.inbox <- func() { f.set.Routes.Set(nil, theirs) }
		synctest.Wait()
		if len(f.contests) > 0 {
			t.Errorf("contests %+v, and nobody else has a route any more", f.contests)
		}
		cancel()
		<-done
		if n := strings.Count(log.String(), "somebody else asks for this route too"); n != 1 {
			t.Errorf("said %d times, want once", n)
		}
	})
}
