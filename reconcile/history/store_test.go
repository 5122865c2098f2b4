package history

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"routesync/state"
)

func equal() cmp.Option {
	return cmp.Options{
		cmp.AllowUnexported(state.Attrs{}),
		cmp.Comparer(func(a, b state.Key) bool { return a == b }),
		cmp.Comparer(func(a, b interface{ IsValid() bool }) bool { return a == b }),
	}
}

func TestEntryComesBack(t *testing.T) {
	t.Parallel()
	s := store(t)
	changes := sampleChanges(t)
	n, err := s.Begin(sampleHead(), samplePart(), changes, func(c *state.Change) bool { return c.Key == key("10.4.0.0/24") })
	if err != nil || n != 1 {
		t.Fatal(n, err)
	}
	e, err := s.Entry(1)
	if err != nil {
		t.Fatal(err)
	}
	want := &Entry{Number: 1, Head: sampleHead(), Parts: []PartOutcome{{Part: samplePart()}}}
	want.Parts[0].Tally = Tally{Announce: 2, Change: 1, Withdraw: 2, Adopt: 1}
	if diff := cmp.Diff(want, e, equal()); diff != "" {
		t.Errorf("another entry (-want +got):\n%s", diff)
	}
	got := collect(t, s, 1, &e.Parts[0].Part)
	if len(got) != len(changes) {
		t.Fatalf("%d changes, want %d", len(got), len(changes))
	}
	for i, c := range changes {
		g := got[i]
		if g.Key != c.Key || len(g.Peers) != len(c.Peers) || g.Gone != (c.Key == key("10.4.0.0/24")) {
			t.Errorf("change %d is %+v", i, g)
		}
		if c.Advert != nil && (g.Before == nil || g.Before.Attrs != c.Advert.Attrs || g.Before.Owner != c.Advert.Owner || g.Before.By != c.Advert.From.By) {
			t.Errorf("before %d is %+v", i, g.Before)
		}
		if c.Wanted != nil && (g.After == nil || g.After.Attrs != c.Wanted.Attrs || g.After.Expires != c.Wanted.Expires || g.After.Lease != c.Wanted.Lease ||
			g.After.Asked.Comment != "ticket 4711" || !cmp.Equal(g.After.Asked.Tags, c.Wanted.Tags)) {
			t.Errorf("after %d is %+v", i, g.After)
		}
	}
	if ops := []Op{got[0].Op(), got[2].Op(), got[3].Op(), got[5].Op()}; !cmp.Equal(ops, []Op{Announce, Replace, Withdraw, Adopt}) {
		t.Errorf("the kinds are %q", ops)
	}
}

func TestOutcomeIsReplaced(t *testing.T) {
	t.Parallel()
	s := store(t)
	n, err := s.Begin(sampleHead(), samplePart(), many(t, 5), nil)
	if err != nil {
		t.Fatal(err)
	}
	first := &Outcome{At: day(2), Peers: []PeerOutcome{{Peer: peer(1), Changes: 5, Confirmed: 3}}}
	for _, c := range many(t, 2000) {
		first.Cases = append(first.Cases, Case{Key: c.Key, Peer: peer(1), State: "held", Reason: "down"})
	}
	last := &Outcome{At: day(3), Final: true, Peers: []PeerOutcome{{Peer: peer(1), Changes: 5, Confirmed: 5, When: day(3)}}}
	for _, o := range []*Outcome{first, last} {
		if err := s.Conclude(n, "edge1", 1, o); err != nil {
			t.Fatal(err)
		}
		e, err := s.Entry(n)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(o, e.Parts[0].Outcome, equal()); diff != "" {
			t.Errorf("another outcome (-want +got):\n%s", diff)
		}
	}
	files, err := os.ReadDir(s.entryDir(n))
	if err != nil || len(files) != 3 {
		t.Errorf("the entry has the files %v (%v); the outcome that was replaced is one of them", files, err)
	}
}

// Whatever happens to a file, it is named, and nothing of it is believed.
func TestDamageIsNamed(t *testing.T) {
	t.Parallel()
	for _, routes := range []int{3, packFrom} {
		s := store(t)
		n, err := s.Begin(sampleHead(), samplePart(), many(t, routes), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Conclude(n, "edge1", 1, &Outcome{At: day(2), Final: true}); err != nil {
			t.Fatal(err)
		}
		good, err := s.Entry(n)
		if err != nil {
			t.Fatal(err)
		}
		whole := collect(t, s, n, &good.Parts[0].Part)
		files, err := os.ReadDir(s.entryDir(n))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			path := filepath.Join(s.entryDir(n), f.Name())
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			step := 1 + len(data)/40
			for i := 0; i < len(data); i += step {
				cut := data[:i]
				turned := append([]byte{}, data...)
				turned[i] ^= 1
				more := append(append([]byte{}, data...), data[i:]...)
				for what, bad := range map[string][]byte{"cut": cut, "turned": turned, "more": more} {
					if err := os.WriteFile(path, bad, 0o600); err != nil {
						t.Fatal(err)
					}
					judge(t, s, n, path, what, i, good, whole)
				}
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// judge reads a damaged entry: it is named, or it says what it said.
func judge(t *testing.T, s *Store, n int, path, what string, at int, good *Entry, whole []Change) {
	t.Helper()
	e, err := s.Entry(n)
	var damaged *DamagedError
	if err == nil {
		// What compression does not care about may be anything.
		if filepath.Ext(path) != packed || !cmp.Equal(good, e, equal()) || !cmp.Equal(whole, collect(t, s, n, &e.Parts[0].Part), equal()) {
			t.Errorf("%s %s at %d: nobody noticed", path, what, at)
		}
		return
	}
	if !errors.As(err, &damaged) || damaged.Path != path {
		t.Errorf("%s %s at %d: %v", path, what, at, err)
	}
	if strings.Contains(path, "changes") {
		if err := s.Changes(n, &good.Parts[0].Part, func(*Change) error { return nil }); !errors.As(err, &damaged) {
			t.Errorf("%s %s at %d: its changes: %v", path, what, at, err)
		}
	}
}

func TestMissingFilesAreNamed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{headFile, "edge1.1.changes.jsonl"} {
		s := store(t)
		n, err := s.Begin(sampleHead(), samplePart(), many(t, 3), nil)
		if err == nil {
			err = s.Conclude(n, "edge1", 1, &Outcome{At: day(2)})
		}
		if err == nil {
			err = os.Remove(filepath.Join(s.entryDir(n), name))
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, err := s.Entry(n); !errors.As(err, new(*DamagedError)) {
			t.Errorf("without %s it is %+v, %v", name, e, err)
		}
	}
	if _, err := store(t).Entry(7); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an entry that is not there: %v", err)
	}
}

// Two processes never have the same number.
func TestNumbersAreExclusive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const writers, each = 4, 10
	var all sync.Map
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			s, err := Open(dir, "edge-team")
			if err != nil {
				t.Error(err)
				return
			}
			for range each {
				n, err := s.Begin(sampleHead(), samplePart(), nil, nil)
				if err != nil {
					t.Error(err)
					return
				}
				if _, taken := all.LoadOrStore(n, true); taken {
					t.Errorf("%d was given twice", n)
				}
			}
		})
	}
	group.Wait()
	s, err := Open(dir, "edge-team")
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := s.Numbers()
	if err != nil || len(numbers) != writers*each || numbers[0] != 1 || numbers[len(numbers)-1] != writers*each {
		t.Errorf("the numbers are %v, %v", numbers, err)
	}
}

func TestKeepDropsTheOldest(t *testing.T) {
	t.Parallel()
	s := store(t)
	for range 5 {
		if _, err := s.Begin(sampleHead(), samplePart(), many(t, 1), nil); err != nil {
			t.Fatal(err)
		}
	}
	fresh, old := filepath.Join(s.Dir(), unfinished+"fresh"), filepath.Join(s.Dir(), unfinished+"old")
	for _, dir := range []string{fresh, old} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.Keep(2, time.Now()); err != nil {
		t.Fatal(err)
	}
	numbers, err := s.Numbers()
	if diff := cmp.Diff([]int{4, 5}, numbers); err != nil || diff != "" {
		t.Errorf("left is %v, %v", numbers, err)
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Errorf("what somebody writes now: %v", err)
	}
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was left unfinished: %v", err)
	}
	if n, err := s.Begin(sampleHead(), samplePart(), nil, nil); n != 6 || err != nil {
		t.Errorf("the next number is %d, %v", n, err)
	}
}

func TestOpenWantsAnOwner(t *testing.T) {
	t.Parallel()
	for _, owner := range []string{"", "..", "a/b", "-x"} {
		if _, err := Open(t.TempDir(), owner); err == nil {
			t.Errorf("owner %q was taken", owner)
		}
	}
}
