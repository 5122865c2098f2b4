//go:build integration

package rig

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func terminal(t *testing.T, l *Lab, env []string, argv ...string) (*Terminal, context.Context) {
	t.Helper()
	ctx := within(t, 15*time.Second)
	tty, err := l.Terminal(ctx, "", l.Dir(), env, argv...)
	if err != nil {
		t.Fatal(err)
	}
	return tty, ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTerminal(t *testing.T) {
	l := newLab(t)
	const script = `stty size; pwd; echo "$GIVEN"; while read -r line; do echo "got <$line>"; [ "$line" = size ] && stty size; [ "$line" = end ] && exit 7; done`
	tty, ctx := terminal(t, l, []string{"GIVEN=one two;"}, "/bin/sh", "-c", script)
	for _, text := range []string{"40 120", l.Dir(), "one two;"} {
		must(t, tty.WaitScreen(ctx, text))
	}
	for _, line := range []string{`flow { a; };`, `\;`, ";", "-l Enter", "prefix → überall", strings.Repeat("long ", 60) + "end of it"} {
		must(t, tty.Line(ctx, line))
		must(t, tty.WaitScreen(ctx, "got <"+line+">"))
	}
	// The kernel's own line editing, which no pipe has.
	must(t, tty.Type(ctx, "sizes"))
	must(t, tty.Key(ctx, "BSpace"))
	must(t, tty.Resize(ctx, 90, 20))
	must(t, tty.Key(ctx, "Enter"))
	must(t, tty.WaitScreen(ctx, "20 90"))
	must(t, tty.Line(ctx, "end"))
	if status, err := tty.WaitExit(ctx); status != 7 || err != nil {
		t.Errorf("ended with %d, %v", status, err)
	}
	screen, err := tty.Screen(ctx)
	if err != nil || !strings.HasSuffix(screen, "got <end>") || strings.Contains(screen, "40 120") {
		t.Errorf("the screen of a dead program: %v\n%s", err, screen)
	}
	if err := tty.WaitScreen(ctx, "something more"); !errors.Is(err, errEnded) || !strings.Contains(err.Error(), "got <end>") {
		t.Errorf("waiting for a dead program: %v", err)
	}
	history, err := tty.History(ctx)
	if err != nil || !strings.HasPrefix(history, "40 120") || !strings.Contains(history, "got <end>") {
		t.Errorf("the history: %v\n%s", err, history)
	}
}

func TestTerminalPrograms(t *testing.T) {
	l := newLab(t)
	tty, ctx := terminal(t, l, nil, "/bin/cat")
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	must(t, tty.Line(ctx, "this is here"))
	if err := tty.WaitScreen(short, "never"); err == nil || !strings.Contains(err.Error(), "this is here") {
		t.Errorf("waiting for what never comes: %v", err)
	}
	pids := below(t, tty.process.keeper.Process.Pid)
	must(t, tty.Key(ctx, "C-c"))
	if _, err := tty.WaitExit(ctx); err == nil || !strings.Contains(err.Error(), "signal 2") {
		t.Errorf("ended by ^C: %v", err)
	}
	must(t, tty.Kill(ctx))
	waitDead(t, pids)
	if _, err := os.Stat(tty.socket); !os.IsNotExist(err) {
		t.Errorf("its socket is still there: %v", err)
	}
	if _, err := tty.Screen(ctx); err == nil {
		t.Error("a dead terminal has a screen")
	}
	tty, ctx = terminal(t, l, nil, "/nowhere/program")
	if status, err := tty.WaitExit(ctx); status != 127 || err != nil {
		t.Errorf("a program that is not there: %d, %v", status, err)
	}
}

// What hides from its terminal and its session dies with the lab.
func TestTerminalLeavesNothing(t *testing.T) {
	l := newLab(t)
	tty, ctx := terminal(t, l, nil, "/bin/sh", "-c", tree)
	must(t, tty.WaitScreen(ctx, "grown"))
	pids := below(t, tty.process.keeper.Process.Pid)
	if len(pids) < 6 {
		t.Errorf("only %d processes were there to be killed", len(pids))
	}
	must(t, l.Close())
	waitDead(t, pids)
}
