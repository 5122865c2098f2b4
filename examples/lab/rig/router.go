package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// stopGrace is how long a BIRD or an exaBGP may take to end when asked to.
	stopGrace = 10 * time.Second
	// dumpName is the MRT file's, in BIRD's working folder.
	dumpName = "messages.mrt"
	// addressInUse is what BIRD logs when somebody else has its port.
	addressInUse = "Address already in use"
)

// Router is one BIRD with one passive BGP session. It keeps its address and
// port when it is stopped and started.
type Router struct {
	Name string
	// Address and Port are where it listens.
	Address netip.Addr
	Port    uint16

	lab     *Lab
	opts    RouterOptions
	dir     string
	socket  string
	mu      sync.Mutex // one start or stop at a time
	process *process
	tape    *Tape
}

// Router writes a BIRD's configuration, starts it, and returns once it
// listens and answers on its control socket.
func (l *Lab) Router(ctx context.Context, opts RouterOptions) (*Router, error) {
	if err := opts.complete(l.next("router")); err != nil {
		return nil, fmt.Errorf("router %s: %w", opts.Name, err)
	}
	name, dir, err := l.part("router", opts.Name)
	if err != nil {
		return nil, fmt.Errorf("router %s: %w", opts.Name, err)
	}
	r := &Router{
		Name: name, Address: opts.Address, lab: l, opts: opts, dir: dir,
		socket: filepath.Join(l.sockets, name+".ctl"),
	}
	if opts.Tape {
		if r.tape, err = newTape(name, r.Dump(), r.Log()); err != nil {
			return nil, err
		}
		if err := l.closesToo(r.tape.close); err != nil {
			return nil, err
		}
	}
	err = r.startOnFreePort(ctx)
	if errors.Is(err, unix.EADDRINUSE) { // somebody was faster
		err = r.startOnFreePort(ctx)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Router) startOnFreePort(ctx context.Context) error {
	ports, err := reserve(r.Address, 1)
	if err != nil {
		return fmt.Errorf("start router %s: %w", r.Name, err)
	}
	r.Port = ports.ports[0]
	text, err := r.opts.config(r.Port)
	if err == nil {
		err = os.WriteFile(r.config(), []byte(text), 0o644)
	}
	ports.release()
	if err != nil {
		return fmt.Errorf("configure router %s: %w", r.Name, err)
	}
	return r.Start(ctx)
}

func (r *Router) config() string { return filepath.Join(r.dir, "bird.conf") }

// Log is the path of what BIRD logs.
func (r *Router) Log() string { return filepath.Join(r.dir, "bird.log") }

// Dump is the path of the MRT file (RFC 6396) in which BIRD keeps every message
// that comes, if there is a Tape.
func (r *Router) Dump() string { return filepath.Join(r.dir, dumpName) }

// Tape is the recording of what it was told; nil if none was asked for.
func (r *Router) Tape() *Tape { return r.tape }

// Socket is the path of its control socket, for birdc -s.
func (r *Router) Socket() string { return r.socket }

// Start starts the router again after Stop or Kill.
func (r *Router) Start(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	program, err := find("bird")
	if err != nil {
		return fmt.Errorf("start router %s: %w", r.Name, err)
	}
	if err := r.forget(); err != nil {
		return err
	}
	p, err := r.lab.spawn(ctx, spec{
		name: "router " + r.Name,
		argv: []string{program, "-f", "-c", r.config(), "-s", r.socket},
		dir:  r.dir,
		log:  r.Log(),
	})
	if err != nil {
		return err
	}
	r.process = p
	err = p.until(ctx, "its control socket answered", func() (bool, error) {
		_, err := askBird(ctx, r.socket, "show status")
		return err == nil, err
	})
	if err == nil {
		err = r.listens()
	}
	if err != nil {
		return errors.Join(err, r.forget())
	}
	r.lab.log.Info("router listens", "name", r.Name, "address", netip.AddrPortFrom(r.Address, r.Port))
	return nil
}

// listens checks that the port is bound: a BIRD that could not bind it runs
// on without. BIRD binds before it answers on its control socket.
func (r *Router) listens() error {
	address := netip.AddrPortFrom(r.Address, r.Port).String()
	if listener, err := net.Listen("tcp", address); err == nil {
		return r.process.failure(errors.Join(
			fmt.Errorf("router %s does not listen on %s", r.Name, address), listener.Close()))
	}
	logged, err := r.process.wrote()
	if err != nil {
		return err
	}
	if strings.Contains(logged, addressInUse) {
		return r.process.failure(fmt.Errorf("router %s on %s: %w", r.Name, address, unix.EADDRINUSE))
	}
	return nil
}

// PID is BIRD's, 0 when it is stopped.
func (r *Router) PID() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.process == nil {
		return 0
	}
	return r.process.pid
}

// Reconfigure edits the configuration and has BIRD read it, as an operator who
// then types `birdc configure`. BIRD goes on with the old one if it is faulty.
func (r *Router) Reconfigure(ctx context.Context, edit func(string) string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	text, err := os.ReadFile(r.config())
	if err == nil {
		err = os.WriteFile(r.config(), []byte(edit(string(text))), 0o644)
	}
	if err != nil {
		return fmt.Errorf("reconfigure router %s: %w", r.Name, err)
	}
	_, err = r.ask(ctx, "configure")
	return err
}

// Stop ends BIRD as an operator would: it closes its session with a
// NOTIFICATION.
func (r *Router) Stop(ctx context.Context) error { return r.end(ctx, unix.SIGTERM) }

// Kill ends BIRD with SIGKILL.
func (r *Router) Kill(ctx context.Context) error { return r.end(ctx, unix.SIGKILL) }

func (r *Router) end(ctx context.Context, sig unix.Signal) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.process == nil {
		return nil
	}
	err := errors.Join(r.process.end(ctx, sig, stopGrace), r.forget())
	if r.tape != nil {
		r.tape.empty()
	}
	return err
}

// forget kills what is left of the process, and its socket, which would
// answer no one.
func (r *Router) forget() error {
	if r.process == nil {
		return nil
	}
	err := r.lab.drop(r.process)
	r.process = nil
	if rmErr := os.Remove(r.socket); rmErr != nil && !errors.Is(rmErr, os.ErrNotExist) {
		err = errors.Join(err, rmErr)
	}
	return err
}
