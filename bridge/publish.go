package bridge

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"routesync/bridge/wire"
	"routesync/state"
)

// request takes a request; the answer goes to the queue to.
func (c *core) request(r wire.Request, to string, now time.Time) {
	c.step(now)
	switch r.Kind {
	case wire.RequestLease:
		c.out.grants = append(c.out.grants, reply[wire.Grant]{to, c.grant(r, to)})
	case wire.RequestSnapshot:
		c.out.snapshots = append(c.out.snapshots, to)
	case wire.RequestAlive:
		c.alive(r)
	case wire.RequestStandby:
		c.standBy(r, to)
	case wire.RequestReceived:
		c.followReceived(to)
	case wire.RequestFollowReceived:
		c.followReceived("")
	case wire.RequestFollowEvents:
		c.evt.follow(now)
	default:
		c.log.Warn("request of an unknown kind", "kind", r.Kind)
	}
}

// contestPatience is how long a commander may be silent until what it asks for
// and others have is no news any more: it may never come again.
const contestPatience = 10 * time.Minute

// contested notes what a commander asks for and others have: they are told.
func (c *core) contested(l *lease, all []state.Contest) {
	all = slices.Clone(all[:min(len(all), state.MaxContests)])
	for i := range all {
		all[i].Owner = l.Owner
	}
	if slices.Equal(l.contests, all) {
		return
	}
	for _, x := range all {
		if !slices.Contains(l.contests, x) {
			c.log.Warn("a route is asked for that another has", "route", x.Key.String(), "owner", l.Owner, "holder", OwnerName(x.Holder))
		}
	}
	l.contests, c.aboutNews = all, true
}

// forgetContests drops those of commanders that are gone.
func (c *core) forgetContests() {
	for _, l := range c.leases {
		if len(l.contests) > 0 && c.now.Sub(l.heard) >= contestPatience {
			l.contests, c.aboutNews = nil, true
		}
	}
}

// grant gives the right to command for an owner, and takes it from whoever had
// it. The epoch grows even if the journal was lost, because it is never under
// the clock.
func (c *core) grant(r wire.Request, to string) wire.Grant {
	g := wire.Grant{Speaker: c.speaker, Boot: c.boot, Owner: r.Owner}
	if c.phase != ready {
		g.Refused = "the bridge is still reading exaBGP's table"
		if c.phase == replaying {
			g.Refused = "the bridge still announces what exaBGP had before it was started again"
		}
		return g
	}
	if c.cutOff != "" {
		g.Refused = "the bridge can't read its command queue: " + c.cutOff
		return g
	}
	if err := state.CheckName(r.Owner); err != nil {
		g.Refused = err.Error()
		return g
	}
	if state.ReservedOwner(r.Owner) {
		g.Refused = fmt.Sprintf("owner %s is not one that a file can have", r.Owner)
		return g
	}
	if g.Refused = c.heldBack(&r); g.Refused != "" {
		g.Ordered = true
		return g
	}
	if f := c.watches.of(r.Owner); f != nil && f.Reverted != nil && c.watches.inForce[r.Owner].Ended.Of == r.From.ID {
		g.Refused, g.Older = refuseOlder(r.Revision, f), f // whatever it is meant over
		return g
	}
	if c.watches.stale(r.Owner, r.From.ID, r.Base) {
		g.Stale, g.Now = true, c.watches.of(r.Owner)
		g.Refused = refuseStale(g.Now)
		return g
	}
	if f := c.watches.older(r.Owner, r.Revision, r.Over); f != nil {
		g.Refused, g.Older = refuseOlder(r.Revision, f), f
		return g
	}
	c.epoch = max(c.epoch+1, c.now.UnixMilli())
	c.out.epoch = c.epoch
	c.cancel(r.Owner)
	c.forgive(r.Owner)
	c.leases[r.Owner] = &lease{
		Lease:   wire.Lease{Owner: r.Owner, Holder: r.From, Epoch: c.epoch, Queue: to, Revision: r.Revision, Conditions: r.Conditions},
		granted: c.now, heard: c.now, pausable: r.Pausable,
	}
	c.beginTrial(c.leases[r.Owner], r.ConfirmWithin)
	c.watches.commands(r.Owner, r.From.ID)
	c.putInForce(c.leases[r.Owner], r.Revision)
	c.aboutNews = true
	c.log.Info("lease granted", "owner", r.Owner, "to", r.From.String(), "epoch", c.epoch)
	g.Epoch = c.epoch
	return g
}

// heldBack is why nobody of this kind commands for an owner now, by what people
// ordered; "" if that is not so.
func (c *core) heldBack(r *wire.Request) string {
	if o := c.watches.inForce[r.Owner]; o != nil && o.Pause != nil && r.Pausable {
		return "it is paused " + pauseText(o.Pause)
	}
	return cmp.Or(c.refuseForTrial(r), c.cantTry(r))
}

// cancel drops what an owner's former commander asked for and exaBGP was not
// told yet: the new one does not count on it.
func (c *core) cancel(owner string) {
	for o := range c.flying {
		e := c.table.entry(o.key)
		for _, w := range e.waiting.leave(owner) {
			c.answerOp(w)
		}
	}
}

// news tells whether readers have not been told everything.
func (c *core) news() bool {
	return len(c.table.dirty) > 0 || len(c.unsaid) > 0 || c.aboutNews
}

// resume starts the numbering anew for a new connection: what was published on
// the old one may be lost, so every reader must notice a gap.
func (c *core) resume() {
	c.n++
	c.aboutNews = true
	c.restartStreams()
}

// update takes the next update for the readers. What stands in About, how far
// batches are applied above all, goes with the last of the keys that it rests
// on, and so does the digest.
func (c *core) update() wire.Update {
	c.n++
	u := wire.Update{Speaker: c.speaker, Boot: c.boot, Run: c.run, N: c.n}
	var n int
	u.Entries, n = c.entries(c.table.news(updateKeys))
	if c.table.told(n); len(c.table.dirty) > 0 {
		return u
	}
	if u.Refused, u.Cleared = c.refusals(); len(c.unsaid) > 0 {
		return u
	}
	u.About = c.about()
	u.Count, u.Sum = c.table.digest.Count, c.table.digest.Sum()
	c.aboutNews = false
	return u
}

// beat repeats the digest without a new number, so that a reader who lost the
// last update, or went wrong, finds out.
func (c *core) beat() wire.Update {
	u := wire.Update{Speaker: c.speaker, Boot: c.boot, Run: c.run, N: c.n}
	if !c.news() {
		u.Count, u.Sum = c.table.digest.Count, c.table.digest.Sum()
	}
	return u
}

// refusals are as many of those that readers have not been told of as a message has
// room for.
func (c *core) refusals() (refused []state.Refusal, cleared []wire.Cleared) {
	var ids []refusalKey
	bytes := 0
	for id := range c.unsaid {
		ids, bytes = append(ids, id), bytes+c.refusalBytes(id)
		if delete(c.unsaid, id); bytes >= updateBytes {
			break
		}
	}
	slices.SortFunc(ids, compareRefusals)
	for _, id := range ids {
		if r, ok := c.refused[id]; ok {
			refused = append(refused, r)
		} else {
			cleared = append(cleared, wire.Cleared{Key: id.key, Owner: id.owner})
		}
	}
	return refused, cleared
}

// refusalBytes is about what a refusal takes in a message.
func (c *core) refusalBytes(id refusalKey) int {
	r := c.refused[id]
	return groupBytes + keyBytes(id.key) + len(r.Attrs.Canonical()) + len(r.Reason)
}

func compareRefusals(a, b refusalKey) int {
	return cmp.Or(state.CompareKeys(a.key, b.key), cmp.Compare(a.owner, b.owner))
}

// snapshot is the whole state, as of the last update, in parts.
func (c *core) snapshot() []wire.Update {
	keys := c.table.keys()
	id := fmt.Sprintf("%s/%d", c.run, c.n)
	var parts []wire.Update
	var last *wire.Update
	begin := func() {
		parts = append(parts, wire.Update{Speaker: c.speaker, Boot: c.boot, Run: c.run, N: c.n, Part: &wire.Part{ID: id, Part: len(parts) + 1}})
		last = &parts[len(parts)-1]
	}
	for n := 0; len(parts) == 0 || len(keys) > 0; keys = keys[n:] {
		begin()
		last.Entries, n = c.entries(keys)
	}
	bytes := 0
	for _, id := range slices.SortedFunc(maps.Keys(c.refused), compareRefusals) {
		if bytes >= updateBytes {
			begin()
			bytes = 0
		}
		last.Refused, bytes = append(last.Refused, c.refused[id]), bytes+c.refusalBytes(id)
	}
	for i := range parts {
		parts[i].Part.Of = len(parts)
	}
	last.About = c.about()
	last.Count, last.Sum = c.table.digest.Count, c.table.digest.Sum()
	return parts
}

func (c *core) about() *wire.About {
	a := &wire.About{
		Version: c.version, ExaBGP: c.dialect.Release, Host: c.host, PID: c.pid, Ready: c.phase == ready,
		Lacks: c.speakerLacks(), LastError: c.fault,
	}
	if !c.faultAt.IsZero() {
		a.LastErrorAt = c.faultAt.UnixMilli()
	}
	a.Lines, a.Conditions = slices.Clone(c.lines), slices.Clone(c.conditions)
	if c.mute {
		a.Silent = c.waited.UnixMilli()
	}
	if !c.converged.IsZero() {
		a.Converged = c.converged.UnixMilli()
	}
	for _, p := range c.peers {
		n := state.Neighbor{Addr: p.Addr, LocalAS: p.LocalAS, PeerAS: p.PeerAS, Up: p.up, Families: p.Families, Lacks: p.lacks, Received: c.receivedCount(p), Tags: p.Tags}
		switch {
		case c.quiet != nil && c.heard[p.Addr] == "":
			n.Lacks = append(slices.Clone(n.Lacks), unheardLack)
		case !p.since.IsZero():
			n.Since = p.since.UnixMilli()
		}
		for _, self := range []netip.Addr{p.self4, p.self6} {
			if self.IsValid() {
				n.Self = append(n.Self, self)
			}
		}
		a.Peers = append(a.Peers, n)
	}
	a.Peers = append(a.Peers, c.deaf...)
	slices.SortFunc(a.Peers, func(x, y state.Neighbor) int { return x.Addr.Compare(y.Addr) })
	for _, owner := range slices.Sorted(maps.Keys(c.leases)) {
		a.Leases = append(a.Leases, c.leases[owner].Lease)
		a.Contests = append(a.Contests, c.leases[owner].contests...)
	}
	c.aboutWatchers(a)
	return a
}
