package reconcile

import (
	"context"
	"time"

	"routesync/state"
)

// maxOpen is how many sendings are followed that are not confirmed everywhere: a peer
// may be down for days.
const maxOpen = 16

// Ledger notes what is sent to one speaker, why, and what is seen of it, over all
// sessions with the broker. It belongs to one goroutine at a time.
type Ledger struct {
	owner string
	to    Recorder
	first Cause

	n        int
	open     []*receipt        // oldest first
	set      *state.Advertised // that was looked at last
	declared state.Revision    // of what is sent next
	about    state.Revision    // of what was sent last, or was found done
	reached  bool              // the speaker was found as about says
	looked   time.Time         // when the last wait began
	expiring expiring
	due      time.Time // for the next look
	lifted   []Lifted  // for what is sent next
}

// NewLedger returns one for an owner that tells to. first is the cause of what is sent
// first; whole, if any, gives what the file asks for at any time.
func NewLedger(owner string, to Recorder, first Cause, whole func() *state.Desired) *Ledger {
	return &Ledger{owner: owner, to: to, first: first, expiring: expiring{whole: whole}}
}

// Because gives the cause of what is sent next.
func (l *Ledger) Because(c Cause) {
	if l != nil {
		l.first, l.about, l.reached = c, state.Revision{}, false
	}
}

// Lift notes the guards that were lifted for what is sent next.
func (l *Ledger) Lift(all []Lifted) {
	if l != nil {
		l.lifted = all
	}
}

// Recorded is a speaker of which a ledger notes what is sent. Without a ledger it is
// the speaker itself.
func Recorded(sp Speaker, l *Ledger, r state.Revision) Speaker {
	if l == nil {
		return sp
	}
	l.declared, l.due = r, time.Time{}
	return &recorded{sp, l}
}

type recorded struct {
	Speaker
	ledger *Ledger
}

func (r *recorded) Declare(rev state.Revision) {
	r.ledger.declared = rev
	r.Speaker.Declare(rev)
}

func (r *recorded) Send(ctx context.Context, changes []state.Change) error {
	r.ledger.sending(changes, time.Now())
	return r.Speaker.Send(ctx, changes)
}

func (r *recorded) Await(ctx context.Context, wake <-chan struct{}) error {
	return await(ctx, r.Speaker, wake, r.ledger.look(r.Speaker, time.Now()))
}

// sending notes what is about to be sent. What was sent before, and nothing came of,
// is not noted again.
func (l *Ledger) sending(changes []state.Change, now time.Time) {
	changes = l.fresh(changes)
	defer l.Lift(nil)
	if len(changes) == 0 {
		return
	}
	l.expiring.withdraw(changes)
	byTime, rest := l.split(changes, now)
	if len(byTime) > 0 {
		l.note(CauseTime, byTime, nil, now)
	}
	if len(rest) > 0 {
		l.note(l.cause(), rest, nil, now)
	}
}

// cause is why something is sent now that is not for its time.
func (l *Ledger) cause() Cause {
	switch {
	case l.about == (state.Revision{}):
		return l.first
	case l.about != l.declared:
		return CauseFile
	case l.reached:
		return CauseDrift
	}
	return CauseAgain
}

// split parts what is sent because a route started or expired from the rest. Before
// the speaker was as the file says, everything is the rest.
func (l *Ledger) split(changes []state.Change, now time.Time) (byTime, rest []state.Change) {
	if l.about != l.declared || !l.reached {
		return nil, changes
	}
	from, to := l.looked.UnixMilli(), now.UnixMilli()
	timely := func(c *state.Change) bool {
		if c.Op() == state.Withdraw {
			e := c.Was().Expires
			return e != 0 && e <= to
		}
		return c.Op() == state.Announce && from < c.Wanted.Starts && c.Wanted.Starts <= to
	}
	for i := range changes {
		if timely(&changes[i]) {
			byTime = append(byTime, changes[i])
		}
	}
	switch len(byTime) {
	case 0:
		return nil, changes
	case len(changes):
		return changes, nil
	}
	for i := range changes {
		if !timely(&changes[i]) {
			rest = append(rest, changes[i])
		}
	}
	return byTime, rest
}

func (l *Ledger) note(cause Cause, changes []state.Change, gone map[state.Key]bool, now time.Time) {
	for _, s := range l.open {
		s.overtake(changes)
	}
	l.n++
	s := &receipt{id: l.n, changes: changes}
	l.open = append(l.open, s)
	if len(l.open) > maxOpen {
		l.end(l.open[0])
		l.open = l.open[1:]
	}
	l.about, l.reached, l.due = l.declared, false, time.Time{}
	l.to.Sending(Sending{ID: s.id, At: now, Cause: cause, Revision: l.declared, Changes: changes, Gone: gone, Lifted: l.lifted})
}

// look looks what is seen, and returns for how long at most not to look again; 0 for
// ever. It is called before each wait, and takes a thirtieth of the time at most: what a
// million changes take is of no use to who waits for them.
func (l *Ledger) look(sp Speaker, now time.Time) time.Duration {
	set := sp.Advertised()
	if !set.Complete {
		return 0
	}
	l.looked = now
	if changes, gone := l.expiring.gone(set, now); len(changes) > 0 {
		reached := l.reached
		l.note(CauseTime, changes, gone, now)
		l.reached = reached
	}
	if len(l.open) == 0 {
		return 0
	}
	if wait := l.due.Sub(now); wait > 0 {
		return wait
	}
	begun := time.Now()
	l.set = set
	in := &inspector{set: set, owner: l.owner}
	still := l.open[:0]
	for _, s := range l.open {
		if s.look(in, now) {
			l.to.Confirming(s.confirming(in))
		}
		if len(s.left) > 0 {
			still = append(still, s)
		}
	}
	clear(l.open[len(still):])
	l.open = still
	l.due = now.Add(30 * time.Since(begun))
	return 0
}

// reach notes that nothing is left to send: what is sent next for the same file, the
// speaker has lost.
func (l *Ledger) reach() {
	if l != nil {
		l.about, l.reached = l.declared, true
	}
}

// Close tells what was seen in the end of what is not confirmed.
func (l *Ledger) Close() {
	if l == nil {
		return
	}
	for _, s := range l.open {
		l.end(s)
	}
	l.open = nil
}

// end looks a last time. What was never looked at is left without a word: it was
// sent, and nothing is known of it.
func (l *Ledger) end(s *receipt) {
	if l.set == nil || !l.set.Complete {
		return
	}
	in := &inspector{set: l.set, owner: l.owner}
	s.look(in, time.Now())
	c := s.confirming(in)
	c.Final = true
	l.to.Confirming(c)
}

// fresh leaves out what was sent already, and is still open.
func (l *Ledger) fresh(changes []state.Change) []state.Change {
	known := func(c *state.Change) bool {
		for _, s := range l.open {
			if s.has(c) {
				return true
			}
		}
		return false
	}
	some := false
	for i := range changes {
		if known(&changes[i]) {
			some = true
			break
		}
	}
	if !some {
		return changes
	}
	var rest []state.Change
	for i := range changes {
		if !known(&changes[i]) {
			rest = append(rest, changes[i])
		}
	}
	return rest
}
