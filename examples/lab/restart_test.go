//go:build integration

package main

import (
	"testing"
	"time"

	"routesync/examples/lab/rig"
)

// TestExaBGPRestartGraceful: the journal announces again what was confirmed,
// without a broker, and a router with graceful restart drops nothing of it.
func TestExaBGPRestartGraceful(t *testing.T) {
	if shared.sixth() {
		t.Skip("exaBGP 6.0 resets the session to a peer with graceful restart, at its End-of-RIB")
	}
	r := router(2, routerAS)
	r.PeerExtra = "graceful restart on;"
	s := open(t, setting{routers: []rig.RouterOptions{r}, neighbors: func(n []rig.Neighbor) {
		n[0].Extra = "manual-eor true; capability { graceful-restart 60; }"
	}})
	const n = 10_000
	s.put(prefixes(n)...)
	watch := s.watches("watch")
	s.says(watch, "converged")
	s.allSent(n)
	before := s.held(s.router)
	s.must(shared.broker.Stop(s.ctx))
	s.withoutWithdraw(s.router, func() {
		s.must(s.stage.speaker.Kill(s.ctx))
		s.must(s.stage.speaker.Start(s.ctx))
		s.must(s.router.WaitEstablished(s.ctx))
		s.within(3*time.Second, "replay", func() {
			s.until("End-of-RIB goes", func() bool { return s.count(s.stage.speaker.Log(), "end-of-RIB") > 0 })
		})
	})
	s.untouched(s.router, before)
	s.must(shared.broker.Start(s.ctx))
	s.allSent(n)
	s.nothingToDo()
}
