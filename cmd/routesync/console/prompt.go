package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ergochat/readline"
	"golang.org/x/sys/unix"
)

const (
	// waitingAfter is how long an answer may take before that is said.
	waitingAfter = 2 * time.Second
	// notStopped is when it is plain that ^Z stopped nobody: the kernel drops it
	// where no shell could go on with us (setpgid(2), orphaned process group).
	notStopped = 200 * time.Millisecond
	// mostWaiting is how many lines may wait to be given.
	mostWaiting = 1000
)

// Prompt is the console of a person at a terminal.
type Prompt struct {
	Options
	Backend Backend
	In, Out *os.File
	History string // the file of the lines that were typed; "" for none
	Pager   string // a command of the shell; "" for none
}

// prompt is one run of it.
type prompt struct {
	Prompt
	rl      *readline.Instance
	mode    *mode
	screen  *screen
	cache   *cache
	past    past
	file    lineFile
	jobs    chan job
	worked  chan struct{} // closed when all jobs are answered
	current atomic.Pointer[string]
	recv    atomic.Bool
	typed   bool          // something is on the line; the goroutine that reads has it
	last    *turn         // of the job given last; likewise
	ending  bool          // a line is being taken off the editor; likewise
	breaks  chan struct{} // an interrupt while no line is read
	waiting atomic.Bool   // it was said that the bridge is waited for
	open    atomic.Int32  // lines that are not answered
	given   atomic.Int64  // jobs so far
	told    atomic.Int64  // those of them whose answer is told
}

// job is a line to give.
type job struct {
	statement
	line   string
	entry  *entry
	late   *time.Timer
	before <-chan struct{} // closed when the job before it is out of the way; nil for none
	turn   *turn
	number int64
	beside bool // another was open when it was typed
}

// turn is over once a job is answered, or said to be late: then the answers to
// those behind it are told.
type turn struct {
	once sync.Once
	over chan struct{}
}

func newTurn() *turn { return &turn{over: make(chan struct{})} }

func (t *turn) end() { t.once.Do(func() { close(t.over) }) }

// Run reads commands until the person leaves or ctx ends.
func (c Prompt) Run(ctx context.Context) error {
	in, err := ownTerminal(c.In)
	if err != nil {
		return err
	}
	defer in.Close() // ends a read that nobody waits for any more
	p := &prompt{
		Prompt: c, mode: &mode{f: c.In}, cache: newCache(c.Backend), file: lineFile{c.History},
		jobs: make(chan job, mostWaiting), worked: make(chan struct{}), breaks: make(chan struct{}, 1),
	}
	p.use(c.Backend.Speakers()[0])
	p.recv.Store(c.Recv)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGWINCH, os.Interrupt)
	defer signal.Stop(signals)
	resized := func() {}
	// Between two lines the terminal stays as it is, so that what is typed
	// meanwhile is the editor's, and is not echoed.
	stay := func() error { return nil }
	if err := p.mode.raw(); err != nil {
		return err
	}
	defer p.mode.restore() // if the terminal is gone there is nobody to tell
	if p.rl, err = readline.NewFromConfig(&readline.Config{
		Prompt: p.prompt(), Stdin: in, Stdout: c.Out, Stderr: c.Out, Undo: true,
		HistoryLimit: historyLines, DisableAutoSaveHistory: true, HistorySearchFold: true,
		AutoComplete: p, Listener: p.listen,
		FuncIsTerminal: func() bool { return true }, FuncMakeRaw: stay, FuncExitRaw: stay, FuncFilterInputRune: p.key,
		FuncGetSize:        func() (int, int) { return size(c.Out) },
		FuncOnWidthChanged: func(f func()) { resized = f },
	}); err != nil {
		return fmt.Errorf("prepare the terminal: %w", err)
	}
	defer p.rl.Close() // its error is that of the terminal, which is left anyway
	p.screen = &screen{w: p.rl}
	return p.run(ctx, signals, resized)
}

func (p *prompt) run(ctx context.Context, signals <-chan os.Signal, resized func()) error {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	group.Go(func() { p.cache.run(ctx) })
	group.Go(func() { p.work(ctx) })
	group.Go(func() { p.tell(ctx) })
	group.Go(func() { p.obey(ctx, signals, resized) })
	reading := context.AfterFunc(ctx, func() {
		p.screen.hold() // as at the end of a line
		p.rl.Close()
	})
	p.remember()
	p.cache.get(*p.current.Load())
	p.screen.say([]string{fmt.Sprintf("speaker %s; help lists the commands", *p.current.Load())})
	err := p.read(ctx)
	if !reading() {
		p.screen.release()
	}
	close(p.jobs)
	if n := p.open.Load(); n > 0 && err == nil {
		p.screen.say([]string{fmt.Sprintf("waiting for %s; ^C leaves without", count(int(n), "answer"))})
		p.linger(ctx)
	}
	return err
}

// obey takes signals. While a line is read the terminal makes none of ^C.
func (p *prompt) obey(ctx context.Context, signals <-chan os.Signal, resized func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-signals:
			if s == unix.SIGWINCH {
				resized()
				continue
			}
			select {
			case p.breaks <- struct{}{}:
			default:
			}
		}
	}
}

func (p *prompt) use(speaker string) {
	p.current.Store(&speaker)
	if p.rl != nil {
		p.rl.SetPrompt(p.prompt())
	}
}

func (p *prompt) prompt() string { return *p.current.Load() + "> " }

// key sees each key before the editor does. The editor must not be written above
// while it ends a line (ergochat/readline, runeBuffer.Reset takes no lock).
func (p *prompt) key(key rune) (rune, bool) {
	p.end(key == readline.CharEnter || key == readline.CharCtrlJ)
	return p.suspend(key)
}

// end notes whether the editor is ending a line.
func (p *prompt) end(is bool) {
	if is && !p.ending {
		p.screen.hold()
	}
	if !is && p.ending {
		p.screen.release()
	}
	p.ending = is
}

// suspend leaves the terminal to the shell for ^Z, until it lets us go on.
func (p *prompt) suspend(key rune) (rune, bool) {
	if key != readline.CharCtrlZ {
		return key, true
	}
	going := make(chan os.Signal, 1)
	signal.Notify(going, unix.SIGCONT)
	defer signal.Stop(going)
	p.screen.hold()
	defer p.screen.release()
	err := errors.Join(p.mode.restore(), unix.Kill(0, unix.SIGTSTP))
	if err == nil {
		select {
		case <-going:
		case <-time.After(notStopped):
		}
		err = p.mode.raw()
	}
	if err != nil {
		p.screen.say(errorText(err))
	}
	return 0, false
}

// listen notes whether there is something on the line, for ^C.
func (p *prompt) listen(line []rune, _ int, _ rune) ([]rune, int, bool) {
	p.typed = len(line) > 0
	p.end(false)
	return nil, 0, false
}

// remember fills the history with what was typed before.
func (p *prompt) remember() {
	if p.History == "" {
		return
	}
	lines, err := p.file.load()
	if err != nil {
		p.screen.say(errorText(err))
	}
	for _, l := range lines {
		_ = p.rl.SaveToHistory(l) // has no file of its own that could fail
	}
}

// keep puts a line into the history, unless it begins with a blank.
func (p *prompt) keep(line string) {
	if strings.TrimSpace(line) == "" || line[0] == ' ' {
		return
	}
	_ = p.rl.SaveToHistory(line)
	if p.History == "" {
		return
	}
	if err := p.file.add(line); err != nil {
		p.screen.say(append(errorText(err), "  the lines of this session are kept in memory only"))
		p.History = ""
	}
}

// read reads lines until the person leaves.
func (p *prompt) read(ctx context.Context) error {
	interrupts := 0
	for {
		line, err := p.rl.ReadLine()
		p.end(false)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, readline.ErrInterrupt):
			if interrupts++; p.typed {
				interrupts = 0
			}
			if interrupts == 2 {
				return nil
			}
			if interrupts == 1 {
				p.screen.say([]string{"^C again leaves, as do exit and ^D"})
			}
			continue
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read the terminal: %w", err)
		}
		interrupts = 0
		p.keep(line)
		if !comment(line) && p.line(ctx, line) {
			return nil
		}
	}
}
