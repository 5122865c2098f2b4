package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"routesync/state"
)

// notes is a recorder that writes down what it is told.
type notes struct {
	sendings    []Sending
	confirmings map[int]Confirming
}

func (n *notes) Sending(s Sending) { n.sendings = append(n.sendings, s) }
func (n *notes) Confirming(c Confirming) {
	if n.confirmings == nil {
		n.confirmings = map[int]Confirming{}
	}
	n.confirmings[c.ID] = c
}

// text is all that was told, a line for each sending.
func (n *notes) text() string {
	var lines []string
	for _, s := range n.sendings {
		line := string(s.Cause) + ":"
		for _, c := range s.Changes {
			line += " " + []string{"", "+", "~", "-"}[c.Op()] + c.Key.String()
			if s.Gone[c.Key] {
				line += "(gone)"
			}
		}
		c, there := n.confirmings[s.ID]
		if !there {
			lines = append(lines, line)
			continue
		}
		for _, p := range c.Peers {
			line += fmt.Sprintf(", %s %d/%d", p.Peer, p.Confirmed, p.Changes)
		}
		for _, u := range c.Open {
			line += fmt.Sprintf(", %s %s", u.Key, u.State)
		}
		if c.Final {
			line += ", final"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// recorded is a target that is recorded.
func withRecord() (*Target, *notes) {
	n, target := &notes{}, NewTarget()
	target.Record("team", n)
	return target, n
}

func revised(d *state.Desired, digest string) *state.Desired {
	d.Revision = state.Revision{Digest: digest, Changed: 1}
	return d
}

func wants(t *testing.T, n *notes, want ...string) {
	t.Helper()
	if got := n.text(); got != strings.Join(want, "\n") {
		t.Errorf("on record is\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestWhatWatchDoesHasItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSpeaker()
		target, n := withRecord()
		stop := converging(t, f, target)
		d := revised(file(t, "10.0.0.0/24", "10.0.1.0/24"), "x")
		target.Set(d)
		synctest.Wait()
		target.Set(revised(file(t, "10.0.0.0/24 5", "10.0.1.0/24"), "y"))
		synctest.Wait()
		f.inbox <- func() { f.set.Routes.Set(nil, d.Routes[1].Key) }
		synctest.Wait()
		target.Set(revised(file(t, "10.0.0.0/24 5"), "z"))
		synctest.Wait()
		wants(t, n,
			"start: +10.0.0.0/24 +10.0.1.0/24, 192.0.2.1 2/2, final",
			"file: ~10.0.0.0/24, 192.0.2.1 1/1, final",
			"drift: +10.0.1.0/24, 192.0.2.1 1/1, final",
			"file: -10.0.1.0/24, 192.0.2.1 1/1, final",
		)
		_ = stop()
	})
}

// A watch that begins where nothing is to be done has drift afterwards, and no start.
func TestDriftAfterAQuietStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSpeaker()
		target, n := withRecord()
		d := revised(file(t, "10.0.0.0/24"), "x")
		f.set.Routes.Set([]state.Advert{{Owner: "team", Attrs: d.Routes[0].Attrs, At: []state.At{{Peer: peerA, Grade: state.Sent}}}}, d.Routes[0].Key)
		target.Set(d)
		stop := converging(t, f, target)
		f.inbox <- func() { f.set.Routes.Set(nil, d.Routes[0].Key) }
		synctest.Wait()
		wants(t, n, "drift: +10.0.0.0/24, 192.0.2.1 1/1, final")
		_ = stop()
	})
}

func TestTimeIsACause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSpeaker()
		target, n := withRecord()
		d := revised(file(t, "10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"), "x")
		now := time.Now()
		d.Routes[1].Starts = now.Add(time.Minute).UnixMilli()
		d.Routes[1].Expires = now.Add(2 * time.Minute).UnixMilli()
		d.Routes[2].Expires = now.Add(2 * time.Minute).UnixMilli()
		target.Set(d)
		stop := converging(t, f, target)
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		// The bridge is faster with one of those that expire.
		time.Sleep(58 * time.Second)
		f.inbox <- func() { time.Sleep(time.Second); f.set.Routes.Set(nil, d.Routes[2].Key) }
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		wants(t, n,
			"start: +10.0.0.0/24 +10.0.2.0/24, 192.0.2.1 2/2, final",
			"time: +10.0.1.0/24, 192.0.2.1 1/1, final",
			"time: -10.0.1.0/24, 192.0.2.1 1/1, final",
			"time: -10.0.2.0/24(gone), 192.0.2.1 1/1, final",
		)
		_ = stop()
	})
}

// A route that was withdrawn here when it expired, and is asked for again, may be
// withdrawn by the bridge the next time.
func TestAnExpiryIsOnRecordAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSpeaker()
		target, n := withRecord()
		until := func(digest string, end time.Time) *state.Desired {
			d := revised(file(t, "10.0.0.0/24"), digest)
			d.Routes[0].Expires = end.UnixMilli()
			return d
		}
		target.Set(until("x", time.Now().Add(time.Minute)))
		stop := converging(t, f, target)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		d := until("y", time.Now().Add(2*time.Minute))
		target.Set(d)
		synctest.Wait()
		time.Sleep(2*time.Minute - time.Second)
		f.inbox <- func() { time.Sleep(time.Second); f.set.Routes.Set(nil, d.Routes[0].Key) }
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		wants(t, n,
			"start: +10.0.0.0/24, 192.0.2.1 1/1, final",
			"time: -10.0.0.0/24, 192.0.2.1 1/1, final",
			"file: +10.0.0.0/24, 192.0.2.1 1/1, final",
			"time: -10.0.0.0/24(gone), 192.0.2.1 1/1, final",
		)
		_ = stop()
	})
}

func TestWhatIsNotConfirmedIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSpeaker()
		f.grade = state.Held
		d := revised(file(t, "10.0.0.0/24", "10.0.1.0/24"), "x")
		f.refuse[d.Routes[1].Key] = "no"
		target, n := withRecord()
		target.Set(d)
		stop := converging(t, f, target)
		wants(t, n, "start: +10.0.0.0/24 +10.0.1.0/24, 192.0.2.1 0/2, 10.0.0.0/24 held, 10.0.1.0/24 refused")
		// It is tried again and again, and that is one record.
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		wants(t, n, "start: +10.0.0.0/24 +10.0.1.0/24, 192.0.2.1 0/2, 10.0.0.0/24 held, 10.0.1.0/24 refused")
		f.inbox <- func() {
			f.set.Routes.Set([]state.Advert{{Owner: "team", Attrs: d.Routes[0].Attrs, At: []state.At{{Peer: peerA, Grade: state.Sent}}}}, d.Routes[0].Key)
			f.refuse = map[state.Key]string{}
			f.set.Refused, f.grade = nil, state.Sent
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		wants(t, n, "start: +10.0.0.0/24 +10.0.1.0/24, 192.0.2.1 2/2, final")
		_ = stop()
	})
}

func TestOvertakenIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSpeaker()
		f.grade = state.Held
		target, n := withRecord()
		target.Set(revised(file(t, "10.0.0.0/24", "10.0.1.0/24"), "x"))
		stop := converging(t, f, target)
		f.grade = state.Sent
		target.Set(revised(file(t, "10.0.0.0/24 5", "10.0.1.0/24"), "y"))
		synctest.Wait()
		_ = stop()
		target.ledger.Close()
		wants(t, n,
			"start: +10.0.0.0/24 +10.0.1.0/24, 192.0.2.1 0/2, 10.0.0.0/24 overtaken, 10.0.1.0/24 held, final",
			"file: ~10.0.0.0/24, 192.0.2.1 1/1, final",
		)
	})
}

// What was sent and is not heard of stays without a word; it is sent again over the
// next session, and that is no other record.
func TestALostSendingIsOneRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSpeaker()
		f.lose = true
		target, n := withRecord()
		target.Set(revised(file(t, "10.0.0.0/24"), "x"))
		stop := converging(t, f, target)
		time.Sleep(time.Minute)
		synctest.Wait()
		_ = stop()
		wants(t, n, "start: +10.0.0.0/24, 192.0.2.1 1/1, final")
		if len(f.sent()) != 2 {
			t.Errorf("sent %d times, want it lost once", len(f.sent()))
		}
	})
}

func TestApplyIsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, n := newFakeSpeaker(), &notes{}
		d := revised(file(t, "10.0.0.0/24", "10.0.1.0/24"), "x")
		f.refuse[d.Routes[1].Key] = "no"
		l := NewLedger("team", n, CauseCommand, nil)
		if _, err := Apply(t.Context(), Recorded(f, l, d.Revision), d, state.Sent, nil, nil); err != nil {
			t.Fatal(err)
		}
		l.Close()
		wants(t, n, "command: +10.0.0.0/24 +10.0.1.0/24, 192.0.2.1 1/2, 10.0.1.0/24 refused, final")
		if n.sendings[0].Revision != d.Revision {
			t.Errorf("it is of %v", n.sendings[0].Revision)
		}
	})
}

// The record of a takeover has that as its cause.
func TestTakeoverIsACause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSpeaker()
		target, n := withRecord()
		target.Set(revised(file(t, "10.0.0.0/24"), "x"))
		stop := converging(t, f, target)
		_ = stop()
		f.set.Routes.Set(nil, slices.Collect(keysOf(f))...)
		target.ledger.Because(CauseTakeover)
		stop = converging(t, f, target)
		wants(t, n, "start: +10.0.0.0/24, 192.0.2.1 1/1, final", "takeover: +10.0.0.0/24, 192.0.2.1 1/1, final")
		_ = stop()
	})
}

func keysOf(f *fakeSpeaker) func(func(state.Key) bool) {
	return func(yield func(state.Key) bool) {
		for k := range f.set.Routes.All() {
			if !yield(k) {
				return
			}
		}
	}
}

// TestATermIsNotSeenBeforeItIsThere: a route that is to end at another time is there
// already, with the same attributes.
func TestATermIsNotSeenBeforeItIsThere(t *testing.T) {
	t.Parallel()
	w := file(t, "10.0.0.0/24").Routes[0]
	w.Expires, w.Lease = 7, 8
	f := newFakeSpeaker()
	s := receipt{id: 1, changes: []state.Change{{Key: w.Key, Wanted: &w, Peers: f.set.Resolve("", w.Key.Family)}}}
	for _, from := range []state.Provenance{{}, {Expires: 7}, {Lease: 8}} {
		f.set.Routes.Set([]state.Advert{{Attrs: w.Attrs, Owner: "team", From: from, At: []state.At{{Peer: peerA, Grade: state.Sent}}}}, w.Key)
		if s.look(&inspector{set: &f.set, owner: "team"}, time.Now()); len(s.left) != 1 {
			t.Fatalf("with %+v it is confirmed", from)
		}
	}
	f.set.Routes.Set([]state.Advert{{Attrs: w.Attrs, Owner: "team", From: state.Provenance{Expires: 7, Lease: 8}, At: []state.At{{Peer: peerA, Grade: state.Sent}}}}, w.Key)
	if s.look(&inspector{set: &f.set, owner: "team"}, time.Now()); len(s.left) != 0 {
		t.Error("it is there, and not confirmed")
	}
}
