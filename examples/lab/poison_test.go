//go:build integration

package main

import (
	"fmt"
	"strings"
	"testing"

	"routesync/examples/lab/rig"
	"routesync/examples/lab/table"
)

// TestPoison: one route among 10,000 makes the router reset the session, whenever
// it is sent. It is found and quarantined, everything says so, and the others are
// on the router. Changed, it is announced.
func TestPoison(t *testing.T) {
	if shared.sixth() {
		t.Skip("exaBGP 6.0 takes no IPv6 flow")
	}
	s := open(t, setting{
		routers:   []rig.RouterOptions{bearing(router(2, routerAS))},
		neighbors: func(n []rig.Neighbor) { offered(&n[0]) },
	})
	const flows = 100
	prefixes := table.Sample(10_000-flows, 0)
	s.put()
	watch := s.watches("watch")
	s.says(watch, "converged")
	s.within(poisonLimit, "to quarantine one of 10,000 routes, and to have the others on the router,", func() {
		s.must(s.save(poisonFile(owner, s.name, prefixes, flows, true)))
		s.says(watch, "quarantined: the session to 127.0.0.2 fell")
		s.must(s.router.WaitCount(s.ctx, 9_999))
	})
	t.Logf("the session fell %d times", s.count(s.stage.speaker.Log(), "session down"))
	quarantined := "quarantined: the session to 127.0.0.2 fell "
	because := fmt.Sprintf(" times after it was sent (%s); change the route to have it tried again", poisonReason)
	s.sessionsStay(func() {
		s.expect(0, "status", poisonFlow, quarantined, because)
		s.expect(0, "plan", poisonFlow, quarantined, because)
		s.must(watch.Stop(s.ctx))
		s.expect(1, "apply --yes --wait sent --timeout 10s", "9999 of 10000 routes sent; 1 refused", poisonFlow, quarantined, because)
		// A bridge after this one knows it.
		before, err := s.stage.speaker.BridgePID(s.ctx)
		s.must(err)
		s.must(s.stage.speaker.KillBridge(s.ctx))
		_, err = s.stage.speaker.NextBridgePID(s.ctx, before)
		s.must(err)
		s.until("the next bridge has read the table", func() bool {
			r, err := s.routesync(s.ctx, "status")
			s.must(err)
			return strings.Contains(r.stdout, "9999 sent")
		})
		s.expect(0, "status", quarantined)
		s.must(s.save(poisonFile(owner, s.name, prefixes, flows, false)))
		s.apply()
		s.until("the changed flow is on the router", func() bool {
			flows, err := s.router.Show(s.ctx, "route", "table", poisonTable)
			s.must(err)
			return strings.Contains(flows, "is_fragment")
		})
	})
	if out := s.expect(0, "status").stdout; strings.Contains(out, "refused  ") {
		t.Errorf("it is still said to be refused:\n%s", out)
	}
	s.must(s.router.WaitCount(s.ctx, 10_000))
}
