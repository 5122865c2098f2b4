package bridge

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"routesync/bridge/exabgp"
	"routesync/bridge/journal"
	"routesync/state"
)

// The journal says of the claims in it how much is proven, and how many UPDATEs
// exaBGP had sent by then: a bridge that comes after this one compares that with
// what exaBGP counts, see [past].

// tally is what is known of one session.
type tally struct {
	sent   uint64 // UPDATEs that exaBGP reported as sent
	known  bool   // sent is all of them, from the first of the session
	missed bool   // some were not reported
	mark   uint64 // sent, where exaBGP last said how many it counts
	ended  bool   // it has had an End-of-RIB from here
	// It came up after after, not after before, and was there at alive, in Unix
	// milliseconds.
	after, before, alive int64
}

// markSession notes where exaBGP says how many UPDATEs it has sent in a session.
func (c *core) markSession(line string) {
	a, ok := exabgp.SessionOf(line)
	if !ok {
		return
	}
	c.past.markSession(a)
	if p := c.findPeer(a); p != nil {
		p.mark = p.sent
	}
}

// lookForTwins notes peers with several sessions: which of them an event is about
// is not known.
func (c *core) lookForTwins(sessions []exabgp.Session) {
	for _, p := range c.peers {
		n := 0
		for _, s := range sessions {
			if s.Addr == p.Addr {
				n++
			}
		}
		p.twins = n > 1
	}
}

// compareTally takes what exaBGP says of a session that is up.
func (c *core) compareTally(p *peer, s exabgp.Session) {
	asked := c.askedSessions.UnixMilli()
	// Its clock shows whole seconds.
	after, before := asked-(s.Seconds+1)*1000, c.now.UnixMilli()-s.Seconds*1000
	if p.before != 0 {
		after, before = max(after, p.after), min(before, p.before)
	}
	p.after, p.before, p.alive = after, before, asked
	switch {
	case !p.counted || p.twins:
	case !p.known:
		p.known, p.sent = true, s.Updates+p.sent-p.mark
	case p.mark != s.Updates && !p.missed:
		p.missed = true
		c.log.Warn("exaBGP has sent UPDATEs that it did not report, or the other way round", "peer", p.Addr, "sent", s.Updates, "reported", p.mark)
		c.suspect()
	}
}

// firm is how long a session must have been up when it was last seen, so that it
// can't be taken for one that came after it: exaBGP gives whole seconds, and is
// late with them now and then.
const firm = 3 * time.Second

// hasYoung tells whether it is time to look at a session again that was not.
func (c *core) hasYoung() bool {
	if c.now.Sub(c.askedSessions) < firm || c.windows.waits(exabgp.ShowExtensive) {
		return false
	}
	return slices.ContainsFunc(c.peers, func(p *peer) bool {
		return p.up && p.asked && p.counted && p.alive-p.before < firm.Milliseconds() && c.now.UnixMilli()-p.before > firm.Milliseconds()
	})
}

// whole tells whether every route of a peer is as the journal has it, but for
// what is under way, and nothing else is there.
func (c *core) whole(p *peer) bool {
	if c.phase != ready || p.odd > 0 || p.unsettled || p.twins || p.doubts.troubled() {
		return false
	}
	return !p.up || p.asked && p.counted && p.known && !p.missed
}

// isOdd tells whether a slot is otherwise than what a claim says of it.
func (s *slot) isOdd() bool {
	switch s.grade {
	case state.Accepted, state.Withdrawing:
		return true
	case state.Unsent:
		if !strings.HasPrefix(s.reason, notNegotiated) {
			return true
		}
	}
	return s.aside || s.leaves || s.given != (state.Attrs{})
}

// judge counts a slot of an entry as odd at its peer, or not any more: what is
// under way there is not, for it has a launch of its own.
func (t *adjRIBOut) judge(e *entry, p *peer) {
	i := e.index(p)
	if i < 0 {
		return
	}
	s := &e.slots[i]
	odd := s.isOdd() && !e.flight.at(p)
	switch {
	case odd && !s.odd:
		p.odd++
	case !odd && s.odd:
		p.odd--
	}
	s.odd = odd
}

// launches number the commands that go together. A claim has the number of those
// that it was last given with; what is under way is known by those of which some
// has not come to its end.
type launches struct {
	last   uint64
	proven uint64         // all up to it is, see [suspicion]
	open   map[uint64]int // how many operations
}

// doubts tells whether a session may fall of a route, and unproven whether there is
// such a route at all.
func (d *suspicion) doubts(k state.Key) bool {
	_, fresh := d.fresh.at[k]
	return fresh
}

// troubled tells whether the session fell of something that is not found yet.
func (d *suspicion) troubled() bool {
	return d.searching() || d.barren > 0 || d.lost > 0 || d.losses > 0 || d.resigned
}

func (d *suspicion) unproven() bool { return len(d.fresh.at) > 0 }

func (l *launches) begin(ops []*op) {
	if len(ops) == 0 {
		return
	}
	if l.open == nil {
		l.open = map[uint64]int{}
	}
	l.last++
	l.open[l.last] = len(ops)
	for _, o := range ops {
		o.launch = l.last
	}
}

func (l *launches) ended(o *op) {
	if o.launch == 0 {
		return
	}
	if l.open[o.launch]--; l.open[o.launch] == 0 {
		delete(l.open, o.launch)
	}
}

// proofPause is the least time between two proofs while changes are under way:
// each is a transaction, and reports come one by one. What stands in the journal
// meanwhile proves less, not what is wrong.
const proofPause = 100 * time.Millisecond

// attest is what the journal was last told.
type attest struct {
	last *journal.Proof
	at   time.Time
}

// forget has the journal told again.
func (a *attest) forget() { a.last = nil }

// attested is the proof of the claims, if the journal is to be told now.
func (c *core) attested() *journal.Proof {
	a := &c.attest
	writes := len(c.out.claims) > 0
	if c.quiet != nil || c.phase < reading || !writes && c.busy() && c.now.Sub(a.at) < proofPause {
		return nil
	}
	// What exaBGP's table holds is doubted as it is read, and nothing is before.
	if c.phase == ready && !slices.ContainsFunc(c.peers, func(p *peer) bool { return p.doubts.unproven() }) && !c.busy() {
		c.launches.proven = c.launches.last
	}
	proof := &journal.Proof{Launched: slices.Sorted(maps.Keys(c.launches.open)), Proven: c.launches.proven, Peers: make([]journal.PeerProof, len(c.peers))}
	for i, p := range c.peers {
		proof.Peers[i] = c.proofOf(p)
	}
	if !writes && a.last != nil && slices.Equal(a.last.Launched, proof.Launched) && a.last.Proven == proof.Proven && slices.Equal(a.last.Peers, proof.Peers) {
		return nil
	}
	a.last, a.at = proof, c.now
	return proof
}

func (c *core) proofOf(p *peer) journal.PeerProof {
	proof := journal.PeerProof{Peer: p.Addr, Whole: c.whole(p)}
	if p.up && proof.Whole {
		proof.Up, proof.After, proof.Before, proof.Alive = true, p.after, p.before, p.alive
		proof.Updates, proof.Ended, proof.Self4, proof.Self6 = p.sent, p.ended, plain(p.self4), plain(p.self6)
	}
	return proof
}

func plain(a netip.Addr) netip.Addr {
	if a.Is4In6() || a.Zone() != "" {
		return netip.Addr{}
	}
	return a
}
