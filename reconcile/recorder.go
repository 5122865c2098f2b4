package reconcile

import (
	"net/netip"
	"time"

	"routesync/state"
)

// Recorder keeps a record of what is done at one speaker. Its methods are called by
// the goroutine that the speaker belongs to. They return at once, whatever becomes of
// the record: no route waits for it.
type Recorder interface {
	// Sending is told of changes right before they are sent.
	Sending(s Sending)
	// Confirming is told what has been seen of them by now.
	Confirming(c Confirming)
}

// Sending is changes that are sent to a speaker together.
type Sending struct {
	ID       int // counts from 1
	At       time.Time
	Cause    Cause
	Revision state.Revision // of the file
	Changes  []state.Change // in the order of a plan; nobody changes them any more
	// Gone are routes that expired, and were not there any more to be withdrawn: the
	// bridge does that by itself.
	Gone map[state.Key]bool
	// Lifted are the guards that refused the plan, and were lifted for it.
	Lifted []Lifted
}

// Lifted is a guard that an override lifted for a plan.
type Lifted struct {
	Rule     state.Rule
	Text     string // what it refused, with its numbers
	Override state.Override
}

// Cause is why something is sent.
type Cause string

// The causes.
const (
	CauseCommand  Cause = "command"  // a person had it done
	CauseStart    Cause = "start"    // a watch began
	CauseTakeover Cause = "takeover" // a watch took over from another one
	CauseFile     Cause = "file"     // another file was put in force
	CauseTime     Cause = "time"     // a route started or expired
	CauseDrift    Cause = "drift"    // the speaker was as the file says, and no longer is
	CauseAgain    Cause = "again"    // more was to do for the same file before it was done
)

// Confirming is what has been seen of a [Sending] by a time.
type Confirming struct {
	ID    int
	At    time.Time
	Final bool // nobody looks any more
	Peers []PeerCount
	Open  []Unconfirmed // in the order of keys and peers
}

// PeerCount is how far changes are at one peer.
type PeerCount struct {
	Peer               netip.Addr
	Changes, Confirmed int
	When               time.Time // when the last of them was seen; zero unless all are
}

// Unconfirmed is a change that was not seen at a peer.
type Unconfirmed struct {
	Key    state.Key
	Peer   netip.Addr // zero if the speaker has no peer for it
	State  Standing
	Reason string
}

// Standing is why a change is not confirmed.
type Standing string

// The standings.
const (
	StandsPending   Standing = "pending"   // it may still be
	StandsHeld      Standing = "held"      // the peer is down
	StandsUnsent    Standing = "unsent"    // exaBGP holds it, and has not reported it as sent
	StandsRefused   Standing = "refused"   // by the bridge or by exaBGP
	StandsForeign   Standing = "foreign"   // somebody else has the route
	StandsOvertaken Standing = "overtaken" // another change of the route was sent before it was seen
	StandsNowhere   Standing = "nowhere"   // the speaker has no peer for it
)

// over tells whether nothing more is to be seen of it.
func (s Standing) over() bool { return s == StandsOvertaken }
