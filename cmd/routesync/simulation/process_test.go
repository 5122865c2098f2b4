package simulation

import (
	"context"
	"sync"
)

// process is a program that can be killed between any two of its effects, and
// stopped and continued as with SIGSTOP and SIGCONT. What it does after it was
// killed has no effect.
type process struct {
	name string
	ctx  context.Context
	end  context.CancelFunc
	done chan struct{} // closed when nothing of it runs

	mu      sync.Mutex
	dead    bool
	killed  chan struct{}
	left    int           // effects until it is killed; 0: it is not to be
	halted  chan struct{} // closed when it goes on; nil if it runs
	atDeath []func()
}

func newProcess(name string) *process {
	ctx, cancel := context.WithCancel(context.Background())
	return &process{name: name, ctx: ctx, end: cancel, done: make(chan struct{}), killed: make(chan struct{})}
}

// effect is called before everything that others can see. It waits while the
// process is stopped, and tells whether it is there to do it.
func (p *process) effect() bool {
	if !p.runs() {
		return false
	}
	p.mu.Lock()
	if p.left > 0 {
		p.left--
		if p.left == 0 {
			p.mu.Unlock()
			p.kill()
			return false
		}
	}
	p.mu.Unlock()
	return true
}

// runs waits while the process is stopped, and tells whether it is there.
func (p *process) runs() bool {
	for {
		p.mu.Lock()
		dead, halted := p.dead, p.halted
		p.mu.Unlock()
		if dead || halted == nil {
			return !dead
		}
		select {
		case <-halted:
		case <-p.killed:
		}
	}
}

func (p *process) halt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.halted == nil && !p.dead {
		p.halted = make(chan struct{})
	}
}

func (p *process) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.halted != nil {
		close(p.halted)
		p.halted = nil
	}
}

// killAfter has the process killed before the n-th effect from now.
func (p *process) killAfter(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = n
}

func (p *process) kill() {
	p.mu.Lock()
	if p.dead {
		p.mu.Unlock()
		return
	}
	p.dead = true
	atDeath := p.atDeath
	p.mu.Unlock()
	close(p.killed)
	p.end()
	for _, f := range atDeath {
		f()
	}
}

func (p *process) alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.dead
}

func (p *process) stopped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.halted != nil
}

// onDeath has f called when the process is killed; at once if it was.
func (p *process) onDeath(f func()) {
	p.mu.Lock()
	dead := p.dead
	if !dead {
		p.atDeath = append(p.atDeath, f)
	}
	p.mu.Unlock()
	if dead {
		f()
	}
}
