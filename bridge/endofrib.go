package bridge

import (
	"time"

	"routesync/bridge/exabgp"
)

// A peer with graceful restart keeps what it had of an exaBGP that was started
// again until the End-of-RIB, and then drops what was not announced again
// (RFC 4724 §4.2). With manual-eor exaBGP leaves that word to its helper: it is
// given once everything that was confirmed before is announced again.

// settleDown is how long after its lease a commander is given to send what its
// file asks for.
const settleDown = 3 * time.Second

// endOfRIB lets go of the End-of-RIB of every session that is owed one. exaBGP
// sends it behind all UPDATEs that wait (reactor/peer.py, _main).
func (c *core) endOfRIB() {
	if c.phase != ready || c.quiet != nil {
		return
	}
	for _, p := range c.peers {
		if !p.owed || !p.up || !p.asked || c.withheld(p) {
			continue
		}
		p.owed = false
		left := len(p.negotiated)
		for _, f := range p.negotiated {
			c.windows.add(&exchange{line: exabgp.EndOfRIB(p.Addr, f), ask: func(_ []string, ok bool) {
				if ok {
					left--
					p.ended = p.up && left == 0
					c.log.Info("end-of-RIB", "peer", p.Addr, "family", f.String())
				}
			}})
		}
	}
}

// withheld tells whether the End-of-RIB to a peer has to wait for a commander:
// the journal does not know what the peer had, so that it would drop what a file
// still asks for. It waits no longer than the peer's own patience.
func (c *core) withheld(p *peer) bool {
	if !c.forgetful || p.GracefulRestart == 0 || c.now.Sub(p.since) >= time.Duration(p.GracefulRestart)*time.Second {
		return false
	}
	for _, l := range c.leases {
		if c.now.Sub(l.granted) >= settleDown && len(l.batches) == 0 && !c.busy() {
			c.forgetful = false
			return false
		}
	}
	return true
}
