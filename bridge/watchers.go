package bridge

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"routesync/bridge/journal"
	"routesync/bridge/wire"
	"routesync/state"
)

const (
	// silentAfter is for how long a watch may say nothing until it is taken for
	// gone, in what readers are told: it says that it is there every aliveEvery.
	silentAfter = 10 * time.Second
	// noteHeardEvery is how often it is written down when a commander was heard.
	noteHeardEvery = 3 * time.Second
	// maxStandbys bounds the standbys of a speaker: readers are told of all of them.
	maxStandbys = 100
)

// watchers is what the bridge knows of those who command it, or would.
type watchers struct {
	inForce  map[string]*journal.Owner // by owner
	standbys map[standbyID]*standby
	noted    time.Time // when it was last looked who was heard
}

type standbyID struct{ owner, id string }

// standby is a watch that does not command.
type standby struct {
	wire.Standby
	heard time.Time
}

func newWatchers(owners []journal.Owner) watchers {
	w := watchers{inForce: map[string]*journal.Owner{}, standbys: map[standbyID]*standby{}}
	for _, o := range owners {
		w.inForce[o.Name] = &o
	}
	return w
}

// of is what was accepted of an owner; nil for nothing.
func (w *watchers) of(owner string) *wire.InForce {
	o := w.inForce[owner]
	if o == nil || o.Revision.Digest == "" {
		return nil
	}
	f := &wire.InForce{Owner: owner, Revision: o.Revision, Host: o.Host, Epoch: o.Epoch}
	if x := o.Ended; x != nil && x.Reverted {
		f.Reverted = &wire.Reverted{Digest: x.Digest, At: x.At, By: wire.Commander(x.By)}
	}
	return f
}

// stale tells whether what is in force was put there, by somebody else, since what
// was in force of an epoch was seen.
func (w *watchers) stale(owner, id string, base *int64) bool {
	if base == nil {
		return false
	}
	o := w.inForce[owner]
	if o == nil || o.Revision.Digest == "" {
		return *base != 0
	}
	return *base != o.Epoch && o.Commander != id
}

// older is what is in force, if a revision would bring back what it replaced; nil
// if it is welcome. over is the digest of what is meant to be replaced all the
// same.
func (w *watchers) older(owner string, r state.Revision, over string) *wire.InForce {
	f := w.of(owner)
	if f == nil || !r.OlderThan(f.Revision) || over == f.Revision.Digest {
		return nil
	}
	return f
}

// lastHeard is when a commander of an owner was last heard in a life of a bridge
// before this one, where routes depend on that; the zero time if it is not known.
func (w *watchers) lastHeard(owner string) time.Time {
	if o := w.inForce[owner]; o != nil && o.Heard != 0 {
		return time.UnixMilli(o.Heard)
	}
	return time.Time{}
}

func (w *watchers) owner(name string) *journal.Owner {
	o := w.inForce[name]
	if o == nil {
		o = &journal.Owner{Name: name}
		w.inForce[name] = o
	}
	return o
}

// owners is all that the journal should have of them.
func (w *watchers) owners() []journal.Owner {
	var all []journal.Owner
	for _, name := range slices.Sorted(maps.Keys(w.inForce)) {
		all = append(all, *w.inForce[name])
	}
	return all
}

// putInForce notes that the file of who holds a lease is in force. The same set
// counts from when it was last saved.
func (c *core) putInForce(l *lease, r state.Revision) {
	if r.Digest == "" {
		return
	}
	o := c.watches.owner(l.Owner)
	same := r.Digest == o.Revision.Digest
	if same && r.Changed <= o.Revision.Changed {
		return
	}
	host := l.Holder.Host
	if !same {
		o.Ended = nil
		c.log.Info("a file is in force", "owner", l.Owner, "host", host, "digest", r.Short(), "changed", time.UnixMilli(r.Changed))
		o.Epoch, o.Commander = l.Epoch, l.Holder.ID
	}
	o.Revision, o.Host = r, host
	if t := o.Trial; t != nil && t.By.ID == l.Holder.ID && !t.Reverting {
		now := *t
		now.Revision, o.Trial = r, &now // it may be told only with the first batch
	}
	c.note(o)
}

// moves notes that a change for the file that is in force is carried out: what was
// planned before may be another thing now.
func (c *core) moves(l *lease) {
	o := c.watches.owner(l.Owner)
	if o.Revision.Digest == "" || o.Epoch == l.Epoch {
		return
	}
	o.Epoch, o.Commander = l.Epoch, l.Holder.ID
	c.note(o)
}

// note has what is known of an owner written down for good, and told.
func (c *core) note(o *journal.Owner) {
	c.out.owners = append(c.out.owners, *o)
	c.out.accepted, c.aboutNews = true, true
}

// refuseStale is why what was planned is not carried out.
func refuseStale(f *wire.InForce) string {
	if f == nil {
		return "what was in force when it was planned is not known here any more"
	}
	return fmt.Sprintf("something was put in force since it was planned: the file of %s, changed at %s", f.Host, clockTime(f.Revision.Changed))
}

// refuseOlder is why a file is not accepted.
func refuseOlder(r state.Revision, f *wire.InForce) string {
	if f.Reverted != nil && f.Reverted.Digest == r.Digest {
		return fmt.Sprintf("the file was in force and was reverted at %s, for it was not confirmed", clockTime(f.Reverted.At))
	}
	return fmt.Sprintf("the file is older than what is in force: it was changed at %s, that of %s at %s", clockTime(r.Changed), f.Host, clockTime(f.Revision.Changed))
}

// clockTime is a time in Unix milliseconds as people read it.
func clockTime(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

// alive takes a sign of life of a commander.
func (c *core) alive(r wire.Request) {
	l := c.leases[r.Owner]
	if l == nil || l.Holder.ID != r.From.ID {
		return
	}
	c.hear(l)
	l.told, l.reached = c.now, r.Reached
	c.contested(l, r.Contests)
	c.hears(&l.Conditions, r)
	if l.over {
		return
	}
	if len(r.Overridden) > 0 {
		c.dropOverrides(c.watches.owner(r.Owner), r.Overridden)
	}
	c.has(l, r.Revision)
}

// hear notes that the holder of a lease is there.
func (c *core) hear(l *lease) {
	l.heard = c.now
	if l.Silent != 0 {
		l.Silent, c.aboutNews = 0, true
	}
}

// has notes which file the holder of a lease has, and accepts it unless it is
// older than what is in force; false if it is.
func (c *core) has(l *lease, r state.Revision) bool {
	if c.watches.older(l.Owner, r, "") != nil {
		return false
	}
	if r.Digest != "" && r != l.Revision {
		l.Revision, c.aboutNews = r, true
	}
	c.putInForce(l, r)
	return true
}

// hears notes what keeps a commander, or a watch that stands by, from its work.
func (c *core) hears(was *[]wire.Condition, r wire.Request) {
	if slices.Equal(*was, r.Conditions) {
		return
	}
	for _, x := range r.Conditions {
		if !slices.Contains(*was, x) {
			c.log.Warn("condition of a commander", "owner", r.Owner, "commander", r.From.String(), "condition", asLine(x))
		}
	}
	*was, c.aboutNews = r.Conditions, true
}

// standBy notes a watch that does not command, and tells it who does, and what is
// in force.
func (c *core) standBy(r wire.Request, to string) {
	if err := state.CheckName(r.Owner); err != nil {
		c.log.Warn("a watch stands by for an owner that can't be", "owner", r.Owner, "error", err)
		return
	}
	id := standbyID{r.Owner, r.From.ID}
	b := c.watches.standbys[id]
	if b == nil && len(c.watches.standbys) < maxStandbys {
		b = &standby{Standby: wire.Standby{Owner: r.Owner, From: r.From}}
		c.watches.standbys[id], c.aboutNews = b, true
	}
	if b != nil {
		b.heard = c.now
		if b.Revision != r.Revision {
			b.Revision, c.aboutNews = r.Revision, true
		}
		c.hears(&b.Conditions, r)
	}
	answer := wire.Standing{Speaker: c.speaker, Owner: r.Owner, InForce: c.watches.of(r.Owner), Pause: c.watches.pauseOf(r.Owner), Trial: c.trialTold(r.Owner)}
	if l := c.leases[r.Owner]; l != nil {
		lease := l.Lease
		answer.Lease = &lease
		if answer.Pause != nil {
			l.kept = c.now // routes that go on silence stay while somebody waits to go on
		}
	}
	c.out.standings = append(c.out.standings, reply[wire.Standing]{to, answer})
}

// commands notes that a watch does not stand by any more.
func (w *watchers) commands(owner, id string) { delete(w.standbys, standbyID{owner, id}) }

// lookForSilent notes who has not been heard for long, and writes down who was, of
// those that routes depend on.
func (c *core) lookForSilent() {
	for _, l := range c.leases {
		if l.Silent == 0 && c.now.Sub(l.heard) >= silentAfter {
			l.Silent, c.aboutNews = l.heard.UnixMilli(), true
		}
	}
	for id, b := range c.watches.standbys {
		if c.now.Sub(b.heard) >= silentAfter {
			delete(c.watches.standbys, id)
			c.aboutNews = true
		}
	}
	if c.now.Sub(c.watches.noted) < noteHeardEvery {
		return
	}
	c.watches.noted = c.now
	for owner := range c.leasing() {
		l := c.leases[owner]
		if l == nil {
			continue
		}
		o := c.watches.owner(owner)
		if heard := later(l.heard, l.kept).UnixMilli(); heard != o.Heard {
			o.Heard = heard
			c.out.owners = append(c.out.owners, *o)
		}
	}
}

// leasing are the owners that have routes with a lease.
func (c *core) leasing() map[string]struct{} {
	owners := map[string]struct{}{}
	for k := range c.ending {
		e := c.table.entries[k]
		if e == nil {
			continue
		}
		for i := range e.slots {
			if s := e.slots[i]; s.from != nil && s.from.Lease != 0 {
				owners[s.owner] = struct{}{}
			}
		}
	}
	return owners
}

// aboutWatchers is what readers are told of them, in order.
func (c *core) aboutWatchers(a *wire.About) {
	for _, owner := range slices.Sorted(maps.Keys(c.watches.inForce)) {
		if f := c.watches.of(owner); f != nil {
			a.InForce = append(a.InForce, *f)
		}
	}
	c.ordersTold(a)
	for _, b := range c.watches.standbys {
		a.Standbys = append(a.Standbys, b.Standby)
	}
	slices.SortFunc(a.Standbys, func(x, y wire.Standby) int {
		return cmp.Or(cmp.Compare(x.Owner, y.Owner), cmp.Compare(x.From.Host, y.From.Host), cmp.Compare(x.From.PID, y.From.PID), cmp.Compare(x.From.ID, y.From.ID))
	})
}
