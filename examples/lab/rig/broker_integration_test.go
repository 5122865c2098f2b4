//go:build integration

package rig

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func command(t *testing.T, pid int) string {
	t.Helper()
	name, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(name))
}

// epmds are the port mappers among the processes.
func epmds(t *testing.T, pids []int) []int {
	t.Helper()
	var found []int
	for _, pid := range pids {
		if command(t, pid) == "epmd" {
			found = append(found, pid)
		}
	}
	return found
}

// brokerAsk bounds one attempt at a handshake.
const brokerAsk = 2 * time.Second

// greet opens an AMQP 0-9-1 connection as far as the server's first frame.
func greet(ctx context.Context, address netip.AddrPort) error {
	dialer := net.Dialer{Timeout: brokerAsk}
	conn, err := dialer.DialContext(ctx, "tcp", address.String())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // nothing was begun that could be lost
	if err := conn.SetDeadline(time.Now().Add(brokerAsk)); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := io.WriteString(conn, "AMQP\x00\x00\x09\x01"); err != nil {
		return err
	}
	frame := make([]byte, 11)
	if _, err := io.ReadFull(conn, frame); err != nil {
		return fmt.Errorf("read the server's first frame: %w", err)
	}
	// A method frame on channel 0 with class 10, method 10: connection.start.
	if frame[0] != 1 || frame[1]|frame[2] != 0 || string(frame[7:]) != "\x00\x0a\x00\x0a" {
		return fmt.Errorf("the server's first frame is no connection.start: % x", frame)
	}
	return nil
}

func TestBroker(t *testing.T) {
	l := newLab(t)
	ctx := within(t, 2*time.Minute)
	timed := func(what string, do func(context.Context) error) {
		t.Helper()
		begun := time.Now()
		if err := do(ctx); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		t.Logf("%s: %v", what, time.Since(begun).Round(time.Millisecond))
	}
	var b *Broker
	timed("start", func(ctx context.Context) (err error) { b, err = l.Broker(ctx); return err })
	if got := command(t, b.PID()); got != "beam.smp" {
		t.Errorf("the child is %q, a signal would not reach the node", got)
	}
	keeper := b.process.keeper.Process.Pid
	if got := epmds(t, below(t, keeper)); len(got) != 1 {
		t.Errorf("port mappers under the keeper: %v", got)
	}
	timed("rabbitmqctl", func(ctx context.Context) error {
		out, err := b.Ctl(ctx, "add_vhost", "/kept")
		if err == nil && !strings.Contains(out, "Adding vhost") {
			err = fmt.Errorf("it printed %q", out)
		}
		return err
	})
	if _, err := b.Ctl(ctx, "no_such_command"); err == nil || !strings.Contains(err.Error(), "no_such_command") {
		t.Errorf("a command that does not exist: %v", err)
	}

	if err := b.Freeze(); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	if err := greet(short, b.Address); err == nil {
		t.Error("a frozen node answered")
	}
	cancel()
	if err := b.Thaw(); err != nil {
		t.Fatal(err)
	}
	timed("answer after thaw", func(ctx context.Context) error { return greet(ctx, b.Address) })

	old := below(t, keeper)
	timed("kill", b.Kill)
	waitDead(t, old)
	timed("start after kill", b.Start)
	out, err := b.Ctl(ctx, "-q", "list_vhosts")
	if err != nil || !strings.Contains(out, "/kept") {
		t.Errorf("after a kill the data is %q (%v)", out, err)
	}
	timed("stop", b.Stop)
	if err := b.Freeze(); err == nil {
		t.Error("a stopped node was frozen")
	}
	timed("start after stop", b.Start)
}

func TestBrokerThatCannotStartSaysWhy(t *testing.T) {
	l := newLab(t)
	ctx := within(t, time.Minute)
	b := &Broker{lab: l, name: "broker", dir: l.Dir()}
	r, err := reserve(loopback4, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer r.release() // and so hold the ports meanwhile
	b.Address = addrPort(loopback4, r.ports[0])
	b.dist, b.mapper = r.ports[1], r.ports[1]+1
	if err := b.configure(); err != nil {
		t.Fatal(err)
	}
	err = b.Start(ctx)
	if err == nil || !strings.Contains(err.Error(), unix.EADDRINUSE.Error()) {
		t.Errorf("two owners of a port: %v", err)
	}
}
