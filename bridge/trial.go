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

// A trial is a file in force until somebody confirms it. Of each route and peer that
// it changes, what was there before is in the journal before exaBGP is told. At the
// deadline that is brought back, whoever is gone by then; if the deadline passes
// while the bridge or exaBGP is down, by the bridge that comes next, and what is
// announced again to a new exaBGP is what was before.
//
// While it waits, nobody else commands for the owner. What expired meanwhile is not
// brought back, and what is somebody else's by then stays theirs.

// noFile is the digest of what is in force behind a revert to nothing: a file that
// was reverted is older than it, and no file is the same.
const noFile = "none"

// trial is one, from its lease until it is confirmed or reverted. The owner's record
// says whose it is, and until when it waits.
type trial struct {
	owner  string
	before map[state.Key][]journal.Claim // most keys share theirs
	last   []journal.Claim               // of those, the one that was noted last
	revert *revert                       // nil while nothing is brought back
}

func newTrial(owner string) *trial {
	return &trial{owner: owner, before: map[state.Key][]journal.Claim{}}
}

// trialsOf are those that a journal has.
func trialsOf(memory *journal.Memory) map[string]*trial {
	all := map[string]*trial{}
	for _, o := range memory.Owners {
		if o.Trial != nil {
			all[o.Name] = newTrial(o.Name)
		}
	}
	for _, x := range memory.Tried {
		t := all[x.Owner]
		for _, e := range x.Entries {
			t.before[e.Key] = e.Claims
		}
	}
	return all
}

// record is what the journal has of a trial.
func (c *core) record(t *trial) *journal.Trial { return c.watches.owner(t.owner).Trial }

// waitsOn tells whether a trial can still be confirmed.
func (c *core) waitsOn(t *trial) bool {
	return t != nil && t.revert == nil && !c.record(t).Reverting && c.now.Before(time.UnixMilli(c.record(t).Deadline))
}

// isQuiet tells whether a trial is told to nobody: there is nothing to take back, or all
// is as it was and that is only looked at once more.
func (c *core) isQuiet(t *trial) bool {
	return c.idle(t) || t.revert != nil && t.revert.passed && t.revert.left == 0
}

// idle tells whether there is nothing to take back: it keeps nobody out.
func (c *core) idle(t *trial) bool {
	x := c.record(t)
	return len(t.before) == 0 && x.Revision.Digest == x.Before.Digest && !x.Reverting
}

// refuseForTrial is why nobody but who began a trial commands, "" if that is not so.
func (c *core) refuseForTrial(r *wire.Request) string {
	t := c.trials[r.Owner]
	switch {
	case t == nil, t.revert != nil && t.revert.passed, c.idle(t):
		return ""
	case !c.waitsOn(t):
		return "what was in force before a trial is being brought back"
	case c.record(t).By.ID == r.From.ID:
		return ""
	}
	return "a trial waits to be confirmed: " + c.trialText(t)
}

// trialText says of a trial whose it is, and until when it waits.
func (c *core) trialText(t *trial) string {
	x := c.record(t)
	return fmt.Sprintf("that of %s; it is reverted at %s if nobody confirms it", wire.Commander(x.By), clockTime(x.Deadline))
}

// cantTry is why there can be no trial now, "" if there can.
func (c *core) cantTry(r *wire.Request) string {
	why := cmp.Or(c.memoryless, c.amnesia)
	if r.ConfirmWithin == 0 || c.trials[r.Owner] != nil || why == "" {
		return ""
	}
	return "there can be no trial: " + why
}

// beginTrial makes a trial of what is done under a lease, if that is asked for. The
// trial goes on if its commander asks again.
func (c *core) beginTrial(l *lease, within int64) {
	o := c.watches.owner(l.Owner)
	if t := c.trials[l.Owner]; t != nil && c.waitsOn(t) && o.Trial.By.ID == l.Holder.ID {
		return
	} else if t != nil { // who commands now decides on what is left of the last
		c.endTrial(t)
	}
	if within == 0 || o.Ended != nil && o.Ended.Of == l.Holder.ID { // it was confirmed already
		return
	}
	t := newTrial(l.Owner)
	c.trials[l.Owner] = t
	o.Trial = &journal.Trial{
		By: journal.Process(l.Holder), Revision: l.Revision, Began: c.now.UnixMilli(), Deadline: c.now.UnixMilli() + within,
		Before: o.Revision, Host: o.Host,
	}
	o.Ended = nil
	c.note(o)
	c.ordered(l.Owner, "a trial begins: "+c.trialText(t))
}

// ordered says what became of an order, or of a trial.
func (c *core) ordered(owner, text string) {
	c.log.Info(text, "owner", owner)
	c.happen(wire.Happening{Kind: wire.Ordering, Owner: owner, Text: text})
	c.aboutNews = true
}

// beginRevert has a trial be reverted: nothing that its commander sent goes any more, and
// the file that was before is in force, later than the one that was tried. by is who
// wants it; zero for the time.
func (c *core) beginRevert(t *trial, by wire.Commander) {
	c.dismiss(t.owner)
	o := c.watches.owner(t.owner)
	x := *o.Trial
	x.Reverting = true
	c.epoch = max(c.epoch+1, c.now.UnixMilli())
	c.out.epoch = c.epoch
	o.Ended = &journal.Ended{Digest: x.Revision.Digest, Of: x.By.ID, At: c.now.UnixMilli(), By: journal.Process(by), Reverted: true}
	o.Trial, o.Epoch, o.Commander = &x, c.epoch, ""
	o.Revision, o.Host = x.Before, x.Host
	if o.Revision.Digest == "" {
		o.Revision.Digest, o.Host = noFile, c.host
	}
	o.Revision.Changed = max(c.now.UnixMilli(), x.Revision.Changed+1, x.Before.Changed)
	c.note(o)
	why := "nobody confirmed it in time"
	if by.ID != "" {
		why = by.String() + " wants it"
	}
	c.trouble(fmt.Sprintf("the trial of %s for owner %s is reverted: %s; %s", wire.Commander(x.By), t.owner, why, t.broughtBack()))
}

// dismiss ends what the commander of an owner may do. Its signs of life still count.
func (c *core) dismiss(owner string) {
	if l := c.leases[owner]; l != nil {
		l.over = true
	}
	c.cancel(owner)
	c.forgive(owner)
}

// forgive forgets what was refused of an owner: who comes asks for what it wants
// itself.
func (c *core) forgive(owner string) {
	for id := range c.refused {
		if id.owner == owner {
			delete(c.refused, id)
			c.unsaid[id] = struct{}{}
		}
	}
}

// endTrial forgets a trial.
func (c *core) endTrial(t *trial) {
	delete(c.trials, t.owner)
	// The journal has routes only of trials that there are.
	c.out.tried = slices.DeleteFunc(c.out.tried, func(x journal.Tried) bool { return x.Owner == t.owner })
	o := c.watches.owner(t.owner)
	o.Trial = nil
	c.note(o)
}

// lookAtTrials reverts those of which the time is over, and tries again what could
// not be brought back.
func (c *core) lookAtTrials() {
	if c.phase != ready {
		return
	}
	for _, owner := range slices.Sorted(maps.Keys(c.trials)) {
		t := c.trials[owner]
		switch {
		case c.waitsOn(t):
		case c.idle(t):
			c.endTrial(t)
		case t.revert == nil:
			if !c.record(t).Reverting {
				c.beginRevert(t, wire.Commander{})
			}
			t.revert = &revert{queue: t.keys()}
		case t.revert.rests && !c.now.Before(t.revert.next):
			t.revert.queue, t.revert.withdraws, t.revert.rests = t.keys(), false, false
		}
	}
}

// broughtBack says how much a revert is about.
func (t *trial) broughtBack() string {
	if len(t.before) == 1 {
		return "1 route is brought back to what it was"
	}
	return fmt.Sprintf("%d routes are brought back to what they were", len(t.before))
}

// keys are the routes that a trial has changed, in their order.
func (t *trial) keys() []state.Key {
	return slices.SortedFunc(maps.Keys(t.before), state.CompareKeys)
}

// trialTold is what readers are told of the trial of an owner; nil for nothing.
func (c *core) trialTold(owner string) *wire.Trial {
	t := c.trials[owner]
	if t == nil || c.isQuiet(t) {
		return nil
	}
	x := c.record(t)
	return &wire.Trial{
		Owner: owner, By: wire.Commander(x.By), Revision: x.Revision, Before: x.Before, Began: x.Began, Deadline: x.Deadline,
		Changed: len(t.before), Revert: !c.waitsOn(t), Free: t.revert != nil && t.revert.passed,
	}
}

// endedText says what became of the last trial of an owner.
func endedText(e *journal.Ended) string {
	verb, by := "confirmed", ""
	if e.Reverted {
		verb, by = "reverted", ", for nobody confirmed it"
	}
	if e.By.ID != "" {
		by = " by " + wire.Commander(e.By).By()
	}
	return fmt.Sprintf("it was %s at %s%s", verb, clockTime(e.At), by)
}
