package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"routesync/examples/lab/rig"
)

// The numbers of the lab's network: one speaker and one router with an eBGP
// session on loopback.
const (
	speakerAS = 65000
	routerAS  = 65001
	speaker   = "edge1"
)

// stage is a lab set for a play: broker, router, speaker with its bridge, and
// a folder with routes.yaml.
type stage struct {
	lab     *rig.Lab
	broker  *rig.Broker
	router  *rig.Router
	speaker *rig.Speaker
	binary  string // routesync
	dir     string
}

// parts is what a stage needs on the machine.
func parts() []rig.Part { return []rig.Part{rig.RabbitMQ, rig.ExaBGP, rig.BIRD} }

// newStage installs what is missing, builds routesync and starts a broker.
func newStage(ctx context.Context, log *slog.Logger, parts ...rig.Part) (_ *stage, err error) {
	if err := rig.Install(ctx, log, parts...); err != nil {
		return nil, err
	}
	s := &stage{}
	if s.lab, err = rig.New(ctx, rig.Options{Log: log}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	s.dir = filepath.Join(s.lab.Dir(), "work")
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the work folder: %w", err)
	}
	if s.binary, err = build(ctx, s.lab.Dir()); err != nil {
		return nil, err
	}
	s.broker, err = s.lab.Broker(ctx)
	return s, err
}

// openStage starts everything. static are routes of exaBGP's own configuration.
func openStage(ctx context.Context, log *slog.Logger, static ...string) (_ *stage, err error) {
	s, err := newStage(ctx, log, parts()...)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.router, err = s.lab.Router(ctx, rig.RouterOptions{
		Name: "r1", Address: netip.MustParseAddr("127.0.0.2"), AS: routerAS, PeerAS: speakerAS,
	}); err != nil {
		return nil, err
	}
	if s.speaker, err = s.lab.Speaker(ctx, s.bridged(withStatic(s.router.Neighbor(), static))); err != nil {
		return nil, err
	}
	return s, s.router.WaitEstablished(ctx)
}

// bridged is an exaBGP with a bridge and one neighbor.
func (s *stage) bridged(n rig.Neighbor) rig.SpeakerOptions {
	return rig.SpeakerOptions{
		Name: speaker, LocalAS: speakerAS, Neighbors: []rig.Neighbor{n},
		Run: []string{s.binary, "bridge", "--speaker", speaker, "--amqp", s.broker.URL, "--state", filepath.Join(s.lab.Dir(), "state")},
	}
}

func withStatic(n rig.Neighbor, routes []string) rig.Neighbor {
	n.Static = routes
	return n
}

func (s *stage) close() error { return s.lab.Close() }

// build builds routesync into dir and returns its path.
func build(ctx context.Context, dir string) (string, error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "routesync")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "./cmd/routesync")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build routesync: %w\n%s", err, out)
	}
	return path, nil
}

func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// env is what routesync's commands are run with.
func (s *stage) env() []string {
	return []string{"ROUTESYNC_AMQP=" + s.broker.URL, "NO_COLOR=1", "ROUTESYNC_HISTORY=" + filepath.Join(s.dir, "history")}
}

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
}

// routesync runs a command of routesync in the work folder to its end.
func (s *stage) routesync(ctx context.Context, args ...string) (result, error) {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), s.env()...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	r := result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || ctx.Err() != nil) {
		return r, fmt.Errorf("routesync %s: %w", strings.Join(args, " "), err)
	}
	return r, nil
}

// watch starts routesync watch on routes.yaml.
func (s *stage) watch(ctx context.Context) (*rig.Program, error) {
	return s.lab.Program(ctx, "watch", s.dir, s.env(), s.binary, "watch")
}

func (s *stage) file() string { return filepath.Join(s.dir, "routes.yaml") }

// save replaces routes.yaml as an editor does: whole, by renaming.
func (s *stage) save(text string) error {
	draft := s.file() + "~"
	if err := os.WriteFile(draft, []byte(text), 0o644); err != nil {
		return fmt.Errorf("save: %w", err)
	}
	if err := os.Rename(draft, s.file()); err != nil {
		return fmt.Errorf("save: %w", err)
	}
	return nil
}
