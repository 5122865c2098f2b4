package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// supervised is a supervisor between pipes, and exaBGP's ends of them. The
// bridges are shell scripts; the last is the one of every later start.
func supervised(t *testing.T, scripts ...string) (s *supervisor, stdin, stdout *os.File) {
	t.Helper()
	theirs, stdin, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, f := range []*os.File{theirs, stdin, stdout, ours} {
			_ = f.Close() // some of them are closed by now
		}
	})
	start := func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "/bin/sh", "-c", scripts[0])
		cmd.Stdin, cmd.Stdout = theirs, ours
		if len(scripts) > 1 {
			scripts = scripts[1:]
		}
		return cmd
	}
	return &supervisor{stdin: theirs, stdout: ours, start: start, log: slog.New(slog.DiscardHandler), leaveMost: 20 * time.Second}, stdin, stdout
}

// TestSupervisorOutlivesBridges: exaBGP's pipes stay open, and are read, over the
// deaths of bridges.
func TestSupervisorOutlivesBridges(t *testing.T) {
	t.Parallel()
	s, stdin, stdout := supervised(t, "exit 1", "kill -9 $$", "/nowhere/bridge", "echo up; cat > /dev/null")
	done := make(chan error)
	go func() { done <- s.run(t.Context()) }()
	full := bytes.Repeat([]byte("x"), 1<<20) // more than a pipe holds
	if _, err := stdin.Write(full); err != nil {
		t.Error(err)
	}
	up := make([]byte, 3)
	if _, err := io.ReadFull(stdout, up); err != nil || string(up) != "up\n" {
		t.Errorf("%q, %v", up, err)
	}
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestSupervisorLeaves: told to end, it closes stdout and reads on until exaBGP
// knows.
func TestSupervisorLeaves(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]func(stdin *os.File) error{
		"exaBGP closes the pipe": (*os.File).Close,
		"exaBGP shuts down": func(stdin *os.File) error {
			_, err := stdin.WriteString(`{ "exabgp": "4.0.1", "type": "notification", "notification": "shutdown" }` + "\n")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, stdin, stdout := supervised(t, "echo up; exec sleep 60")
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- s.run(ctx) }()
			up := make([]byte, 3)
			if _, err := io.ReadFull(stdout, up); err != nil {
				t.Fatal(err)
			}
			cancel()
			if rest, err := io.ReadAll(stdout); err != nil || len(rest) > 0 {
				t.Errorf("%q, %v", rest, err)
			}
			if _, err := stdin.Write(bytes.Repeat([]byte("x"), 1<<20)); err != nil {
				t.Errorf("nobody reads on: %v", err)
			}
			if err := last(stdin); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSupervisorOfABridgeThatIsDone: a bridge that heard that exaBGP ends needs
// nobody to read on.
func TestSupervisorOfABridgeThatIsDone(t *testing.T) {
	t.Parallel()
	s, _, stdout := supervised(t, "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.run(ctx) }()
	if _, err := io.ReadFull(stdout, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := s.stdout.Stat(); err != nil {
		t.Errorf("it left as if exaBGP went on: %v", err)
	}
}

// TestPipeIsWide: exaBGP must be able to write while the bridge is being started.
func TestPipeIsWide(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	widen(r, slog.New(slog.DiscardHandler))
	if size, err := unix.FcntlInt(r.Fd(), unix.F_GETPIPE_SZ, 0); err != nil || size != pipeSize {
		t.Errorf("the pipe holds %d bytes, %v; want %d", size, err, pipeSize)
	}
	widen(os.Stdin, slog.New(slog.DiscardHandler)) // whatever that is
}
