package history

import (
	"maps"
	"os"
	"testing"
	"time"

	"routesync/reconcile"
	"routesync/state"
)

// TestRecent: what a peer saw is counted, once for each time that it was sent, of the
// speaker and since the time, wherever it stands.
func TestRecent(t *testing.T) {
	t.Parallel()
	s := store(t)
	terms, other := &state.Terms{Attrs: attrs(t, "med", "1")}, &state.Terms{Attrs: attrs(t, "med", "2")}
	was := &state.Advert{Owner: "edge-team", Attrs: terms.Attrs}
	now := time.Now().UTC().Truncate(time.Second)
	begin := func(speaker string, ago time.Duration, cause reconcile.Cause, changes ...state.Change) int {
		t.Helper()
		n, err := s.Begin(sampleHead(), Part{Speaker: speaker, Seq: 1, At: now.Add(-ago), Cause: string(cause)}, changes, func(*state.Change) bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	flappy, calm := "10.1.0.0/24", "10.2.0.0/24"
	begin("edge1", time.Hour, reconcile.CauseFile, announce(flappy, terms, peer(1))) // too long ago
	first := begin("edge1", 10*time.Minute, reconcile.CauseFile, announce(flappy, terms, peer(1)), announce(calm, terms, peer(1)))
	begin("edge2", 9*time.Minute, reconcile.CauseFile, announce(flappy, terms, peer(1))) // elsewhere
	begin("edge1", 8*time.Minute, reconcile.CauseAgain, announce(flappy, terms, peer(1)))
	begin("edge1", 7*time.Minute, reconcile.CauseDrift, replace(flappy, was, other, peer(1)), withdraw(flappy, was, peer(2)))
	sooner := *terms
	sooner.Expires = 1
	begin("edge1", 6*time.Minute, reconcile.CauseFile, replace(calm, was, &sooner, peer(1))) // it only ends sooner
	if err := s.Add(first, Part{Speaker: "edge1", Seq: 2, At: now.Add(-5 * time.Minute), Cause: string(reconcile.CauseDrift)}, []state.Change{withdraw(flappy, was, peer(1))}, func(*state.Change) bool { return false }); err != nil {
		t.Fatal(err)
	}
	all := func(state.Key) bool { return true }
	got, err := s.Recent("edge1", now.Add(-15*time.Minute), 3, all)
	if want := map[state.Key]int{key(flappy): 3, key(calm): 1}; err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	got, err = s.Recent("edge1", now.Add(-15*time.Minute), 3, func(k state.Key) bool { return k == key(calm) })
	if want := map[state.Key]int{key(calm): 1}; err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	// Where nothing was sent so often, nothing is read: not even what is damaged.
	files, err := s.recentParts("edge2", now.Add(-15*time.Minute))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.WriteFile(files[0], []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Recent("edge2", now.Add(-15*time.Minute), 2, all); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := s.Recent("edge2", now.Add(-15*time.Minute), 1, all); err == nil {
		t.Error("what is damaged is believed")
	}
}

// TestRecentOfNothing: a record that there is not has nothing.
func TestRecentOfNothing(t *testing.T) {
	t.Parallel()
	if got, err := store(t).Recent("edge1", time.Now(), 1, func(state.Key) bool { return true }); len(got) > 0 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}
