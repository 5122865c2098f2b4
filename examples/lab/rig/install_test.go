package rig

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const asRoot = "env DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 RUNLEVEL=1 apt-get -o DPkg::Lock::Timeout=120 "

// fakeMachine has parts and programs, and writes down what is run.
type fakeMachine struct {
	parts    []Part
	programs []string
	refuses  []string // beginnings of quiet commands that fail
	broken   int      // how many installs fail before one succeeds
	ran      []string
}

func (m *fakeMachine) installer() *installer {
	return &installer{
		log: slog.New(slog.DiscardHandler),
		has: func(_ context.Context, p Part) bool { return slices.Contains(m.parts, p) },
		run: func(_ context.Context, argv []string) error {
			line := strings.Join(argv, " ")
			m.ran = append(m.ran, line)
			if !strings.Contains(line, " install ") {
				return nil
			}
			if m.broken > 0 {
				m.broken--
				return errors.New("404")
			}
			for _, word := range argv {
				m.parts = append(m.parts, Part(word))
			}
			return nil
		},
		quiet: func(_ context.Context, argv ...string) error {
			for _, refused := range m.refuses {
				if strings.HasPrefix(strings.Join(argv, " "), refused) {
					return errors.New("no")
				}
			}
			return nil
		},
		look: func(p string) bool { return slices.Contains(m.programs, p) },
		root: !slices.Contains(m.programs, "not root"),
	}
}

func TestInstall(t *testing.T) {
	const rest = "install -y --no-install-recommends "
	for name, c := range map[string]struct {
		machine fakeMachine
		parts   []Part
		ran     []string
		err     string
	}{
		"nothing is missing": {machine: fakeMachine{parts: []Part{BIRD}}, parts: []Part{BIRD}},
		"only what is missing": {
			machine: fakeMachine{parts: []Part{RabbitMQ, Python}, programs: []string{"apt-get"}},
			ran:     []string{asRoot + rest + "exabgp bird2 python3-pika"},
		},
		"a part that only some ask for": {
			machine: fakeMachine{parts: []Part{RabbitMQ, Python, ExaBGP, BIRD, Pika}, programs: []string{"apt-get"}},
			parts:   []Part{BIRD, Tmux},
			ran:     []string{asRoot + rest + "tmux"},
		},
		"unknown packages": {
			machine: fakeMachine{programs: []string{"apt-get"}, refuses: []string{"apt-cache show bird2"}},
			parts:   []Part{ExaBGP, BIRD},
			ran:     []string{asRoot + "update", asRoot + rest + "exabgp bird2"},
		},
		"stale lists": {
			machine: fakeMachine{programs: []string{"apt-get"}, broken: 1},
			parts:   []Part{BIRD},
			ran:     []string{asRoot + rest + "bird2", asRoot + "update", asRoot + rest + "bird2"},
		},
		"broken for good": {
			machine: fakeMachine{programs: []string{"apt-get"}, broken: 9},
			parts:   []Part{BIRD},
			ran:     []string{asRoot + rest + "bird2", asRoot + "update", asRoot + rest + "bird2"},
			err:     "install bird2: 404\nto do it by hand:\n  apt-get update && apt-get install -y --no-install-recommends bird2",
		},
		"sudo": {
			machine: fakeMachine{programs: []string{"apt-get", "sudo", "not root"}},
			parts:   []Part{BIRD},
			ran:     []string{"sudo -n " + asRoot + rest + "bird2"},
		},
		"sudo wants a password": {
			machine: fakeMachine{programs: []string{"apt-get", "sudo", "not root"}, refuses: []string{"sudo"}},
			parts:   []Part{BIRD, Pika},
			err: "missing: bird2 python3-pika; without root's rights or a sudo that asks no password, run this first:\n" +
				"  sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends bird2 python3-pika'",
		},
		"no apt-get": {
			parts: []Part{BIRD},
			err:   "missing: bird2; this machine has no apt-get: install them by its own means",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.machine.installer().install(t.Context(), c.parts)
			if (err == nil) != (c.err == "") || (err != nil && err.Error() != c.err) {
				t.Errorf("error %v\nwant  %s", err, c.err)
			}
			if diff := cmp.Diff(c.ran, c.machine.ran); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRunApt(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	if err := runApt(t.Context(), log, []string{"/bin/sh", "-c", "echo Unpacking x; exit 0"}); err != nil {
		t.Error(err)
	}
	err := runApt(t.Context(), log, []string{"/bin/sh", "-c", "echo E: no disk >&2; exit 100"})
	if err == nil || !strings.HasSuffix(err.Error(), "exit status 100; it ended with:\nE: no disk") {
		t.Error(err)
	}
}
