package bridge

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"routesync/bridge/wire"
	"routesync/state"
)

// Mandate is who commands, for whom, and with which file.
type Mandate struct {
	Owner string
	From  wire.Commander
	// Locate says where the file has a route, for who wants to change it by hand;
	// nil if nobody is to be told.
	Locate Locator
	// Held is where the commander notes what keeps it from its work; it goes on
	// beyond the session.
	Held *Conditions
	// Revision is of the file; zero for who brings none in force.
	Revision state.Revision
	// Over is the digest of what is in force, if that is meant to be replaced by a
	// file that is older.
	Over string
	// Base is the epoch of what was in force when what is to be done was planned, 0
	// if nothing was, see [wire.InForce]; nil if it may be any. Who has begun to carry
	// it out, and asks again over another session, is not stale.
	Base *int64
	// ConfirmWithin makes a trial of what is done, of at most [wire.MaxTrial]; 0 for
	// none. If the commander asks again over another session, the trial goes on.
	ConfirmWithin time.Duration
	// Pausable: the commander gives way to a pause, with [ErrPaused].
	Pausable bool
	// Hold is what keeps the file from being in force, or a part of it; none, or a nil
	// Hold, if nothing does. It is asked often, and from the goroutine that the
	// commander belongs to.
	Hold func() []wire.Condition
}

// OlderError says that a file would bring back what another replaced.
type OlderError struct {
	Speaker string
	Has     state.Revision
	InForce wire.InForce
}

func (e *OlderError) Error() string {
	return fmt.Sprintf("%s: %s", e.Speaker, refuseOlder(e.Has, &e.InForce))
}

// StaleError says that something was put in force since what was to be done was
// planned. Nothing of it was done.
type StaleError struct {
	Speaker string
	Base    int64
	InForce *wire.InForce // nil: nothing is, as far as the bridge knows
}

func (e *StaleError) Error() string { return fmt.Sprintf("%s: %s", e.Speaker, refuseStale(e.InForce)) }

// ErrPaused says that a watch is to stand by, because people want it to.
var ErrPaused = errors.New("the watch stands by")

// halted is the error of a commander whose work people have ended: a watch that is
// paused, and who holds a trial that was reverted.
func (c *Reader) halted() error {
	about := c.replica.about
	if c.mandate.Owner == "" || about == nil {
		return nil
	}
	for _, p := range about.Pauses {
		if c.mandate.Pausable && p.Owner == c.mandate.Owner {
			return fmt.Errorf("%s: %w: it is paused by %s: %s", c.speaker, ErrPaused, p.By.By(), p.Reason)
		}
	}
	f := about.InForceOf(c.mandate.Owner)
	if f != nil && c.epoch != 0 && f.Epoch > c.epoch && f.Reverted != nil && f.Reverted.Digest == c.mandate.Revision.Digest {
		return &OlderError{Speaker: c.speaker, Has: c.mandate.Revision, InForce: *f}
	}
	return nil
}

// Trial is the trial of the commander's own that waits, as the bridge last told; nil
// for none.
func (c *Reader) Trial() *wire.Trial {
	if c.replica.about == nil {
		return nil
	}
	for i := range c.replica.about.Trials {
		if t := &c.replica.about.Trials[i]; t.Owner == c.mandate.Owner && t.By.ID == c.mandate.From.ID {
			return t
		}
	}
	return nil
}

// Declare says of which file the set is that the commander brings the speaker to
// from now on. The bridge is told with the next batch, and in any case at the next
// Await.
func (c *Commander) Declare(r state.Revision) {
	if r.Digest == "" || r == c.mandate.Revision {
		return
	}
	c.mandate.Revision = r
	c.alive, c.looked = time.Time{}, time.Time{}
}

// Left tells how many changes are left to make of what is advertised.
func (c *Commander) Left(n int) { c.reached = n == 0 }

// older is the error of a batch, or a request, that was made for an older file.
func (c *Reader) older(detail string) error {
	if f := c.replica.about.InForceOf(c.mandate.Owner); f != nil {
		return &OlderError{Speaker: c.speaker, Has: c.mandate.Revision, InForce: *f}
	}
	return fmt.Errorf("%s: %s", c.speaker, detail)
}

// holding looks what keeps the file from being in force, and sees to it that it is
// told if it is another than before.
func (c *Reader) holding() {
	var now []wire.Condition
	if c.mandate.Hold != nil {
		now = c.mandate.Hold()
	}
	if !slices.Equal(now, c.hold) {
		c.hold, c.alive = now, time.Time{}
	}
}

// conditions are all that keep the commander from its work.
func (c *Reader) conditions() []wire.Condition {
	return append(c.held.List(), c.hold...)
}

// Overrides are those that people gave the bridge for the owner, which are for guards
// of this release.
func (c *Commander) Overrides() []state.Override {
	var all []state.Override
	if c.replica.about == nil {
		return nil
	}
	for _, x := range c.replica.about.Overrides {
		if o, err := state.ParseOverride(x.Text); err == nil && x.Owner == c.mandate.Owner {
			o.By = because(x.By.By(), x.Reason)
			all = append(all, o)
		}
	}
	return all
}

// CarriedOut has the bridge told, at the next Await, that the plans of overrides were
// carried out.
func (c *Commander) CarriedOut(all []state.Override) {
	for _, o := range all {
		c.overridden = append(c.overridden, o.String())
	}
	c.alive, c.looked = time.Time{}, time.Time{}
}

// carriedOut are the texts of the overrides that the bridge has still to drop.
func (c *Reader) carriedOut() []string {
	if c.replica.about == nil || len(c.overridden) == 0 {
		return nil
	}
	var texts, still []string
	for _, x := range c.replica.about.Overrides {
		if o, err := state.ParseOverride(x.Text); err == nil && x.Owner == c.mandate.Owner && slices.Contains(c.overridden, o.String()) {
			texts, still = append(texts, x.Text), append(still, o.String())
		}
	}
	c.overridden = still // the same may be given again
	return texts
}

// rivals are the watches that stand by with another file.
func (c *Reader) rivals() []string {
	var all []string
	if c.replica.about == nil || c.epoch == 0 {
		return nil
	}
	for _, b := range c.replica.about.Standbys {
		if b.Owner == c.mandate.Owner && b.From.ID != c.mandate.From.ID && b.Revision.Differs(c.mandate.Revision) {
			all = append(all, fmt.Sprintf("%s stands by with another file, changed at %s, digest %s", b.From, clockTime(b.Revision.Changed), b.Revision.Short()))
		}
	}
	return all
}

// sayRivals says which watches stand by with another file, once for each.
func (c *Reader) sayRivals(now time.Time) {
	begun, over := c.conflicts.Look(now, c.rivals())
	for _, text := range begun {
		c.log.Warn("conflict: "+text+"; this one commands", "owner", c.mandate.Owner)
	}
	for _, text := range over {
		c.log.Info("no conflict any more: "+text, "owner", c.mandate.Owner)
	}
}
