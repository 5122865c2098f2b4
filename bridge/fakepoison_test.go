package bridge

import (
	"fmt"
	"strings"
	"time"

	"routesync/state"
)

// poison makes the session of a simulated peer fall of a route, and come up
// again after exaBGP's delay (reactor/delay.py).
type poison struct {
	poisons func(state.Key, state.Attrs) bool
	raises  bool          // exaBGP raises an exception in place of sending such a route
	lag     time.Duration // until the peer's NOTIFICATION comes
	reason  string        // of the fall in place of the one that exaBGP has for it
	drowns  int           // with more routes under way the NOTIFICATION is lost; 0 for never

	writes  int  // routes under way
	drowned bool // the NOTIFICATION is
	// unreadable tells that the peer does not bear a withdraw of such a route
	// either; bad are those that it was sent.
	unreadable bool
	bad        map[state.Key]bool

	doom  time.Time // when the session falls of what was sent; zero for never
	back  time.Time // when it comes up again; zero if it did not fall by itself
	delay int
	fell  int
	// resets is how often the bridge ended it, and withdrew how many withdraws
	// the peer was sent.
	resets, withdrew int
}

// fails tells whether exaBGP fails at a change, with which the session is over.
func (f *fakeExaBGP) fails(p *fakePeer, c change) bool {
	a, there := p.cache[c.key]
	if !p.raises || p.poisons == nil || c.withdraw || !there || !p.poisons(c.key, a) {
		return false
	}
	f.falls(p, "")
	return true
}

// swallow has a peer take a route.
func (f *fakeExaBGP) swallow(p *fakePeer, k state.Key, a state.Attrs) {
	if p.poisons != nil && !p.raises && p.poisons(k, a) && p.doom.IsZero() {
		if p.bad == nil {
			p.bad = map[state.Key]bool{}
		}
		p.bad[k] = true
		p.doom, p.drowned = f.now.Add(p.lag), p.drowns > 0 && p.writes > p.drowns
	}
}

// swallowWithdraw has a peer take a withdraw.
func (f *fakeExaBGP) swallowWithdraw(p *fakePeer, k state.Key) {
	if p.unreadable && p.bad[k] && p.doom.IsZero() {
		p.doom = f.now.Add(p.lag)
	}
}

// pass lets what is due happen to the peers.
func (f *fakeExaBGP) pass(now time.Time) {
	f.now = now
	for _, p := range f.peers {
		switch {
		case p.up && !p.doom.IsZero() && !now.Before(p.doom):
			message := "notification received (3,10)"
			if p.drowned {
				message = "closing connection"
			}
			f.falls(p, message)
		case !p.up && !p.back.IsZero() && !now.Before(p.back):
			p.back = time.Time{}
			f.sessionUp(p)
		}
	}
}

// resets ends a session that is up, with which exaBGP begins its delays anew.
func (f *fakeExaBGP) resets(p *fakePeer) {
	if !p.up {
		return
	}
	p.resets, p.doom, p.delay = p.resets+1, time.Time{}, 1
	p.back = f.now.Add(50 * time.Millisecond)
	f.sessionLost(p, "peer reset, message (notification sent (6,4)) error(Cease / Administrative Reset)")
}

// sooner is when the first session falls after a time, and before another.
func (f *fakeExaBGP) sooner(after, before time.Time) time.Time {
	for _, p := range f.peers {
		if p.up && p.doom.After(after) && p.doom.Before(before) {
			before = p.doom
		}
	}
	return before
}

func (f *fakeExaBGP) falls(p *fakePeer, message string) {
	reason := message
	if !strings.HasPrefix(f.release, "5") {
		reason = fmt.Sprintf("peer reset, message (%s) error()", message)
	}
	if p.reason != "" {
		reason = p.reason
	}
	p.fell++
	p.doom = time.Time{}
	p.back = f.now.Add(time.Duration(p.delay)*time.Second + 50*time.Millisecond)
	p.delay = min(int(1+float64(p.delay)*1.2), 60)
	f.sessionLost(p, reason)
}
