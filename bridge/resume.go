package bridge

import (
	"fmt"
	"net/netip"
	"slices"

	"routesync/bridge/exabgp"
	"routesync/bridge/journal"
	"routesync/state"
)

// A bridge that is started again under the same exaBGP goes on with what the one
// before knew, if nothing happened that the journal does not know. That is proven
// by exaBGP's own counters, for each peer by itself:
//
//   - What a claim says is written before the command, with the number of its
//     launch, and together with it which launches are under way, and of each peer
//     the session, how many UPDATEs of it were taken note of, and whether all that
//     it was sent is as its claims say. So the journal is at every moment the
//     picture that the bridge had when it had read that many UPDATEs; what it was
//     told since, it was told of routes that are under way.
//   - exaBGP counts an UPDATE where it reports it (reactor/protocol.py). If the
//     session is the same, and exaBGP counts as many as the journal, then none was
//     sent that the journal does not know, whatever of its reports died with the
//     bridge. Those that came since and were read here are counted with them, and
//     taken note of behind what the journal has.
//   - If it counts more, or the session is another, or something of a peer was not
//     as its claims say, then that peer's part of exaBGP's table is read, and what
//     it holds is proven by having exaBGP send it again.
//   - What is under way may have been given or not, and sent or not. It is given
//     again, in words that exaBGP takes for a change. The bridge before would have
//     given it had it lived, and waited for the same.
//
// Of a peer that is down nothing is sent and nothing counts: it is as the journal
// says if that was kept to the end ([Options.Kept]), as far as the bridge before
// could know. An audit finds what somebody else gave exaBGP meanwhile.

// past is what a bridge may go on with. A nil past is of none.
type past struct {
	entries []journal.Entry
	proof   *journal.Proof
	kept    bool // nothing is missing in the journal
	events  []*exabgp.Event
	sent    map[netip.Addr]uint64 // UPDATEs among them
	marks   map[netip.Addr]uint64 // of those, where exaBGP said how many it counts
	shares  map[*journal.Claim][]share
}

// eventsMost bounds the events that are kept until it is known what they change.
const eventsMost = 100_000

func pastOf(m *journal.Memory) *past {
	p := &past{entries: m.Entries, proof: m.Proof, sent: map[netip.Addr]uint64{}, marks: map[netip.Addr]uint64{}, shares: map[*journal.Claim][]share{}}
	if len(m.Before) > 0 {
		p.proof = nil // it died while that was announced again
	}
	return p
}

// lastLaunch is the highest number of a launch that a claim may have.
func (p *past) lastLaunch() uint64 {
	last := uint64(0)
	for _, e := range p.entries {
		for i := range e.Claims {
			last = max(last, e.Claims[i].Launch)
		}
	}
	return last
}

// usable tells whether there may be something to go on with.
func (p *past) usable(c *core) bool {
	return p != nil && p.proof != nil && c.quiet == nil && slices.ContainsFunc(p.proof.Peers, func(x journal.PeerProof) bool { return x.Whole })
}

// hear takes an event of what is not known yet.
func (p *past) hear(e *exabgp.Event) {
	if p == nil || p.proof == nil {
		return
	}
	if len(p.events) == eventsMost {
		p.proof, p.events = nil, nil
		return
	}
	p.events = append(p.events, e)
	if e.Kind == exabgp.UpdateEvent && e.Direction == exabgp.Send {
		p.sent[e.Peer]++
	}
}

func (p *past) markSession(a netip.Addr) {
	if p != nil {
		p.marks[a] = p.sent[a]
	}
}

// startOver reads all from exaBGP.
func (c *core) startOver() {
	if c.past != nil {
		for _, e := range c.past.entries {
			c.claims[e.Key] = e.Claims
		}
	}
	for _, p := range c.peers {
		p.known = false // some of what was reported was not counted
	}
	c.past, c.phase, c.askedAt = nil, reading, c.now
	c.read()
}

// goOn takes from the journal what exaBGP's counters prove, and reads the rest.
func (c *core) goOn() {
	past := c.past
	if past.proof == nil || !c.met {
		c.startOver()
		return
	}
	for i := range past.proof.Peers {
		x := &past.proof.Peers[i]
		if p := c.findPeer(x.Peer); p != nil {
			why := past.doubts(p, x)
			if p.resumed = why == ""; !p.resumed {
				c.log.Info("what a peer has is read", "peer", p.Addr, "reason", why)
			}
		}
	}
	past.leaveOut(c)
	if !slices.ContainsFunc(c.peers, func(p *peer) bool { return p.resumed }) {
		c.startOver()
		return
	}
	c.past, c.phase, c.askedAt = nil, reading, c.now
	for i := range past.proof.Peers {
		x := &past.proof.Peers[i]
		if p := c.findPeer(x.Peer); p != nil && p.resumed {
			p.resume(x)
		}
	}
	c.launches.proven = past.proof.Proven
	past.restore(c)
	rest := c.notResumed()
	c.log.Info("going on with what the bridge before knew", "routes", c.table.digest.Count, "under way", len(c.reopened), "peers to read", len(rest))
	for _, e := range past.events {
		if e.Direction == exabgp.Send && slices.ContainsFunc(rest, func(p *peer) bool { return p.Addr == e.Peer }) {
			continue // what will be read of the peer is newer, and its session may be over
		}
		c.happened(e)
	}
	for _, p := range rest {
		p.known = false // of what was counted some was here, and some before
	}
	if len(rest) == 0 {
		c.audits.cause = false
		c.beginReplay()
		return
	}
	for _, e := range past.entries {
		if slices.ContainsFunc(e.Claims, func(x journal.Claim) bool {
			return slices.ContainsFunc(rest, func(p *peer) bool { return slices.Contains(x.Peers, p.Addr) })
		}) {
			c.claims[e.Key] = e.Claims
		}
	}
	c.readOf(rest)
}

func (c *core) notResumed() []*peer {
	return slices.DeleteFunc(slices.Clone(c.peers), func(p *peer) bool { return p.resumed })
}

// readOf reads exaBGP's table of some peers.
func (c *core) readOf(peers []*peer) {
	var all []string
	left := len(peers)
	for _, p := range peers {
		c.windows.add(&exchange{line: exabgp.ShowRIBOf(p.Addr), ask: func(body []string, ok bool) {
			all = append(all, body...)
			switch left--; {
			case !ok:
				left = -1 // it was said; all is asked for again
			case left == 0:
				c.learnTable(all, true)
			}
		}})
	}
}

// doubts says why what the journal has of a peer may not be all that there is, ""
// if it is.
func (past *past) doubts(p *peer, x *journal.PeerProof) string {
	counts := x.Updates + past.marks[p.Addr]
	switch {
	case !x.Whole:
		return "something was not as the journal has it"
	case x.Up != p.up:
		return "the session came up or went down"
	case p.twins || !p.counted && p.up:
		return "exaBGP's count is not known"
	case !x.Up && !past.kept:
		return "whether the journal is whole is not known"
	case !x.Up:
	case p.before >= x.Alive || p.after > x.Before || x.After > p.before:
		return "the session may be another"
	case p.sent != counts:
		return fmt.Sprintf("exaBGP has sent %d UPDATEs, and %d are known", p.sent, counts)
	}
	return ""
}

// resume takes what the bridge before knew of a session.
func (p *peer) resume(x *journal.PeerProof) {
	p.sent = x.Updates // the rest is among the events
	p.ended, p.owed = x.Ended, p.owed && !x.Ended
	p.self4, p.self6, p.unsettled = x.Self4, x.Self6, false
}

// share is what a claim says of one peer.
type share struct {
	at      netip.Addr
	whose   claimant
	attrs   state.Attrs
	is      whereabouts
	spelled bool
	fresh   bool // its session may fall of it yet
}

// whereabouts is what became of a route.
type whereabouts uint8

const (
	unclear whereabouts = iota // its peer is not gone on with
	there                      // as it was given
	lostAt                     // gone, not by its owner's will
	late                       // withdrawn while the session was down
	coming                     // being announced
	going                      // being withdrawn
)

// of is what claims say, of each peer once. Most routes share theirs.
func (past *past) of(claims []journal.Claim) []share {
	if len(claims) == 0 {
		return nil
	}
	if known, ok := past.shares[&claims[0]]; ok {
		return known
	}
	var all []share
	for i := range claims {
		x := &claims[i]
		s := share{whose: claimant{owner: x.Owner}, spelled: x.Spelled, fresh: x.Launch > past.proof.Proven}
		if x.From != (state.Provenance{}) {
			s.whose.from = &x.From
		}
		var err error
		s.attrs, err = state.ParseCanonical(x.Value)
		s.is = past.whereabouts(x, err == nil && s.attrs != (state.Attrs{}))
		for _, s.at = range x.Peers {
			if i := slices.IndexFunc(all, func(o share) bool { return o.at == s.at }); i >= 0 {
				all[i].is = unclear
				continue
			}
			all = append(all, s)
		}
	}
	past.shares[&claims[0]] = all
	return all
}

func (past *past) whereabouts(x *journal.Claim, valued bool) whereabouts {
	_, underWay := slices.BinarySearch(past.proof.Launched, x.Launch)
	switch {
	case x.Aside, x.Owner == "" && (underWay || x.Leaving):
		return unclear
	case x.Leaving && x.Value == "" && !underWay:
		return lostAt
	case !valued:
		return unclear
	case x.Leaving && underWay:
		return going
	case x.Leaving:
		return late
	case underWay:
		return coming
	}
	return there
}

// leaveOut takes out peers of which something can't be told from the claims.
func (past *past) leaveOut(c *core) {
	for _, e := range past.entries {
		for _, s := range past.of(e.Claims) {
			switch {
			case s.is == there || s.is == lostAt || s.is == going:
				continue
			case s.is == coming && c.dialect.Spells(e.Key.Family, s.attrs):
				continue
			}
			if p := c.findPeer(s.at); p != nil && (s.is != late || p.up) {
				p.resumed = false
			}
		}
	}
}

// restore puts into the table what the journal has of the peers that are gone on
// with.
func (past *past) restore(c *core) {
	for _, e := range past.entries {
		for _, s := range past.of(e.Claims) {
			p, at := c.findPeer(s.at), place{e.Key, s.at}
			switch {
			case p == nil && s.whose.owner != "" && s.is != unclear:
				c.loseAway(e.Key, s.at, s.whose)
			case p == nil || !p.resumed:
			case s.is == there:
				c.restoreAt(e.Key, p, s)
			case s.is == lostAt:
				c.lost[at] = s.whose
			case s.is == late:
				c.tardy[at] = latecomer{s.whose, s.attrs}
			case s.is == coming:
				c.lost[at] = s.whose // whatever becomes of it
				c.reopen(&op{key: e.Key, attrs: s.attrs, claimant: s.whose, peers: []netip.Addr{s.at}, replay: true, resumed: true, spelled: !s.spelled})
			case s.is == going:
				c.table.set(e.Key, slot{peer: p, claimant: s.whose, attrs: s.attrs, grade: state.Withdrawing})
				c.reopen(&op{key: e.Key, attrs: s.attrs, claimant: s.whose, peers: []netip.Addr{s.at}, replay: true, resumed: true, withdraw: true})
			}
		}
	}
	clear(c.table.strangers) // the journal has them
}

func (c *core) restoreAt(k state.Key, p *peer, x share) {
	s := slot{peer: p, claimant: x.whose, attrs: x.attrs}
	if s.grade, s.reason = c.expect(k, p); s.grade == state.Accepted {
		s.grade = state.Sent
	}
	if x.fresh {
		c.doubt(k, &s)
	}
	c.table.set(k, s)
	if s.ends() {
		c.ending[k] = c.begun
	}
}

// restoreBefore puts into the table what exaBGP has of a route that was being
// announced anew and is not: of the value before the journal says nothing. It was a
// file's own too; by hand one may announce over what exaBGP's configuration does.
func (c *core) restoreBefore(o *op, p *peer, has state.Attrs) {
	if !o.resumed || o.withdraw || c.findPeer(p.Addr) != p || c.table.find(o.key, p) != nil {
		return
	}
	s := slot{peer: p, attrs: has}
	if !state.ByHand(o.owner) {
		s.claimant, s.given = o.claimant, o.attrs
	}
	s.grade, s.reason = c.expect(o.key, p)
	delete(c.lost, place{o.key, p.Addr})
	c.put(o.key, s)
	if s.owner == "" && s.grade == state.Accepted {
		c.sendAgain(p) // nobody gives it once more, and the peer may have it
	}
}

// reopen notes what is to be given again.
func (c *core) reopen(o *op) {
	if n := len(c.reopened); n > 0 {
		last := c.reopened[n-1]
		if last.key == o.key && last.attrs == o.attrs && last.claimant == o.claimant && last.withdraw == o.withdraw && last.spelled == o.spelled {
			last.peers = append(last.peers, o.peers...)
			return
		}
	}
	c.reopened = append(c.reopened, o)
}

// giveAgain gives exaBGP again what was under way.
func (c *core) giveAgain() {
	all := c.reopened
	c.reopened = nil
	for _, o := range all {
		for _, a := range o.peers {
			p := c.findPeer(a)
			s := c.table.find(o.key, p)
			if o.withdraw && s != nil && s.grade == state.Withdrawing {
				c.put(o.key, slot{peer: p, claimant: o.claimant, attrs: o.attrs, grade: state.Accepted, leaves: true}) // it ends when it is to, if this withdraw fails
			}
		}
		c.claim(o.key)
		c.replay.open++
		c.enqueue(o)
	}
}
