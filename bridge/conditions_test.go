package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
)

// TestConditionsOfTheBridge: one that holds is told once, and when it is over the
// last error says that it was: nobody could ask while the broker was blocked.
func TestConditionsOfTheBridge(t *testing.T) {
	w := newWorld(t, testPeer("192.0.2.1", 65001))
	blocked := blockedCondition("low on memory")
	w.core.step(w.now)
	w.core.beginCondition(blocked)
	w.core.beginCondition(blocked)
	w.core.beginCondition(wire.Condition{Name: wire.Unfit, Text: "drops\nbatches"})
	about := w.core.about()
	since := w.now.UnixMilli()
	blocked.Since = since
	want := []wire.Condition{blocked, {Name: wire.Unfit, Since: since, Text: `drops\u000abatches`}}
	if diff := cmp.Diff(want, about.Conditions); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	w.core.step(w.now.Add(12 * time.Second))
	w.core.endConditions()
	if got := len(w.core.about().Conditions); got != 2 {
		t.Errorf("%d hold after the end of none", got)
	}
	w.core.endConditions(wire.Blocked, wire.NoLeader)
	about = w.core.about()
	if len(about.Conditions) != 1 || about.Conditions[0].Name != wire.Unfit {
		t.Errorf("%v hold", about.Conditions)
	}
	if want := "blocked: memory alarm (publishing stops; routes stay as they are); over after 12s"; about.LastError != want {
		t.Errorf("last error %q, want %q", about.LastError, want)
	}
}

// TestNoLeaseWithoutCommands: who can't be heard must not be told to speak.
func TestNoLeaseWithoutCommands(t *testing.T) {
	w := newWorld(t, testPeer("192.0.2.1", 65001))
	w.core.cutOff = "the queue does not answer"
	ask := wire.Request{Kind: wire.RequestLease, Owner: "team", From: wire.Commander{ID: "w"}}
	w.core.request(ask, "q", w.now)
	if g := w.core.take().grants; len(g) != 1 || g[0].answer.Epoch != 0 || !strings.Contains(g[0].answer.Refused, "the queue does not answer") {
		t.Errorf("granted: %+v", g)
	}
	w.core.cutOff = ""
	w.core.request(ask, "q", w.now)
	w.core.take()
	alive := ask
	alive.Kind, alive.Conditions = wire.RequestAlive, []wire.Condition{{Name: wire.Backpressured, Text: "full"}}
	w.core.request(alive, "", w.now)
	leases := w.core.about().Leases
	if len(leases) != 1 {
		t.Fatalf("%d leases", len(leases))
	}
	if diff := cmp.Diff(alive.Conditions, leases[0].Conditions); diff != "" {
		t.Errorf("of the holder (-want +got):\n%s", diff)
	}
}

func TestDiagnose(t *testing.T) {
	for _, tt := range []struct {
		err      error
		name, do string
	}{
		{fmt.Errorf("publish: %w", &rabbit.BlockedError{Reason: "low on disk"}), wire.Blocked, "set_disk_free_limit"},
		{fmt.Errorf("publish: %w", &rabbit.BlockedError{Reason: "low on memory & disk"}), wire.Blocked, "set_disk_free_limit"},
		{&rabbit.DeniedError{Permission: rabbit.Read, Resource: "queue 'q'", Grant: "rabbitmqctl set_permissions x"}, wire.Denied, "rabbitmqctl set_permissions x"},
		{fmt.Errorf("connect: %w", rabbit.ErrLogin), wire.Login, "change_password"},
		{fmt.Errorf("connect: %w", rabbit.ErrLimit), wire.Limit, "set_vhost_limits"},
		{fmt.Errorf("command: %w", rabbit.ErrRejected), wire.Backpressured, "list_queues"},
		{fmt.Errorf("x: %w", errNoLeader), wire.NoLeader, "delete_queue"},
		{fmt.Errorf("edge1: %w: watch on h", ErrFenced), wire.Fenced, "end one of the two"},
		{errors.New("connection reset"), "", ""},
		{context.Canceled, "", ""},
		{nil, "", ""},
	} {
		x, ok := Diagnose(tt.err)
		if ok != (tt.name != "") || x.Name != tt.name || !strings.Contains(x.Do, tt.do) {
			t.Errorf("%v: %+v, want %s with %q", tt.err, x, tt.name, tt.do)
		}
	}
}

// alarmed is a session with a broker that can have an alarm. What it takes in
// one it forgets.
type alarmed struct {
	Session
	mu      sync.Mutex
	life    context.Context
	inbox   chan rabbit.Delivery
	taken   []string // types of the messages, and "probe"
	full    bool
	reason  string
	changed chan struct{}
}

func (a *alarmed) Context() context.Context                     { return a.life }
func (a *alarmed) DeclareEvents(context.Context) error          { return nil }
func (a *alarmed) DeclareSpeaker(context.Context, string) error { return nil }
func (a *alarmed) Alarm() (string, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.reason, a.changed
}
func (a *alarmed) Bind(context.Context, string, string) error { return nil }
func (a *alarmed) Subscribe(context.Context, ...string) (string, <-chan rabbit.Delivery, error) {
	return "q", a.inbox, nil
}

func (a *alarmed) Offer(_ context.Context, msgs ...rabbit.Message) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.reason != "" {
		return &rabbit.BlockedError{Reason: a.reason}
	}
	if len(msgs) == 0 {
		a.taken = append(a.taken, "probe")
	}
	for _, m := range msgs {
		if m.Type == wire.TypeBatch && a.full {
			return rabbit.ErrRejected
		}
		a.taken = append(a.taken, m.Type)
	}
	return nil
}

func (a *alarmed) alarm(reason string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reason = reason
	close(a.changed)
	a.changed = make(chan struct{})
}

// held is a commander with a lease and the whole state.
func held(t *testing.T, log *strings.Builder) (*Commander, *alarmed) {
	a := &alarmed{life: t.Context(), inbox: make(chan rabbit.Delivery), changed: make(chan struct{})}
	c := NewCommander(a, "edge1", Mandate{Owner: "team", From: wire.Commander{ID: "w"}, Held: NewConditions(slog.New(slog.NewTextHandler(log, nil)))}, slog.New(slog.DiscardHandler))
	c.inbox = a.inbox
	c.epoch, c.replica.set.Complete, c.looked, c.alive, c.heard = 7, true, time.Now(), time.Now(), time.Now()
	return c, a
}

// TestCommanderInAlarm: it publishes nothing, goes on taking, and begins anew
// behind it, with a new lease: what it could not send is never sent late.
func TestCommanderInAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		c, a := held(t, &log)
		a.alarm("low on memory")
		if err := c.Adopt(t.Context(), nil); err != nil {
			t.Fatalf("the alarm ended the session: %v", err)
		}
		if c.Settled() || c.Epoch() != 0 || c.Advertised().Complete {
			t.Error("it would send more")
		}
		done := make(chan error)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- c.Await(ctx, nil) }()
		for range 20 {
			a.inbox <- rabbit.Delivery{Type: "rs.unknown"}
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if len(a.taken) > 0 {
			t.Errorf("published in the alarm: %v", a.taken)
		}
		if names := c.held.names(false); !cmp.Equal(names, []string{wire.Blocked}) {
			t.Errorf("conditions %v", names)
		}
		a.alarm("")
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if want := []string{wire.TypeRequest}; !cmp.Equal(a.taken, want) {
			t.Errorf("published behind it: %v, want a request for the lease", a.taken)
		}
		if strings.Count(log.String(), "memory alarm") != 1 || strings.Count(log.String(), "blocked is over") != 1 {
			t.Errorf("not told once each:\n%s", log.String())
		}
	})
}

// TestReaderInAlarm: who only looks is told at once.
func TestReaderInAlarm(t *testing.T) {
	a := &alarmed{life: t.Context(), inbox: make(chan rabbit.Delivery), changed: make(chan struct{}), reason: "low on disk"}
	r := NewReader(a, "edge1", slog.New(slog.DiscardHandler))
	err := r.Open(t.Context())
	if x, ok := Diagnose(err); !ok || x.Name != wire.Blocked || !Final(err) {
		t.Errorf("error %v", err)
	}
}

// TestCommanderWithAFullQueue: a batch that was refused is never sent again as it
// was, and the pauses grow.
func TestCommanderWithAFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		c, a := held(t, &log)
		a.full = true
		var pauses []time.Duration
		for range 6 {
			if err := c.Adopt(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			if c.Settled() || c.Epoch() != 0 {
				t.Fatal("it would send more")
			}
			pauses = append(pauses, time.Until(c.until))
			c.epoch = 8
		}
		want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second, 15 * time.Second}
		if diff := cmp.Diff(want, pauses); diff != "" {
			t.Errorf("pauses (-want +got):\n%s", diff)
		}
		c.held.reached()
		if len(c.held.List()) != 1 {
			t.Error("over with a lease alone")
		}
		c.through()
		if len(c.held.List()) != 0 || c.pause != 0 {
			t.Error("not over when a batch was answered")
		}
		if strings.Count(log.String(), "level=WARN") != 1 {
			t.Errorf("not told once:\n%s", log.String())
		}
	})
}
