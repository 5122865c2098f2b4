package bridge

import (
	"fmt"
	"net/netip"

	"routesync/bridge/wire"
	"routesync/state"
)

// exaBGP files a change that can't be sent yet under its attributes, and a
// second change of the route under others does not take the first one back
// (rib/outgoing.py, add_to_rib). While a session is down such changes gather, in
// spite of one change in flight: nothing tells when exaBGP has forgotten them,
// which it does when an attempt to connect fails (reactor/peer.py, _reset). So
// what comes first in a session can be older than the table: a route that was
// withdrawn, or a value that was replaced and is sent behind the right one. Both
// are put right as soon as they are seen.

// latecomer is a route that was withdrawn while the session was down. The journal
// has it as leaving until the peer was sent what waited for the session.
type latecomer struct {
	claimant
	attrs state.Attrs
}

// keepLatecomer notes a withdraw at a peer that is down.
func (c *core) keepLatecomer(k state.Key, s *slot) {
	if c.quiet == nil && !s.peer.up && s.owner != "" {
		c.tardy[place{k, s.peer.Addr}] = latecomer{s.claimant, s.attrs}
	}
}

// forgetLatecomers drops those of a peer that has been sent what waited.
func (c *core) forgetLatecomers(p *peer) {
	for at := range c.tardy {
		if at.peer == p.Addr {
			delete(c.tardy, at)
			c.claim(at.key)
		}
	}
}

// recallLatecomers takes those out of the journal that exaBGP's table does not
// have any more. What a session that is up was sent is not known.
func (c *core) recallLatecomers() {
	for k, claims := range c.claims {
		for _, x := range claims {
			attrs, err := state.ParseCanonical(x.Value)
			if !x.Leaving || err != nil || attrs == (state.Attrs{}) {
				continue
			}
			whose := claimant{owner: x.Owner}
			for _, a := range x.Peers {
				p := c.findPeer(a)
				if p == nil || p.resumed {
					continue
				}
				s := slot{peer: p, claimant: whose, attrs: attrs, grade: state.Accepted}
				switch old := c.table.find(k, p); {
				case old != nil && old.owner != "":
					continue // the table has it
				case old != nil: // it was just sent
					s.attrs, s.grade = old.attrs, old.grade
				}
				if p.up {
					c.withdrawAgain(k, s)
				} else {
					c.keepLatecomer(k, &s)
				}
			}
		}
	}
}

// sentLatecomer withdraws a latecomer that was sent all the same, and tells whether
// it was one.
func (c *core) sentLatecomer(k state.Key, r *report) bool {
	at := place{k, r.p.Addr}
	left, is := c.tardy[at]
	if !is {
		return false
	}
	delete(c.tardy, at)
	c.happen(wire.Happening{Kind: wire.Trouble, Text: fmt.Sprintf("exaBGP sent %s to %s, which was withdrawn while the session was down; it is withdrawn again", k, r.p.Addr)})
	c.withdrawAgain(k, slot{peer: r.p, claimant: left.claimant, attrs: c.observed(r.p, r.sent), grade: state.Sent})
	return true
}

// withdrawAgain withdraws what exaBGP's table has no more.
func (c *core) withdrawAgain(k state.Key, s slot) {
	s.leaves = true
	c.put(k, s)
	c.claim(k)
	c.enqueue(&op{key: k, withdraw: true, claimant: s.claimant, peers: []netip.Addr{s.peer.Addr}})
}

// overtaken takes a value of an owner's route that is not what is advertised, and
// tells whether it was an older one. If it comes behind the right one, exaBGP's
// table has that, so that it is given in other words. If it came before, it was
// taken for somebody else's, until now.
func (c *core) overtaken(k state.Key, s *slot, e *entry, r *report) bool {
	seen := s.given != (state.Attrs{})
	switch {
	case s.owner == "" || e.flight.at(s.peer):
		return false
	case seen && c.matches(r, s.given).ok:
		c.put(k, slot{peer: s.peer, claimant: s.claimant, attrs: s.given, grade: state.Sent})
		return true
	case seen || s.grade != state.Sent || !s.peer.unsettled:
		return false
	}
	c.drift(k, s.peer.Addr, fmt.Sprintf("%s was sent to %s with another value behind the one that was given; that is given again", k, s.peer.Addr))
	c.table.grade(k, s, state.Accepted, "")
	c.enqueue(&op{
		key: k, attrs: s.attrs, claimant: s.claimant, peers: []netip.Addr{s.peer.Addr},
		again: true, spelled: true,
	})
	return true
}
