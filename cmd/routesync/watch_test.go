package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"routesync/bridge/rabbit"
	"routesync/reconcile/watch"
)

// notes is a log that several goroutines write.
type notes struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.Write(p)
}

// lines are those about the file, without their time.
func (n *notes) lines() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var kept []string
	for line := range strings.Lines(n.b.String()) {
		if !strings.Contains(line, "broker") {
			kept = append(kept, strings.TrimSpace(regexp.MustCompile(`^time=\S+ level=`).ReplaceAllString(line, "")))
		}
	}
	return kept
}

// TestKeeperTakes gives a keeper one content of the file after the other. There
// is no broker, so only what it decides shows.
func TestKeeperTakes(t *testing.T) {
	t.Parallel()
	addr, err := closedPort()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(ctx)
	log := &notes{}
	k := &keeper{
		ctx: ctx, group: group, cfg: rabbit.Config{URLs: []string{"amqp://" + addr}}, log: slog.New(slog.NewTextHandler(log, nil)),
		file: "routes.yaml", me: commander("watch"), speakers: map[string]*kept{},
		faults: func(err error) { _, _ = io.WriteString(log, err.Error()+"\n") },
		vrps:   newVRPKeeper(ctx, group, slog.New(slog.NewTextHandler(log, nil))),
	}
	good := "version: 1\nowner: a\nspeakers: [x, y]\nroutes: []\n"
	for _, c := range []watch.Content{
		{Err: &fs.PathError{Op: "open", Path: "routes.yaml", Err: errors.New("no such file")}},
		{},
		{Data: []byte(good)},
		{Data: []byte(good + "oops: 1\n")},
		{Data: []byte(strings.Replace(good, "owner: a", "owner: b", 1))},
		{Data: []byte(strings.Replace(good, "[x, y]", "[y]", 1))},
		{Data: []byte(strings.Replace(good, "[x, y]", "[y, z]", 1))},
		{Data: []byte(good)},
	} {
		k.take(c)
	}
	cancel()
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	force := `INFO msg="file is read" file=routes.yaml owner=a routes=0`
	gone := `WARN msg="the speaker is not in the file any more; its routes are left as they are" speaker=`
	want := []string{
		`ERROR msg="the file can't be read; nothing is changed until there is a good one" file=routes.yaml error="no such file"`,
		`routes.yaml:1:1: the file is empty`,
		`ERROR msg="the file has faults; nothing is changed until there is a good one" file=routes.yaml faults=1`,
		force,
		`routes.yaml:5:1: "oops" is not a key of the file`,
		`ERROR msg="the file has faults; the last good one stays in force" file=routes.yaml faults=1`,
		`ERROR msg="the file has another owner now; to change the owner, start watch again; the last good one stays in force" file=routes.yaml owner=b "watched for"=a`,
		force, gone + "x", force, force, gone + "z",
	}
	if diff := cmp.Diff(want, log.lines()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestLinger: a bridge that could not start does not end before exaBGP.
func TestLinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stdin, exabgp := io.Pipe()
		begin := time.Now()
		time.AfterFunc(time.Hour, func() { exabgp.Close() })
		if code := linger(t.Context(), stdin, exitUsage); code != exitUsage {
			t.Errorf("code %d, want %d", code, exitUsage)
		}
		if lived := time.Since(begin); lived != time.Hour {
			t.Errorf("it lived %s, want until exaBGP's end", lived)
		}
	})
}

// TestWatchTakesOtherFiles: a save of a file that the first one leads to counts
// as one of the first, and one fault in any leaves the last good whole in force.
func TestWatchTakesOtherFiles(t *testing.T) {
	t.Parallel()
	addr, err := closedPort()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put := func(name, data string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "c"), 0o700); err != nil {
		t.Fatal(err)
	}
	const version = "version: 1\n"
	put("routes.yaml", version+"owner: a\nspeakers: [x]\ndefaults: { next-hop: self }\ninclude: [c/*.yaml]\nroutes:\n- prefixes-from: drop.txt\n")
	put("drop.txt", "10.0.0.0/8\n")
	put("c/none.yaml", version+"routes: []\n")
	ctx, cancel := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(ctx)
	log := &notes{}
	file := filepath.Join(dir, "routes.yaml")
	k := &keeper{
		ctx: ctx, group: group, cfg: rabbit.Config{URLs: []string{"amqp://" + addr}}, log: slog.New(slog.NewTextHandler(log, nil)),
		file: file, me: commander("watch"), speakers: map[string]*kept{},
		faults: func(err error) { _, _ = io.WriteString(log, err.Error()+"\n") },
		vrps:   newVRPKeeper(ctx, group, slog.New(slog.NewTextHandler(log, nil))),
	}
	group.Go(func() error { return watch.New(file, watch.Options{Poll: time.Hour}, k.log).Run(ctx, k.take) })
	var want []string
	wait := func(lines ...string) {
		t.Helper()
		want = append(want, lines...)
		for deadline := time.Now().Add(20 * time.Second); len(log.lines()) < len(want) && time.Now().Before(deadline); {
			time.Sleep(5 * time.Millisecond)
		}
		var got []string
		for _, line := range log.lines() {
			got = append(got, strings.ReplaceAll(line, dir+"/", ""))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	}
	force := func(routes int) string {
		return fmt.Sprintf(`INFO msg="file is read" file=routes.yaml owner=a routes=%d`, routes)
	}
	refused := `ERROR msg="the file has faults; the last good one stays in force" file=routes.yaml faults=1`
	wait(force(1))
	put("drop.txt", "10.0.0.0/8\n11.0.0.0/8\n")
	wait(force(2))
	put("c/a.yaml", version+"routes:\n- prefix: 12.0.0.0/8\n")
	wait(force(3))
	put("drop.txt", "10.0.0.0/8\n11.0.0.0\n")
	wait(`drop.txt:2:1: prefix "11.0.0.0" has no length`, refused)
	put("c/a.yaml", version+"routes:\n- prefix: 12.0.0.0/8\n- prefix: 13.0.0.0/8\n") // good, and not alone
	wait(`drop.txt:2:1: prefix "11.0.0.0" has no length`, refused)
	put("drop.txt", "10.0.0.0/8\n")
	wait(force(3))
	if err := os.Rename(filepath.Join(dir, "drop.txt"), filepath.Join(dir, "away")); err != nil {
		t.Fatal(err)
	}
	wait(`routes.yaml:7:18: drop.txt is not there`, refused)
	if err := os.Rename(filepath.Join(dir, "away"), filepath.Join(dir, "drop.txt")); err != nil {
		t.Fatal(err)
	}
	wait(force(3))
	if err := os.Remove(filepath.Join(dir, "c", "none.yaml")); err != nil {
		t.Fatal(err)
	}
	wait(force(3))
	// A directory that is not mounted looks like an empty one.
	if err := os.Remove(filepath.Join(dir, "c", "a.yaml")); err != nil {
		t.Fatal(err)
	}
	wait(`routes.yaml:5:11: no file matches c/*.yaml`, refused)
	cancel()
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}
