package bridge

import (
	"time"

	"routesync/state"
)

// auditQuietly looks at what exaBGP has sent at some time. It is no proof of
// what the bridge gave, but it shows what is not the bridge's: nothing of that
// is ever withdrawn.
func (c *core) auditQuietly(body []string, ok bool) {
	if !ok {
		return
	}
	held := c.holding(body)
	for at, attrs := range held {
		p := c.findPeer(at.peer)
		if p == nil || c.table.find(at.key, p) != nil {
			continue
		}
		if e := c.table.entries[at.key]; e != nil {
			continue // a change is under way
		}
		if left, ours := c.quiet.withdrawn[at]; ours && !c.hadTime(p, left.since) {
			continue
		}
		// Somebody else gave it; or 3.4 never took the withdraw, which is the same
		// from here.
		s := slot{peer: p, attrs: attrs}
		s.grade, s.reason = c.expect(at.key, p)
		c.put(at.key, s)
		c.forgetWithdrawn(at)
	}
	for at, left := range c.quiet.withdrawn {
		p := c.findPeer(at.peer)
		if _, there := held[at]; !there && (p == nil || c.hadTime(p, left.since)) {
			c.forgetWithdrawn(at)
		}
	}
	c.dropUnlisted(held)
	c.forgetGiven()
}

// forgetGiven forgets what exaBGP has had its time to send.
func (c *core) forgetGiven() {
	for a, keys := range c.quiet.given {
		for k, at := range keys {
			if p := c.findPeer(a); p == nil || c.hadTime(p, at) {
				delete(keys, k)
			}
		}
		if len(keys) == 0 {
			delete(c.quiet.given, a)
		}
	}
}

// hadTime tells whether exaBGP has had its time to send a peer what it was told
// then. As a session comes up it lists nothing at first. Of one that is down an
// event comes with every attempt, which is one a minute at least (reactor/peer.py,
// _more_skip); where none comes at all, it is taken to be up.
func (c *core) hadTime(p *peer, then time.Time) bool {
	passed := c.now.Sub(later(then, p.since))
	return p.up && passed >= sendLimit || c.heard[p.Addr] == "" && passed >= 3*sendLimit
}

func (c *core) forgetWithdrawn(at place) {
	if _, ours := c.quiet.withdrawn[at]; ours {
		delete(c.quiet.withdrawn, at)
		c.claim(at.key)
	}
}

// dropUnlisted drops what was somebody else's and is not listed any more.
func (c *core) dropUnlisted(held map[place]state.Attrs) {
	for k, e := range c.table.entries {
		for _, p := range c.peers {
			s := e.slot(p)
			if s == nil || s.owner != "" || e.flight != nil || !c.hadTime(p, p.since) {
				continue
			}
			if _, there := held[place{k, p.Addr}]; !there {
				c.table.drop(k, p)
			}
		}
	}
}
