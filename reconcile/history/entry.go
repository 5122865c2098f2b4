package history

import (
	"net/netip"
	"time"

	"routesync/reconcile"
	"routesync/state"
)

// Head is what an entry says of itself.
type Head struct {
	At    time.Time `json:"at"` // when it began
	Owner string    `json:"owner"`
	Who   Who       `json:"who"`
	// Verb is the command: watch, apply, adopt, rollback.
	Verb string `json:"verb"`
	// Note is what happened, of an entry that changes nothing.
	Note     string         `json:"note,omitempty"`
	File     string         `json:"file,omitempty"`
	Commit   string         `json:"commit,omitempty"` // of the file; "" if that is not known
	Dirty    bool           `json:"dirty,omitempty"`  // the file was not as the commit has it
	Revision state.Revision `json:"revision,omitzero"`
	Rollback int            `json:"rollback,omitempty"` // the entry that it went back to
	Trial    int64          `json:"trial_ms,omitempty"` // after which it was to be reverted, unless it was confirmed; 0 for not at all
}

// Who is a person or a process at a host.
type Who struct {
	User string `json:"user,omitempty"`
	Host string `json:"host"`
	PID  int    `json:"pid,omitempty"`
}

func (w Who) String() string {
	if w.User == "" {
		return w.Host
	}
	return w.User + "@" + w.Host
}

// Part is what was sent to one speaker at one time.
type Part struct {
	Speaker string    `json:"speaker"`
	Seq     int       `json:"part"` // counts from 1 for the speaker in the entry
	At      time.Time `json:"at"`
	Cause   string    `json:"cause"`          // a [reconcile.Cause]
	Plan    string    `json:"plan,omitempty"` // digest of the plan
	Tally
	Lifted []Lifted `json:"lifted,omitempty"` // guards that refused the plan, and were lifted for it
	// Missed is how often something was sent to the speaker before this that is not
	// on record, since MissedSince.
	Missed      int       `json:"missed,omitempty"`
	MissedSince time.Time `json:"missed_since,omitzero"`
}

// Lifted is a guard that an override lifted for a plan.
type Lifted struct {
	Rule     string `json:"rule"`
	Text     string `json:"text"`         // what it refused, with its numbers
	Override string `json:"override"`     // RULE[,RULE...]@DIGEST
	By       string `json:"by,omitempty"` // who gave it, how, and why; "" if that is the file
}

// Tally is how many changes there are of each kind.
type Tally struct {
	Announce int `json:"announce"`
	Change   int `json:"change"`
	Withdraw int `json:"withdraw"`
	Adopt    int `json:"adopt,omitempty"`
}

// Add counts a change.
func (t *Tally) Add(c *Change) {
	switch c.Op() {
	case Announce:
		t.Announce++
	case Replace:
		t.Change++
	case Withdraw:
		t.Withdraw++
	case Adopt:
		t.Adopt++
	}
}

func (t *Tally) plus(o Tally) {
	t.Announce += o.Announce
	t.Change += o.Change
	t.Withdraw += o.Withdraw
	t.Adopt += o.Adopt
}

// Op is what a change does.
type Op string

// The kinds of change. Adopt makes a route of another owner one of this.
const (
	Announce Op = "announce"
	Replace  Op = "change"
	Withdraw Op = "withdraw"
	Adopt    Op = "adopt"
)

// Change is what was done to one route at some peers. Before and After are nil for
// no route.
type Change struct {
	Key           state.Key
	Peers         []netip.Addr // in order; none if the speaker had none for the family
	Before, After *Value
	// Gone: the route was to be withdrawn, and was not there any more. The bridge
	// withdraws by itself what has expired.
	Gone bool
}

// Op is what the change does.
func (c *Change) Op() Op {
	switch {
	case c.After == nil:
		return Withdraw
	case c.Before == nil:
		return Announce
	case c.Before.Owner != c.After.Owner:
		return Adopt
	}
	return Replace
}

// Value is what a route is. Times are in Unix milliseconds, 0 for none.
type Value struct {
	Owner   string // "" is exaBGP itself
	Attrs   state.Attrs
	Expires int64
	Lease   int64 // a length, in milliseconds
	// By and At are who gave a route by hand, and when.
	By string
	At int64
	// Asked is the file's word, of a value that was asked for.
	Asked *Asked
}

// Asked is what a file says of a route besides.
type Asked struct {
	Peers   state.Peers
	Tags    []string
	Comment string
}

// Outcome is what was seen of a part, as of a time.
type Outcome struct {
	At time.Time `json:"at"`
	// Final: nobody looks any more.
	Final bool          `json:"final"`
	Peers []PeerOutcome `json:"peers"` // in the order of their addresses
	Cases []Case        `json:"-"`     // of what is not confirmed, in the order of keys and peers
}

// PeerOutcome is what was seen at one peer.
type PeerOutcome struct {
	Peer      netip.Addr `json:"peer"`
	Changes   int        `json:"changes"`
	Confirmed int        `json:"confirmed"`
	// When is when the last of them was seen confirmed; zero unless all are.
	When time.Time `json:"when,omitzero"`
}

// Case is a change that is not confirmed at a peer.
type Case struct {
	Key    state.Key
	Peer   netip.Addr // zero if the speaker has no peer for it
	State  string     // a [reconcile.Standing]
	Reason string
}

// NotDone tells whether it was seen that the change was not made.
func (c *Case) NotDone() bool {
	return c.State == string(reconcile.StandsRefused) || c.State == string(reconcile.StandsForeign)
}

// Entry is one entry without its changes.
type Entry struct {
	Number int
	Head
	Parts []PartOutcome // in the order of speakers and parts
}

// PartOutcome is a part and what was seen of it; nil if that is nothing.
type PartOutcome struct {
	Part
	Outcome *Outcome
}

// Tally counts what the entry does at all speakers.
func (e *Entry) Tally() Tally {
	var t Tally
	for i := range e.Parts {
		t.plus(e.Parts[i].Tally)
	}
	return t
}
