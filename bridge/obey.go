package bridge

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"routesync/bridge/journal"
	"routesync/bridge/wire"
	"routesync/state"
)

// overrideLife is for how long an override lifts rules of the guard, if the plan
// that it is for is not carried out before.
const overrideLife = 24 * time.Hour

// obey carries out what a person ordered; to is where the answer goes.
func (c *core) obey(o wire.Order, to string, now time.Time) {
	c.step(now)
	a := wire.Ordered{Speaker: c.speaker, ID: o.ID}
	switch {
	case o.Speaker != c.speaker:
		a.Refused = fmt.Sprintf("the order is for speaker %s, this is %s", o.Speaker, c.speaker)
	case state.ReservedOwner(o.Owner):
		a.Refused = fmt.Sprintf("owner %s is not one that a file can have", o.Owner)
	default:
		a.Done, a.Refused = c.carryOutOrder(&o)
	}
	if a.Refused != "" {
		c.log.Warn("an order is refused", "order", string(o.Kind), "owner", o.Owner, "by", o.From.By(), "reason", a.Refused)
	}
	c.out.ordered = append(c.out.ordered, reply[wire.Ordered]{to, a})
}

func (c *core) carryOutOrder(o *wire.Order) (done, refused string) {
	switch o.Kind {
	case wire.OrderPause:
		return c.pause(o), ""
	case wire.OrderResume:
		return c.resumeOwner(o), ""
	case wire.OrderOverride:
		return c.override(o), ""
	case wire.OrderConfirm, wire.OrderRevert:
		return c.endByOrder(o)
	}
	return "", fmt.Sprintf("order %q is not known", o.Kind)
}

// pause keeps watches from commanding. What one sent, and exaBGP was not told, does
// not go any more.
func (c *core) pause(o *wire.Order) string {
	x := c.watches.owner(o.Owner)
	x.Pause = &journal.Pause{By: journal.Process(o.From), At: c.now.UnixMilli(), Reason: o.Reason}
	if l := c.leases[o.Owner]; l != nil && l.pausable && !l.over {
		c.dismiss(o.Owner)
	}
	c.note(x)
	c.ordered(o.Owner, "paused: "+pauseText(x.Pause))
	return "paused"
}

func pauseText(p *journal.Pause) string {
	return because(fmt.Sprintf("by %s at %s", wire.Commander(p.By).By(), clockTime(p.At)), p.Reason)
}

// because says what was done, and the reason if there is one.
func because(done, reason string) string {
	if reason == "" {
		return done
	}
	return done + ": " + reason
}

func (c *core) resumeOwner(o *wire.Order) string {
	x := c.watches.inForce[o.Owner]
	if x == nil || x.Pause == nil {
		return "it was not paused"
	}
	x.Pause = nil
	c.note(x)
	c.ordered(o.Owner, because("resumed by "+o.From.By(), o.Reason))
	return "resumed"
}

// override keeps what lifts rules for a plan. The same one again counts from now. Where
// there are too many the oldest goes: nobody can take one back, and those of plans that
// never come would keep everybody from giving one for a day.
func (c *core) override(o *wire.Order) string {
	x := c.watches.owner(o.Owner)
	kept := slices.DeleteFunc(slices.Clone(x.Overrides), func(y journal.Override) bool { return y.Text == o.Text })
	gone := ""
	if len(kept) >= wire.MaxOverrides {
		gone = fmt.Sprintf("; that is instead of %s, the oldest of %d", kept[0].Text, len(kept))
		kept = kept[1:]
	}
	y := journal.Override{By: journal.Process(o.From), At: c.now.UnixMilli(), Reason: o.Reason, Text: o.Text}
	x.Overrides = append(kept, y)
	c.note(x)
	c.ordered(o.Owner, because(fmt.Sprintf("override %s by %s", o.Text, o.From.By()), o.Reason))
	until := clockTime(y.At + overrideLife.Milliseconds())
	if !c.holdsPlan(o) {
		return fmt.Sprintf("no watch says that it holds that plan; if one comes to it, it holds until %s%s", until, gone)
	}
	return "it holds for that plan, until " + until + gone
}

// holdsPlan tells whether the watch that commands says that it holds the plan of an
// override: it says what would lift what it is held by.
func (c *core) holdsPlan(o *wire.Order) bool {
	l := c.leases[o.Owner]
	_, plan, err := state.SplitOverride(o.Text)
	return err == nil && l != nil && slices.ContainsFunc(l.Conditions, func(x wire.Condition) bool { return strings.Contains(x.Do, "@"+state.Short(plan)) })
}

// dropOverrides takes out overrides of which the plan was carried out, or the time
// is over.
func (c *core) dropOverrides(x *journal.Owner, carriedOut []string) {
	kept := slices.DeleteFunc(slices.Clone(x.Overrides), func(y journal.Override) bool {
		return slices.Contains(carriedOut, y.Text) || c.now.UnixMilli()-y.At >= overrideLife.Milliseconds()
	})
	if len(kept) == len(x.Overrides) {
		return
	}
	x.Overrides = kept
	c.note(x)
}

// forgetOverrides drops those of which the time is over.
func (c *core) forgetOverrides() {
	for _, name := range slices.Sorted(maps.Keys(c.watches.inForce)) {
		if x := c.watches.inForce[name]; len(x.Overrides) > 0 {
			c.dropOverrides(x, nil)
		}
	}
}

// endByOrder ends a trial as a person wants it. Who has done so already, and asks
// again because no answer came, is told the same.
func (c *core) endByOrder(o *wire.Order) (done, refused string) {
	revert := o.Kind == wire.OrderRevert
	t := c.trials[o.Owner]
	x := c.watches.inForce[o.Owner]
	switch {
	case c.waitsOn(t) && revert && c.phase != ready:
		return "", "the bridge does not know yet what exaBGP announces; ask again"
	case c.waitsOn(t) && revert:
		c.beginRevert(t, o.From)
		c.lookAtTrials()
		return t.broughtBack(), ""
	case c.waitsOn(t):
		tried := *x.Trial
		x.Ended = &journal.Ended{Digest: tried.Revision.Digest, Of: tried.By.ID, At: c.now.UnixMilli(), By: journal.Process(o.From)}
		c.endTrial(t)
		c.ordered(o.Owner, fmt.Sprintf("the trial of %s is confirmed by %s", wire.Commander(tried.By), o.From.By()))
		return "confirmed", ""
	case x != nil && x.Ended != nil && x.Ended.Reverted == revert && x.Ended.By.ID == o.From.ID:
		return endedText(x.Ended), ""
	case t != nil && (t.revert == nil || !t.revert.passed):
		return "", "it is too late: what was before is being brought back"
	case x != nil && x.Ended != nil:
		return "", "no trial waits; of the last one, " + endedText(x.Ended)
	}
	return "", "no trial waits"
}

// ordersTold is what readers are told of orders, in the order of the owners.
func (c *core) ordersTold(a *wire.About) {
	for _, owner := range slices.Sorted(maps.Keys(c.watches.inForce)) {
		x := c.watches.inForce[owner]
		if p := c.watches.pauseOf(owner); p != nil {
			a.Pauses = append(a.Pauses, *p)
		}
		for _, y := range x.Overrides {
			a.Overrides = append(a.Overrides, wire.Override{
				Owner: owner, By: wire.Commander(y.By), At: y.At, Until: y.At + overrideLife.Milliseconds(), Reason: y.Reason, Text: y.Text,
			})
		}
		if t := c.trialTold(owner); t != nil {
			a.Trials = append(a.Trials, *t)
		}
	}
}

// pauseOf is the pause of an owner, nil for none.
func (w *watchers) pauseOf(owner string) *wire.Pause {
	x := w.inForce[owner]
	if x == nil || x.Pause == nil {
		return nil
	}
	return &wire.Pause{Owner: owner, By: wire.Commander(x.Pause.By), At: x.Pause.At, Reason: x.Pause.Reason}
}
