//go:build integration

package main

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"routesync/examples/lab/rig"
)

// openShipped runs examples/ibgp at the shared broker. These tests are not
// parallel: there is one pair of classic queues at a broker, and one edge1.
func openShipped(t *testing.T, helper func(context.Context, *stage) swap) *scene {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	lab, err := rig.New(ctx, rig.Options{Dir: shared.dir})
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{
		stage: &stage{lab: lab, broker: shared.broker, binary: shared.binary, dir: filepath.Join(lab.Dir(), "work")},
		t:     t, ctx: ctx, name: speaker,
	}
	dropClassicQueues(t)
	t.Cleanup(s.close)
	s.must(os.Mkdir(s.dir, 0o755))
	s.must(os.CopyFS(s.dir, classicSources))
	s.must(s.openIBGP(ctx, helper(ctx, s.stage)))
	s.routers = []*rig.Router{s.router}
	return s
}

// dropClassicQueues has them deleted behind the test. It comes before what starts a
// bridge, which would declare them again as long as it lives.
func dropClassicQueues(t *testing.T) {
	t.Cleanup(func() { pika(t, `channel.queue_delete("to-exabgp"); channel.queue_delete("from-exabgp")`) })
}

// pika runs a line of Python with a channel to the broker.
func pika(t *testing.T, line string) {
	t.Helper()
	const channel = "import pika, sys; connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1])); channel = connection.channel(); "
	// The test's own context has ended when it cleans up.
	out, err := exec.CommandContext(context.WithoutCancel(t.Context()), rig.Python3, "-c", channel+line+"; connection.close()", shared.broker.URL).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
}

// classic is the command line of a part of the classic system.
func (s *stage) classic(part string) []string {
	return []string{rig.Python3, filepath.Join(s.dir, "classic", part), s.broker.URL}
}

// TestShippedIBGP: the pair of examples/ibgp comes up; the bridge finds all
// that it needs, and exaBGP's own route is at the router and foreign.
func TestShippedIBGP(t *testing.T) {
	s := openShipped(t, func(_ context.Context, s *stage) swap { return s.bridgeSwap() })
	s.must(s.startRouter(s.ctx))
	s.sees(s.router, own, "")
	s.until("the bridge has read exaBGP's own route", func() bool {
		r, err := s.routesync(s.ctx, "status", "--speaker", s.name)
		s.must(err)
		return strings.Contains(r.stdout, ownIsForeign)
	})
	s.put("1.1.0.0/24, next-hop: " + hop)
	s.apply()
	s.holds(s.router, netip.MustParsePrefix(own), netip.MustParsePrefix(asked))
	exported, err := s.router.Show(s.ctx, "route", "export", s.router.Name)
	s.must(err)
	if strings.Count(exported, "blackhole") != 2 || strings.Contains(exported, "[direct1") || strings.Contains(exported, "[exabgp") {
		t.Errorf("the router exports\n%s", exported)
	}
	// Graceful restart: exaBGP dies, and its routes stay.
	before := s.held(s.router)
	s.must(s.stage.speaker.Kill(s.ctx))
	s.must(s.router.WaitDown(s.ctx))
	s.untouched(s.router, before)
}

// TestClassicSystem: the original session with the original programs, two of
// them on terminals, exactly as the demo shows it with the console.
func TestClassicSystem(t *testing.T) {
	s := openShipped(t, func(_ context.Context, s *stage) swap { return helperSwap(s.classic("oldhelper.py")...) })
	s.originalPrograms()
}

// TestClassicSystemThroughBridge: the same programs do not notice that the
// helper is routesync's bridge.
func TestClassicSystemThroughBridge(t *testing.T) {
	s := openShipped(t, func(_ context.Context, s *stage) swap { return s.bridgeSwap() })
	s.originalPrograms()
	// What came that way is foreign to a file, and said to be by whom.
	s.put("10.9.0.0/24, next-hop: " + hop)
	s.expect(0, "apply --yes", "owner classic, given by queue to-exabgp at", "left alone", "1 of 1 route sent")
	s.expect(0, "status", "by hand", "10.0.0.0/24 next-hop 192.168.41.2: owner classic, given by queue to-exabgp")
	// What is wrong is reported, and what a file keeps stays.
	pika(t, `channel.basic_publish("", "to-exabgp", "announce route 10.0.300.0/24 next-hop 192.168.41.2")`)
	s.until("the fault is reported", func() bool {
		return strings.Contains(s.expect(0, "status").stdout, `refused "announce route 10.0.300.0/24 next-hop 192.168.41.2" of queue to-exabgp: column 16`)
	})
	pika(t, `channel.basic_publish("", "to-exabgp", "withdraw route 10.9.0.0/24\nwithdraw route 10.0.0.0/24 next-hop 192.168.41.2")`)
	s.lacks(s.router, "10.0.0.0/24")
	s.sees(s.router, "10.9.0.0/24", "")
	s.expect(0, "status", "refused", "10.9.0.0/24 for owner classic: it is announced at 127.0.41.1 by owner edge-team, and stays theirs")
}

// TestClassicConsole: our console at the old helper.
func TestClassicConsole(t *testing.T) {
	s := openShipped(t, func(_ context.Context, s *stage) swap { return helperSwap(s.classic("oldhelper.py")...) })
	console, err := s.lab.Terminal(s.ctx, "console", s.dir, s.env(), s.binary, "console", "--classic", "--no-history")
	s.must(err)
	const prompt = "classic> "
	s.must(console.WaitScreen(s.ctx, prompt))
	s.original(&session{typed: console, shown: console, prompt: prompt})
	r, err := s.routesync(s.ctx, "console", "--classic", "-c", "announce route 10.0.0.0/24 next-hop 192.168.41.2")
	s.must(err)
	if r.code != 5 || !strings.HasPrefix(r.stdout, "published\t") {
		t.Errorf("with -c the console ended with %d and said %q%s; nobody confirms anything here", r.code, r.stdout, r.stderr)
	}
	s.sees(s.router, "10.0.0.0/24", "")
}

// originalPrograms plays the session with the sender and the receiver.
func (s *scene) originalPrograms() {
	s.t.Helper()
	shown, err := s.lab.Terminal(s.ctx, "receiver.py", s.dir, nil, s.classic("receiver.py")...)
	s.must(err)
	typed, err := s.lab.Terminal(s.ctx, "sender.py", s.dir, nil, s.classic("sender.py")...)
	s.must(err)
	s.original(&session{typed: typed, shown: shown})
	screen, err := shown.Screen(s.ctx)
	s.must(err)
	lines := strings.Split(screen, "\n")
	slices.Sort(lines[:min(2, len(lines))]) // the first two came together, in BIRD's order
	want := []string{"[recv]announce 192.168.41.4/32", "[recv]announce 192.168.41.5/32", "[recv]announce " + learned, "[recv]withdraw " + learned}
	if diff := cmp.Diff(want, lines); diff != "" {
		s.t.Error(diff)
	}
	// A message may have several lines.
	pika(s.t, `channel.basic_publish("", "to-exabgp", "announce route 10.0.0.0/24 next-hop 192.168.41.2\nannounce route 10.0.1.0/24 next-hop 192.168.41.2\n")`)
	s.sees(s.router, "10.0.0.0/24", "")
	s.sees(s.router, "10.0.1.0/24", "")
}

// original plays the original session.
func (s *scene) original(c *session) {
	s.t.Helper()
	var out strings.Builder
	c.play = &play{stage: s.stage, out: &out}
	for _, act := range []func(context.Context) error{c.up, c.announce, c.withdraw, c.learn, c.unlearn, c.leave} {
		if err := c.step(s.ctx, act); err != nil {
			s.t.Fatalf("%v\n%s", err, out.String())
		}
	}
	s.t.Log(out.String())
}
