//go:build integration

package main

import (
	"fmt"
	"strings"
	"testing"

	"routesync/examples/lab/rig"
)

// TestSilentExaBGP: exaBGP 3.4 answers no command. It is told nothing, and every
// command says why.
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
  family {
    ipv4 unicast;
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
	const reason = "answers no command, so that nothing of what is announced could be known; the bridge needs 4.2 or newer"
	s.put("10.0.0.0/24")
	s.quiet(s.router, func() {
		s.expect(1, "status", reason)
		s.expect(1, "plan", reason)
		s.expect(1, "apply --yes --timeout 3s", reason)
	})
	s.must(s.router.WaitCount(s.ctx, 0))
}
