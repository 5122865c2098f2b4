package bridge

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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

// TestReaderOfABridgeThatDied: who reads, and asked a bridge that died before it
// answered, asks the next one when that is ready, and no third time.
func TestReaderOfABridgeThatDied(t *testing.T) {
	t.Parallel()
	a := &alarmed{life: t.Context(), inbox: make(chan rabbit.Delivery), changed: make(chan struct{})}
	r := NewReader(a, "edge1", slog.New(slog.DiscardHandler))
	for i, want := range []int{0, 1, 1} {
		body, err := wire.EncodeUpdate(wire.Update{Speaker: "edge1", Boot: "b", Run: "next", N: int64(i), About: &wire.About{Ready: i > 0}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.take(t.Context(), rabbit.Delivery{Type: wire.TypeUpdate, Body: body}); err != nil {
			t.Fatal(err)
		}
		if len(a.taken) != want {
			t.Errorf("after update %d: published %v, want %d requests", i, a.taken, want)
		}
	}
}

// TestReadyIsAnsweredAtOnce: who was told that the bridge still reads exaBGP's
// table asks again when it says that it has, and only then.
func TestReadyIsAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		c, a := held(t, &log)
		c.replica.run, c.replica.boot = "before", "b"
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			for {
				if err := c.Await(ctx, nil); err != nil {
					done <- err
					return
				}
			}
		}()
		n := int64(0)
		update := func(ready bool) {
			n++
			body, err := wire.EncodeUpdate(wire.Update{Speaker: "edge1", Boot: "b", Run: "after", N: n, About: &wire.About{Ready: ready}})
			if err != nil {
				t.Fatal(err)
			}
			a.inbox <- rabbit.Delivery{Type: wire.TypeUpdate, Body: body}
			synctest.Wait()
		}
		asked := func(want int) {
			t.Helper()
			if len(a.taken) != want {
				t.Errorf("published %q, want %d requests", a.taken, want)
			}
		}
		update(false) // another life of the bridge
		asked(1)
		refusal, err := wire.EncodeGrant(wire.Grant{Speaker: "edge1", Boot: "b", Owner: "team", Refused: "the bridge is still reading exaBGP's table"})
		if err != nil {
			t.Fatal(err)
		}
		a.inbox <- rabbit.Delivery{Type: wire.TypeGrant, Body: refusal}
		update(false)
		asked(1)
		update(true)
		asked(2)
		update(true) // it says more of itself
		asked(2)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if want := []string{wire.TypeRequest, wire.TypeRequest}; !cmp.Equal(a.taken, want) {
			t.Errorf("published %v, want requests for the lease", a.taken)
		}
	})
}
