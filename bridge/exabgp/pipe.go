package exabgp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// maxInput bounds one line from exaBGP. An UPDATE is at most 64 KiB and its
	// event some ten times that, so a longer line is no line.
	maxInput = 64 << 20
	// maxHeld bounds the lines that wait to be taken. What exaBGP says again when
	// the helper is started anew is less than what would end the host's memory.
	maxHeld = 1 << 30
	// awakeEvery is how often exaBGP is woken while answers are owed. Its loop
	// sleeps 10 ms whenever its helpers' pipes are empty and takes 50 steps
	// between two sleeps (reactor/loop.py, reactor/asynchronous.py).
	awakeEvery = 500 * time.Microsecond
	// maxAwake bounds the blanks since the last newline: exaBGP 5.0.12 and
	// newer kill a helper that writes 1 MiB without one.
	maxAwake = 256 << 10
)

// Pipe carries lines between this helper and exaBGP. What is read and what is
// to be written both wait in memory: exaBGP stops BGP if its helper does not
// read, and the helper would stop reading if a write could block it.
type Pipe struct {
	r io.Reader
	w io.Writer

	in       sync.Mutex
	lines    []string
	held     int // bytes of lines
	most     int // that it may be
	ready    chan struct{}
	out      sync.Mutex
	unsent   []byte
	owed     int
	wake     chan struct{}
	scribble int // blanks since the last newline; of the writer alone

	begin sync.Once
	ended chan struct{}
	err   error // once ended is closed
}

// NewPipe makes a pipe of the helper's stdin and stdout. Nothing moves until
// [Pipe.Start] or [Pipe.Run].
func NewPipe(r io.Reader, w io.Writer) *Pipe {
	return &Pipe{r: r, w: w, most: maxHeld, ready: make(chan struct{}, 1), wake: make(chan struct{}, 1), ended: make(chan struct{})}
}

// Run moves lines until stdin ends, a write fails or ctx is done. It returns
// io.EOF when stdin ends, which means that exaBGP is gone and the helper must
// end at once: the next exaBGP starts a helper of its own.
//
// Neither a blocked read nor a blocked write obeys ctx. Run returns all the
// same and leaves that goroutine behind; to end it, close what it is blocked
// on. A process that is about to exit need not.
func (p *Pipe) Run(ctx context.Context) error {
	p.Start(ctx)
	select {
	case <-p.ended:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Start begins to move lines, if that has not begun: exaBGP must not wait for
// what a helper does before it gets to [Pipe.Run].
func (p *Pipe) Start(ctx context.Context) {
	p.begin.Do(func() {
		go func() {
			defer close(p.ended)
			p.err = p.run(ctx)
		}()
	})
}

func (p *Pipe) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ends := make(chan error, 2)
	go func() { ends <- p.read() }()
	go func() { ends <- p.write(ctx) }()
	select {
	case err := <-ends:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Ready has a value when there may be something to Take.
func (p *Pipe) Ready() <-chan struct{} { return p.ready }

// Take returns the lines that were read since the last call, in order.
func (p *Pipe) Take() []string {
	p.in.Lock()
	defer p.in.Unlock()
	lines := p.lines
	p.lines, p.held = nil, 0
	return lines
}

// Write queues lines, each without its newline. It never blocks.
func (p *Pipe) Write(lines ...string) {
	if len(lines) == 0 {
		return
	}
	p.out.Lock()
	for _, l := range lines {
		p.unsent = append(append(p.unsent, l...), '\n')
	}
	p.out.Unlock()
	notify(p.wake)
}

// Awake says how many answers exaBGP owes. While it owes some, it is kept from
// sleeping by blanks, which it ignores before a command and never answers.
func (p *Pipe) Awake(owed int) {
	p.out.Lock()
	changes := (owed > 0) != (p.owed > 0)
	p.owed = owed
	p.out.Unlock()
	if changes {
		notify(p.wake)
	}
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it has been told already
	}
}

func (p *Pipe) read() error {
	var partial []byte
	buf := make([]byte, 256<<10)
	for {
		n, err := p.r.Read(buf)
		lines, rest := split(partial, buf[:n])
		partial = rest
		held := 0
		if len(lines) > 0 {
			held = p.hold(lines)
		}
		switch {
		case held > p.most:
			return fmt.Errorf("read from exaBGP: %d bytes wait, and nobody takes them", held)
		case errors.Is(err, io.EOF):
			return io.EOF
		case err != nil:
			return fmt.Errorf("read from exaBGP: %w", err)
		case len(partial) > maxInput:
			return fmt.Errorf("read from exaBGP: a line is over %d bytes", maxInput)
		}
	}
}

// hold has lines wait, and returns how many bytes of them there are.
func (p *Pipe) hold(lines []string) int {
	p.in.Lock()
	p.lines = append(p.lines, lines...)
	for _, l := range lines {
		p.held += len(l)
	}
	held := p.held
	p.in.Unlock()
	notify(p.ready)
	return held
}

// split cuts partial and chunk into whole lines and what remains, which does
// not share chunk's memory.
func split(partial, chunk []byte) (lines []string, rest []byte) {
	for {
		i := bytes.IndexByte(chunk, '\n')
		if i < 0 {
			return lines, append(partial, chunk...)
		}
		line := string(append(partial, chunk[:i]...))
		partial = partial[:0]
		lines = append(lines, line)
		chunk = chunk[i+1:]
	}
}

func (p *Pipe) write(ctx context.Context) error {
	var tick <-chan time.Time
	var ticker *time.Ticker
	defer func() {
		if ticker != nil {
			ticker.Stop()
		}
	}()
	for {
		out, owed := p.pending()
		for len(out) > 0 {
			n := chunkEnd(out)
			if _, err := p.w.Write(out[:n]); err != nil {
				return fmt.Errorf("write to exaBGP: %w", err)
			}
			out = out[n:]
			p.scribble = 0
		}
		switch {
		case owed > 0 && ticker == nil:
			ticker = time.NewTicker(awakeEvery)
			tick = ticker.C
		case owed <= 0 && ticker != nil:
			ticker.Stop()
			ticker, tick = nil, nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.wake:
		case <-tick:
			if p.scribble >= maxAwake {
				continue
			}
			if _, err := p.w.Write([]byte{' '}); err != nil {
				return fmt.Errorf("write to exaBGP: %w", err)
			}
			p.scribble++
		}
	}
}

func (p *Pipe) pending() (out []byte, owed int) {
	p.out.Lock()
	defer p.out.Unlock()
	out = p.unsent
	p.unsent = nil
	return out, p.owed
}

// chunkEnd is the end of as many whole lines as go into one write of maxLine
// bytes, or of one line if the first is longer. out ends with a newline.
func chunkEnd(out []byte) int {
	if len(out) <= maxLine {
		return len(out)
	}
	if i := bytes.LastIndexByte(out[:maxLine], '\n'); i >= 0 {
		return i + 1
	}
	return bytes.IndexByte(out, '\n') + 1
}
