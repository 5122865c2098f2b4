package rig

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

// errClosed is what every start answers after Close.
var errClosed = errors.New("the lab is closed")

// maxSocketDir keeps a socket's path under the 108 bytes of sockaddr_un, with
// room for the router's name.
const maxSocketDir = 70

// Options say where a Lab lives and who hears of it.
type Options struct {
	// Log receives what is started and stopped; nil means nobody.
	Log *slog.Logger
	// Dir is the folder in which the Lab makes its own; "" is os.TempDir.
	Dir string
	// Keep leaves the Lab's folder, with its logs, after Close.
	Keep bool
}

// Lab is one private world under one folder: brokers, routers, speakers.
// Its methods may be called from any goroutine.
type Lab struct {
	log     *slog.Logger
	dir     string
	sockets string // as dir, or a shorter one where dir is too deep
	keep    bool

	mu        sync.Mutex
	processes map[*process]struct{}
	names     map[string]int
	closers   []func() error // what is no process
	closed    bool
}

// New makes the folder of a Lab. It starts nothing.
func New(ctx context.Context, opts Options) (*Lab, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("make a lab: %w", err)
	}
	dir, err := os.MkdirTemp(opts.Dir, "routesync-lab-")
	if err != nil {
		return nil, fmt.Errorf("make the lab's folder: %w", err)
	}
	l := &Lab{
		log:       opts.Log,
		dir:       dir,
		sockets:   dir,
		keep:      opts.Keep,
		processes: make(map[*process]struct{}),
		names:     make(map[string]int),
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if len(dir) > maxSocketDir {
		if l.sockets, err = os.MkdirTemp("/tmp", "rs-"); err != nil {
			return nil, errors.Join(fmt.Errorf("make a folder for sockets: %w", err), os.RemoveAll(dir))
		}
	}
	return l, nil
}

// Dir is the Lab's folder: one folder a part, with its configuration and log.
func (l *Lab) Dir() string { return l.dir }

// Close kills everything that the Lab started, grandchildren too, and removes
// its folder unless it is kept. (A Lab that is killed leaves its folder, and
// no process, behind.) It takes a second at most in the normal case
// and closeLimit in the worst, and may be called again.
func (l *Lab) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	var all []*process
	for p := range l.processes {
		all = append(all, p)
	}
	l.mu.Unlock()

	var errs []error
	for _, f := range l.closers {
		errs = append(errs, f())
	}
	for _, p := range all { // first tell all of them, then wait: they die side by side
		p.release()
	}
	for _, p := range all {
		errs = append(errs, p.close())
	}
	if l.keep {
		l.log.Info("lab kept", "dir", l.dir)
		return errors.Join(errs...)
	}
	errs = append(errs, os.RemoveAll(l.dir))
	if l.sockets != l.dir {
		errs = append(errs, os.RemoveAll(l.sockets))
	}
	return errors.Join(errs...)
}

// part makes the folder of one part, under a name that is free in this Lab.
func (l *Lab) part(kind, name string) (unique, dir string, err error) {
	if name == "" {
		name = kind
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return "", "", errClosed
	}
	l.names[name]++
	if n := l.names[name]; n > 1 {
		name = fmt.Sprintf("%s-%d", name, n)
	}
	dir = filepath.Join(l.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", "", fmt.Errorf("make the folder of %s: %w", name, err)
	}
	return name, dir, nil
}

// next counts the parts of a kind, for identifiers that must differ in a Lab.
func (l *Lab) next(kind string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := "#" + kind // no part's name starts like this: names are words of the configurations
	l.names[key]++
	return l.names[key]
}

// adopt takes a fresh process into the Lab, or kills it if the Lab is closed.
func (l *Lab) adopt(p *process) error {
	l.mu.Lock()
	closed := l.closed
	if !closed {
		l.processes[p] = struct{}{}
	}
	l.mu.Unlock()
	if closed {
		return errors.Join(errClosed, p.close())
	}
	return nil
}

// closesToo has Close call f, or calls it if the Lab is closed.
func (l *Lab) closesToo(f func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errors.Join(errClosed, f())
	}
	l.closers = append(l.closers, f)
	return nil
}

// drop kills what is left of a process and forgets it.
func (l *Lab) drop(p *process) error {
	err := p.close()
	l.mu.Lock()
	delete(l.processes, p)
	l.mu.Unlock()
	return err
}
