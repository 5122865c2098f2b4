package rig

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestCloseKillsTheWholeTree(t *testing.T) {
	l := newLab(t)
	p, err := startTree(within(t, 10*time.Second), l)
	if err != nil {
		t.Fatal(err)
	}
	pids := below(t, p.keeper.Process.Pid)
	begun := time.Now()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d processes closed in %v", len(pids), time.Since(begun))
	waitDead(t, pids)
	if err := l.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if _, err := l.spawn(t.Context(), spec{name: "late", argv: []string{"/bin/true"}, log: filepath.Join(t.TempDir(), "log")}); !errors.Is(err, errClosed) {
		t.Errorf("spawn after close: %v", err)
	}
}

func TestNothingOutlivesAKilledLab(t *testing.T) {
	if pids := killLab(t, "tree"); len(pids) < 8 { // lab, keeper, six of the tree
		t.Errorf("only %d processes were there to be killed", len(pids))
	}
}

func TestKeeperEndsItsTreeWhenAskedToEnd(t *testing.T) {
	l := newLab(t)
	p, err := startTree(within(t, 10*time.Second), l)
	if err != nil {
		t.Fatal(err)
	}
	pids := below(t, p.keeper.Process.Pid)
	if err := p.keeper.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitDead(t, pids)
}

func TestSignal(t *testing.T) {
	l := newLab(t)
	ctx := within(t, 10*time.Second)
	p, err := l.spawn(ctx, spec{
		name: "child", argv: []string{"/bin/sh", "-c", `trap 'echo heard; exit 7' USR1; echo up; while :; do sleep 0.01; done`},
		log: filepath.Join(l.Dir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.until(ctx, "it is up", func() (bool, error) {
		text, err := p.wrote()
		return text == "up\n", err
	}); err != nil {
		t.Fatal(err)
	}
	if err := p.end(ctx, unix.SIGUSR1, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	text, err := p.wrote()
	if err != nil || text != "up\nheard\n" || p.status != "exit status 7" {
		t.Errorf("it said %q and ended with %q (%v)", text, p.status, err)
	}
	if err := l.drop(p); err != nil {
		t.Error(err)
	}
	if err := p.signal(unix.SIGUSR1); err == nil {
		t.Error("a signal to a dead process found somebody")
	}
}

func TestFailedStartsSayWhy(t *testing.T) {
	l := newLab(t)
	ctx := within(t, 10*time.Second)
	_, err := l.spawn(ctx, spec{name: "part", argv: []string{"/nowhere/part"}, log: filepath.Join(l.Dir(), "a")})
	if err == nil || !strings.Contains(err.Error(), "start part (/nowhere/part): no such file") {
		t.Errorf("missing program: %v", err)
	}
	p, err := l.spawn(ctx, spec{
		name: "part", argv: []string{"/bin/sh", "-c", "echo the reason >&2; exit 3"}, log: filepath.Join(l.Dir(), "b"),
	})
	if err != nil {
		t.Fatal(err)
	}
	err = p.until(ctx, "it was ready", func() (bool, error) { return false, nil })
	if err == nil || !strings.Contains(err.Error(), "part ended (exit status 3) before it was ready") ||
		!strings.HasSuffix(err.Error(), "\nthe reason") {
		t.Errorf("early end: %v", err)
	}
	p, err = l.spawn(ctx, spec{name: "slow", argv: []string{"/bin/sleep", "1000"}, log: filepath.Join(l.Dir(), "c")})
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	err = p.until(short, "it is ready", func() (bool, error) { return false, os.ErrPermission })
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, os.ErrPermission) {
		t.Errorf("never ready: %v", err)
	}
}

func TestKeepLeavesTheFolder(t *testing.T) {
	l, err := New(t.Context(), Options{Dir: t.TempDir(), Keep: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(l.Dir()); err != nil {
		t.Error(err)
	}
}

func TestDeepFolderHasShortSockets(t *testing.T) {
	deep := filepath.Join(t.TempDir(), strings.Repeat("d", 100))
	if err := os.Mkdir(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := New(t.Context(), Options{Dir: deep})
	if err != nil {
		t.Fatal(err)
	}
	if len(l.sockets) > maxSocketDir {
		t.Errorf("sockets in %s", l.sockets)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(l.sockets); !os.IsNotExist(err) {
		t.Errorf("the sockets' folder is still there: %v", err)
	}
}

func TestPartNamesAreUnique(t *testing.T) {
	l := newLab(t)
	var names []string
	for range 3 {
		name, _, err := l.part("broker", "")
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if got := strings.Join(names, " "); got != "broker broker-2 broker-3" {
		t.Error(got)
	}
}
