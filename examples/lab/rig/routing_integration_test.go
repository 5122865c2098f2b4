//go:build integration

package rig

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var loopback4 = netip.MustParseAddr("127.0.0.1")

func addrPort(addr netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(addr, port) }

// helper is a command line that announces routes and then only reads, as a
// helper must. What is said into the pipe that it listens on follows.
func helper(t *testing.T, announced ...string) (run []string, more string) {
	t.Helper()
	dir := t.TempDir()
	first, more := filepath.Join(dir, "first"), filepath.Join(dir, "more")
	if err := os.WriteFile(first, []byte(strings.Join(announced, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(more, 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{self, first, more}, more
}

// asHelper makes this program the helper of a speaker.
var asHelper = []string{roleEnv + "=helper"}

func say(t *testing.T, more, line string) {
	t.Helper()
	if err := os.WriteFile(more, []byte(line+"\n"), 0); err != nil {
		t.Fatal(err)
	}
}

func route(t *testing.T, r *Router, prefix string) *Route {
	t.Helper()
	got, err := r.Route(t.Context(), netip.MustParsePrefix(prefix))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRoutesReachTheRouter(t *testing.T) {
	for name, c := range map[string]struct {
		address string
		as      uint32
		path    string
	}{
		"iBGP over IPv4": {"127.0.0.2", 65000, ""},
		"eBGP over IPv4": {"127.0.0.2", 65001, "65000"},
		"iBGP over IPv6": {"::1", 65000, ""},
		"eBGP over IPv6": {"::1", 65001, "65000"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			ctx := within(t, 20*time.Second)
			begun := time.Now()
			r, err := l.Router(ctx, RouterOptions{Name: "r1", Address: netip.MustParseAddr(c.address), AS: c.as, PeerAS: 65000})
			if err != nil {
				t.Fatal(err)
			}
			router := time.Since(begun)
			run, _ := helper(t, "announce route 10.0.0.0/24 next-hop 127.0.0.1 med 7 community [65000:1 65000:2]",
				"announce route 2001:db8::/32 next-hop 2001:db8::1")
			begun = time.Now()
			s, err := l.Speaker(ctx, SpeakerOptions{LocalAS: 65000, Neighbors: []Neighbor{r.Neighbor()}, Run: run, Env: asHelper})
			if err != nil {
				t.Fatal(err)
			}
			speaker := time.Since(begun)
			if err := r.WaitEstablished(ctx); err != nil {
				t.Fatalf("%v\n%s", err, tail(s.Log()))
			}
			up := time.Since(begun)
			if err := r.WaitRoutes(ctx, func(routes []Route) bool { return len(routes) == 2 }); err != nil {
				t.Fatalf("%v\n%s", err, tail(s.Log()))
			}
			t.Logf("router listens after %v; speaker has a helper after %v, a session after %v, routes after %v", router, speaker, up, time.Since(begun))
			v4, v6 := route(t, r, "10.0.0.0/24"), route(t, r, "2001:db8::/32")
			if v4 == nil || v6 == nil {
				t.Fatal("a route is missing")
			}
			if v4.Attributes["BGP.med"] != "7" || v4.Attributes["BGP.community"] != "(65000,1) (65000,2)" ||
				v4.Attributes["BGP.as_path"] != c.path || v4.NextHop != loopback4 {
				t.Errorf("%+v", v4)
			}
			if v6.NextHop != netip.MustParseAddr("2001:db8::1") {
				t.Errorf("%+v", v6)
			}
			if n, err := r.Count(ctx); n != 2 || err != nil {
				t.Errorf("%d routes, %v", n, err)
			}
		})
	}
}

func TestRouterTellsWhatMoved(t *testing.T) {
	l := newLab(t)
	ctx := within(t, 30*time.Second)
	r, err := l.Router(ctx, RouterOptions{
		Address: netip.MustParseAddr("127.0.0.2"), AS: 65001, PeerAS: 65000,
		Extra: "protocol static { ipv4; route 10.9.0.0/16 blackhole; }", Export: "all",
	})
	if err != nil {
		t.Fatal(err)
	}
	run, more := helper(t, "announce route 10.0.0.0/24 next-hop 127.0.0.1", "announce route 10.0.1.0/24 next-hop 127.0.0.1")
	s, err := l.Speaker(ctx, SpeakerOptions{
		LocalAS: 65000, Neighbors: []Neighbor{r.Neighbor()}, Run: run, Env: asHelper, Static: []string{"route 10.7.0.0/24 next-hop 127.0.0.1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.WaitCount(ctx, 3); err != nil {
		t.Fatalf("%v\n%s", err, tail(s.Log()))
	}
	before, err := r.Updates(ctx)
	if err != nil {
		t.Fatal(err)
	}
	changed, other := route(t, r, "10.0.0.0/24"), route(t, r, "10.0.1.0/24")
	begun := time.Now()
	say(t, more, "announce route 10.0.0.0/24 next-hop 127.0.0.1 med 5")
	if err := r.WaitRoute(ctx, changed.Prefix, func(r *Route) bool { return r != nil && r.Attributes["BGP.med"] == "5" }); err != nil {
		t.Fatal(err)
	}
	t.Logf("a change took %v", time.Since(begun))
	after, err := r.Updates(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got := after.Sub(before); got != (Counters{Updates: 1}) {
		t.Errorf("the router saw %+v", got)
	}
	if now := route(t, r, "10.0.0.0/24"); now.SameInstant(*changed) {
		t.Error("the changed route looks untouched")
	}
	if now := route(t, r, "10.0.1.0/24"); !now.SameInstant(*other) {
		t.Errorf("the other route moved: %v, %v", other.Since, now.Since)
	}
	say(t, more, "withdraw route 10.0.0.0/24 next-hop 127.0.0.1 med 5")
	if err := r.WaitRoute(ctx, changed.Prefix, func(r *Route) bool { return r == nil }); err != nil {
		t.Fatal(err)
	}
	text, err := r.Show(ctx, "route", "for", "10.7.0.1")
	if err != nil || !strings.Contains(text, "10.7.0.0/24") {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := r.Show(ctx, "nonsense"); err == nil || !strings.Contains(err.Error(), "syntax error") {
		t.Errorf("nonsense: %v", err)
	}
}

func TestPartsComeBack(t *testing.T) {
	l := newLab(t)
	ctx := within(t, time.Minute)
	r, err := l.Router(ctx, RouterOptions{Address: netip.MustParseAddr("127.0.0.2"), AS: 65000, PeerAS: 65000})
	if err != nil {
		t.Fatal(err)
	}
	run, _ := helper(t, "announce route 10.0.0.0/24 next-hop 127.0.0.1")
	s, err := l.Speaker(ctx, SpeakerOptions{LocalAS: 65000, Neighbors: []Neighbor{r.Neighbor()}, Run: run, Env: asHelper})
	if err != nil {
		t.Fatal(err)
	}
	back := func(what string, act ...func(context.Context) error) {
		t.Helper()
		begun := time.Now()
		for _, step := range act {
			if err := step(ctx); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		if err := r.WaitCount(ctx, 1); err != nil {
			t.Fatalf("%s: %v\n%s", what, err, tail(s.Log()))
		}
		t.Logf("%s: the route is there after %v", what, time.Since(begun))
	}
	back("first start")
	back("router stopped and started", r.Stop, r.Start)
	back("router killed and started", r.Kill, r.Start)
	old := below(t, s.PID())
	back("speaker stopped and started", s.Stop, r.WaitDown, s.Start, r.WaitEstablished)
	waitDead(t, old)
	old = below(t, s.PID())
	back("speaker killed and started", s.Kill, r.WaitDown, s.Start, r.WaitEstablished)
	waitDead(t, old)
	pid, err := s.BridgePID(ctx)
	if err != nil {
		t.Fatal(err)
	}
	// An event on its way to a helper that dies ends exaBGP's sessions for
	// good, so wait for the last one of this start: four ends of RIB.
	if err := s.process.until(ctx, "all events were out", func() (bool, error) {
		text, err := s.process.wrote()
		return strings.Count(text, `"eor"`) == 4, err
	}); err != nil {
		t.Fatal(err)
	}
	back("helper killed", s.KillBridge)
	next, err := s.NextBridgePID(ctx, pid)
	if err != nil || next == pid {
		t.Errorf("helper %d after %d: %v", next, pid, err)
	}
}

func TestPiecesLeftOut(t *testing.T) {
	l := newLab(t)
	ctx := within(t, 30*time.Second)
	run, _ := helper(t)
	for i, without := range []Piece{API, Send, Receive, NeighborChanges, AdjRIBOut} {
		r, err := l.Router(ctx, RouterOptions{Address: netip.AddrFrom4([4]byte{127, 0, 1, byte(i)}), AS: 65001, PeerAS: 65000})
		if err != nil {
			t.Fatal(err)
		}
		n := r.Neighbor()
		n.Without = []Piece{without}
		s, err := l.Speaker(ctx, SpeakerOptions{LocalAS: 65000, Neighbors: []Neighbor{n}, Run: run, Env: asHelper})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.WaitEstablished(ctx); err != nil {
			t.Fatalf("without %s: %v\n%s", without, err, tail(s.Log()))
		}
	}
}

func TestInstallWithEverythingPresent(t *testing.T) {
	if err := Install(t.Context(), nil, RabbitMQ, ExaBGP, BIRD, Pika, Python, Tmux); err != nil {
		t.Error(err)
	}
}

func TestFailedPartsSayWhy(t *testing.T) {
	l := newLab(t)
	ctx := within(t, 20*time.Second)
	good := RouterOptions{Address: netip.MustParseAddr("127.0.0.2"), AS: 65001, PeerAS: 65000}
	bad := good
	bad.Extra = "this is no bird configuration"
	if _, err := l.Router(ctx, bad); err == nil || !strings.Contains(err.Error(), "syntax error") {
		t.Errorf("bird: %v", err)
	}
	r, err := l.Router(ctx, good)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Speaker(ctx, SpeakerOptions{
		LocalAS: 65000, Neighbors: []Neighbor{r.Neighbor()}, Run: []string{"/nowhere/helper"},
	}); err == nil || !strings.Contains(err.Error(), "can not locate") {
		t.Errorf("exabgp: %v", err)
	}
	// Somebody takes the router's port while it is down.
	if err := r.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", addrPort(r.Address, r.Port).String())
	if err != nil {
		t.Fatal(err)
	}
	err = r.Start(ctx)
	if err == nil || !strings.Contains(err.Error(), unix.EADDRINUSE.Error()) {
		t.Errorf("two owners of a port: %v", err)
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(ctx); err != nil {
		t.Error(err)
	}
}

func TestNothingOfTheRealPartsOutlivesAKilledLab(t *testing.T) {
	pids := killLab(t, "everything")
	t.Logf("%d processes", len(pids))
	if len(pids) < 11 { // lab, four keepers, beam, epmd, bird, exabgp, tmux, its program at least
		t.Errorf("only %d processes were there to be killed", len(pids))
	}
}
