package main

import (
	"context"
	"errors"
	"io"
	"testing"

	"routesync/cmd/routesync/console"
)

func TestConsoleHistory(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flags consoleFlags
		env   map[string]string
		want  string
	}{
		{env: map[string]string{"HOME": "/home/alice"}, want: "/home/alice/.local/state/routesync/history"},
		{env: map[string]string{"HOME": "/home/alice", "XDG_STATE_HOME": "/state"}, want: "/state/routesync/history"},
		{env: map[string]string{"HOME": "/home/alice", "XDG_STATE_HOME": "state"}, want: "/home/alice/.local/state/routesync/history"},
		{flags: consoleFlags{noHistory: true}, env: map[string]string{"HOME": "/home/alice"}},
		{},
	} {
		if got := test.flags.history(func(k string) string { return test.env[k] }); got != test.want {
			t.Errorf("%+v: %q, want %q", test.env, got, test.want)
		}
	}
}

func TestScriptEnd(t *testing.T) {
	t.Parallel()
	w := &world{ran: true, stderr: io.Discard}
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		ctx    context.Context
		status console.Status
		err    error
		want   int
	}{
		{t.Context(), console.Confirmed, nil, exitDone},
		{t.Context(), console.Unconfirmed, nil, exitUnconfirmed},
		{t.Context(), console.Refused, nil, exitError},
		{t.Context(), console.Confirmed, errors.New("stdin is gone"), exitError},
		{interrupted, console.Confirmed, interrupted.Err(), exitError},
	} {
		if got := w.report(scriptEnd(test.ctx, test.status, test.err)); got != test.want {
			t.Errorf("status %d, %v: exit code %d, want %d", test.status, test.err, got, test.want)
		}
	}
}
