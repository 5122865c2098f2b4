package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"routesync/bridge/exabgp"
	"routesync/bridge/journal"
	"routesync/bridge/wire"
)

// fullDisk is a journal whose disk may be full.
type fullDisk struct {
	*journal.Journal
	full bool
}

func (d *fullDisk) Keep(entries []journal.Entry, proof *journal.Proof) error {
	if d.full {
		return fmt.Errorf("write journal: %w", syscall.ENOSPC)
	}
	return d.Journal.Keep(entries, proof)
}

func (d *fullDisk) Replace(entries []journal.Entry) error {
	if d.full {
		return fmt.Errorf("write journal: %w", syscall.ENOSPC)
	}
	return d.Journal.Replace(entries)
}

// keptBy is a server whose core has announced two routes, and its journal.
func keptBy(t *testing.T) (*Server, *world, *fullDisk, string) {
	t.Helper()
	w, _, _ := announced(t)
	dir := filepath.Join(t.TempDir(), "state")
	j, err := journal.Open(t.Context(), dir, "edge1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	d := &fullDisk{Journal: j}
	t.Cleanup(func() { _ = d.Close() }) // it may be spoilt
	slate, err := NewSlate()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slate.Close() })
	s := &Server{core: w.core, memory: memory{Journal: d, slate: slate}}
	w.core.putInForce(&lease{Lease: wire.Lease{Owner: "team", Holder: wire.Commander{Host: "host"}}}, minute("x", 10))
	s.remember(effects{begin: true, epoch: w.core.epoch, claims: w.core.everyClaim(), owners: w.core.watches.owners()})
	if w.core.amnesia != "" {
		t.Fatal(w.core.amnesia)
	}
	return s, w, d, filepath.Join(dir, "edge1.db")
}

func (s *Server) lacksTheJournal() bool {
	return strings.Contains(strings.Join(s.core.speakerLacks(), " "), "the journal can't be written")
}

// TestJournalThatIsLost is made anew, with all that there is to know.
func TestJournalThatIsLost(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"file removed":   os.Remove,
		"folder removed": func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
		"file replaced":  func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, []byte("x"), 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			s, w, d, path := keptBy(t)
			s.mend(t.Context(), w.now)
			if err := spoil(path); err != nil {
				t.Fatal(err)
			}
			s.mend(t.Context(), w.now.Add(mendEvery/2))
			if s.lacksTheJournal() {
				t.Error("it is looked at all the time")
			}
			s.mend(t.Context(), w.now.Add(mendEvery))
			if s.lacksTheJournal() || s.core.fault != "over: the journal is whole again" {
				t.Errorf("%q, %q", s.core.speakerLacks(), s.core.fault)
			}
			s.finds(t, d, path, 2)
		})
	}
}

// TestTrialAndTheJournal: what was before a trial is in the journal before exaBGP is
// told, also in one that is made anew; and a trial is not forgotten in silence.
func TestTrialAndTheJournal(t *testing.T) {
	for name, lost := range map[string]bool{"as it was": false, "made anew": true} {
		t.Run(name, func(t *testing.T) {
			s, w, d, path := keptBy(t)
			w.mustTry("a", minute("y", 20))
			w.want(desired(t, "10.0.0.0/24 "+nh+" med 7", "10.0.9.0/24 "+nh))
			s.remember(w.core.take())
			if lost {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				s.mend(t.Context(), w.now)
				s.mend(t.Context(), w.now.Add(mendEvery))
			}
			want := s.core.everyTrial()
			if len(want) != 1 || len(want[0].Entries) < 2 {
				t.Fatalf("the trial has %+v", want)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			j, err := journal.Open(t.Context(), filepath.Dir(path), "edge1", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			m, err := j.Load()
			if err != nil {
				t.Fatal(err)
			}
			same := func(a, b journal.Entry) bool {
				return a.Key == b.Key && slices.EqualFunc(a.Claims, b.Claims, sameClaim)
			}
			if len(m.Tried) != 1 || m.Tried[0].Owner != "team" || !slices.EqualFunc(m.Tried[0].Entries, want[0].Entries, same) || m.Owners[0].Trial == nil {
				t.Errorf("the next bridge finds %+v, want %+v", m.Tried, want)
			}
		})
	}
	w := newWorld(t, testPeer("127.0.0.2", 65001))
	w.core.begins = "the journal was put aside"
	w.core.hello(w.now)
	if w.core.fault != w.core.begins {
		t.Errorf("said is %q", w.core.fault)
	}
}

// finds opens the journal as the next bridge does.
func (s *Server) finds(t *testing.T, d *fullDisk, path string, routes int) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.Context(), filepath.Dir(path), "edge1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	m, err := j.Load()
	if err != nil || m.Boot != s.core.boot || m.Epoch != s.core.epoch || len(m.Entries) != routes || len(m.Owners) != 1 || m.Owners[0].Revision != minute("x", 10) {
		t.Errorf("the next bridge finds %+v, %v", m, err)
	}
}

// TestFullDisk: it is said as long as it is so, and what could not be written is
// made up for: also that a route is gone.
func TestFullDisk(t *testing.T) {
	s, w, d, path := keptBy(t)
	d.full = true
	w.want(desired(t, "10.0.0.0/24 "+nh+" med 1"))
	w.settle()
	w.pass(3 * time.Second)
	s.remember(effects{claims: []journal.Entry{{Key: keyOf(t, "10.0.1.0/24")}}})
	s.mend(t.Context(), w.now)
	if !s.lacksTheJournal() || !strings.Contains(s.core.fault, "no space left on device") {
		t.Errorf("%q, %q", s.core.speakerLacks(), s.core.fault)
	}
	if s.memory.slate.Whole() {
		t.Error("the next bridge would take the journal for whole")
	}
	d.full = false
	s.mend(t.Context(), w.now.Add(mendMost))
	s.remember(s.core.take())
	if !s.memory.slate.Whole() {
		t.Error("the next bridge would not take the journal for whole")
	}
	if s.lacksTheJournal() {
		t.Errorf("%q", s.core.speakerLacks())
	}
	s.finds(t, d, path, 1)
}

// hung is what never returns: a disk, a broker and a pipe that nobody reads.
type hung struct {
	*journal.Journal
	until  chan struct{}
	begins bool // it stands still only once the bridge has begun
}

func (h hung) Load() (journal.Memory, error) {
	if !h.begins {
		<-h.until
	}
	return journal.Memory{}, nil
}
func (h hung) Begin(string) error { <-h.until; return nil }
func (h hung) Lost() error        { return nil }
func (h hung) Run(ctx context.Context, _ func(context.Context, Session) error) error {
	<-ctx.Done()
	return ctx.Err()
}
func (h hung) Write(p []byte) (int, error) { <-h.until; return len(p), nil }

// TestReaderWaitsForNothing: all that exaBGP writes is read while the disk, the
// broker and exaBGP's own end of stdin stand still. A pipe in memory is written
// only when somebody reads.
func TestReaderWaitsForNothing(t *testing.T) {
	t.Run("as it begins", func(t *testing.T) { readsOn(t, hung{until: make(chan struct{})}) })
	t.Run("later", func(t *testing.T) { readsOn(t, hung{until: make(chan struct{}), begins: true}) })
}

func readsOn(t *testing.T, h hung) {
	stdin, exaBGP := io.Pipe()
	pipe := exabgp.NewPipe(stdin, h)
	pipe.Start(t.Context())
	pipe.Write("held up")
	ended := make(chan error)
	go func() {
		s, err := NewServer(Options{Speaker: "edge1", Boot: "b", Journal: h, Broker: h, Pipe: pipe}, slog.New(slog.DiscardHandler))
		if err == nil {
			err = s.Run(t.Context())
		}
		ended <- err
	}()
	line := []byte(strings.Repeat("x", 500) + "\n")
	written := make(chan error)
	go func() {
		var err error
		for n := 0; n < 100_000 && err == nil; n++ {
			_, err = exaBGP.Write(line)
		}
		written <- err
	}()
	select {
	case err := <-written:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("exaBGP waits for the bridge")
	}
	close(h.until)
	if err := exaBGP.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !IsGone(err) {
		t.Error(err)
	}
}
