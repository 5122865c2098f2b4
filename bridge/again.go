package bridge

import (
	"net/netip"
	"time"

	"routesync/state"
)

// againPause is how often a change is given once more that exaBGP took and did
// not send.
const againPause = time.Minute

// stuck is an announce that exaBGP took and did not send, in this session. It
// may have what it was told already, so that it does nothing, although the peer
// does not have it: its table and what it sends can part ways, when several
// changes of one route are under way at once (rib/outgoing.py, updates), or when
// one neighbor's part of its table was cleared, of which it hides the same
// routes of the others. Then the route is announced in other words for the same
// attributes, which exaBGP takes for a change.
type stuck struct {
	tries int
	at    time.Time // of the last
}

// unsent notes that an announce was taken, and was not sent in its time.
func (a *audits) unsent(at place) {
	if a.stuck == nil {
		a.stuck = map[place]*stuck{}
	}
	if a.stuck[at] == nil {
		a.stuck[at] = &stuck{}
	}
}

// untried notes that what was given once more was not answered: it may be given again
// at once, in the same words.
func (a *audits) untried(at place) {
	if t := a.stuck[at]; t != nil && t.tries > 0 {
		t.tries, t.at = t.tries-1, time.Time{}
	}
}

// forgetStuck forgets what is over.
func (c *core) forgetStuck() {
	for at := range c.audits.stuck {
		p := c.findPeer(at.peer)
		if p == nil || !p.up {
			delete(c.audits.stuck, at)
			continue
		}
		if s := c.table.find(at.key, p); s == nil || s.grade == state.Sent || s.grade == state.Held {
			delete(c.audits.stuck, at)
		}
	}
}

// againIfHidden gives a route once more that exaBGP took and does not list, and
// tells whether it did, or will if it is not sent in its time.
func (c *core) againIfHidden(k state.Key, s *slot) bool {
	return c.audits.stuck[place{k, s.peer.Addr}] != nil && (s.grade == state.Accepted || c.againIfUnsent(k, s))
}

// againIfUnsent gives a change once more that exaBGP took and did not send, and
// tells whether it did.
func (c *core) againIfUnsent(k state.Key, s *slot) bool {
	withdraw := s.grade == state.Withdrawing && s.reason == unwithdrawnReason
	if !withdraw && (s.grade != state.Unsent || s.reason != unsentReason) {
		return false
	}
	return c.againAt(k, s)
}

// againAt gives an owner's route, or its withdraw, once more.
func (c *core) againAt(k state.Key, s *slot) bool {
	withdraw := s.grade == state.Withdrawing
	if s.owner == "" || !s.peer.up || !withdraw && (c.expired(s) || s.given != (state.Attrs{})) {
		return false
	}
	at := place{k, s.peer.Addr}
	c.audits.unsent(at)
	t := c.audits.stuck[at]
	if t.tries > 0 && c.now.Sub(t.at) < againPause {
		return false
	}
	t.tries, t.at = t.tries+1, c.now
	c.log.Warn("exaBGP is told once more", "route", k.String(), "peer", s.peer.Addr, "withdraw", withdraw, "grade", s.grade.String())
	if !withdraw && !c.dialect.Spells(k.Family, s.attrs) {
		c.sendAgain(s.peer)
		return true
	}
	c.enqueue(&op{
		key: k, withdraw: withdraw, attrs: s.attrs, claimant: s.claimant, peers: []netip.Addr{s.peer.Addr},
		again: true, spelled: t.tries%2 == 1,
	})
	return true
}

// sendAgain has exaBGP send a peer everything again, where there is no word for
// one route of it.
func (c *core) sendAgain(p *peer) {
	if p.FlushResets() || c.now.Sub(p.flushed) < againPause {
		return
	}
	p.flushed = c.now
	c.flush(p.Addr)
}
