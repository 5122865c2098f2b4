package bridge

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"routesync/bridge/exabgp"
	"routesync/bridge/wire"
	"routesync/state"
)

// refusalsByHand bounds the refusals that are kept of routes by hand: nobody
// takes them back, as the next lease does for those of a file.
const refusalsByHand = 100

// typed is one [wire.Typed].
type typed struct {
	typedID
	to      string // where its answers go
	open    int    // commands of which something is to come
	results []wire.Result
	told    int // how many of results were
	fresh   bool
	done    time.Time
}

// order is one command by hand. Everything can be done to a nil order; it
// notes nothing.
type order struct {
	of       *typed          // nil if nobody waits for an answer
	message  *classicMessage // nil if it did not come over the classic queue
	n        int             // its place in of
	open     int             // routes of which something is to come
	outcomes []wire.Outcome
}

// classicMessage is one message of the classic queue.
type classicMessage struct {
	ticket ticket
	open   int // routes that exaBGP has not answered for
}

// answered tells whether whoever gave the order is told what becomes of it.
func (o *order) answered() bool { return o != nil && o.of != nil }

func (o *order) note(peer netip.Addr, k state.Key, v wire.Verdict, reason, owner string) {
	if !o.answered() {
		return
	}
	i := slices.IndexFunc(o.outcomes, func(x wire.Outcome) bool {
		return x.Peer == peer && x.Verdict == v && x.Reason == reason && x.Owner == owner
	})
	if i < 0 {
		i = len(o.outcomes)
		o.outcomes = append(o.outcomes, wire.Outcome{Peer: peer, Verdict: v, Reason: reason, Owner: owner})
	}
	o.outcomes[i].Keys = append(o.outcomes[i].Keys, k)
}

func (o *order) refuse(peer netip.Addr, k state.Key, reason, owner string) {
	o.note(peer, k, wire.Refused, reason, owner)
}

// keeper is the owner that keeps a route from an operation, if one does.
func keeper(s *slot, o *op) string {
	if s == nil || s.owner == o.owner {
		return ""
	}
	return s.owner
}

// give takes what somebody typed; to is where the answers go. It is carried out
// once, and answered each time that it comes.
func (c *core) give(t wire.Typed, to string, now time.Time) {
	c.step(now)
	id := typedID{t.From.ID, t.Seq}
	if x := c.typed.known[id]; x != nil {
		x.to, x.told = to, 0
		c.typed.refresh(x)
		return
	}
	last := c.typed.last[t.From.ID].seq
	if t.After > last || t.Seq <= last {
		return // one before it is missing; both come again
	}
	x := &typed{typedID: id, to: to, open: len(t.Commands)}
	c.typed.known[id], c.typed.last[t.From.ID] = x, taken{t.Seq, now}
	c.log.Info("commands by hand", "by", exabgp.Printable(t.From.By()), "commands", len(t.Commands))
	c.whenReady(func() { c.carry(t, x) })
}

// whenReady does something once it is known what exaBGP announces.
func (c *core) whenReady(begin func()) {
	if c.phase == ready {
		begin()
		return
	}
	c.early = append(c.early, begin)
}

func (c *core) carry(t wire.Typed, x *typed) {
	if x.open == 0 {
		c.closeTyped(x)
	}
	for i, cmd := range t.Commands {
		o := &order{of: x, n: i, open: len(cmd.Keys)}
		from := state.Provenance{By: exabgp.Printable(t.From.By()), At: t.At, Expires: cmd.Expires}
		c.order(o, cmd, claimant{state.OwnerConsole, &from})
	}
}

// order begins a command by hand.
func (c *core) order(o *order, cmd wire.Command, whose claimant) {
	c.happenByHand(whose, cmd.Withdraw, cmd.Attrs, cmd.Keys)
	late := c.late(cmd, whose.from.At)
	for _, k := range cmd.Keys {
		if late != "" {
			o.refuse(netip.Addr{}, k, late, "")
			c.tookUp(o)
			c.settleRoute(o)
			continue
		}
		c.enqueue(&op{key: k, withdraw: cmd.Withdraw, attrs: cmd.Attrs, claimant: whose, peers: cmd.Peers, order: o})
	}
}

// late says why a command that was typed at some time is not carried out any
// more, "" if it is. Who typed it long ago has been told that no answer came;
// it may even be carried out, and that be forgotten.
func (c *core) late(cmd wire.Command, at int64) string {
	switch ago := c.now.Sub(time.UnixMilli(at)); {
	case cmd.Expires != 0 && cmd.Expires <= c.now.UnixMilli():
		return "it has expired already"
	case at != 0 && ago >= answersKeptFor:
		return fmt.Sprintf("it was typed %s ago, by the clock of the bridge", ago.Round(time.Second))
	}
	return ""
}

// unchanged notes that an operation has nothing to do at a peer. A route that
// is announced again has from now on the end that was said last, and one by
// hand is whose hand it was.
func (c *core) unchanged(o *op, p *peer, s *slot) {
	if s == nil || o.withdraw {
		o.order.note(p.Addr, o.key, wire.Unchanged, "it is not announced there", "")
		return
	}
	reason := ""
	switch {
	case s.owner == "":
		reason = "it is announced by " + OwnerName("")
	case s.owner != o.owner || s.provenance() != o.provenance() || o.revert != nil && s.given != (state.Attrs{}):
		reason = anotherEnd(s.provenance().Expires, o.provenance().Expires)
		same := *s
		same.claimant = o.claimant
		if o.revert != nil {
			same.given = state.Attrs{} // as it is, it is what was before
		}
		c.put(o.key, same)
		c.claim(o.key)
	}
	switch s.grade {
	case state.Held:
		o.order.note(p.Addr, o.key, wire.Held, reason, "")
	case state.Unsent, state.Accepted:
		o.order.note(p.Addr, o.key, wire.Unsent, cmp.Or(s.reason, unsentReason), "")
	default:
		o.order.note(p.Addr, o.key, wire.Unchanged, reason, "")
	}
}

// anotherEnd says how the end of a route has changed, "" if it has not.
func anotherEnd(was, is int64) string {
	switch {
	case was == is:
		return ""
	case is == 0:
		return "it does not expire any more"
	}
	return "it expires " + time.UnixMilli(is).UTC().Format(time.RFC3339) + " now"
}

// ownReason is about a route of exaBGP's own that was changed by hand.
const ownReason = "it was exaBGP's own, of its configuration or of a command from elsewhere, and may come back when exaBGP is started or reloaded"

// ended notes what an operation came to, once nothing more is to come of it.
func (c *core) ended(o *op, e *entry) {
	c.endedSearch(o, e)
	if o.order == nil {
		return
	}
	for _, p := range o.targets {
		if has(o.turnedDown, p) {
			continue // noted as refused
		}
		v, reason := c.verdict(o, p, e)
		o.order.note(p.Addr, o.key, v, reason, "")
	}
	c.settleRoute(o.order)
}

func (c *core) verdict(o *op, p *peer, e *entry) (wire.Verdict, string) {
	s := e.slot(p)
	switch {
	case o.withdraw && s == nil && has(o.own, p):
		return wire.Withdrawn, ownReason
	case o.withdraw && s == nil:
		return wire.Withdrawn, ""
	case o.withdraw && s.grade == state.Withdrawing:
		return wire.Unsent, cmp.Or(s.reason, unwithdrawnReason)
	case o.withdraw:
		return wire.Unsent, "it was announced again behind the bridge's back"
	case c.findPeer(p.Addr) != p:
		return wire.Unsent, "it is no neighbor any more"
	case s == nil || s.attrs != o.attrs:
		return wire.Unsent, "it was changed at once behind the bridge's back"
	case s.grade == state.Sent && has(o.own, p):
		return wire.Sent, ownReason
	case s.grade == state.Sent:
		return wire.Sent, ""
	case s.grade == state.Held:
		return wire.Held, ""
	}
	return wire.Unsent, cmp.Or(s.reason, unsentReason)
}

// settleRoute counts a route of an order as settled.
func (c *core) settleRoute(o *order) {
	o.open--
	if o.open > 0 || o.of == nil {
		return
	}
	for _, x := range o.outcomes {
		slices.SortFunc(x.Keys, state.CompareKeys)
	}
	slices.SortStableFunc(o.outcomes, func(a, b wire.Outcome) int { return a.Peer.Compare(b.Peer) })
	x := o.of
	x.results = append(x.results, wire.Result{Command: o.n, Outcomes: o.outcomes})
	c.typed.refresh(x)
	x.open--
	if x.open == 0 {
		c.closeTyped(x)
	}
}

func (c *core) closeTyped(x *typed) {
	x.done = c.now
	c.typed.refresh(x)
	c.typed.done = append(c.typed.done, x)
	c.typed.kept += x.weight()
	for c.typed.kept > answersKept && len(c.typed.done) > 1 {
		c.typed.forget()
	}
}

// weight is the share of answered commands in a bound.
func (x *typed) weight() int {
	n := 1
	for _, r := range x.results {
		for _, o := range r.Outcomes {
			n += len(o.Keys)
		}
	}
	return n
}

// answer tells what has come of commands by hand since the last call.
func (c *core) answer() {
	for _, x := range c.typed.fresh {
		x.fresh = false
		c.out.answers = append(c.out.answers, reply[wire.Answer]{x.to, wire.Answer{
			Speaker: c.speaker, Boot: c.boot, Run: c.run, ID: x.commander, Seq: x.seq, Results: slices.Clone(x.results[x.told:]),
		}})
		x.told = len(x.results)
	}
	c.typed.fresh = nil
}

// tookUp counts a route of an order as answered by exaBGP, or not to be asked
// for.
func (c *core) tookUp(o *order) {
	if o.message != nil {
		c.readOff(o.message)
	}
}

// readOff counts a route of a message of the classic queue, and acknowledges
// the message once all are.
func (c *core) readOff(l *classicMessage) {
	if l.open--; l.open == 0 {
		c.out.acks = append(c.out.acks, l.ticket)
	}
}

// boundRefusals forgets the oldest refusals of routes by hand.
func (c *core) boundRefusals(id refusalKey) {
	c.refusedByHand = append(c.refusedByHand, id)
	for len(c.refusedByHand) > refusalsByHand {
		old := c.refusedByHand[0]
		c.refusedByHand = c.refusedByHand[1:]
		if !slices.Contains(c.refusedByHand, old) && c.wasRefused(old) {
			delete(c.refused, old)
			c.unsaid[old] = struct{}{}
		}
	}
}
