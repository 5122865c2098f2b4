package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"routesync/reconcile"
	"routesync/state"
	"routesync/state/rpki"
)

// noticed are notes, by their names.
type noticed struct {
	mu  sync.Mutex
	all map[string]string
}

func (n *noticed) Note(name, text, _ string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all == nil {
		n.all = map[string]string{}
	}
	n.all[name] = text
}

func (n *noticed) text(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.all[name]
}

// putVRPs puts a file of so many VRPs in place, as validators do.
func putVRPs(t *testing.T, path string, n int, made time.Time) {
	t.Helper()
	var roas []string
	for i := range n {
		roas = append(roas, fmt.Sprintf(`{"asn":64496,"prefix":"10.%d.0.0/16","maxLength":24}`, i))
	}
	text := `{"metadata":{"buildtime":"` + made.UTC().Format(time.RFC3339) + `"},"roas":[` + strings.Join(roas, ",") + `]}`
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// TestVRPKeeper: the file is read before anything is judged by it, and again when it
// changes; that it says nothing is noted, whoever joins when, until it does again.
func TestVRPKeeper(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "vrps.json")
	now := time.Now()
	putVRPs(t, path, 1, now)
	ctx, cancel := context.WithCancel(t.Context())
	group, ctx := errgroup.WithContext(ctx)
	log := &notes{}
	k := newVRPKeeper(ctx, group, slog.New(slog.NewTextHandler(log, nil)))
	target, early := reconcile.NewTarget(), &noticed{}
	k.join(ctx, target, early)
	r := state.RPKI{VRPs: "vrps.json", Path: path, Invalid: state.Refuse}
	until := func(what string, is func(*rpki.File) bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			if f := k.get(r); f != nil && is(f) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("not %s; logged\n%s", what, strings.Join(log.lines(), "\n"))
			}
		}
	}

	if k.get(r) != nil {
		t.Error("there is a file before one is named")
	}
	k.follow(r)
	if f := k.get(r); f == nil || f.Err != nil || f.Table.Len() != 1 {
		t.Fatalf("%+v when it is followed", f)
	}
	if k.get(state.RPKI{VRPs: "other.json"}) != nil {
		t.Error("one file passes for another")
	}

	putVRPs(t, path, 2, now)
	until("read again", func(f *rpki.File) bool { return f.Table != nil && f.Table.Len() == 2 })
	select {
	case <-target.Changed():
	case <-time.After(20 * time.Second):
		t.Error("what is to be judged by it is not told")
	}

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	until("missed", func(f *rpki.File) bool { return f.Err != nil })
	late := &noticed{}
	k.join(ctx, reconcile.NewTarget(), late)
	for _, n := range []*noticed{early, late} {
		if got, want := n.text(noVRPs), "VRPs of vrps.json: no such file or directory"; got != want {
			t.Errorf("noted %q, want %q", got, want)
		}
	}

	putVRPs(t, path, 3, now)
	until("there again", func(f *rpki.File) bool { return f.Table != nil && f.Table.Len() == 3 })
	k.look(now)
	if got := early.text(noVRPs); got != "" {
		t.Errorf("noted %q, and it is there again", got)
	}
	k.look(now.Add(25 * time.Hour))
	k.look(now.Add(26 * time.Hour))
	if got := early.text(noVRPs); !strings.Contains(got, "older than 24h0m0s") {
		t.Errorf("noted %q of an old file", got)
	}
	r.MaxAge = (48 * time.Hour).Milliseconds()
	k.follow(r)
	k.look(now.Add(26 * time.Hour))
	if got := early.text(noVRPs); got != "" {
		t.Errorf("noted %q of a file that may be as old", got)
	}

	k.follow(state.RPKI{VRPs: "vrps.json", Path: path})
	if k.get(r) != nil {
		t.Error("it is read though nothing hangs on it")
	}
	cancel()
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	said := strings.Join(log.lines(), "\n")
	if n := strings.Count(said, "no origin can be judged"); n != 2 {
		t.Errorf("said %d times that none can be judged, want twice:\n%s", n, said)
	}
	if n := strings.Count(said, "VRPs are in force"); n != 3 {
		t.Errorf("said %d times that there are others, want 3:\n%s", n, said)
	}
}

// TestReadVRPsOnce: a file is read when something hangs on it, and once.
func TestReadVRPsOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "vrps.json")
	source := readVRPsOnce()
	if f := source(state.RPKI{VRPs: path}); f != nil {
		t.Errorf("%+v, though nothing hangs on it", f)
	}
	r := state.RPKI{VRPs: path, NotFound: state.Warn}
	f := source(r)
	if f == nil || f.Err == nil {
		t.Fatalf("%+v of no file", f)
	}
	putVRPs(t, path, 1, time.Now())
	if source(r) != f {
		t.Error("it was read twice")
	}
	if f := readVRPsOnce()(r); f.Err != nil || f.Table.Len() != 1 {
		t.Errorf("%+v", f)
	}
}
