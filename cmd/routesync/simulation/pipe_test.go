package simulation

import (
	"io"
	"sync"
)

// pipe is one direction between exaBGP and its helper.
type pipe struct {
	mu     sync.Mutex
	data   []byte
	closed bool
	wake   chan struct{} // for the one reader that blocks
}

func newPipe() *pipe { return &pipe{wake: make(chan struct{}, 1)} }

func (p *pipe) put(b []byte) {
	p.mu.Lock()
	if !p.closed {
		p.data = append(p.data, b...)
	}
	p.mu.Unlock()
	notify(p.wake)
}

func (p *pipe) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	notify(p.wake)
}

// take returns up to n bytes, or all if n is 0; over tells that no more come.
func (p *pipe) take(n int) (b []byte, over bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n == 0 || n > len(p.data) {
		n = len(p.data)
	}
	b = append([]byte(nil), p.data[:n]...)
	p.data = p.data[n:]
	return b, p.closed && len(p.data) == 0
}

// cut drops all but the first n bytes of what was not read.
func (p *pipe) cut(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.data = p.data[:min(n, len(p.data))]
}

func (p *pipe) unread() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.data)
}

// stdin is a pipe as a process reads it.
type stdin struct {
	*pipe
	process *process
}

func (s stdin) Read(b []byte) (int, error) {
	for {
		if !s.process.runs() {
			return 0, io.EOF
		}
		got, over := s.take(len(b))
		switch {
		case len(got) > 0:
			return copy(b, got), nil
		case over:
			return 0, io.EOF
		}
		<-s.wake
	}
}

// stdout is a pipe as a process writes it.
type stdout struct {
	*pipe
	process *process
	reader  chan struct{} // is told that there is something
}

func (s stdout) Write(b []byte) (int, error) {
	alive := s.process.effect
	if len(b) == 1 { // a blank, which means nothing
		alive = s.process.runs
	}
	if !alive() {
		return 0, io.ErrClosedPipe
	}
	s.put(b)
	notify(s.reader)
	return len(b), nil
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
