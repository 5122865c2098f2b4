package bridge

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"routesync/bridge/wire"
	"routesync/state"
)

// op is one change of one key at some peers.
type op struct {
	key      state.Key
	withdraw bool
	attrs    state.Attrs  // of an announce
	claimant              // for whom
	peers    []netip.Addr // as asked; nil is every peer
	batch    *batch       // of a file's; nil if it is not part of one
	lease    *lease       // of the batch
	order    *order       // by hand; nil if nobody waits for word of it
	replay   bool         // of what the life of exaBGP before had
	expiry   bool         // a withdraw of what has expired, where that is still so
	again    bool         // what exaBGP was told before, and did not send
	spelled  bool         // in words that exaBGP takes for a change, and the peer does not
	adopt    *string      // whose route is to change its owner, as it is; nil for no such
	aside    *peer        // a withdraw that sets a suspect aside there; nil for no such
	restore  bool         // an announce of a suspect that was set aside
	resumed  bool         // what the bridge before had under way
	revert   *trial       // of which it brings back what was before; nil for no such
	launch   uint64       // number of the commands that it went into, of [launches]; 0 before

	next       *op       // that waits behind it, see [queue]
	targets    []*peer   // where exaBGP has to be told
	own        []*peer   // those of them where the route was exaBGP's own
	commands   int       // commands that exaBGP has not answered yet
	accepted   bool      // it has answered them all
	turnedDown []*peer   // where one of them was not taken
	proven     []*peer   // of a withdraw: peers that were sent the route in this session
	presumed   bool      // of a withdraw: exaBGP did not answer, and its table is without the route
	since      time.Time // when it was accepted
	waiting    []*peer   // that have not been sent it yet
	seen       []*peer   // that were sent it before the answer was read

	room [3]*peer // for targets, waiting and seen of one peer
}

// at tells whether an operation, if there is one, is still under way at p.
func (o *op) at(p *peer) bool {
	return o != nil && (has(o.waiting, p) || !o.accepted && has(o.targets, p))
}

// flyingMost is how many changes are under way until no more batches are taken: more
// than a second's work of exaBGP, of some 400 bytes each.
const flyingMost = 50_000

// full tells whether batches have to wait.
func (c *core) full() bool { return len(c.flying) >= flyingMost }

// batch takes one batch of a commander. t is acknowledged when the batch is
// answered.
func (c *core) batch(b wire.Batch, t ticket) {
	reject := func(reason, detail string) {
		c.out.rejected = append(c.out.rejected, wire.Rejected{Speaker: c.speaker, Owner: b.Owner, Epoch: b.Epoch, Seq: b.Seq, Reason: reason, Detail: detail})
		c.out.acks = append(c.out.acks, t)
	}
	l := c.leases[b.Owner]
	switch {
	case b.Speaker != c.speaker:
		reject(wire.RejectMalformed, fmt.Sprintf("the batch is for speaker %s, this is %s", b.Speaker, c.speaker))
	case b.Boot != c.boot:
		reject(wire.RejectBoot, "exaBGP was restarted since this batch was made")
	case l == nil:
		reject(wire.RejectNoLease, "nobody commands for this owner; the bridge was started again")
	case l.over && b.Epoch == l.Epoch:
		reject(wire.RejectNoLease, "nobody commands for this owner; it is paused, or was reverted")
	case b.Epoch != l.Epoch:
		reject(wire.RejectFenced, l.Holder.String()+" commands now")
	case b.Seq <= l.received:
		c.aboutNews = true // says again how far it has come
		c.out.acks = append(c.out.acks, t)
	case b.Seq > l.received+1:
		reject(wire.RejectGap, fmt.Sprintf("batch %d came where %d was expected", b.Seq, l.received+1))
	case !c.has(l, b.Revision):
		reject(wire.RejectOlder, refuseOlder(b.Revision, c.watches.of(b.Owner)))
	case len(b.Adopt) > 0 && c.trials[b.Owner] != nil:
		reject(wire.RejectMalformed, "nothing is adopted in a trial")
	default:
		c.admit(b, l, t)
	}
}

func (c *core) admit(b wire.Batch, l *lease, t ticket) {
	l.received = b.Seq
	c.hear(l)
	if b.Revision.Digest != "" {
		c.moves(l)
	}
	state := &batch{seq: b.Seq, ticket: t}
	l.batches = append(l.batches, state)
	for _, g := range b.Announce {
		whose := claimant{owner: b.Owner, from: term(g)}
		ops := make([]op, len(g.Keys))
		for i, k := range g.Keys {
			ops[i] = op{key: k, attrs: g.Attrs, claimant: whose, peers: g.Peers, batch: state, lease: l}
			c.enqueue(&ops[i])
		}
	}
	for _, a := range b.Adopt {
		for _, k := range a.Keys {
			c.enqueue(&op{key: k, adopt: &a.From, claimant: claimant{owner: b.Owner}, peers: a.Peers, batch: state, lease: l})
		}
	}
	for _, g := range b.Withdraw {
		ops := make([]op, len(g.Keys))
		for i, k := range g.Keys {
			ops[i] = op{key: k, withdraw: true, claimant: claimant{owner: b.Owner}, peers: g.Peers, batch: state, lease: l}
			c.enqueue(&ops[i])
		}
	}
	c.answered(l)
}

// term is how long the routes of a group stay; nil for ever.
func term(g wire.Group) *state.Provenance {
	if g.Expires == 0 && g.Lease == 0 {
		return nil
	}
	return &state.Provenance{Expires: g.Expires, Lease: g.Lease}
}

// enqueue starts an operation, or puts it behind the one on the same key that
// is in flight: exaBGP can reorder two changes of one NLRI.
func (c *core) enqueue(o *op) {
	if o.batch != nil {
		o.batch.open++
	}
	e := c.table.entry(o.key)
	first := e.waiting.empty()
	e.waiting.push(o)
	if first {
		c.next(o.key, e)
	}
}

// begin starts an operation; one that has nothing to do ends at once.
func (c *core) begin(o *op, e *entry) {
	if o.aside != nil {
		c.beginAside(o, e)
		return
	}
	if o.lease != nil && o.lease.over {
		c.answerOp(o)
		return
	}
	if id := (refusalKey{o.key, o.owner}); c.wasRefused(id) {
		delete(c.refused, id)
		c.unsaid[id] = struct{}{}
	}
	var reasons []string
	var refusedAt []netip.Addr
	had := c.noting(o)
	o.targets, o.waiting, o.seen = o.room[:0:1], o.room[1:1:2], o.room[2:2]
	for _, p := range c.addressed(o, &reasons, &refusedAt) {
		s := e.slot(p)
		if o.expiry && !c.expired(s) || o.restore && !c.beginRestore(o, s) {
			continue
		}
		if o.adopt != nil {
			if reason := c.adoptRoute(o, p, s); reason != "" {
				reasons, refusedAt = append(reasons, reason), append(refusedAt, p.Addr)
			}
			continue
		}
		if reason := c.objection(o, p, e); reason != "" {
			reasons, refusedAt = append(reasons, reason), append(refusedAt, p.Addr)
			o.order.refuse(p.Addr, o.key, reason, keeper(s, o))
			continue
		}
		done := s == nil
		if o.again {
			if s == nil || s.attrs != o.attrs || s.owner != o.owner || o.withdraw != (s.grade == state.Withdrawing) {
				continue // it has changed meanwhile
			}
			o.claimant = s.claimant // how long it stays may have
		}
		if o.withdraw && s != nil && s.aside {
			had.note(o, p, s)
			c.dropAside(o, p)
			continue
		}
		if !o.withdraw && !o.again && !o.restore {
			done = s != nil && s.attrs == o.attrs && s.grade != state.Withdrawing
		}
		if done && (s == nil || o.withdraw || s.provenance() == o.provenance()) {
			c.unchanged(o, p, s)
			continue
		}
		had.note(o, p, s)
		if done {
			c.unchanged(o, p, s)
			continue
		}
		o.targets = append(o.targets, p)
		if s != nil && s.owner == "" {
			o.own = append(o.own, p)
		}
	}
	c.keep(&had, o.key)
	if len(reasons) > 0 {
		c.refuse(o, refusedAt, reasons)
	}
	if len(o.targets) == 0 {
		c.answerOp(o)
		c.ended(o, e)
		return
	}
	e.flight = o
	c.flying[o] = struct{}{}
	c.start = append(c.start, o)
}

func (c *core) wasRefused(id refusalKey) bool {
	_, was := c.refused[id]
	return was
}

// addressed lists the peers that an operation is for, with what is wrong with
// the others.
func (c *core) addressed(o *op, reasons *[]string, refusedAt *[]netip.Addr) []*peer {
	var peers []*peer
	if len(o.peers) == 0 {
		if !slices.ContainsFunc(c.peers, func(p *peer) bool { return !slices.Contains(p.Families, o.key.Family) }) && len(c.peers) > 0 {
			return c.peers
		}
		for _, p := range c.peers {
			if slices.Contains(p.Families, o.key.Family) {
				peers = append(peers, p)
			}
		}
		if len(peers) == 0 {
			reason := fmt.Sprintf("no neighbor of %s is configured for %s", c.speaker, o.key.Family)
			*reasons = append(*reasons, reason)
			o.order.refuse(netip.Addr{}, o.key, reason, "")
		}
		return peers
	}
	for _, a := range o.peers {
		p := c.findPeer(a)
		if p == nil {
			reason := fmt.Sprintf("%s is no neighbor of %s that the bridge can command", a, c.speaker)
			*reasons = append(*reasons, reason)
			*refusedAt = append(*refusedAt, a)
			o.order.refuse(a, o.key, reason, "")
			continue
		}
		if !has(peers, p) { // once, however often it is named
			peers = append(peers, p)
		}
	}
	return peers
}

func (c *core) refuse(o *op, at []netip.Addr, reasons []string) {
	r := state.Refusal{Key: o.key, Owner: o.owner, Attrs: o.attrs, Peers: state.NewPeers(at), Reason: strings.Join(reasons, "; ")}
	h := wire.Happening{Kind: wire.Refusing, Owner: o.owner, Withdraw: o.withdraw, Text: r.Reason}
	h.Attrs.Attrs = o.attrs
	c.happenTo(o.key, h)
	if o.resumed {
		c.suspect() // exaBGP may have it all the same
	}
	if o.replay {
		c.log.Warn("not announced again", "route", o.key.String(), "owner", o.owner, "reason", r.Reason)
		return // whoever asks for it is told when it asks
	}
	if o.order.answered() {
		return // whoever gave it is told; nobody else waits for it
	}
	id := refusalKey{o.key, o.owner}
	c.refused[id] = r
	c.unsaid[id] = struct{}{}
	delete(c.tooLate, id)
	if c.over(o) {
		c.tooLate[id] = c.now
	}
	if state.ByHand(o.owner) {
		c.boundRefusals(id)
	}
	c.fail(fmt.Sprintf("refused %s of owner %s: %s", o.key, o.owner, r.Reason))
}

// answerOp counts an operation as answered: accepted, refused or nothing to do.
func (c *core) answerOp(o *op) {
	if o.order != nil {
		c.tookUp(o.order)
	}
	if o.replay {
		c.replay.answered(c)
	}
	if o.revert != nil {
		o.revert.revert.open--
	}
	if o.batch == nil {
		return
	}
	o.batch.open--
	if o.batch.open == 0 {
		c.answered(o.lease)
	}
}

// answered moves the lease on over the batches that are done, in order.
func (c *core) answered(l *lease) {
	for len(l.batches) > 0 && l.batches[0].open == 0 {
		l.Applied = l.batches[0].seq
		c.out.acks = append(c.out.acks, l.batches[0].ticket)
		l.batches = l.batches[1:]
		c.aboutNews = true
	}
}

// next starts the operation behind the one that has ended. Of those that end at
// once there may be any number, so it is a loop.
func (c *core) next(k state.Key, e *entry) {
	for e.flight == nil && !e.waiting.empty() && !c.delays(k, e, e.waiting.first()) {
		c.begin(e.waiting.pop(), e)
	}
	c.table.release(k, e)
}

func addrsOf(peers []*peer) []netip.Addr {
	addrs := make([]netip.Addr, len(peers))
	for i, p := range peers {
		addrs[i] = p.Addr
	}
	return addrs
}
