//go:build integration

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"routesync/examples/lab/rig"
)

// Bounds of what a person would call at once.
const (
	takeover = 5 * time.Second
	recovery = 5 * time.Second
)

// grades counts the routes at every peer by grade; nil if the bridge does not answer.
func (s *scene) grades() map[netip.Addr]map[string]int {
	s.t.Helper()
	all := map[netip.Addr]map[string]int{}
	for _, p := range s.peers() {
		all[p.Address] = p.Grades
	}
	return all
}

// allSent waits until every router is confirmed to have been sent n routes, and
// nothing else is going on, and until it holds them.
func (s *scene) allSent(n int) {
	s.t.Helper()
	s.until(fmt.Sprintf("status says %d sent", n), func() bool {
		grades := s.grades()
		for _, r := range s.routers {
			if g := grades[r.Address]; len(g) != 1 || g["sent"] != n {
				return false
			}
		}
		return true
	})
	for _, r := range s.routers {
		s.must(r.WaitCount(s.ctx, n))
	}
}

// TestTwoWatches: one commands and the other stands by, until the first is
// killed. No route moves.
func TestTwoWatches(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.put(prefixes(20)...)
	first := s.watches("first")
	s.says(first, "converged")
	second := s.watches("second")
	s.says(second, "standing by: watch on ")
	s.expect(1, "apply --yes", s.name+" is commanded by watch on ")
	before := s.held(s.router)
	s.quiet(s.router, func() {
		s.must(first.Kill(s.ctx))
		s.within(takeover, "taking over", func() { s.says(second, "converged") })
		s.says(second, "taking over")
		s.allSent(20)
	})
	s.untouched(s.router, before)
	s.within(recovery, "the save after it", func() {
		s.put(append(prefixes(20), "10.1.0.0/24, med: 1")...)
		s.sees(s.router, "10.1.0.0/24", "1")
	})
	s.untouched(s.router, before)
}

// TestBridgeKilled: its routes stay, it finds them again, and knows which of
// them are whose.
func TestBridgeKilled(t *testing.T) {
	t.Parallel()
	s := open(t, setting{neighbors: func(n []rig.Neighbor) { n[0].Static = []string{"route 203.0.113.0/24 next-hop 192.0.2.254"} }})
	s.put(prefixes(50)...)
	watch := s.watches("watch")
	s.says(watch, "converged")
	s.allSent(51)
	before := s.held(s.router)
	kill := func(meanwhile func()) {
		t.Helper()
		s.until("the watch has a lease of this bridge", func() bool {
			log, err := os.ReadFile(s.stage.speaker.Log())
			s.must(err)
			return bytes.Contains(log[bytes.LastIndex(log, []byte("bridge starts")):], []byte("lease granted"))
		})
		// exaBGP is held, so that the bridge is dead for as long as it takes.
		s.must(s.stage.speaker.Freeze())
		s.must(s.stage.speaker.KillBridge(s.ctx))
		meanwhile()
		s.must(s.stage.speaker.Thaw())
	}
	s.sessionsStay(func() {
		s.withoutWithdraw(s.router, func() {
			t.Log("killed while nothing is to do")
			kill(func() {})
			s.allSent(51)
			s.nothingToDo()
			t.Log("killed, and a save while it is dead")
			kill(func() {
				// It is published only if the watch has not noticed yet that nobody is there.
				seen := s.count(watch.Log(), "file is read")
				s.put(append(prefixes(50), "10.1.0.0/24, med: 1")...)
				s.until("the save is read", func() bool { return s.count(watch.Log(), "file is read") > seen })
			})
			s.within(recovery, "the save while it was dead", func() { s.sees(s.router, "10.1.0.0/24", "1") })
			s.allSent(52)
			t.Log("killed, and a save at once")
			s.must(s.stage.speaker.KillBridge(s.ctx))
			s.put(append(prefixes(50), "10.1.0.0/24, med: 2")...)
			s.within(recovery, "the save right after the kill", func() { s.sees(s.router, "10.1.0.0/24", "2") })
			s.allSent(52)
		})
		s.untouched(s.router, before)
		t.Log("killed, and a removal")
		s.must(s.stage.speaker.KillBridge(s.ctx))
		s.put(prefixes(50)[1:]...)
		s.within(recovery, "the removal right after the kill", func() { s.lacks(s.router, "10.0.0.0/24") })
	})
	s.lacks(s.router, "10.1.0.0/24")
	s.allSent(50)
	s.expect(0, "plan --detailed-exitcode", "! 203.0.113.0/24", "No changes.")
	delete(before, netip.MustParsePrefix("10.0.0.0/24"))
	s.untouched(s.router, before)
}

// TestBrokerDown is not parallel: it takes the broker away from everybody.
func TestBrokerDown(t *testing.T) {
	start, kill := shared.broker.Start, shared.broker.Kill
	if err := kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := open(t, setting{unseen: true})
	s.put(prefixes(20)...)
	watch := s.watches("watch")
	logs := map[string]string{"bridge": s.stage.speaker.Log(), "watch": watch.Log()}
	// outages is how often a log says that the broker is gone.
	outages := func(log string) int {
		t.Helper()
		return s.count(log, `msg="broker unreachable"`) + s.count(log, `msg="broker session ended"`)
	}
	both := func(n int) {
		t.Helper()
		for name, log := range logs {
			s.until(name+" says that the broker is gone", func() bool { return outages(log) >= n })
		}
	}
	once := func(n int) {
		t.Helper()
		for name, log := range logs {
			if said := outages(log); said != n {
				t.Errorf("%s says %d times that the broker is gone, in %d outages", name, said, n)
			}
		}
	}

	t.Log("down when everything starts")
	both(1)
	r := s.expect(1, "plan --timeout 3s", "error: broker amqp://guest:xxxxx@", "could not be reached within 3s")
	if strings.Count(r.stderr, "error:") != 1 || r.stdout != "" {
		t.Errorf("plan with the broker down:\n%s%s", r.stderr, r.stdout)
	}
	once(1) // after three seconds of attempts
	s.must(start(s.ctx))
	s.within(3*recovery, "converging once the broker is there", func() { s.says(watch, "converged") })
	s.allSent(20)
	once(1)

	// The clean stop comes first: a quorum queue that was made a moment before
	// RabbitMQ is killed may have no leader ever again.
	before := s.held(s.router)
	for i, outage := range []struct {
		name string
		end  func(context.Context) error
	}{{"stopped", shared.broker.Stop}, {"killed", kill}} {
		t.Log(outage.name + " and started while everything is converged")
		med := 10 * (i + 1)
		s.sessionsStay(func() {
			s.quiet(s.router, func() {
				s.must(outage.end(s.ctx))
				both(2 + i)
			})
			s.withoutWithdraw(s.router, func() {
				s.put(append(prefixes(20), fmt.Sprintf("10.1.0.0/24, med: %d", med))...)
				s.must(start(s.ctx))
				s.within(3*recovery, "the save while the broker was down", func() { s.sees(s.router, "10.1.0.0/24", fmt.Sprint(med)) })
				s.put(append(prefixes(20), fmt.Sprintf("10.1.0.0/24, med: %d", med+1))...)
				s.within(recovery, "the save after it", func() { s.sees(s.router, "10.1.0.0/24", fmt.Sprint(med+1)) })
			})
		})
		s.untouched(s.router, before)
		s.nothingToDo()
		once(2 + i)
	}
}

// TestExaBGPKilled: its table dies with it, and is there again by itself.
func TestExaBGPKilled(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.put(prefixes(50)...)
	watch := s.watches("watch")
	s.says(watch, "converged")
	s.allSent(50)
	s.must(s.stage.speaker.Kill(s.ctx))
	s.must(s.router.WaitDown(s.ctx))
	s.put(append(prefixes(50)[1:], "10.1.0.0/24, med: 1")...)
	s.must(s.stage.speaker.Start(s.ctx))
	s.must(s.router.WaitEstablished(s.ctx))
	s.within(2*recovery, "announcing again, after the session was up", func() {
		s.sees(s.router, "10.1.0.0/24", "1")
		s.must(s.router.WaitCount(s.ctx, 50))
	})
	s.allSent(50)
	s.nothingToDo()
}

// TestSessionFlap: exaBGP sends its table again by itself. Nothing is commanded,
// and what was sent in the session before is not taken for sent in this one.
func TestSessionFlap(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.put(prefixes(50)...)
	watch := s.watches("watch")
	s.says(watch, "converged")
	s.allSent(50)
	s.must(s.router.Stop(s.ctx))
	s.until("status says held", func() bool { return s.grades()[s.router.Address]["held"] == 50 })
	s.must(s.router.Start(s.ctx))
	s.must(s.router.WaitCount(s.ctx, 50))
	s.allSent(50)
	if n := s.count(watch.Log(), "publishing"); n != 1 {
		t.Errorf("watch published %d times", n)
	}
	s.expect(0, "status", "50 sent")
	s.nothingToDo()
}

// TestPeerDown: a route for a peer that is down is held, by name, and that is
// no failure. The peer gets it when it comes.
func TestPeerDown(t *testing.T) {
	t.Parallel()
	s := open(t, setting{routers: []rig.RouterOptions{router(2, routerAS), router(3, routerAS)}})
	s.put("10.0.0.0/24")
	s.apply()
	gone := s.routers[1]
	s.must(gone.Stop(s.ctx))
	s.until("the bridge notices", func() bool { return s.grades()[gone.Address]["held"] == 1 })
	s.put("10.0.0.0/24", "10.0.1.0/24, med: 1")
	s.expect(0, "apply --yes --wait sent", "10.0.1.0/24 at 127.0.0.3 (peer is down", "2 of 2 routes sent; 2 held")
	s.sees(s.routers[0], "10.0.1.0/24", "1")
	s.expect(0, "plan --detailed-exitcode", "No changes.", "Held: 2 routes")
	s.must(gone.Start(s.ctx))
	s.sees(gone, "10.0.1.0/24", "1")
	s.must(gone.WaitCount(s.ctx, 2))
	s.allSent(2)
}
