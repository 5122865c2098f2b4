package bridge

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"routesync/bridge/journal"
	"routesync/state"
)

// revertAgain is the pause until it is looked at once more whether all is as it was,
// and what is not is tried again.
const revertAgain = 30 * time.Second

// revert is how far what was before a trial is brought back: all announces first,
// then the withdraws. It begins anew with another bridge, and comes to the same.
type revert struct {
	queue     []state.Key // to be looked at
	withdraws bool        // the announces are done
	open      int         // operations that exaBGP has not answered
	gave      int         // operations of this round
	left      int         // routes that were not as before at the end of the last one
	rests     bool        // it waits until next
	passed    bool        // all was tried once, and others may command
	next      time.Time   // when to try again what is left
}

// goOnReverting goes on with what is being reverted, as far as there is room: a trial
// may have changed a million routes.
func (c *core) goOnReverting() {
	for _, owner := range slices.Sorted(maps.Keys(c.trials)) {
		if t := c.trials[owner]; t.revert != nil {
			c.revertOf(t)
		}
	}
}

func (c *core) revertOf(t *trial) {
	r := t.revert
	for !r.rests {
		for len(r.queue) > 0 && !c.full() {
			k := r.queue[0]
			r.queue = r.queue[1:]
			c.revertRoute(t, k)
		}
		if len(r.queue) > 0 || r.open > 0 {
			return
		}
		if r.withdraws {
			c.endRound(t)
			return
		}
		r.withdraws, r.queue = true, t.keys()
	}
}

// endRound ends the trial, if nothing is left to do, or waits until that can be
// looked at again. What was given is compared with exaBGP's own table first: a
// command that a bridge before this one had given may come to it late.
func (c *core) endRound(t *trial) {
	r := t.revert
	r.left = c.leftOf(t)
	if len(t.before) == 0 || r.passed && r.gave == 0 && !c.audits.cause && c.table.touched == nil {
		c.endTrial(t)
		return
	}
	switch {
	case r.left > 0:
		c.log.Warn("not all of what was before the trial could be brought back; it is tried again", "owner", t.owner, "routes", r.left, "in", revertAgain)
	case !r.passed:
		c.ordered(t.owner, "what was before the trial is announced again")
	}
	if r.gave > 0 {
		c.suspect()
	}
	r.passed, r.rests, r.next, r.gave = true, true, c.now.Add(revertAgain), 0
	c.aboutNews = true
}

// leftOf counts the routes that are not as they were.
func (c *core) leftOf(t *trial) int {
	left := 0
	for k, claims := range t.before {
		for i := range claims {
			if len(c.toBringBack(k, &claims[i])) > 0 {
				left++
				break
			}
		}
	}
	return left
}

// had is what a claim of before asks for, and whether that is an announce: what has
// expired meanwhile is not brought back.
func (c *core) had(x *journal.Claim) (claimant, state.Attrs, bool) {
	whose := claimant{owner: x.Owner}
	if x.From != (state.Provenance{}) {
		whose.from = &x.From
	}
	if x.Value == "" || c.expired(&slot{claimant: whose}) {
		return whose, state.Attrs{}, false
	}
	attrs, err := state.ParseCanonical(x.Value)
	if err != nil { // it was made here, of attributes
		c.log.Error("not brought back", "value", x.Value, "error", err)
		return whose, state.Attrs{}, false
	}
	return whose, attrs, true
}

// toBringBack are the peers that do not have what they had, of those that can be
// given it.
func (c *core) toBringBack(k state.Key, x *journal.Claim) []netip.Addr {
	whose, attrs, announce := c.had(x)
	var at []netip.Addr
	e := c.table.entry(k)
	defer c.table.release(k, e)
	// Behind a change that exaBGP has not answered, it shows then what there is to do.
	moves := !e.waiting.empty() || e.flight != nil && !e.flight.accepted
	for _, a := range x.Peers {
		p := c.findPeer(a)
		if p == nil || !slices.Contains(p.Families, k.Family) {
			continue
		}
		s := e.slot(p)
		gone := s == nil || s.grade == state.Withdrawing
		switch {
		case moves:
		case announce && !gone && s.claimant.owner == whose.owner && s.attrs == attrs && s.given == (state.Attrs{}) && s.provenance() == whose.provenance():
			continue
		case !announce && gone:
			continue
		}
		if c.objection(&op{key: k, withdraw: !announce, attrs: attrs, claimant: whose}, p, e) == "" {
			at = append(at, a)
		}
	}
	return at
}

// revertRoute gives exaBGP what a route was, in the half that it belongs to. What
// is somebody else's by now is said to be.
func (c *core) revertRoute(t *trial, k state.Key) {
	claims := t.before[k]
	for i := range claims {
		x := &claims[i]
		whose, attrs, announce := c.had(x)
		if announce == t.revert.withdraws {
			continue
		}
		if !t.revert.passed {
			c.sayKept(k, x)
		}
		if at := c.toBringBack(k, x); len(at) > 0 {
			t.revert.open++
			t.revert.gave++
			c.enqueue(&op{key: k, withdraw: !announce, attrs: attrs, claimant: whose, peers: at, revert: t})
		}
	}
}

// sayKept says where somebody else has what a trial changed.
func (c *core) sayKept(k state.Key, x *journal.Claim) {
	e := c.table.entries[k]
	if e == nil {
		return
	}
	for _, a := range x.Peers {
		if p := c.findPeer(a); p != nil {
			if s := e.slot(p); s != nil && s.owner != x.Owner {
				c.fail("the trial of owner " + x.Owner + " can't be reverted for " + k.String() + ": it is announced at " + a.String() + " by " + OwnerName(s.owner) + " now, and stays theirs")
			}
		}
	}
}
