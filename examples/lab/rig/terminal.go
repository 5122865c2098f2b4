package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// The size of a fresh terminal.
	terminalColumns, terminalRows = 120, 40
	// terminalHistory is how many rows that scrolled away are kept.
	terminalHistory = 20_000
	// screenEvery is the beat of WaitScreen: each question is a process.
	screenEvery = 20 * time.Millisecond
	// pane names the only pane of a server.
	pane = "lab"
)

// errEnded is a program's that nothing more can come from.
var errEnded = errors.New("its program has ended")

// Terminal is a program on a real terminal, a pane of a tmux of its own: what
// is typed goes through the kernel's line discipline or the program's raw mode,
// and what is read is what a person would see.
type Terminal struct {
	Name string

	lab     *Lab
	dir     string
	tmux    string // path
	socket  string
	process *process
}

// Terminal starts argv, the first word a path, on a terminal of 120 columns
// and 40 rows, in the working folder dir, with env added to the environment.
// A program that ends leaves its screen behind, to be read.
func (l *Lab) Terminal(ctx context.Context, name, dir string, env []string, argv ...string) (*Terminal, error) {
	path, err := find("tmux")
	if err != nil {
		return nil, fmt.Errorf("terminal %s: %w", name, err)
	}
	name, own, err := l.part("terminal", name)
	if err != nil {
		return nil, fmt.Errorf("terminal %s: %w", name, err)
	}
	t := &Terminal{Name: name, lab: l, dir: own, tmux: path, socket: filepath.Join(l.sockets, name+".tmux")}
	// In the foreground: a server that detaches itself would be nobody's child.
	// Panes get the server's environment.
	t.process, err = l.spawn(ctx, spec{
		name: "terminal " + name,
		argv: []string{path, "-D", "-u", "-S", t.socket, "-f", "/dev/null"},
		env:  append([]string{"LANG=C.UTF-8", "LC_ALL="}, env...),
		dir:  dir,
		log:  t.Log(),
	})
	if err != nil {
		return nil, err
	}
	if err := t.open(ctx, dir, argv); err != nil {
		return nil, errors.Join(err, t.forget())
	}
	return t, nil
}

func (t *Terminal) open(ctx context.Context, dir string, argv []string) error {
	err := t.process.until(ctx, "its socket answered", func() (bool, error) {
		conn, err := net.Dial("unix", t.socket)
		if err != nil {
			return false, err
		}
		return true, conn.Close()
	})
	if err != nil {
		return err
	}
	// env, since tmux gives a command of one word to a shell.
	_, err = t.ask(ctx, append([]string{
		"set-option", "-g", "remain-on-exit", "on", ";",
		"set-option", "-gq", "remain-on-exit-format", "", ";", // nothing but the program's own; an option since tmux 3.3
		"set-option", "-g", "history-limit", strconv.Itoa(terminalHistory), ";",
		"set-option", "-g", "status", "off", ";",
		"new-session", "-d", "-s", pane, "-c", dir,
		"-x", strconv.Itoa(terminalColumns), "-y", strconv.Itoa(terminalRows), "--", "/usr/bin/env", "--",
	}, escaped(argv)...)...)
	return err
}

// ask runs one client of tmux, which starts no server, and returns what it prints.
func (t *Terminal) ask(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, t.tmux, append([]string{"-N", "-u", "-S", t.socket, "-f", "/dev/null"}, args...)...)
	cmd.Env = append(os.Environ(), "LANG=C.UTF-8", "LC_ALL=")
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("terminal %s: tmux %s: %w: %s", t.Name, args[0], errors.Join(ctx.Err(), err), strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// escaped keeps tmux from taking a word's last semicolon for the end of a
// command (tmux(1), COMMAND PARSING AND EXECUTION).
func escaped(words []string) []string {
	var all []string
	for _, word := range words {
		if before, found := strings.CutSuffix(word, ";"); found {
			word = before + `\;`
		}
		all = append(all, word)
	}
	return all
}

// Log is the path of what tmux itself prints.
func (t *Terminal) Log() string { return filepath.Join(t.dir, "tmux.log") }

// Type types a text, without an Enter behind it.
func (t *Terminal) Type(ctx context.Context, text string) error {
	_, err := t.ask(ctx, append([]string{"send-keys", "-t", pane, "-l", "--"}, escaped([]string{text})...)...)
	return err
}

// Key presses keys by tmux's names: Enter, Up, Tab, BSpace, C-c. tmux types a
// name that it does not know as text.
func (t *Terminal) Key(ctx context.Context, names ...string) error {
	_, err := t.ask(ctx, append([]string{"send-keys", "-t", pane, "--"}, escaped(names)...)...)
	return err
}

// Line types a text and presses Enter.
func (t *Terminal) Line(ctx context.Context, text string) error {
	return errors.Join(t.Type(ctx, text), t.Key(ctx, "Enter"))
}

// Screen is what is on the screen, row by row, without the empty rows at its end.
func (t *Terminal) Screen(ctx context.Context) (string, error) {
	text, err := t.ask(ctx, "capture-pane", "-p", "-t", pane)
	return strings.TrimRight(text, "\n"), err
}

// History is what was on the screen and has scrolled away, and then the screen.
// A line that is longer than a row is whole.
func (t *Terminal) History(ctx context.Context) (string, error) {
	text, err := t.ask(ctx, "capture-pane", "-p", "-J", "-S", "-", "-t", pane)
	return strings.TrimRight(text, "\n"), err
}

// WaitScreen waits until a text is on the screen, wrapped or not. It ends early
// when the program does.
func (t *Terminal) WaitScreen(ctx context.Context, text string) error {
	return t.wait(ctx, fmt.Sprintf("the screen has %q", text), func() (bool, error) {
		// First whether it is dead: then all that it said is on the screen.
		answer, err := t.ask(ctx, "display-message", "-p", "-t", pane, "#{pane_dead}", ";", "capture-pane", "-p", "-J", "-t", pane)
		dead, rows, _ := strings.Cut(answer, "\n")
		if err != nil || strings.Contains(rows, text) {
			return err == nil, err
		}
		if dead == "1" {
			return false, errEnded
		}
		return false, nil
	})
}

// Resize makes the terminal another size; the program gets a SIGWINCH.
func (t *Terminal) Resize(ctx context.Context, columns, rows int) error {
	_, err := t.ask(ctx, "resize-window", "-t", pane, "-x", strconv.Itoa(columns), "-y", strconv.Itoa(rows))
	return err
}

// WaitExit waits until the program has ended, and returns its exit status. One
// that a signal ended has none.
func (t *Terminal) WaitExit(ctx context.Context) (int, error) {
	status := 0
	err := t.wait(ctx, "its program has ended", func() (bool, error) {
		text, err := t.ask(ctx, "display-message", "-p", "-t", pane, "#{pane_dead} #{pane_dead_status} signal=#{pane_dead_signal}")
		if err != nil {
			return false, err
		}
		words := strings.Fields(text)
		if len(words) < 2 || words[0] != "1" {
			return false, nil
		}
		if words[1] == "signal=" {
			// tmux 3.3 loses a SIGCHLD now and then, and never asks again.
			return false, t.process.signal(unix.SIGCHLD)
		}
		if signal, ok := strings.CutPrefix(words[1], "signal="); ok {
			return true, fmt.Errorf("terminal %s: its program was ended by signal %s", t.Name, signal)
		}
		status, err = strconv.Atoi(words[1])
		return true, err
	})
	return status, err
}

// wait polls, since tmux tells nobody what a pane shows. Its errors have the
// screen as it was last.
func (t *Terminal) wait(ctx context.Context, what string, done func() (bool, error)) error {
	beat := time.NewTicker(screenEvery)
	defer beat.Stop()
	for {
		ok, err := done()
		if ok {
			return err
		}
		if err == nil { // a tmux that does not answer once is gone
			select {
			case <-beat.C:
				continue
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		screen, screenErr := t.Screen(last)
		return fmt.Errorf("wait until %s at terminal %s: %w; the screen:\n%s", what, t.Name, errors.Join(err, screenErr), screen)
	}
}

// Kill ends the terminal and its program with SIGKILL.
func (t *Terminal) Kill(ctx context.Context) error {
	return errors.Join(t.process.end(ctx, unix.SIGKILL, stopGrace), t.forget())
}

func (t *Terminal) forget() error {
	err := t.lab.drop(t.process)
	if rmErr := os.Remove(t.socket); rmErr != nil && !errors.Is(rmErr, os.ErrNotExist) {
		err = errors.Join(err, rmErr)
	}
	return err
}
