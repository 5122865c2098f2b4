//go:build integration

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"routesync/examples/lab/rig"
)

// burstRoutes is how many routes a router announces at once.
const burstRoutes = 100_000

// announcing is a router that announces static routes: few at once, and those
// of the protocols "more" and "burst" when they are enabled.
func announcing(t *testing.T, burst int) rig.RouterOptions {
	t.Helper()
	o := router(2, routerAS)
	// A MED goes no further than one AS, so it is set on the way out.
	o.Export = "filter { if net = 10.1.0.0/24 then bgp_med = 7; if net.type = NET_IP6 then bgp_next_hop = 2001:db8::9; accept; }"
	var text strings.Builder
	text.WriteString(`protocol static few { ipv4;
  route 10.1.0.0/24 blackhole { bgp_community.add((65001,5)); bgp_large_community.add((1,2,3)); bgp_path.prepend(65009); };
  route 10.1.1.0/24 blackhole;
}
protocol static six { ipv6; route 2001:db8:1::/48 blackhole; }
protocol static more { disabled; ipv4; route 10.2.0.0/24 blackhole; }
protocol static burst { disabled; ipv4;
`)
	for i := range burst {
		fmt.Fprintf(&text, "  route %s blackhole;\n", burstPrefix(i))
	}
	text.WriteString("}\n")
	o.Extra = text.String()
	return o
}

func burstPrefix(i int) string { return fmt.Sprintf("%d.%d.%d.0/24", 20+i>>16, i>>8&255, i&255) }

// bird gives a router a command.
func (s *scene) bird(r *rig.Router, words ...string) {
	s.t.Helper()
	out, err := exec.CommandContext(s.ctx, "birdc", append([]string{"-s", r.Socket()}, words...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("birdc %s: %v\n%s", words, err, out)
	}
}

// receivedLine is a line of received -f -o json.
type receivedLine struct {
	Type, Stream, Peer, Family, NLRI, Reason string
	Attributes                               json.RawMessage
}

// reading is a routesync that follows, and writes what it is told into a file.
type reading struct {
	s    *scene
	cmd  *exec.Cmd
	file *os.File
	errs bytes.Buffer
	at   int64 // bytes that were taken into account
	// routes is what the lines add up to, as "peer nlri".
	routes map[string]string
	types  map[string]int
	last   receivedLine
}

func (s *scene) reads(args ...string) *reading {
	s.t.Helper()
	r := &reading{s: s, routes: map[string]string{}, types: map[string]int{}}
	file, err := os.CreateTemp(s.dir, "reading-*")
	s.must(err)
	r.file = file
	r.cmd = exec.CommandContext(s.ctx, s.binary, append(args, "--speaker", s.name, "-o", "json")...)
	r.cmd.Dir, r.cmd.Env = s.dir, append(os.Environ(), s.env()...)
	r.cmd.Stdout, r.cmd.Stderr = file, &r.errs
	s.must(r.cmd.Start())
	s.t.Cleanup(func() {
		_ = r.cmd.Process.Kill() // it has ended by itself where that counts
		_ = r.cmd.Wait()
		s.must(file.Close())
	})
	return r
}

// take takes what was written meanwhile into account.
func (r *reading) take() {
	r.s.t.Helper()
	data, err := io.ReadAll(io.NewSectionReader(r.file, r.at, 1<<40))
	r.s.must(err)
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	r.at += int64(len(data))
	for line := range bytes.Lines(data) {
		var l receivedLine
		r.s.must(json.Unmarshal(line, &l))
		r.types[l.Type]++
		r.last = l
		if l.Stream != "received" {
			continue
		}
		switch l.Type {
		case "route", "announce":
			r.routes[l.Peer+" "+l.NLRI] = string(l.Attributes)
		case "withdraw":
			delete(r.routes, l.Peer+" "+l.NLRI)
		case "up", "down", "gone":
			maps.DeleteFunc(r.routes, func(k, _ string) bool { return strings.HasPrefix(k, l.Peer+" ") })
		}
	}
}

// until waits for what it has read to be so.
func (r *reading) until(what string, done func() bool) {
	r.s.t.Helper()
	r.s.until(what, func() bool { r.take(); return done() })
}

func (r *reading) has(routes int) {
	r.s.t.Helper()
	r.until(fmt.Sprintf("a reader has %d routes", routes), func() bool { return len(r.routes) == routes })
}

// cable is a way to the broker that can be cut.
type cable struct {
	url   string
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func (s *scene) cable() *cable {
	s.t.Helper()
	there, err := url.Parse(s.broker.URL)
	s.must(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	c := &cable{url: strings.Replace(s.broker.URL, there.Host, listener.Addr().String(), 1)}
	s.t.Cleanup(func() { _ = listener.Close(); c.set(true) }) // nothing is left to write
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", there.Host)
			if err != nil || !c.join(near, far) {
				_ = near.Close()
			}
		}
	}()
	return c
}

func (c *cable) join(near, far net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		_ = far.Close()
		return false
	}
	c.conns = append(c.conns, near, far)
	go func() { _, _ = io.Copy(near, far) }() // until one of them is closed
	go func() { _, _ = io.Copy(far, near) }()
	return true
}

func (c *cable) set(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
	if cut {
		for _, conn := range c.conns {
			_ = conn.Close()
		}
		c.conns = nil
	}
}

// TestReceived: what a router announces is there for readers, early and late,
// and goes when it goes; a bridge that is started again has it back.
func TestReceived(t *testing.T) {
	t.Parallel()
	s := open(t, setting{routers: []rig.RouterOptions{announcing(t, 0)}})
	r := s.reads("received", "-f")
	r.has(3)
	const rich = `{"as-path":["65001","65009"],"community":["65001:5"],"large-community":["1:2:3"],"med":"7","next-hop":"127.0.0.2"}`
	check := func(what string) {
		t.Helper()
		if got := r.routes["127.0.0.2 10.1.0.0/24"]; got != rich {
			t.Errorf("%s: attributes %v, want %v", what, got, rich)
		}
	}
	check("by event")
	if _, ok := r.routes["127.0.0.2 2001:db8:1::/48"]; !ok {
		t.Errorf("no ipv6 route in %v", slices.Collect(maps.Keys(r.routes)))
	}
	s.bird(s.router, "enable", "more")
	r.has(4)
	s.expect(0, "received --speaker "+s.name, "10.2.0.0/24      next-hop 127.0.0.2 as-path 65001", "from 127.0.0.2")
	s.expect(0, "status --speaker "+s.name, "; 4 received")
	cable := s.cable()
	far := s.reads("received", "-f", "--amqp", cable.url)
	far.has(4)
	cable.set(true)
	s.bird(s.router, "disable", "more")
	r.has(3)
	cable.set(false)
	far.until("a reader whose session broke is told", func() bool { return far.types["gap"] == 1 && far.types["table"] == 2 })
	far.has(3)
	if far.types["withdraw"] != 1 || far.types["announce"] != 0 {
		t.Errorf("over a gap a reader is told what has changed, not %v", far.types)
	}

	s.must(s.router.Stop(s.ctx))
	r.has(0)
	if r.types["down"] != 1 {
		t.Errorf("lines %v", r.types)
	}
	s.must(s.router.Start(s.ctx))
	s.must(s.router.WaitEstablished(s.ctx))
	r.has(3)

	pid, err := s.speaker.BridgePID(s.ctx)
	s.must(err)
	s.must(unix.Kill(pid, unix.SIGKILL))
	_, err = s.speaker.NextBridgePID(s.ctx, pid)
	s.must(err)
	r.until("the reader is told of a gap", func() bool { return r.types["gap"] > 0 })
	r.until("the table is back", func() bool { return r.types["table"] >= 2 && len(r.routes) == 3 })
	check("out of exaBGP's table")

	s.must(r.cmd.Process.Signal(os.Interrupt))
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("interrupted: %v\n%s", err, &r.errs)
	}
}

// TestReceivedUnreported: a neighbor whose api has no receive is no lack, and
// received says what to add.
func TestReceivedUnreported(t *testing.T) {
	t.Parallel()
	s := open(t, setting{
		routers:   []rig.RouterOptions{announcing(t, 0)},
		neighbors: func(n []rig.Neighbor) { n[0].Without = []rig.Piece{rig.Receive} },
	})
	s.until("the bridge answers", func() bool {
		r, err := s.routesync(s.ctx, "received", "--speaker", s.name)
		s.must(err)
		return r.code == 0 && strings.Contains(r.stderr, "add receive { parsed; update; }")
	})
	r := s.expect(0, "status --speaker "+s.name)
	if strings.Contains(r.stdout, "lacks") || strings.Contains(r.stdout, " received") {
		t.Errorf("status says:\n%s", r.stdout)
	}
}

// TestEvents: all that happens is said to who follows.
func TestEvents(t *testing.T) {
	t.Parallel()
	s := open(t, setting{routers: []rig.RouterOptions{announcing(t, 0)}})
	r := s.reads("events")
	r.until("the table is there", func() bool { return r.types["table"] > 0 })
	s.put("192.0.2.0/24")
	s.apply()
	r.until("what was sent and confirmed is said", func() bool { return r.types["sent"] > 0 && r.types["confirmed"] >= 2 })
	s.must(s.router.Stop(s.ctx))
	r.until("the end of the session is said", func() bool { return r.types["down"] == 1 })
}

// peakRSS is the most memory that a process had, in MiB.
func (s *scene) peakRSS(pid int) int {
	s.t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	s.must(err)
	for line := range strings.Lines(string(status)) {
		if words := strings.Fields(line); words[0] == "VmHWM:" {
			kb, err := strconv.Atoi(words[1])
			s.must(err)
			return kb >> 10
		}
	}
	s.t.Fatal("no VmHWM")
	return 0
}

// TestReceivedBurst: 100,000 routes at once delay no confirmation for long, and
// a reader that stands still meanwhile ends with the right table.
func TestReceivedBurst(t *testing.T) {
	s := open(t, setting{routers: []rig.RouterOptions{announcing(t, burstRoutes)}})
	quick, stopped := s.reads("received", "-f"), s.reads("received", "-f")
	quick.has(3)
	stopped.has(3)
	pid, err := s.speaker.BridgePID(s.ctx)
	s.must(err)
	n := 0
	apply := func() time.Duration {
		t.Helper()
		n++
		s.put(fmt.Sprintf("192.0.2.0/24, med: %d", n))
		begun := time.Now()
		s.expect(0, "apply --yes --wait sent --timeout 60s")
		return time.Since(begun).Round(time.Millisecond)
	}
	var alone []time.Duration
	for range 5 {
		alone = append(alone, apply())
	}
	before := s.peakRSS(pid)
	s.must(stopped.cmd.Process.Signal(unix.SIGSTOP))
	begun := time.Now()
	s.bird(s.router, "enable", "burst")
	var during []time.Duration
	all := false
	for !all {
		during = append(during, apply())
		quick.take()
		all = len(quick.routes) == burstRoutes+3
	}
	took := time.Since(begun).Round(time.Millisecond)
	after := s.peakRSS(pid)
	s.must(stopped.cmd.Process.Signal(unix.SIGCONT))
	stopped.has(burstRoutes + 3)
	s.must(stopped.cmd.Process.Kill())
	t.Logf("%d routes were at a reader after %v; apply took %v before and %v meanwhile; the bridge's peak was %d MiB before and %d MiB after; the stopped reader's lines: %v",
		burstRoutes, took, alone, during, before, after, stopped.types)
	if worst := slices.Max(during); worst > 10*time.Second {
		t.Errorf("an apply took %v", worst)
	}

	// A bridge that is started again does not have so much listed by an exaBGP
	// that would do nothing else meanwhile. It says so, until the session restarts.
	s.must(unix.Kill(pid, unix.SIGKILL))
	_, err = s.speaker.NextBridgePID(s.ctx, pid)
	s.must(err)
	t.Logf("apply took %v with a new bridge", apply())
	quick.until("the reader is told what it does not have", func() bool { return quick.types["incomplete"] > 0 })
	s.expect(0, "received --speaker "+s.name, "not whole: 127.0.0.2: what came before this bridge started is not read")
	s.bird(s.router, "disable", "burst")
	s.bird(s.router, "restart", s.router.Name)
	quick.until("the table is whole in a new session", func() bool { return quick.types["up"] > 0 && len(quick.routes) == 3 })
	s.expect(0, "received --speaker "+s.name, "2001:db8:1::/48")
	t.Logf("lines of the reader: %v", quick.types)
}
