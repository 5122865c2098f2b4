package rig

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// closeLimit bounds the end of one process tree. A keeper needs
	// milliseconds; only a machine in trouble needs more.
	closeLimit = 10 * time.Second
	// tailBytes is how much of a log an error shows.
	tailBytes = 2000
	// pollEvery is the beat of all questions for which no signal exists.
	pollEvery = 5 * time.Millisecond
)

// spec is what to start.
type spec struct {
	name string    // for people
	argv []string  // argv[0] is a path
	env  []string  // added to the program's own; later entries win
	dir  string    // working folder
	log  string    // file that stdout and stderr are appended to
	held io.Closer // closed once the child is gone; nil is nothing
}

// process is a child under its keeper.
type process struct {
	spec
	pid     int
	logged  int64 // how long the log was before
	keeper  *exec.Cmd
	answers chan string   // to signal; at most one is asked at a time
	exited  chan struct{} // closed when the child is gone
	gone    chan struct{} // closed when the keeper, so every descendant, is gone

	mu     sync.Mutex // one order at a time
	orders *os.File   // closing it kills the tree

	status string // how the child ended; read it after exited
}

// spawn starts a child under a keeper and takes it into the Lab.
func (l *Lab) spawn(ctx context.Context, s spec) (*process, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	p, err := startKeeper(s)
	if err != nil {
		return nil, fmt.Errorf("start %s (%s): %w", s.name, s.argv[0], err)
	}
	if err := l.adopt(p); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	l.log.Debug("started", "part", s.name, "pid", p.pid, "log", s.log)
	return p, nil
}

func startKeeper(s spec) (*process, error) {
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // only children write to it
	before, err := log.Stat()
	if err != nil {
		return nil, err
	}
	p := &process{
		spec: s, logged: before.Size(),
		answers: make(chan string, 1), exited: make(chan struct{}), gone: make(chan struct{}),
	}
	// Not os.Executable: a program that was rebuilt or removed still is the
	// one that this link leads to.
	p.keeper = &exec.Cmd{
		Path:        "/proc/self/exe",
		Args:        append([]string{"lab-keeper"}, s.argv...),
		Env:         append(append(os.Environ(), s.env...), keeperEnv+"="+keeperOn),
		Dir:         s.dir,
		Stdout:      log,
		Stderr:      log,
		SysProcAttr: &unix.SysProcAttr{Setsid: true}, // a terminal's ^C is for the lab alone
	}
	reports, err := p.startWithPipes()
	if err != nil {
		return nil, err
	}
	lines := bufio.NewReader(reports)
	p.pid, err = readStarted(lines)
	go p.follow(reports, lines) // joined by close, through gone
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// startWithPipes starts the keeper and leaves this process with its two ends
// only: an end of the keeper's that stayed open here would hide its death.
func (p *process) startWithPipes() (io.ReadCloser, error) {
	ordersEnd, orders, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	reports, reportsEnd, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, orders.Close(), ordersEnd.Close())
	}
	p.keeper.ExtraFiles = []*os.File{ordersEnd, reportsEnd} // keeperOrders, keeperReports
	err = errors.Join(p.keeper.Start(), ordersEnd.Close(), reportsEnd.Close())
	if err != nil {
		return nil, errors.Join(err, orders.Close(), reports.Close())
	}
	p.orders = orders
	return reports, nil
}

// readStarted reads a keeper's first line. A program that forgot KeeperMain
// runs its own main instead, and ends without saying anything of the kind.
func readStarted(lines *bufio.Reader) (int, error) {
	line, err := lines.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("the keeper said nothing; does main, or TestMain, call rig.KeeperMain first? (%w)", err)
	}
	verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	if verb != reportStarted {
		return 0, errors.New(rest)
	}
	pid, err := strconv.Atoi(rest)
	if err != nil {
		return 0, fmt.Errorf("read the keeper's first line %q: %w", line, err)
	}
	return pid, nil
}

// follow reads the keeper's reports to their end, which is the keeper's.
func (p *process) follow(reports io.Closer, lines *bufio.Reader) {
	defer close(p.gone)
	alive := true
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch verb {
		case reportSignalled:
			p.answers <- rest // has room: signal asks one at a time and takes each answer
		case reportExited:
			p.status, alive = rest, false
			close(p.exited)
		}
	}
	if alive {
		p.status = "killed with its keeper"
		close(p.exited)
	}
	if p.held != nil {
		_ = p.held.Close() // nobody is left to use it
	}
	_ = reports.Close()
	_ = p.keeper.Wait() // how the keeper ended tells nothing that follow does not know
}

// signal has the keeper send the child a signal, and waits until it did.
func (p *process) signal(sig unix.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.orders == nil {
		return fmt.Errorf("signal %s: it was stopped", p.name)
	}
	if _, err := fmt.Fprintln(p.orders, int(sig)); err != nil {
		return fmt.Errorf("signal %s: %w", p.name, err)
	}
	select {
	case failure := <-p.answers:
		if failure != "" {
			return fmt.Errorf("send %v to %s (pid %d): %s", sig, p.name, p.pid, failure)
		}
		return nil
	case <-p.gone:
		return fmt.Errorf("signal %s: it has ended (%s)", p.name, p.status)
	}
}

// release tells the keeper to kill the whole tree. It does not wait.
func (p *process) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.orders != nil {
		_ = p.orders.Close() // a pipe's write end: nothing can be lost
		p.orders = nil
	}
}

// close kills what is left of the tree and waits until nothing of it lives.
func (p *process) close() error {
	p.release()
	limit := time.NewTimer(closeLimit)
	defer limit.Stop()
	select {
	case <-p.gone:
		return nil
	case <-limit.C:
		_ = p.keeper.Process.Kill() // takes the child along: it has a Pdeathsig
		return fmt.Errorf("stop %s (pid %d): still alive after %v", p.name, p.pid, closeLimit)
	}
}

// end asks the child to end and waits for that, not longer than grace.
func (p *process) end(ctx context.Context, sig unix.Signal, grace time.Duration) error {
	if p.running() {
		if err := p.signal(sig); err != nil && p.running() {
			return err
		}
	}
	limit := time.NewTimer(grace)
	defer limit.Stop()
	select {
	case <-p.exited:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop %s: %w", p.name, ctx.Err())
	case <-limit.C:
		return fmt.Errorf("stop %s (pid %d): still alive %v after %v", p.name, p.pid, grace, sig)
	}
}

func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// until asks on every beat, the first time at once, until the answer is yes.
// It ends early when the child ends or ctx does.
func (p *process) until(ctx context.Context, what string, ready func() (bool, error)) error {
	beat := time.NewTicker(pollEvery)
	defer beat.Stop()
	var last error
	for {
		ok, err := ready()
		if ok {
			return nil
		}
		if err != nil {
			last = err
		}
		select {
		case <-p.exited:
			if ok, _ := ready(); ok { // it came to be so just before the end
				return nil
			}
			return p.failure(fmt.Errorf("%s ended (%s) before %s", p.name, p.status, what))
		case <-ctx.Done():
			return p.failure(fmt.Errorf("wait for %s: %s: %w", p.name, what, errors.Join(ctx.Err(), last)))
		case <-beat.C:
		}
	}
}

// failure adds the end of the child's log to err.
func (p *process) failure(err error) error {
	return fmt.Errorf("%w; the end of %s:\n%s", err, p.log, tail(p.log))
}

// wrote is what this child and its descendants have logged so far.
func (p *process) wrote() (string, error) {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return "", fmt.Errorf("read the log of %s: %w", p.name, err)
	}
	return string(content[min(p.logged, int64(len(content))):]), nil
}

// tail is the end of a file, whole lines of it.
func tail(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	content = bytes.TrimSpace(content)
	if over := len(content) - tailBytes; over > 0 {
		content = content[over:]
		if _, rest, ok := bytes.Cut(content, []byte("\n")); ok {
			content = rest
		}
	}
	if len(content) == 0 {
		return "(empty)"
	}
	return string(content)
}
