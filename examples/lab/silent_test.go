//go:build integration

package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"routesync/examples/lab/rig"
)

// TestSilentExaBGP: exaBGP 3.4 answers no command. Routes come, change and go
// all the same, and what can't be known is said.
func TestSilentExaBGP(t *testing.T) {
	t.Parallel()
	s := open(t, setting{silent: true, speaker: func(o *rig.SpeakerOptions) {
		n := o.Neighbors[0]
		o.Config = fmt.Sprintf(`
neighbor %v {
  router-id 10.254.0.1;
  local-address 127.0.0.1;
  local-as %d;
  peer-as %d;
  group-updates;
  family {
    ipv4 unicast;
  }
  static {
    route 203.0.113.0/24 next-hop 192.0.2.254;
  }
  process routesync {
    run %s;
    encoder json;
    neighbor-changes;
  }
}
`, n.Address, o.LocalAS, n.PeerAS, strings.Join(o.Run, " "))
		o.Env = append(o.Env, fmt.Sprintf("exabgp_tcp_port=%d", n.Port)) // it has no word for that in a neighbor
	}})
	const (
		static = "203.0.113.0/24"
		reason = "exaBGP 3.4 does not say whether it took or sent this"
	)
	log := s.stage.speaker.Log()
	s.until("the bridge is ready", func() bool { return s.count(log, "table is read") == 1 })
	s.put("10.0.0.0/24", "10.0.1.0/24, med: 1")
	s.within(10*time.Second, "apply --wait sent", func() { s.expect(5, "apply --yes --wait sent --timeout 30s", reason) })
	s.sees(s.router, "10.0.0.0/24", "")
	s.sees(s.router, "10.0.1.0/24", "1")
	s.expect(0, "apply --yes --wait accepted")
	s.nothingToDo()
	s.expect(0, "status", "3 unsent, 1 of them foreign", reason, "look at the routers")

	t.Log("a change and a withdraw")
	s.put("10.0.1.0/24, med: 2, community: [65000:1, 65535:666], as-path: [65000, 65010]")
	s.expect(0, "apply --yes --wait accepted")
	s.sees(s.router, "10.0.1.0/24", "2")
	s.lacks(s.router, "10.0.0.0/24")
	s.nothingToDo()
	s.until("the route of the configuration is known", func() bool { return s.grades()[s.router.Address]["unsent"] == 2 })

	t.Log("the session flaps, and meanwhile there is a change and a withdraw")
	s.put(prefixes(30)...)
	watch := s.watches("watch")
	s.says(watch, "converged")
	s.sees(s.router, "10.0.29.0/24", "")
	s.sees(s.router, "10.0.1.0/24", "")
	s.must(s.router.Stop(s.ctx))
	s.until("status says held", func() bool { return s.grades()[s.router.Address]["held"] == 31 })
	s.put(append(prefixes(29)[:28], "10.0.28.0/24, med: 3")...)
	s.until("the change is taken", func() bool { return s.grades()[s.router.Address]["held"] == 30 })
	s.must(s.router.Start(s.ctx))
	s.sees(s.router, "10.0.28.0/24", "3")
	s.must(s.router.WaitCount(s.ctx, 30))
	s.nothingToDo()

	t.Log("the bridge is killed, and meanwhile there is a withdraw")
	before := s.held(s.router)
	delete(before, netip.MustParsePrefix("10.0.28.0/24"))
	s.sessionsStay(func() {
		published := s.count(watch.Log(), "publishing")
		s.must(s.stage.speaker.KillBridge(s.ctx))
		s.put(prefixes(28)...)
		s.lacks(s.router, "10.0.28.0/24")
		s.until("all are announced again", func() bool { return s.grades()[s.router.Address]["unsent"] == 29 })
		s.nothingToDo()
		s.untouched(s.router, before)
		if n := s.count(watch.Log(), "publishing") - published; n > 2 {
			t.Errorf("watch published %d times", n)
		}
	})

	s.put()
	s.must(s.router.WaitCount(s.ctx, 1))
	s.sees(s.router, static, "")
	s.expect(0, "plan --detailed-exitcode", "! "+static, "left alone", "No changes.")
}
