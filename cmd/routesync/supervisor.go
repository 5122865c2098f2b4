package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"routesync/bridge"
)

const (
	// exitStopped is the code of a bridge that was told to end, while exaBGP goes
	// on: what a shell says of one that SIGTERM ended.
	exitStopped = 128 + int(syscall.SIGTERM)
	// lived is how long a bridge lives that is not the next of many that die.
	lived = 2 * time.Second
	// restLeast and restMost bound the pause between two that do.
	restLeast = 100 * time.Millisecond
	restMost  = time.Second
	// leaveMost is how long a supervisor that was told to end reads on: exaBGP may
	// be busy before it notices.
	leaveMost = 10 * time.Second
	// endMost is how long a bridge may take to end once it was told to.
	endMost = 3 * time.Second
)

// supervisor stands between exaBGP and the bridge. It does nothing but hold exaBGP's
// pipes and start the bridge, which inherits them, and start it again when it
// dies: of that exaBGP notices nothing. It does of a helper's death: a sixth
// start within 64 s ends it, and so does a pipe that nobody reads while it
// writes (reactor/api/processes.py, _start and write).
type supervisor struct {
	stdin, stdout *os.File // exaBGP's ends
	start         func(context.Context) *exec.Cmd
	slate         io.Closer // of the bridges, nil for none
	log           *slog.Logger
	leaveMost     time.Duration
}

// newSupervisor returns one of bridges that are started as this process was; nil
// if this is such a bridge, or not under exaBGP at all.
func newSupervisor(w *world, log *slog.Logger) (*supervisor, error) {
	stdin, in := w.stdin.(*os.File)
	stdout, out := w.stdout.(*os.File)
	if !in || !out || w.getenv(bridge.EnvSupervised) != "" {
		return nil, nil
	}
	widen(stdin, log)
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, to start the bridge: %w", err)
	}
	env := append(os.Environ(), bridge.EnvSupervised+"="+strconv.Itoa(os.Getppid()))
	slate, err := bridge.NewSlate()
	slated := err == nil
	if !slated {
		log.Warn("a bridge that is started again reads more than it would have to", "error", err)
	} else {
		env = append(env, bridge.EnvSlate+"="+strconv.Itoa(firstExtra))
	}
	start := func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, program)
		if _, err := os.Stat(program); err != nil {
			cmd.Path = "/proc/self/exe" // the file is being replaced
		}
		cmd.Args, cmd.Env = os.Args, env
		cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, os.Stderr
		if slated {
			cmd.ExtraFiles = []*os.File{slate.File()}
		}
		return cmd
	}
	s := &supervisor{stdin: stdin, stdout: stdout, start: start, log: log, leaveMost: leaveMost}
	if slated {
		s.slate = slate
	}
	return s, nil
}

// pipeSize is as large as a process without privileges may make a pipe
// (/proc/sys/fs/pipe-max-size).
const pipeSize = 1 << 20

// widen makes room for what exaBGP writes while nobody reads: it waits in its write
// else, and does nothing for its peers (pipe(7), F_SETPIPE_SZ).
func widen(stdin *os.File, log *slog.Logger) {
	if _, err := unix.FcntlInt(stdin.Fd(), unix.F_SETPIPE_SZ, pipeSize); err != nil {
		log.Debug("exaBGP's pipe stays as small as it is", "error", err)
	}
}

// firstExtra is the number of the first file that a process inherits besides its
// three ([exec.Cmd.ExtraFiles]).
const firstExtra = 3

// inherited is what a supervisor gave, nil where it gave nothing, and what to read
// exaBGP from.
func inherited(w *world, log *slog.Logger) (io.Reader, bridge.Slate, *bridge.Tape) {
	stdin, is := w.stdin.(*os.File)
	fd, err := strconv.Atoi(w.getenv(bridge.EnvSlate))
	if err != nil || !is {
		return w.stdin, nil, nil
	}
	slate := bridge.SlateOf(os.NewFile(uintptr(fd), "slate"))
	tape, err := slate.Tape(stdin)
	if err != nil {
		log.Warn("a bridge that is started again reads more than it would have to", "error", err)
		return w.stdin, slate, nil
	}
	return tape, slate, tape
}

// run has a bridge run until exaBGP closes its pipe, or ctx ends.
func (s *supervisor) run(ctx context.Context) error {
	// The bridge is told by the kernel when this thread ends: pdeathsig is of
	// threads (prctl(2)).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if s.slate != nil {
		defer s.slate.Close() // it is memory
	}
	for rest := time.Duration(0); ; {
		begun := time.Now()
		code, ended := s.life(ctx)
		switch {
		case code == exitDone:
			return nil // exaBGP closed its pipe, or ends
		case ctx.Err() != nil:
			s.leave()
			return nil
		}
		if time.Since(begun) >= lived {
			rest = 0
		}
		s.log.Error("the bridge ended; it is started again", "reason", ended, "in", rest)
		if s.drain(ctx.Done(), rest) {
			return nil
		}
		rest = min(max(restLeast, 2*rest), restMost)
	}
}

// life is one bridge's. Its code is -1 if it did not start, or a signal ended it.
func (s *supervisor) life(ctx context.Context) (code int, ended error) {
	cmd := s.start(ctx)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = endMost
	// A bridge that outlived its supervisor would be one beside the next one's.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ended = cmd.Run()
	return cmd.ProcessState.ExitCode(), ended
}

// leave ends a supervisor that was told to, in the way that exaBGP survives. It
// reads on, for a write to a pipe that nobody reads ends exaBGP, until exaBGP
// has seen that stdout is closed and tells it once more, or closes the pipe. An
// exaBGP that ends itself waits for its helpers instead; then the bridge has
// heard it say so, or the supervisor does.
func (s *supervisor) leave() {
	again, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := s.stdout.Close(); err != nil {
		s.log.Warn("close stdout", "error", err)
	}
	s.drain(again.Done(), s.leaveMost)
}

// drain reads what exaBGP writes, and drops it: a bridge that is started anew
// asks for all that it needs. It ends after limit, when stop is closed, or when
// exaBGP is gone or says that it goes.
func (s *supervisor) drain(stop <-chan struct{}, limit time.Duration) (gone bool) {
	const tick = 50 * time.Millisecond
	buf := make([]byte, 64<<10)
	var tail []byte
	fds := []unix.PollFd{{Fd: int32(s.stdin.Fd()), Events: unix.POLLIN}}
	for end := time.Now().Add(limit); time.Now().Before(end); {
		select {
		case <-stop:
			return false
		default:
		}
		n, err := unix.Poll(fds, int(min(tick, time.Until(end)).Milliseconds())+1)
		if n == 0 || errors.Is(err, unix.EINTR) {
			continue
		}
		if err == nil {
			n, err = unix.Read(int(s.stdin.Fd()), buf)
		}
		if n <= 0 && !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN) {
			return true
		}
		tail = append(tail, buf[:max(n, 0)]...)
		if bytes.Contains(tail, []byte(`"notification": "shutdown"`)) {
			return true
		}
		tail = append(tail[:0], tail[max(0, len(tail)-64):]...)
	}
	return false
}
