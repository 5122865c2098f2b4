package history

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"routesync/reconcile"
	"routesync/state"
)

// recording starts a recorder, and returns what ends it.
func recording(s *Store, notice func(error)) (*Recorder, func()) {
	r := NewRecorder(s, Options{Head: func(rev state.Revision) Head {
		return Head{Who: Who{User: "ana", Host: "noc1"}, Verb: "watch", File: "routes.yaml"}
	}, Notice: notice}, slog.New(slog.DiscardHandler))
	var group sync.WaitGroup
	group.Go(r.Run)
	return r, func() { r.Close(); group.Wait() }
}

func sent(t *testing.T, id int, cause reconcile.Cause, digest string) reconcile.Sending {
	return reconcile.Sending{ID: id, At: day(2), Cause: cause, Revision: state.Revision{Digest: digest, Changed: 7}, Changes: many(t, 2)}
}

// summary is what a store has, a line for each part.
func summary(t *testing.T, s *Store) string {
	t.Helper()
	numbers, err := s.Numbers()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, n := range numbers {
		e, err := s.Entry(n)
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Parts) == 0 {
			lines = append(lines, fmt.Sprintf("%d %s", n, e.Note))
		}
		for _, p := range e.Parts {
			line := fmt.Sprintf("%d %s.%d %s", n, p.Speaker, p.Seq, p.Cause)
			if p.Missed > 0 {
				line += fmt.Sprintf(" missed %d", p.Missed)
			}
			if p.Outcome != nil {
				line += fmt.Sprintf(" %d/%d", p.Outcome.Peers[0].Confirmed, p.Outcome.Peers[0].Changes)
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func TestAFileIsOneEntry(t *testing.T) {
	t.Parallel()
	s := store(t)
	r, stop := recording(s, nil)
	one, two := r.Speaker("edge1"), r.Speaker("edge2")
	one.Sending(sent(t, 1, reconcile.CauseStart, "x"))
	two.Sending(sent(t, 1, reconcile.CauseStart, "x"))
	one.Confirming(reconcile.Confirming{ID: 1, At: day(2), Peers: []reconcile.PeerCount{{Peer: peer(1), Changes: 2, Confirmed: 1}}})
	one.Sending(sent(t, 2, reconcile.CauseAgain, "x"))
	one.Sending(sent(t, 3, reconcile.CauseDrift, "x"))
	// What it finishes later comes behind its drift.
	one.Sending(sent(t, 4, reconcile.CauseAgain, "x"))
	two.Sending(sent(t, 2, reconcile.CauseAgain, "x"))
	one.Sending(sent(t, 5, reconcile.CauseFile, "y"))
	two.Sending(sent(t, 3, reconcile.CauseTime, "y"))
	two.Sending(sent(t, 4, reconcile.CauseFile, "y"))
	one.Confirming(reconcile.Confirming{ID: 1, At: day(3), Final: true, Peers: []reconcile.PeerCount{{Peer: peer(1), Changes: 2, Confirmed: 2, When: day(3)}}})
	r.Note(Head{At: day(3), Who: Who{Host: "noc1"}, Verb: "watch", Note: "somebody else commands"})
	for range 2 {
		r.NoteOnce(Head{At: day(3), Who: Who{Host: "noc1"}, Verb: "watch", Note: "it was taken back"})
	}
	stop()
	want := `1 edge1.1 start 2/2
1 edge1.2 again
1 edge2.1 start
2 edge1.1 drift
3 edge1.1 again
3 edge2.1 again
4 edge1.1 file
5 edge2.1 time
6 edge2.1 file
7 somebody else commands
8 it was taken back`
	if diff := cmp.Diff(want, summary(t, s)); diff != "" {
		t.Errorf("on record is (-want +got):\n%s", diff)
	}
}

// A place where nothing can be written stops nobody, is said once, and what could not
// be kept meanwhile is kept, or counted.
func TestADiskThatTakesNothing(t *testing.T) {
	dir := t.TempDir()
	inTheWay := filepath.Join(dir, "edge-team")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir, "edge-team")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var said []string
		r, stop := recording(s, func(err error) {
			text := "well"
			if err != nil {
				text = "bad"
			}
			if n := len(said); n == 0 || said[n-1] != text {
				said = append(said, text)
			}
		})
		begun := time.Now()
		one := r.Speaker("edge1")
		one.Sending(sent(t, 1, reconcile.CauseStart, "x"))
		one.Confirming(reconcile.Confirming{ID: 1, At: day(2), Peers: []reconcile.PeerCount{{Peer: peer(1), Changes: 2, Confirmed: 2, When: day(2)}}})
		for i := range maxJobs {
			one.Sending(sent(t, 2+i, reconcile.CauseAgain, "x"))
		}
		if time.Since(begun) != 0 {
			t.Error("whoever sent waited")
		}
		time.Sleep(time.Minute + time.Second) // not when it is tried again
		if err := os.Remove(inTheWay); err != nil {
			t.Fatal(err)
		}
		r.mu.Lock()
		r.jobs = r.jobs[:3] // the rest takes long, and is like it
		r.waiting = 4
		r.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		one.Sending(sent(t, 2*maxJobs, reconcile.CauseDrift, "x"))
		one.Sending(sent(t, 2*maxJobs+1, reconcile.CauseDrift, "x"))
		synctest.Wait()
		stop()
		if diff := cmp.Diff([]string{"bad", "well"}, said); diff != "" {
			t.Errorf("said was %q", said)
		}
		want := `1 edge1.1 start 2/2
1 edge1.2 again
2 edge1.1 drift missed 2
3 edge1.1 drift`
		if diff := cmp.Diff(want, summary(t, s)); diff != "" {
			t.Errorf("on record is (-want +got):\n%s", diff)
		}
	})
}

// What can't be written at the end is given up, and nobody waits for it.
func TestCloseGivesUp(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "edge-team"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir, "edge-team")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		r, stop := recording(s, nil)
		r.log = slog.New(slog.NewTextHandler(&text, nil))
		r.Speaker("edge1").Sending(sent(t, 1, reconcile.CauseStart, "x"))
		synctest.Wait()
		stop()
		if !strings.Contains(text.String(), "what was done last is not on record") {
			t.Errorf("the log says %s", text.String())
		}
	})
}

// A million changes in one entry are bearable.
func BenchmarkMillion(b *testing.B) {
	changes := many(b, 1_000_000)
	for b.Loop() {
		s := store(b)
		n, err := s.Begin(sampleHead(), samplePart(), changes, nil)
		if err != nil {
			b.Fatal(err)
		}
		p := samplePart()
		count := 0
		if err := s.Changes(n, &p, func(*Change) error { count++; return nil }); err != nil || count != len(changes) {
			b.Fatal(count, err)
		}
	}
}
