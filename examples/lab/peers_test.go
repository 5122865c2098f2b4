//go:build integration

package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"routesync/examples/lab/rig"
)

// TestFamilyNotNegotiated: exaBGP says done for a route that it never sends. It
// is reported as unsent, with the reason, and is no change of the next plan.
func TestFamilyNotNegotiated(t *testing.T) {
	t.Parallel()
	only4 := router(2, routerAS)
	only4.Families = []string{rig.IPv4}
	s := open(t, setting{
		routers:   []rig.RouterOptions{only4},
		neighbors: func(n []rig.Neighbor) { n[0].Families = []string{"ipv4 unicast", "ipv6 unicast"} },
	})
	const reason = "the peer did not negotiate ipv6 unicast"
	s.put("10.0.0.0/24", "2001:db8:1::/48")
	s.sessionsStay(func() {
		s.expect(5, "apply --yes --wait sent", "1 of 2 routes sent; 1 unsent", "2001:db8:1::/48 at 127.0.0.2 ("+reason+") routes.yaml:7:14")
		s.expect(0, "apply --yes --wait accepted", "2 of 2 routes accepted")
		s.expect(0, "plan --detailed-exitcode", "No changes.", "Unsent: 1 route")
		s.expect(0, "status", "1 sent", "1 unsent", "2001:db8:1::/48: "+reason)
		s.put("10.0.0.0/24")
		s.apply()
	})
	s.must(s.router.WaitCount(s.ctx, 1))
	s.sees(s.router, "10.0.0.0/24", "")
}

// TestPeers: a route goes to the peers that the file names, with what it says
// for each.
func TestPeers(t *testing.T) {
	t.Parallel()
	s := open(t, setting{routers: []rig.RouterOptions{router(2, routerAS), router(3, speakerAS)}})
	one, two := s.routers[0], s.routers[1]
	const only2, only3 = "peers: [127.0.0.2]", "peers: [127.0.0.3]"
	step := func(routes ...string) {
		t.Helper()
		s.put(routes...)
		s.apply()
	}
	step("10.0.0.0/24", "10.0.1.0/24, "+only2, "10.0.2.0/24, med: 2, "+only2, "10.0.2.0/24, med: 3, "+only3)
	s.sees(one, "10.0.0.0/24", "")
	s.sees(two, "10.0.0.0/24", "")
	s.sees(one, "10.0.1.0/24", "")
	s.lacks(two, "10.0.1.0/24")
	s.sees(one, "10.0.2.0/24", "2")
	s.sees(two, "10.0.2.0/24", "3")

	t.Log("one of them changes")
	s.quiet(two, func() {
		s.told(one, rig.Counters{Updates: 1}, func() {
			step("10.0.0.0/24", "10.0.1.0/24, "+only2, "10.0.2.0/24, med: 22, "+only2, "10.0.2.0/24, med: 3, "+only3)
		})
	})
	s.sees(one, "10.0.2.0/24", "22")
	s.sees(two, "10.0.2.0/24", "3")

	t.Log("a route moves to the other peer")
	step("10.0.0.0/24", "10.0.1.0/24, "+only3, "10.0.2.0/24, med: 22, "+only2, "10.0.2.0/24, med: 3, "+only3)
	s.lacks(one, "10.0.1.0/24")
	s.sees(two, "10.0.1.0/24", "")

	t.Log("and another to all of them, with one value")
	s.told(one, rig.Counters{Updates: 1}, func() { step("10.0.0.0/24", "10.0.1.0/24, "+only3, "10.0.2.0/24, med: 3") })
	s.sees(one, "10.0.2.0/24", "3")
	s.sees(two, "10.0.2.0/24", "3")

	t.Log("a peer that the speaker does not have")
	s.put("10.0.0.0/24", "10.0.9.0/24, peers: [192.0.2.250]")
	s.expect(1, "apply --yes", "10.0.9.0/24", "192.0.2.250 is no neighbor of "+s.name)
	for _, r := range s.routers {
		s.must(r.WaitCount(s.ctx, 1))
		s.sees(r, "10.0.0.0/24", "")
	}
}

// TestNextHopSelf: each peer gets the speaker's address on its own session, and
// status tells which.
func TestNextHopSelf(t *testing.T) {
	t.Parallel()
	other := router(3, speakerAS)
	other.PeerAddress = netip.AddrFrom4([4]byte{127, 0, 0, 9})
	s := open(t, setting{routers: []rig.RouterOptions{router(2, routerAS), other}})
	prefix := netip.MustParsePrefix("10.0.0.0/24")
	s.put("10.0.0.0/24, next-hop: self")
	s.apply()
	status := s.expect(0, "status").stdout
	for i, want := range []string{"127.0.0.1", "127.0.0.9"} {
		s.must(s.routers[i].WaitRoute(s.ctx, prefix, func(r *rig.Route) bool { return r != nil && r.NextHop.String() == want }))
		if !strings.Contains(status, "next hop  self was sent as "+want+"\n") {
			t.Errorf("%s is not said:\n%s", want, status)
		}
	}
	s.put("10.0.0.0/24")
	s.apply()
	s.nothingToDo()
}

// TestDiagnostics: what exaBGP's configuration lacks is said, with the line to
// add, by plan and by status.
func TestDiagnostics(t *testing.T) {
	t.Parallel()
	pieces := []rig.Piece{"", rig.API, rig.Send, rig.NeighborChanges, rig.AdjRIBOut}
	lines := []string{
		"no api for this helper, so nothing can be announced to it: add api { processes [ routesync ]; neighbor-changes; send { parsed; update; } }",
		"no confirmation of what is sent: add send { parsed; update; } to its api",
		"no events when the session goes up or down: add neighbor-changes; to its api",
		"exaBGP forgets what it announced when the session goes down: add adj-rib-out true;",
	}
	var routers []rig.RouterOptions
	for i := range pieces {
		routers = append(routers, router(byte(2+i), routerAS))
	}
	s := open(t, setting{unseen: true, routers: routers, neighbors: func(n []rig.Neighbor) {
		for i, piece := range pieces {
			n[i].Without = []rig.Piece{piece}
		}
	}})
	s.put()
	status, plan := s.expect(0, "status").stdout, s.expect(0, "plan").stderr
	for i, line := range lines {
		line = fmt.Sprintf("neighbor 127.0.0.%d: %s", 3+i, line)
		if !strings.Contains(status, line) || !strings.Contains(plan, line) {
			t.Errorf("not said: %s\nstatus:\n%s\nplan:\n%s", line, status, plan)
		}
	}
	if strings.Contains(status, "neighbor 127.0.0.2") || strings.Count(status, "lacks ") != len(lines) {
		t.Errorf("something else is said to lack:\n%s", status)
	}
}

// TestStaticRoute: a route of exaBGP's own configuration is foreign. It is
// shown, and never touched.
func TestStaticRoute(t *testing.T) {
	t.Parallel()
	s := open(t, setting{neighbors: func(n []rig.Neighbor) { n[0].Static = []string{"route 203.0.113.0/24 next-hop 192.0.2.254 med 9"} }})
	s.sees(s.router, "203.0.113.0/24", "9")
	s.allSent(1)
	before := s.held(s.router)
	const ours = "10.0.0.0/24"
	s.withoutWithdraw(s.router, func() {
		s.put()
		s.expect(0, "plan --detailed-exitcode", "! 203.0.113.0/24", "announced by exaBGP itself", "left alone", "No changes.")
		s.expect(0, "apply --yes")
		s.expect(0, "status", "1 route of exaBGP itself", "1 sent, 1 of them foreign")
	})
	s.put(ours)
	s.apply()
	s.put()
	s.apply()
	s.lacks(s.router, ours)
	for name, route := range map[string]string{
		"with other attributes": "203.0.113.0/24, med: 5",
		"with the same":         "203.0.113.0/24, med: 9, next-hop: 192.0.2.254",
	} {
		t.Log("the file asks for it too, " + name)
		s.put(ours, route)
		s.expect(1, "apply --yes", "1 of 2 routes sent; 1 foreign", "203.0.113.0/24 at 127.0.0.2", "routes.yaml:7:14")
		s.expect(1, "plan --detailed-exitcode", "routes.yaml:7:14 asks for it too", "No changes.", "less 1 route that somebody else announces")
		s.sees(s.router, ours, "")
	}
	s.put()
	s.apply()
	s.must(s.router.WaitCount(s.ctx, 1))
	s.untouched(s.router, before)
}

// TestTwoOwners: two files on one speaker. Each sees the routes of the other as
// foreign, and never touches them.
func TestTwoOwners(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	other := func(routes ...string) {
		t.Helper()
		s.must(os.WriteFile(filepath.Join(s.dir, "other.yaml"), []byte(file("other-team", s.name, routes...)), 0o644))
	}
	s.put(prefixes(10)...)
	other("10.1.0.0/24", "10.1.1.0/24, med: 1")
	s.apply()
	s.expect(0, "apply --yes -f other.yaml")
	s.expect(0, "plan --detailed-exitcode", "! 10.1.0.0/24", "announced by owner other-team, left alone", "No changes.")
	s.expect(0, "plan --detailed-exitcode -f other.yaml", "! 10.0.9.0/24", "announced by owner "+owner+", left alone", "No changes.")
	s.expect(0, "status", "2 routes of owner other-team", "10 routes of owner "+owner)

	t.Log("both are watched, and each takes what it has away")
	mine, theirs := s.watches("watch"), s.watches("other", "-f", "other.yaml")
	s.says(mine, "converged")
	s.says(theirs, "converged")
	before := s.held(s.router)
	s.put()
	s.must(s.router.WaitCount(s.ctx, 2))
	other("10.1.1.0/24, med: 2")
	s.sees(s.router, "10.1.1.0/24", "2")
	s.lacks(s.router, "10.1.0.0/24")
	s.put("10.0.0.0/24")
	s.sees(s.router, "10.0.0.0/24", "")

	t.Log("one asks for what the other has")
	held := s.held(s.router)
	s.put("10.0.0.0/24", "10.1.1.0/24, med: 7")
	s.says(mine, "somebody else announces this route, and keeps it")
	s.says(theirs, "somebody else asks for this route too; it stays as this file says")
	s.expect(0, "status", "10.1.1.0/24 of owner other-team: owner "+owner+" asks for it too")
	s.expect(0, "plan --detailed-exitcode -f other.yaml", "owner "+owner+" asks for it too; it stays this file's", "No changes.")
	s.untouched(s.router, held)
	other()
	s.within(tryAgain, "taking what the other let go", func() { s.sees(s.router, "10.1.1.0/24", "7") })
	s.until("nothing is contested", func() bool { return !strings.Contains(s.expect(0, "status").stdout, "contested") })
	if len(before) != 12 {
		t.Errorf("there were %d routes", len(before))
	}
}

// tryAgain is when a watcher tries again what was refused, and some.
const tryAgain = 35 * time.Second

// TestDrift: what somebody does behind the bridge's back is put right, if it is
// about a route of the file, and else it is foreign.
func TestDrift(t *testing.T) {
	t.Parallel()
	s, say := openWithOther(t)
	s.put(prefixes(10)...)
	watch := s.watches("watch")
	s.says(watch, "converged")
	s.allSent(10)
	const limit = 10 * time.Second
	s.sessionsStay(func() {
		t.Log("withdrawn")
		s.told(s.router, rig.Counters{Updates: 1, Withdraws: 1}, func() {
			say("withdraw route 10.0.3.0/24 next-hop 192.0.2.1")
			s.within(limit, "putting it back", func() {
				s.until("the watch acts", func() bool { return s.count(watch.Log(), "publishing") > 1 })
				s.sees(s.router, "10.0.3.0/24", "")
			})
		})
		s.allSent(10)
		t.Log("changed")
		say("announce route 10.0.4.0/24 next-hop 192.0.2.1 med 99")
		s.within(limit, "changing it back", func() {
			// In a young session it may be an older value that exaBGP sends late, so
			// the bridge does not wait for the watch.
			s.until("the change is seen", func() bool { return s.count(s.stage.speaker.Log(), "10.0.4.0/24 was ") > 0 })
			s.sees(s.router, "10.0.4.0/24", "")
		})
		s.allSent(10)
		t.Log("one more")
		say("announce route 10.66.0.0/24 next-hop 192.0.2.1 med 66")
		s.sees(s.router, "10.66.0.0/24", "66")
		s.allSent(11)
		s.expect(0, "plan --detailed-exitcode", "! 10.66.0.0/24", "announced by exaBGP itself", "No changes.")
	})
	s.sees(s.router, "10.66.0.0/24", "66")
}

// openWithOther opens a scene whose exaBGP has a second helper beside the bridge, which
// say has say a line.
func openWithOther(t *testing.T) (s *scene, say func(line string)) {
	t.Helper()
	dir := t.TempDir()
	script, pipe := filepath.Join(dir, "other"), filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	text := "#!/bin/sh\nexec 3<>" + pipe + "\ncat <&3 &\nexec cat >/dev/null\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	s = open(t, setting{
		neighbors: func(n []rig.Neighbor) {
			n[0].Extra = "api { processes [ other ]; neighbor-changes; send { parsed; update; } }"
		},
		speaker: func(o *rig.SpeakerOptions) { o.Extra = "process other { run " + script + "; encoder json; }" },
	})
	return s, func(line string) {
		t.Helper()
		if err := os.WriteFile(pipe, []byte(line+"\n"), 0); err != nil {
			t.Fatal(err)
		}
	}
}

// TestClassicQueue: where the broker has no quorum queues.
func TestClassicQueue(t *testing.T) {
	t.Parallel()
	s := open(t, setting{speaker: func(o *rig.SpeakerOptions) { o.Run = append(o.Run, "--queue-type", "classic") }})
	s.put(prefixes(10)...)
	s.expect(0, "apply --yes --queue-type classic", "10 of 10 routes sent")
	s.expect(0, "plan --detailed-exitcode --queue-type classic", "No changes.")
	s.must(s.router.WaitCount(s.ctx, 10))
	watch := s.watches("watch", "--queue-type", "classic")
	s.says(watch, "converged")
	s.put("10.0.0.0/24, med: 1")
	s.sees(s.router, "10.0.0.0/24", "1")
	s.must(s.router.WaitCount(s.ctx, 1))
	queues, err := s.broker.Ctl(s.ctx, "--quiet", "list_queues", "name", "type")
	s.must(err)
	if want := "rs.cmd." + s.name + "\tclassic"; !strings.Contains(queues, want) {
		t.Errorf("no queue %q:\n%s", want, queues)
	}
}
