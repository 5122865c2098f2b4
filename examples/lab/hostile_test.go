//go:build integration

package main

import (
	"strings"
	"testing"
)

// TestHostilePeer: what a peer says as its session ends (RFC 9003) neither
// hides from the bridge that it ended, nor reaches a terminal as it is.
func TestHostilePeer(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.put("10.0.0.0/24")
	s.apply()
	for _, text := range []string{"escape \x1b[2J", `back\slash`, "{ exabgp }"} {
		s.bird(s.router, "disable", s.router.Name, `"`+text+`"`)
		s.until("the session is known to be down after "+text, func() bool {
			out := s.expect(0, "status").stdout
			if strings.Contains(out, "\x1b") {
				t.Errorf("an escape came through:\n%q", out)
			}
			return strings.Contains(out, ": down")
		})
		s.bird(s.router, "enable", s.router.Name)
		s.must(s.router.WaitEstablished(s.ctx))
		s.sees(s.router, "10.0.0.0/24", "")
		s.until("the route is sent", func() bool { return strings.Contains(s.expect(0, "status").stdout, "1 sent") })
	}
}
