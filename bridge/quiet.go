package bridge

import (
	"net/netip"
	"time"

	"routesync/bridge/exabgp"
	"routesync/state"
)

// This is how the core gets along with an exaBGP that answers no command, 3.4.
// What it gives is taken for what exaBGP holds, and no grade says more than
// that. What can be known is used: the sessions, of which events come, and the
// list of what exaBGP has put on its way to a peer at some time.

const (
	// unsaidReason is why a route is unsent of which nothing can be known.
	unsaidReason = "exaBGP 3.4 does not say whether it took or sent this"
	unheardLack  = "whether the session is up is not known until it changes: exaBGP 3.4 can't be asked"
	unsaidLack   = " does not say whether it takes a route, or sends it: look at the routers"
	// quietPause is how long exaBGP says nothing once it has done what a helper
	// before this one asked for.
	quietPause = time.Second
	// firstWord is how long the first word on a session is waited for.
	firstWord = 10 * time.Second
)

// quiet is what is known of an exaBGP that answers nothing.
type quiet struct {
	exabgp.Silent
	withdrawn map[place]leftover                     // what exaBGP may not have taken out yet
	given     map[netip.Addr]map[state.Key]time.Time // what changed lately, or since a session went down
	repeat    map[netip.Addr]time.Time               // when to give that again
	// rests is when something was last heard after a list was given up; zero if
	// nothing late is waited for.
	rests time.Time
}

// leftover is a route that was withdrawn. It stays in the journal until exaBGP
// does not list it: it may come back with a session.
type leftover struct {
	claimant
	since time.Time
}

// befriend begins with an exaBGP that answers nothing.
func (c *core) befriend() {
	if c.quiet == nil {
		c.quiet = &quiet{withdrawn: map[place]leftover{}, given: map[netip.Addr]map[state.Key]time.Time{}, repeat: map[netip.Addr]time.Time{}}
		c.askedAt = c.now
		c.log.Warn("exaBGP answers no command: what it takes and sends can't be known", "version", c.dialect.Release)
	}
}

// beginQuietly reads what there is once the answers to the helper before this
// one are over, which have no mark. An exaBGP that has just begun lists what its
// configuration announces only once it has tried to reach a peer (rib/store.py,
// sent_changes).
func (c *core) beginQuietly() {
	configured := c.respawned || len(c.heard) > 0 || c.now.Sub(c.begun) >= firstWord
	if configured && c.now.Sub(c.askedAt) >= quietPause {
		c.askedAt = c.now
		c.startOver()
	}
}

// hearQuietly takes what an exaBGP that answers had said.
func (c *core) hearQuietly(said []exabgp.Line) {
	for _, l := range said {
		if l.Kind == exabgp.Text {
			c.windows.text(l.Text)
		} else if w := c.windows.answer(l.Kind); w != nil {
			c.settle(w)
		}
	}
}

// giveUpQuietly ends a window of which exaBGP lists the end in no way that is
// known: its configuration changed in the middle.
func (c *core) giveUpQuietly() {
	if c.quiet == nil {
		return
	}
	c.quiet.rests = c.now // what comes late is nothing's answer
	for said := c.quiet.GiveUp(); said != nil; said = c.quiet.GiveUp() {
		c.hearQuietly(said)
	}
}

// listen takes a line that is no event.
func (c *core) listen(text string) {
	if !c.quiet.rests.IsZero() {
		c.quiet.rests = c.now
		return
	}
	c.waited = c.now // a list may be long
	c.hearQuietly(c.quiet.Hear(text))
}

// rest ends the pause after a list that was given up.
func (c *core) rest() {
	if c.quiet != nil && c.now.Sub(c.quiet.rests) >= quietPause {
		c.quiet.rests = time.Time{}
	}
}

// expectUnsaid is the grade of a route that exaBGP was given.
func (c *core) expectUnsaid(p *peer) (state.Grade, string) {
	if !p.up && c.heard[p.Addr] == "down" {
		return state.Held, ""
	}
	return state.Unsent, unsaidReason
}

// hearState notes the state of a session, which can't be asked for.
func (c *core) hearState(e *exabgp.Event) {
	if e.State != "up" && e.State != "down" {
		return
	}
	c.heard[e.Peer] = e.State
	if c.quiet != nil && c.phase == asked {
		c.askedAt = c.now
	}
	p := c.findPeer(e.Peer)
	if c.quiet == nil || p == nil {
		return
	}
	if e.State == "up" {
		c.restoreGiven(p)
		c.quiet.repeat[p.Addr] = c.now.Add(sendPatience)
		return
	}
	delete(c.quiet.repeat, p.Addr)
	for k, e := range c.table.entries {
		if s := e.slot(p); s != nil {
			c.table.grade(k, s, state.Held, "")
		}
	}
}

// learnStates takes the sessions from the events that came.
func (c *core) learnStates() {
	for _, p := range c.peers {
		if c.heard[p.Addr] == "up" && !p.up {
			c.sessionUp(p)
			c.receivedUp(p, false)
		}
	}
}

// gave notes what exaBGP was given.
func (q *quiet) gave(o *op, p *peer, withdraw bool, now time.Time) {
	if q == nil {
		return
	}
	k := o.key
	delete(q.withdrawn, place{k, p.Addr})
	if withdraw {
		q.withdrawn[place{k, p.Addr}] = leftover{o.claimant, now}
	}
	if q.given[p.Addr] == nil {
		q.given[p.Addr] = map[state.Key]time.Time{}
	}
	q.given[p.Addr][k] = now
}

// left is whose a route was that may not be out yet.
func (q *quiet) left(k state.Key, p *peer) (claimant, bool) {
	if q == nil {
		return claimant{}, false
	}
	left, ours := q.withdrawn[place{k, p.Addr}]
	return left.claimant, ours
}

// restoreGiven gives exaBGP again what changed while a session was down, or
// right before: as it comes up, 3.4 puts what it sent before in the place of
// what waits (rib/store.py, resend).
func (c *core) restoreGiven(p *peer) {
	for k := range c.quiet.given[p.Addr] {
		c.restore(k, p)
	}
}

// restore gives the value that a peer is to have once more, where nothing else
// is under way.
func (c *core) restore(k state.Key, p *peer) {
	s := c.table.find(k, p)
	_, withdrawn := c.quiet.withdrawn[place{k, p.Addr}]
	if e := c.table.entries[k]; e != nil && (e.flight != nil || !e.waiting.empty()) {
		return
	}
	at, key := []netip.Addr{p.Addr}, []state.Key{k}
	var commands []exabgp.Command
	switch {
	case s != nil && s.owner != "" && s.attrs != (state.Attrs{}):
		commands = c.dialect.Announce(at, s.attrs, key)
	case s == nil && withdrawn:
		commands = c.dialect.Withdraw(at, state.Attrs{}, key)
	}
	for _, x := range commands {
		c.windows.add(&exchange{line: x.Line})
	}
}

// sayAgain repeats a while after a session came up, in case the first time was
// too early, and looks what became of it.
func (c *core) sayAgain() {
	if c.quiet == nil || c.phase != ready {
		return
	}
	for a, at := range c.quiet.repeat {
		p := c.findPeer(a)
		if c.now.Before(at) {
			continue
		}
		delete(c.quiet.repeat, a)
		if p == nil {
			continue
		}
		c.restoreGiven(p)
		c.windows.add(&exchange{line: exabgp.ShowRIB, ask: c.auditQuietly})
	}
}

// remember takes the routes of the journal for what exaBGP was given. Their
// attributes are not known: whoever wants them announces them again, which
// changes nothing at a peer that has them.
func (c *core) remember() {
	for k, claims := range c.claims {
		for _, claim := range claims {
			for _, a := range claim.Peers {
				p := c.findPeer(a)
				if p == nil {
					continue
				}
				s := slot{peer: p, claimant: c.claimed(k, p)}
				s.grade, s.reason = c.expect(k, p)
				c.put(k, s)
			}
		}
	}
}
