//go:build integration

package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"routesync/examples/lab/rig"
)

// console runs commands by hand, and expects an exit code.
func (s *scene) console(code int, commands ...string) result {
	s.t.Helper()
	args := []string{"console", "--speaker", s.name}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	r, err := s.routesync(s.ctx, args...)
	s.must(err)
	if r.code != code {
		s.t.Fatalf("the console ended with %d, not %d, after %q:\n%s%s", r.code, code, commands, r.stderr, r.stdout)
	}
	return r
}

// answers fails the test unless the console answered so, a line a command,
// without the columns of what was given.
func (s *scene) answers(r result, want ...string) {
	s.t.Helper()
	var got []string
	for line := range strings.Lines(r.stdout) {
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		detail, _, expires := strings.Cut(columns[len(columns)-1], "; expires ")
		if expires {
			detail += "; expires SOON"
		}
		got = append(got, columns[0]+": "+detail)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		s.t.Errorf("the console answered\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestConsoleBesideAFile: what is typed is at the router, foreign to the file
// that is watched meanwhile, and stays; what the file keeps is refused.
func TestConsoleBesideAFile(t *testing.T) {
	t.Parallel()
	s := open(t, setting{routers: []rig.RouterOptions{router(2, routerAS), {
		Name: "r3", Address: netip.MustParseAddr("127.0.0.3"), AS: 65002, PeerAS: speakerAS, Families: []string{rig.IPv4},
	}}})
	s.put(prefixes(5)...)
	watch := s.watches("watch")
	s.says(watch, "converged")

	s.answers(s.console(0, "announce route 10.70.0.0/24 next-hop 192.0.2.1 med 7", "neighbor 127.0.0.3 announce route 10.71.0.0/24 next-hop 192.0.2.1", "+ 10.72.0.0/24 next-hop 192.0.2.1 expires 8s"),
		"sent: announced 10.70.0.0/24: sent to 127.0.0.2, 127.0.0.3",
		"sent: announced 10.71.0.0/24: sent to 127.0.0.3",
		"sent: announced 10.72.0.0/24: sent to 127.0.0.2, 127.0.0.3; expires SOON")
	s.sees(s.routers[0], "10.70.0.0/24", "7")
	s.sees(s.routers[1], "10.71.0.0/24", "")
	s.lacks(s.routers[0], "10.71.0.0/24")
	s.lacks(s.routers[1], "10.72.0.0/24") // it has expired

	r := s.console(1, "withdraw 10.0.0.0/24", "announce route 10.0.1.0/24 next-hop 192.0.2.9", "announce route 10.0.300.0/24 next-hop 192.0.2.9")
	for _, text := range []string{
		"kept by owner edge-team: routes.yaml:", "(watch on ", "it would come back",
		"-c:3:16:", `"10.0.300.0/24" is not a prefix`,
	} {
		if !strings.Contains(r.stdout+r.stderr, text) {
			t.Errorf("the console did not say %q:\n%s%s", text, r.stderr, r.stdout)
		}
	}
	s.expect(0, "plan", "! 10.70.0.0/24", "announced by owner console, given by ", "(console) at ", "left alone", "No changes.")
	s.expect(0, "status", "by hand", "10.70.0.0/24 next-hop 192.0.2.1 med 7: owner console, given by ")

	// The file goes on, the bridge is started again, and it stays.
	s.put(prefixes(3)...)
	s.lacks(s.routers[0], "10.0.3.0/24")
	s.must(s.stage.speaker.KillBridge(s.ctx))
	s.put(prefixes(4)...)
	s.sees(s.routers[0], "10.0.3.0/24", "")
	s.expect(0, "status", "10.70.0.0/24 next-hop 192.0.2.1 med 7: owner console, given by ")
	s.sees(s.routers[0], "10.70.0.0/24", "7")

	s.must(s.routers[1].Stop(s.ctx))
	s.until("the session is known to be down", func() bool { return strings.Contains(s.expect(0, "status").stdout, "AS 65002: down") })
	s.answers(s.console(0, "withdraw route 10.70.0.0/24 next-hop 192.0.2.1", "withdraw 10.70.0.0/24", "announce 10.73.0.0/24 next-hop 192.0.2.1"),
		"withdrawn: withdrawn 10.70.0.0/24 at 127.0.0.2, 127.0.0.3",
		"unchanged: not announced: 10.70.0.0/24 at 127.0.0.2, 127.0.0.3",
		"held: announced 10.73.0.0/24: sent to 127.0.0.2; held for 127.0.0.3 (down; sent when it is up)")
	s.lacks(s.routers[0], "10.70.0.0/24")
	s.expect(0, "plan --detailed-exitcode", "No changes.")
}

// typedWhile runs an announce by hand while exaBGP is held, does something
// meanwhile, and expects it to be carried out once and answered.
func (s *scene) typedWhile(prefix string, meanwhile func()) {
	s.t.Helper()
	const taken = `msg="commands by hand"`
	before := s.count(s.stage.speaker.Log(), taken)
	s.must(s.stage.speaker.Freeze())
	console, err := s.lab.Program(s.ctx, "console", s.dir, s.env(),
		s.binary, "console", "--speaker", s.name, "--timeout", "60s", "-c", "announce route "+prefix+" next-hop 192.0.2.1")
	s.must(err)
	s.programs = append(s.programs, console)
	s.until("the bridge has the command", func() bool { return s.count(s.stage.speaker.Log(), taken) > before })
	meanwhile()
	s.says(console, "\t1\t"+s.name+"\t")
	s.sees(s.router, prefix, "")
	out, err := console.Wrote()
	s.must(err)
	// A bridge that was started again finds done what the one before gave exaBGP.
	if out = "\n" + out; !strings.Contains(out, "\nsent\t") && !strings.Contains(out, "\nunchanged\t") {
		s.t.Errorf("the console said\n%s", out)
	}
}

// TestConsoleBrokerKilled is not parallel: it takes the broker away from
// everybody.
func TestConsoleBrokerKilled(t *testing.T) {
	s := open(t, setting{})
	s.console(0, "withdraw 10.99.0.0/24") // everything on the way is up
	s.told(s.router, rig.Counters{Updates: 1}, func() {
		s.typedWhile("10.70.0.0/24", func() {
			s.killBroker()
			s.must(s.broker.Start(s.ctx))
			s.must(s.stage.speaker.Thaw())
		})
	})
	if n := s.count(s.stage.speaker.Log(), `msg="commands by hand"`); n != 2 {
		t.Errorf("the bridge took commands %d times, not 2", n)
	}
	t.Log("and the same while the broker is stopped, and exaBGP goes on before it is back")
	s.told(s.router, rig.Counters{Updates: 1}, func() {
		s.typedWhile("10.71.0.0/24", func() {
			s.must(s.broker.Stop(s.ctx))
			s.must(s.stage.speaker.Thaw())
			s.sees(s.router, "10.71.0.0/24", "")
			s.must(s.broker.Start(s.ctx))
		})
	})
}

func TestConsoleBridgeKilled(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.console(0, "withdraw 10.99.0.0/24")
	s.typedWhile("10.70.0.0/24", func() {
		s.must(s.stage.speaker.KillBridge(s.ctx))
		s.must(s.stage.speaker.Thaw())
	})
}

// TestConsolePiped: many commands over a pipe, in their order, and an exit code
// that tells whether all were confirmed.
func TestConsolePiped(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	var in strings.Builder
	const n = 3000
	for i := range n {
		fmt.Fprintf(&in, "announce route 10.%d.%d.0/24 next-hop 192.0.2.1 med 1\n", 80+i/256, i%256)
		fmt.Fprintf(&in, "announce route 10.%d.%d.0/24 next-hop 192.0.2.1 med 2\n", 80+i/256, i%256)
		if i%3 == 0 {
			fmt.Fprintf(&in, "withdraw route 10.%d.%d.0/24\n", 80+i/256, i%256)
		}
	}
	pipe := func(text string) (string, error) {
		cmd := exec.CommandContext(s.ctx, s.binary, "console", "--speaker", s.name)
		cmd.Dir, cmd.Env, cmd.Stdin = s.dir, append(os.Environ(), s.env()...), strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := pipe(in.String())
	if lines := strings.Count(out, "\n"); err != nil || lines != n*2+n/3 {
		t.Fatalf("%v; %d lines of answers to %d commands:\n%s", err, lines, n*2+n/3, out[:min(len(out), 2000)])
	}
	s.must(s.router.WaitCount(s.ctx, n-n/3))
	for prefix, route := range s.held(s.router) {
		if route.Attributes["BGP.med"] != "2" {
			t.Fatalf("%s has med %s: commands were carried out in another order", prefix, route.Attributes["BGP.med"])
		}
	}
	out, err = pipe("withdraw 10.80.1.0/24\n# a comment\n\nannounce route 10.0.0.0/24 next-hop 2001:db8::1\nshow peers\n")
	if err == nil || !strings.Contains(out, "withdrawn\t1\t") || !strings.Contains(out, "stdin:4:") || !strings.Contains(out, "127.0.0.2") {
		t.Errorf("%v:\n%s", err, out)
	}
}

// TestClassicUnread: a from-exabgp that nobody reads does not fill the broker,
// and who reads it in the end knows all.
func TestClassicUnread(t *testing.T) {
	const routes, backlog = 600, 100
	var static strings.Builder
	for i := range routes {
		fmt.Fprintf(&static, "route 172.16.%d.%d/32 blackhole; ", i/256, i%256)
	}
	o := router(2, routerAS)
	o.Export, o.Extra = "all", "protocol static { ipv4; "+static.String()+" }"
	dropClassicQueues(t)
	s := open(t, setting{routers: []rig.RouterOptions{o}, speaker: func(o *rig.SpeakerOptions) {
		o.Run = append(o.Run, "--classic", "--classic-backlog", fmt.Sprint(backlog))
	}})
	s.must(os.CopyFS(s.dir, classicSources))
	s.until("the bridge finds the queue full", func() bool { return s.count(s.stage.speaker.Log(), "the queue is full") == 1 })
	time.Sleep(2 * time.Second) // that nothing more comes has no sign
	depth, err := s.broker.Ctl(s.ctx, "--quiet", "list_queues", "name", "messages")
	s.must(err)
	var n int
	for line := range strings.Lines(depth) {
		if _, err := fmt.Sscanf(line, "from-exabgp\t%d", &n); err == nil {
			break
		}
	}
	if n < backlog || n > 2*backlog {
		t.Errorf("%d lines stand in from-exabgp, %d may", n, backlog)
	}
	s.must(s.router.Reconfigure(s.ctx, func(conf string) string {
		return strings.Replace(conf, "route 172.16.2.77/32 blackhole; ", "", 1)
	}))
	receiver, err := s.lab.Program(s.ctx, "receiver", s.dir, nil, rig.Python3, filepath.Join(s.dir, "classic", "receiver.py"), s.broker.URL)
	s.must(err)
	known := map[string]bool{}
	s.until("the receiver knows all", func() bool {
		out, err := receiver.Wrote()
		s.must(err)
		clear(known)
		for line := range strings.Lines(out) {
			if prefix, ok := strings.CutPrefix(line, "[recv]announce "); ok {
				known[prefix] = true
			} else if prefix, ok := strings.CutPrefix(line, "[recv]withdraw "); ok {
				delete(known, prefix)
			}
		}
		return len(known) == routes-1
	})
	if known["172.16.2.77/32\n"] {
		t.Error("the receiver knows the route that was withdrawn")
	}
}

// TestClassicQueuesInTheWay: whatever is wrong with the classic queues, the
// bridge serves the files; and it serves the queues once it can, with what waits
// there behind a message that no session survives.
func TestClassicQueuesInTheWay(t *testing.T) {
	dropClassicQueues(t)
	s := open(t, setting{speaker: func(o *rig.SpeakerOptions) { o.Run = append(o.Run, "--classic") }})
	s.until("the queues are there", func() bool { return s.count(s.stage.speaker.Log(), "queue declared") == 2 })
	// The bridge may declare it again in between.
	const hold = `import pika, sys
connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
while True:
    channel = connection.channel()
    try:
        channel.queue_delete("to-exabgp")
        channel.queue_declare("to-exabgp", exclusive=True)
        break
    except pika.exceptions.ChannelClosedByBroker:
        pass
print("held", flush=True)
connection.process_data_events(time_limit=None)`
	holder, err := s.lab.Program(s.ctx, "holder", s.dir, nil, rig.Python3, "-c", hold, s.broker.URL)
	s.must(err)
	s.must(holder.WaitWrote(s.ctx, "held"))
	declared := s.count(s.stage.speaker.Log(), "queue declared")
	s.until("status says what is wrong", func() bool {
		return strings.Contains(s.expect(0, "status --speaker "+s.name).stdout, "the queues to-exabgp and from-exabgp are not served")
	})
	s.put(prefixes(3)...)
	s.expect(0, "apply --yes", "3 of 3 routes sent")
	s.sees(s.router, "10.0.2.0/24", "")
	if n := s.count(s.stage.speaker.Log(), "another bridge answers"); n > 0 {
		t.Errorf("the session of the files ended %d times", n)
	}

	s.must(holder.Stop(s.ctx))
	s.until("the queue is there again", func() bool { return s.count(s.stage.speaker.Log(), "queue declared") > declared })
	pika(t, `deep = {"v": 1}
for i in range(40): deep = {"t": deep}
publish = lambda text, headers=None: channel.basic_publish("", "to-exabgp", text, pika.BasicProperties(headers=headers))
publish("announce route 10.80.0.0/24 next-hop 192.0.2.1")
publish("announce route 10.81.0.0/24 next-hop 192.0.2.1", deep)
publish("announce route 10.82.0.0/24 next-hop 192.0.2.1")
#`)
	s.sees(s.router, "10.80.0.0/24", "")
	s.sees(s.router, "10.82.0.0/24", "")
	s.lacks(s.router, "10.81.0.0/24")
	s.expect(0, "status", "dropped a message of queue to-exabgp")
	s.expect(0, "apply --yes", "No changes")
}

// TestByHandOutlivesExaBGP: what was announced by hand is announced again after
// exaBGP was started again, with whose it is. Who sits at a console is told.
func TestByHandOutlivesExaBGP(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	console, err := s.lab.Terminal(s.ctx, "console", s.dir, s.env(), s.binary, "console", "--speaker", s.name, "--no-history")
	s.must(err)
	s.must(console.Line(s.ctx, "announce route 10.70.0.0/24 next-hop 192.0.2.1"))
	s.must(console.WaitScreen(s.ctx, "announced 10.70.0.0/24"))
	s.sees(s.router, "10.70.0.0/24", "")
	s.must(console.Line(s.ctx, "show received"))
	s.must(console.WaitScreen(s.ctx, "0 routes"))
	s.must(s.stage.speaker.Kill(s.ctx))
	s.must(s.router.WaitDown(s.ctx))
	s.must(s.stage.speaker.Start(s.ctx))
	s.must(console.WaitScreen(s.ctx, "exaBGP was started again; what was announced by hand is announced again"))
	s.sees(s.router, "10.70.0.0/24", "")
	s.expect(0, "status --speaker "+s.name, "by hand", "10.70.0.0/24", "(console)")
	s.must(console.Kill(s.ctx))
}
