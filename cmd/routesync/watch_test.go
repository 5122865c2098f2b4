package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
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
	force := `INFO msg="file is in force" file=routes.yaml owner=a routes=0`
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

// TestLinger: a bridge that broke ends when it has lived long enough for
// exaBGP to start another; one that could not start does not end.
func TestLinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stdin, exabgp := io.Pipe()
		begin := time.Now()
		if code := linger(t.Context(), stdin, errBroke, exitError); code != exitError {
			t.Errorf("broke: code %d, want %d", code, exitError)
		}
		if lived := time.Since(begin); lived != shortestLife {
			t.Errorf("broke: it lived %s, want %s", lived, shortestLife)
		}
		time.AfterFunc(time.Hour, func() { exabgp.Close() })
		if code := linger(t.Context(), stdin, errors.New("bad flag"), exitUsage); code != exitUsage {
			t.Errorf("not started: code %d, want %d", code, exitUsage)
		}
		if lived := time.Since(begin) - shortestLife; lived != time.Hour {
			t.Errorf("not started: it lived %s, want until exaBGP's end", lived)
		}
	})
}
