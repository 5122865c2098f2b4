package rig

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Program is any program that belongs to the lab, such as a routesync watch.
type Program struct {
	Name string

	lab     *Lab
	dir     string
	process *process
}

// Program starts argv, the first word a path, in the working folder dir, with
// env added to the environment.
func (l *Lab) Program(ctx context.Context, name, dir string, env []string, argv ...string) (*Program, error) {
	name, own, err := l.part("program", name)
	if err != nil {
		return nil, fmt.Errorf("program %s: %w", name, err)
	}
	p := &Program{Name: name, lab: l, dir: own}
	p.process, err = l.spawn(ctx, spec{name: "program " + name, argv: argv, env: env, dir: dir, log: p.Log()})
	return p, err
}

// PID is its process.
func (p *Program) PID() int { return p.process.pid }

// Log is the path of what it prints.
func (p *Program) Log() string { return filepath.Join(p.dir, "out.log") }

// Wrote is what it has printed so far.
func (p *Program) Wrote() (string, error) { return p.process.wrote() }

// WaitWrote waits until it has printed text.
func (p *Program) WaitWrote(ctx context.Context, text string) error {
	return p.process.until(ctx, fmt.Sprintf("it printed %q", text), func() (bool, error) {
		out, err := p.Wrote()
		return strings.Contains(out, text), err
	})
}

// Freeze stops it with SIGSTOP; Thaw lets it go on.
func (p *Program) Freeze() error { return p.process.signal(unix.SIGSTOP) }

// Thaw ends Freeze.
func (p *Program) Thaw() error { return p.process.signal(unix.SIGCONT) }

// Stop asks it to end and waits.
func (p *Program) Stop(ctx context.Context) error { return p.end(ctx, unix.SIGTERM) }

// Kill ends it with SIGKILL.
func (p *Program) Kill(ctx context.Context) error { return p.end(ctx, unix.SIGKILL) }

func (p *Program) end(ctx context.Context, sig unix.Signal) error {
	const grace = 10 * time.Second
	err := p.process.end(ctx, sig, grace)
	if dropped := p.lab.drop(p.process); err == nil {
		err = dropped
	}
	return err
}
