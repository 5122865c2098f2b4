package bridge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"routesync/bridge/wire"
	"routesync/state"
)

// happened takes all that followers of events are told.
func (w *world) happened(r *eventsReplica) []string {
	w.t.Helper()
	var lines []string
	for range 1000 {
		m, ok := w.core.nextEvents()
		if !ok {
			return lines
		}
		body, err := wire.EncodeEvents(m)
		if err != nil {
			w.t.Fatal(err)
		}
		back, err := wire.DecodeEvents(body)
		if err != nil {
			w.t.Fatal(err)
		}
		n, err := r.apply(&back)
		if err != nil {
			w.t.Fatal(err)
		}
		if n.Gap != "" {
			lines = append(lines, "gap: "+n.Gap)
		}
		if n.Lost > 0 {
			lines = append(lines, fmt.Sprintf("%d lost", n.Lost))
		}
		for _, h := range n.Happenings {
			what := ""
			switch {
			case h.Withdraw:
				what = "withdraw"
			case len(h.IDs) > 0:
				what = "announce"
			}
			grade := ""
			if h.Grade != 0 {
				grade = h.Grade.String()
			}
			words := strings.Join([]string{string(h.Kind), what, strings.Join(h.IDs, ","), grade, h.Text}, " ")
			lines = append(lines, strings.Join(strings.Fields(words), " "))
		}
	}
	w.t.Fatal("there is no end of it")
	return nil
}

func TestHappenings(t *testing.T) {
	a := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, a)
	w.want(desired(t, "10.9.0.0/24 "+nh))
	w.settle()
	r := &eventsReplica{speaker: "edge1"}
	if got := w.happened(r); got != nil || w.core.evt.pending != nil {
		t.Errorf("nobody follows, and %q is told", got)
	}
	expect := func(what string, want ...string) {
		t.Helper()
		w.settle()
		if d := cmp.Diff(want, w.happened(r)); d != "" {
			t.Errorf("%s:\n%s", what, d)
		}
	}
	follow := func() { w.core.request(wire.Request{Kind: wire.RequestFollowEvents}, "q", w.now) }
	follow()
	expect("nothing yet")
	w.want(desired(t, "10.9.0.0/24 "+nh, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh))
	expect("announced", "confirmed announce 10.0.0.0/24,10.0.1.0/24 accepted", "sent announce 10.0.0.0/24", "confirmed announce 10.0.0.0/24 sent",
		"sent announce 10.0.1.0/24", "confirmed announce 10.0.1.0/24 sent")
	w.want(desired(t, "10.9.0.0/24 "+nh, "10.0.0.0/24 "+nh))
	expect("withdrawn", "sent withdraw 10.0.1.0/24", "confirmed withdraw 10.0.1.0/24")
	w.want(desired(t, "10.9.0.0/24 "+nh, "10.0.0.0/24 "+nh, "10.0.2.0/24 "+nh+" @127.0.0.77"))
	expect("refused", "refused announce 10.0.2.0/24 127.0.0.77 is no neighbor of edge1 that the bridge can command")
	k := desired(t, "10.0.0.0/24").Routes[0].Key
	a.change(k, a.cache[k], true)
	expect("drift", "sent withdraw 10.0.0.0/24", "drift announce 10.0.0.0/24 10.0.0.0/24 was withdrawn from 127.0.0.2 behind the bridge's back")
	w.exabgp.sessionDown(a)
	expect("session", "down peer reset")

	w.core.evt.skip()
	expect("a message that is missing", "gap: 1 messages of events were missed")
	w.now = w.now.Add(wire.FollowLife + time.Second)
	w.core.tick(w.now)
	w.exabgp.sessionUp(a)
	expect("forgotten")
	follow()
	expect("followed again", "gap: 1 messages of events were missed")
}

func TestHappeningsBound(t *testing.T) {
	e := eventStream{}
	e.open = true
	ids := func(n int) []string { return make([]string, n) }
	for range 30 {
		e.happen(wire.Happening{Kind: wire.Sending, Family: "f", IDs: ids(1000)})
	}
	if e.routes > eventsMax || e.lost != 30*1000-e.routes {
		t.Errorf("%d routes wait, %d are lost", e.routes, e.lost)
	}
	for _, h := range e.pending {
		if len(h.IDs) > messageRoutes {
			t.Errorf("%d routes in one", len(h.IDs))
		}
	}
	e.happen(wire.Happening{Kind: wire.Confirmed, Grade: state.Sent, Family: "f", IDs: ids(1)})
	if last := e.pending[len(e.pending)-1]; last.Kind != wire.Confirmed {
		t.Errorf("the last is %+v", last.Kind)
	}
}

// TestOneMessageAtATime: however much there is for readers of received routes,
// one message of it goes with each update.
func TestOneMessageAtATime(t *testing.T) {
	a := receiving("127.0.0.2", 65001)
	w := newWorld(t, a)
	w.core.rcv.size = 1
	w.exabgp.sessionUp(a)
	w.settle()
	w.listen(t)
	for i := range 50 {
		w.exabgp.hear(a, desired(t, fmt.Sprintf("10.0.%d.0/24", i)).Routes[0].Key, attrs(t, nh))
	}
	w.settle()
	if told := w.core.tell(); len(told) != 1 {
		t.Errorf("%d messages", len(told))
	}
}
