package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Speaker is one exaBGP with, where it has one, its helper process.
type Speaker struct {
	Name string

	lab     *Lab
	opts    SpeakerOptions
	dir     string
	mu      sync.Mutex // one start or stop at a time
	process *process
}

// Speaker writes an exaBGP's configuration, starts it, and returns once its
// helper runs. Whether its sessions are up is the routers' to say.
func (l *Lab) Speaker(ctx context.Context, opts SpeakerOptions) (*Speaker, error) {
	if err := opts.complete(l.next("speaker")); err != nil {
		return nil, fmt.Errorf("speaker %s: %w", opts.Name, err)
	}
	name, dir, err := l.part("speaker", opts.Name)
	if err != nil {
		return nil, fmt.Errorf("speaker %s: %w", opts.Name, err)
	}
	s := &Speaker{Name: name, lab: l, opts: opts, dir: dir}
	// An empty env file, or exaBGP would read the machine's own.
	if err := os.WriteFile(s.envFile(), nil, 0o644); err != nil {
		return nil, fmt.Errorf("configure speaker %s: %w", name, err)
	}
	if err := os.WriteFile(s.Config(), []byte(opts.config()), 0o644); err != nil {
		return nil, fmt.Errorf("configure speaker %s: %w", name, err)
	}
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Config is the path of its configuration.
func (s *Speaker) Config() string { return filepath.Join(s.dir, "exabgp.conf") }

// Log is the path of what exaBGP and its helper log.
func (s *Speaker) Log() string { return filepath.Join(s.dir, "exabgp.log") }

func (s *Speaker) envFile() string { return filepath.Join(s.dir, "exabgp.env") }

// Start starts exaBGP again after Stop or Kill.
func (s *Speaker) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Another exaBGP may be of a release without --env; from 5.0 on it reads
	// EXABGP_ENVFILE.
	argv := s.opts.ExaBGP
	if len(argv) == 0 {
		argv = []string{"exabgp", "--env", s.envFile()}
	}
	program, err := find(argv[0])
	if err != nil {
		return fmt.Errorf("start speaker %s: %w", s.Name, err)
	}
	if err := s.forget(); err != nil {
		return err
	}
	p, err := s.lab.spawn(ctx, spec{
		name: "speaker " + s.Name,
		argv: slices.Concat([]string{program}, argv[1:], []string{s.Config()}),
		env:  append(s.opts.env(), "EXABGP_ENVFILE="+s.envFile()),
		dir:  s.dir,
		log:  s.Log(),
	})
	if err != nil {
		return err
	}
	s.process = p
	if !s.opts.helped() {
		return nil
	}
	err = p.until(ctx, "its helper ran", func() (bool, error) {
		pid, err := helperOf(p.pid)
		return pid != 0, err
	})
	if err != nil {
		return errors.Join(err, s.forget())
	}
	s.lab.log.Info("speaker runs", "name", s.Name, "pid", p.pid)
	return nil
}

// helperOf is exaBGP's helper, or 0. Not every child is one: while it starts,
// exaBGP asks other programs about the machine. A helper leads its own process
// group, and is one only once it runs a program of its own.
func helperOf(pid int) (int, error) {
	table, err := processTable()
	if err != nil {
		return 0, err
	}
	for _, child := range table.children(pid) {
		group, err := unix.Getpgid(child)
		if err == nil && group == child && commandLine(child) != commandLine(pid) {
			return child, nil
		}
	}
	return 0, nil
}

// supervised is in the environment of a bridge that exaBGP's helper started.
const supervised = "ROUTESYNC_SUPERVISED_FOR="

// bridgeOf is the bridge below exaBGP: its helper, or what a helper that is
// routesync's supervisor has started. It is 0 while there is none.
func bridgeOf(pid int) (int, error) {
	helper, err := helperOf(pid)
	if helper == 0 || err != nil {
		return 0, err
	}
	table, err := processTable()
	if err != nil {
		return 0, err
	}
	for _, child := range table.descendants(helper) {
		environment, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", child)) // it may have ended
		if strings.Contains(string(environment), supervised) {
			return child, nil
		}
	}
	if strings.Contains(commandLine(helper), "routesync bridge ") {
		return 0, nil // it is about to start one
	}
	return helper, nil
}

// PID is exaBGP's, 0 when it is stopped.
func (s *Speaker) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return 0
	}
	return s.process.pid
}

// BridgePID waits until exaBGP has a bridge and returns its process.
func (s *Speaker) BridgePID(ctx context.Context) (int, error) {
	return s.below(ctx, bridgeOf, 0)
}

// NextBridgePID waits until the bridge is another process than before.
func (s *Speaker) NextBridgePID(ctx context.Context, before int) (int, error) {
	return s.below(ctx, bridgeOf, before)
}

// HelperPID waits until exaBGP has a helper and returns its process: what
// exaBGP started itself, which may have started the bridge.
func (s *Speaker) HelperPID(ctx context.Context) (int, error) {
	return s.below(ctx, helperOf, 0)
}

func (s *Speaker) below(ctx context.Context, of func(int) (int, error), not int) (int, error) {
	s.mu.Lock()
	p := s.process
	s.mu.Unlock()
	if p == nil {
		return 0, fmt.Errorf("find the helper of speaker %s: it is stopped", s.Name)
	}
	found := 0
	err := p.until(ctx, "it had a helper", func() (bool, error) {
		pid, err := of(p.pid)
		found = pid
		return pid != 0 && pid != not, err
	})
	if err != nil {
		return 0, err
	}
	return found, nil
}

// KillBridge ends the bridge with SIGKILL. Its supervisor starts it again, and
// exaBGP does not notice.
func (s *Speaker) KillBridge(ctx context.Context) error {
	pid, err := s.BridgePID(ctx)
	if err != nil {
		return err
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		return fmt.Errorf("kill the bridge of speaker %s (pid %d): %w", s.Name, pid, err)
	}
	return nil
}

// KillHelper ends exaBGP's helper with SIGKILL, and the bridge with it. exaBGP
// starts it again; more than five starts in 64 seconds and exaBGP ends. If
// exaBGP 4.2 cannot start it, or happens to write an event to the dead one before
// it sees the death, it stops every session for good ("lost the helper process
// for this peer").
func (s *Speaker) KillHelper(ctx context.Context) error {
	pid, err := s.HelperPID(ctx)
	if err != nil {
		return err
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		return fmt.Errorf("kill the helper of speaker %s (pid %d): %w", s.Name, pid, err)
	}
	return nil
}

// Stop ends exaBGP with SIGTERM: it withdraws nothing, it closes its sessions.
func (s *Speaker) Stop(ctx context.Context) error { return s.end(ctx, unix.SIGTERM) }

// Kill ends exaBGP with SIGKILL, and then its helper.
func (s *Speaker) Kill(ctx context.Context) error { return s.end(ctx, unix.SIGKILL) }

func (s *Speaker) end(ctx context.Context, sig unix.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	return errors.Join(s.process.end(ctx, sig, stopGrace), s.forget())
}

// Reload has exaBGP read its configuration again, with SIGUSR1.
func (s *Speaker) Reload() error { return s.signal(unix.SIGUSR1) }

// Freeze stops exaBGP with SIGSTOP; Thaw lets it go on.
func (s *Speaker) Freeze() error { return s.signal(unix.SIGSTOP) }

// Thaw ends Freeze.
func (s *Speaker) Thaw() error { return s.signal(unix.SIGCONT) }

func (s *Speaker) signal(sig unix.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return fmt.Errorf("signal speaker %s: it is stopped", s.Name)
	}
	return s.process.signal(sig)
}

func (s *Speaker) forget() error {
	if s.process == nil {
		return nil
	}
	err := s.lab.drop(s.process)
	s.process = nil
	return err
}
