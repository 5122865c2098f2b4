package bridge

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/state"
)

// asking is a follower whose requests are noted with their time, and go to a
// bridge that is there or not.
type asking struct {
	*Follower
	begun  time.Time
	absent bool
	asked  []string
	feed   chan rabbit.Delivery
}

func newAsking(t *testing.T, what Follow) *asking {
	a := &asking{begun: time.Now(), feed: make(chan rabbit.Delivery, 10)}
	publish := func(_ context.Context, msgs ...rabbit.Message) error {
		for _, m := range msgs {
			r, err := wire.DecodeRequest(m.Body)
			if err != nil {
				return err
			}
			a.asked = append(a.asked, time.Since(a.begun).String()+" "+r.Kind)
		}
		if a.absent {
			return rabbit.ErrNoRoute
		}
		return nil
	}
	a.Follower = newFollower(t.Context(), publish, "edge1", what, slog.New(slog.DiscardHandler))
	a.inbox = a.feed
	return a
}

func (a *asking) come(t *testing.T, m wire.Received) {
	t.Helper()
	m.Speaker, m.Boot, m.Run = "edge1", "b", "r"
	body, err := wire.EncodeReceived(m)
	if err != nil {
		t.Fatal(err)
	}
	a.feed <- rabbit.Delivery{Type: wire.TypeReceived, Body: body}
}

// wait returns what comes within a time.
func (a *asking) wait(t *testing.T, d time.Duration) []Notice {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var all []Notice
	for {
		n, err := a.Next(ctx, nil)
		if errors.Is(err, context.DeadlineExceeded) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
}

func (a *asking) expect(t *testing.T, what string, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, a.asked); d != "" {
		t.Errorf("%s: asked (-want +got):\n%s", what, d)
	}
	a.asked = nil
}

func TestFollowerAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAsking(t, Follow{Received: true, Events: true})
		if n := a.wait(t, 25*time.Second); n != nil {
			t.Errorf("got %+v", n)
		}
		a.expect(t, "a table that does not come", "0s received", "0s follow-events", "10s received", "10s follow-events", "20s received", "20s follow-events")
		peer := netip.MustParseAddr("192.0.2.1")
		route := wire.Change{Kind: wire.Announce, Peer: peer, Family: "f", IDs: []string{"1"}}
		from := []wire.ReceivedFrom{{Peer: peer, Up: true, Routes: 1}}
		a.come(t, wire.Received{N: 5, Part: &wire.Part{ID: "x", Part: 1, Of: 1}, Changes: []wire.Change{route}, From: from})
		if n := a.wait(t, 20*time.Second); len(n) != 1 || !n[0].Table || len(a.Table().Peers[peer].Routes) != 1 {
			t.Errorf("got %+v", n)
		}
		a.expect(t, "renewals", "30s follow-received", "30s follow-events", "40s follow-received", "40s follow-events")
		a.come(t, wire.Received{N: 8, Changes: []wire.Change{route}})
		if n := a.wait(t, time.Second); len(n) != 1 || n[0].Gap != "2 messages of received routes were missed" {
			t.Errorf("got %+v", n)
		}
		a.expect(t, "after a gap", "45s received", "45s follow-events")
		from[0].Missing = "some"
		a.come(t, wire.Received{N: 8, Part: &wire.Part{ID: "y", Part: 1, Of: 1}, Changes: []wire.Change{route}, From: from})
		want := []wire.Change{{Kind: wire.Incomplete, Peer: peer, Reason: "some"}}
		if n := a.wait(t, time.Second); len(n) != 1 || !n[0].Table || cmp.Diff(want, n[0].Changes, cmp.Comparer(func(x, y netip.Addr) bool { return x == y }), cmp.Comparer(func(x, y state.SeenAttrs) bool { return x == y })) != "" {
			t.Errorf("got %+v", n)
		}
		a.absent = true
		if n := a.wait(t, 10*time.Second); len(n) != 1 || n[0].Gap != "the bridge is not there" || !a.Absent() {
			t.Errorf("got %+v", n)
		}
		if !slices.Contains(a.asked, "56s received") || !slices.Contains(a.asked, "57s received") {
			t.Errorf("asked %q while the bridge is not there", a.asked)
		}
	})
}

// TestPartMissing: a table with a part missing is asked for again once.
func TestPartMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAsking(t, Follow{Received: true})
		part := func(id string, n int) wire.Received {
			return wire.Received{N: 5, Part: &wire.Part{ID: id, Part: n, Of: 4}}
		}
		a.wait(t, time.Second)
		a.expect(t, "first", "0s received")
		for _, n := range []int{1, 3, 4} {
			a.come(t, part("x", n))
		}
		if n := a.wait(t, time.Second); len(n) == 0 || n[0].Gap == "" {
			t.Errorf("got %+v", n)
		}
		a.expect(t, "a part is missing", "1s received")
		a.come(t, part("y", 2))
		a.come(t, part("y", 4))
		if n := a.wait(t, time.Second); len(n) != 1 || n[0].Gap == "" {
			t.Errorf("got %+v", n)
		}
		a.expect(t, "the first part is missing", "2s received")
		for n := range 4 {
			a.come(t, part("z", n+1))
		}
		if n := a.wait(t, time.Second); len(n) != 1 || !n[0].Table {
			t.Errorf("got %+v", n)
		}
		a.expect(t, "whole")
	})
}
