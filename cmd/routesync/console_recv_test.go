package main

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unique"

	"github.com/google/go-cmp/cmp"

	"routesync/bridge"
	"routesync/cmd/routesync/console"
	"routesync/state"
)

// TestRecvGap: that routes may be missing is said if there were some, and that
// they are here again is said too.
func TestRecvGap(t *testing.T) {
	t.Parallel()
	none := &bridge.ReceivedTable{Peers: map[netip.Addr]*bridge.ReceivedPeer{up(): {Up: true}}}
	one := &bridge.ReceivedTable{Peers: map[netip.Addr]*bridge.ReceivedPeer{up(): {Up: true, Routes: map[state.AnyKey]unique.Handle[state.SeenAttrs]{
		key("10.0.0.0/8").Any(): unique.Make(state.SeenAttrs{}),
	}}}}
	const missing, again = "received routes may be missing here: why", "all received routes are here again"
	for name, test := range map[string]struct {
		table *bridge.ReceivedTable
		first bool
		want  []string
	}{
		"nothing was shown":         {table: none},
		"the first is not here yet": {first: true},
		"a route was shown":         {table: one, want: []string{missing, again}},
	} {
		b := &live{notices: make(chan console.Notice, 100)}
		gap := false
		for _, n := range []bridge.Notice{{Gap: "why"}, {Gap: "another"}, {Table: true}} {
			table := test.table
			if n.Table && table == nil {
				table = none
			}
			gap = b.show("edge1", n, table, test.first, gap)
		}
		if gap {
			t.Errorf("%s: something is missing still", name)
		}
		close(b.notices)
		var got []string
		for n := range b.notices {
			got = append(got, n.Text)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

// TestConsoleExit: what stands behind exit would be dropped unsaid.
func TestConsoleExit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		commands []string
		good     bool
	}{
		{[]string{"exit"}, true},
		{[]string{"show peers", "exit"}, true},
		{[]string{"exit", "show peers"}, false},
		{[]string{"show peers", " quit", "- 10.0.0.0/8"}, false},
	} {
		err := (&consoleFlags{speakers: []string{"edge1"}, commands: test.commands, timeout: 1}).check()
		if (err == nil) != test.good {
			t.Errorf("%q: %v", test.commands, err)
		}
		if err != nil && (&world{stderr: &strings.Builder{}}).report(err) != exitUsage {
			t.Errorf("%q: %v is not wrong usage", test.commands, err)
		}
	}
}

// TestNoAnswer is why a speaker does not tell.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	down := errors.New("connect to amqp://mq.example.net: connection refused")
	for _, test := range []struct {
		ctx    context.Context
		down   error
		absent bool
		want   string
	}{
		{late, nil, false, "edge1 gave no complete answer in time"},
		{late, nil, true, "no bridge answers for edge1"},
		{late, down, true, down.Error()},
		{interrupted, down, true, "interrupted"},
	} {
		if err := noAnswer(test.ctx, "edge1", test.down, test.absent); err.Error() != test.want {
			t.Errorf("%v, want %q", err, test.want)
		}
	}
}
