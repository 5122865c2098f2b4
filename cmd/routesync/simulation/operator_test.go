package simulation

import (
	"time"

	"routesync/state"
)

// What happens to exaBGP from outside.

// do does something to exaBGP between two of its turns.
func (e *daemon) do(f func()) {
	e.mu.Lock()
	if e.ctx.Err() == nil {
		f()
	}
	e.mu.Unlock()
	notify(e.wake)
}

// sessionUp: the session with a peer is up after a while.
func (e *daemon) sessionUp(n *neighbor, after time.Duration) {
	n.life++
	life := n.life
	time.AfterFunc(after, func() {
		e.do(func() {
			if n.life != life || n.up || n.barred {
				return
			}
			n.up, n.first, n.updates, n.began = true, true, 0, time.Now()
			if !n.graceful {
				clear(n.holds)
			}
			e.say(n.envelope("state", `"state": "up"`))
			n.rib.resend()
		})
	})
}

// sessionDown ends a session, or an attempt at one: what waits is forgotten,
// for all is sent when it is up again.
func (e *daemon) sessionDown(n *neighbor, reason string) {
	n.life++
	if n.up {
		n.up = false
		n.lose()
		n.eor = nil
	}
	n.rib.reset()
	e.say(n.envelope("state", `"state": "down", "reason": "`+reason+`"`))
}

// tearDown ends a session that is up, as the helper asks.
func (e *daemon) tearDown(n *neighbor) {
	if !n.up {
		return
	}
	e.law.note("the session to %s is ended by the bridge", n.addr)
	e.sessionDown(n, "peer reset, message (notification sent (6,4)) error(Cease / Administrative Reset)")
	e.sessionUp(n, time.Second)
}

// falls is a session that the peer ends with a NOTIFICATION: no graceful restart
// covers that (RFC 4724 §4).
func (e *daemon) falls(n *neighbor) {
	e.law.note("the session to %s falls of what was sent", n.addr)
	e.sessionDown(n, "peer reset, message (notification received (3,1)) error(UPDATE message error / Malformed Attribute List)")
	clear(n.holds)
	clear(n.stale)
	n.moved = time.Now()
	e.sessionUp(n, time.Second)
}

// kill ends exaBGP as kill -9 does: its peers lose their sessions, its helper
// finds its stdin closed.
func (e *daemon) kill() {
	e.mu.Lock()
	e.end()
	for _, n := range e.peers {
		n.life++
		if n.up {
			n.up = false
			n.lose()
		}
		n.rib, n.eor = newAdjRIBOut(), nil
		clear(n.sent)
	}
	if e.helper != nil {
		e.helper.stdin.close()
	}
	e.mu.Unlock()
	<-e.done
}

// reload: all that the tables have is sent again (rib/__init__.py).
func (e *daemon) reload() {
	for _, n := range e.peers {
		n.rib.resend()
	}
}

// byHand is a command that another gives, exabgpcli above all.
func (e *daemon) byHand(n *neighbor, k state.Key, attrs state.Attrs, withdraw bool) {
	if withdraw {
		a, there := n.rib.seen[k]
		if !there {
			return
		}
		attrs = a
	}
	e.give(n, &change{key: k, attrs: attrs, withdraw: withdraw, at: time.Now(), up: n.up})
}
