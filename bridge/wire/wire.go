// Package wire holds the messages between a watcher and a bridge, and their
// codec.
//
// Its invariants:
//
//   - A message is versioned; another version is refused, never half read.
//   - Decoding is strict: an unknown field, trailing bytes or a route that is
//     not canonical is an error, and on an error nothing is returned.
//   - What was encoded decodes to the same value.
//   - Routes travel grouped: attributes once, then the NLRI that share them.
//   - There is one way to write a group, and no other is read.
//
// Bodies are JSON, so that an operator can read a queue with any tool. Of a group
// of more than 16 plain unicast prefixes, the prefixes are in one field, in base64,
// as BGP writes them: 5 bytes a route where text took 17.
package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"

	"routesync/state"
)

// Version is the version of all messages of this package.
const Version = 3

// The AMQP types of the messages.
const (
	TypeBatch    = "rs.batch.v3"
	TypeRequest  = "rs.request.v3"
	TypeGrant    = "rs.grant.v3"
	TypeUpdate   = "rs.update.v3"
	TypeRejected = "rs.rejected.v3"
	TypeStanding = "rs.standing.v3"
	TypeTyped    = "rs.typed.v3"
	TypeAnswer   = "rs.answer.v3"
	TypeLocate   = "rs.locate.v3"
	TypeLocated  = "rs.located.v3"
	TypeReceived = "rs.received.v3"
	TypeEvents   = "rs.events.v3"
	TypeOrder    = "rs.order.v3"
	TypeOrdered  = "rs.ordered.v3"
)

// Group is a set of NLRI that share everything else.
type Group struct {
	Family state.Family
	Attrs  state.Attrs // of an announce; zero in a withdraw
	Peers  []netip.Addr
	Keys   []state.Key
	// Expires and Lease are of an announce, see [state.Provenance].
	Expires, Lease int64
}

// Commander says who commands: a process, for people to find.
type Commander struct {
	ID   string `json:"id"` // unique to one life of one process
	Host string `json:"host"`
	PID  int    `json:"pid"`
	Verb string `json:"verb"`           // watch, apply or console
	User string `json:"user,omitempty"` // whose process it is
}

func (c Commander) String() string { return fmt.Sprintf("%s on %s (pid %d)", c.Verb, c.Host, c.PID) }

// By is who it is, for the provenance of a route.
func (c Commander) By() string {
	who := c.Host
	if c.User != "" {
		who = c.User + " on " + c.Host
	}
	return fmt.Sprintf("%s (%s)", who, c.Verb)
}

// Batch is one numbered step of a commander under its epoch. Announces come
// before withdraws, and no key stands in it twice for the same peer.
type Batch struct {
	Speaker, Boot, Owner string
	Epoch, Seq           int64
	// Revision is of the file that the batch is made for.
	Revision           state.Revision
	Announce, Withdraw []Group
	Adopt              []Adoption
}

// Routes is how many routes a batch is about.
func (b *Batch) Routes() int {
	n := 0
	for _, groups := range [...][]Group{b.Announce, b.Withdraw} {
		for i := range groups {
			n += len(groups[i].Keys)
		}
	}
	return n
}

// Adoption makes routes the commander's that somebody else announces, as they
// are: exaBGP is told nothing.
type Adoption struct {
	Family state.Family
	From   string // whose they are; "" for exaBGP's own
	Peers  []netip.Addr
	Keys   []state.Key
}

// Request asks a bridge for something; the answer goes to the queue that the
// AMQP reply-to property names.
type Request struct {
	Kind  string    // one of the Request constants
	Owner string    // of RequestLease, RequestAlive and RequestStandby
	From  Commander // of the same
	// Revision is of the file that the sender has; of the same.
	Revision state.Revision
	// Over is the digest of what is in force, if it is meant to be replaced by an
	// older file; of RequestLease.
	Over string
	// Base is the epoch that was in force when what is to be done was planned, see
	// [InForce], 0 if nothing was; nil if it may have been any. Of RequestLease.
	Base *int64
	// ConfirmWithin makes what is done a [Trial] of so many milliseconds, 0 for
	// none; of RequestLease.
	ConfirmWithin int64
	// Pausable: the commander gives way to a [Pause]; of RequestLease.
	Pausable bool
	// Overridden are the texts of overrides whose plans were carried out; of
	// RequestAlive.
	Overridden []string
	// Reached: the commander finds the speaker as its file says; of RequestAlive.
	Reached bool
	// Contests are what the commander asks for and others have; of RequestAlive.
	Contests []state.Contest
	// Conditions are those of the sender: what keeps it from its work.
	Conditions []Condition
}

const (
	// RequestLease asks for the right to command the speaker for an owner. It
	// fences every earlier commander of that owner.
	RequestLease = "lease"
	// RequestSnapshot asks for the whole state.
	RequestSnapshot = "snapshot"
	// RequestAlive says that the holder of a lease is there; nothing is
	// answered. Routes may depend on that, see [state.Provenance].
	RequestAlive = "alive"
	// RequestStandby says that a watch is there which does not command. It is
	// answered by [Standing].
	RequestStandby = "standby"
)

// Grant answers RequestLease.
type Grant struct {
	Speaker, Boot, Owner string
	Epoch                int64
	Refused              string // why there is no grant; then Epoch is 0
	// Older is what is in force, if the file of who asked is older.
	Older *InForce
	// Stale: what is in force was put there after what is to be done was planned.
	// Now is that, nil for nothing.
	Stale bool
	Now   *InForce
	// Ordered: it is refused for what people ordered, a pause or a trial. Who is
	// pausable gives way.
	Ordered bool
}

// Rejected says why a batch was not applied at all.
type Rejected struct {
	Speaker, Owner string
	Epoch, Seq     int64
	Reason         string // one of the Reject constants
	Detail         string
}

const (
	RejectBoot      = "stale-boot" // made for an exaBGP that is gone
	RejectFenced    = "fenced"     // somebody else commands now
	RejectNoLease   = "no-lease"   // the bridge was started again, and knows of no commander
	RejectGap       = "gap"        // a batch before this one is missing
	RejectMalformed = "malformed"  // not a batch
	RejectOlder     = "older"      // made for a file that is older than what is in force
)

// Lease is who commands for an owner, and how far the bridge has come.
type Lease struct {
	Owner   string    `json:"owner"`
	Holder  Commander `json:"holder"`
	Epoch   int64     `json:"epoch"`
	Applied int64     `json:"applied"` // every batch up to this seq is answered
	// Queue is where the holder takes questions, see [Locate]; it goes with the
	// holder's session.
	Queue string `json:"queue,omitempty"`
	// Conditions are the holder's, as far as it could tell of them.
	Conditions []Condition `json:"conditions,omitempty"`
	// Revision is of the holder's file, as it is in force.
	Revision state.Revision `json:"revision,omitzero"`
	// Silent is when the holder was last heard, in Unix milliseconds; 0 while it
	// is.
	Silent int64 `json:"silent_since_unix_ms,omitempty"`
}

// About is what a bridge says of itself and its exaBGP.
type About struct {
	Version string   // of routesync
	ExaBGP  string   // release, e.g. "4.2.21"
	Host    string   //
	PID     int      // of the bridge
	Lacks   []string // what the set-up is short of, each with the line to add
	Peers   []state.Neighbor
	Leases  []Lease
	Ready   bool // the advertised set is complete
	// Contests are what the commanders ask for and others have.
	Contests []state.Contest
	// Standbys are the watches that do not command, and InForce what was accepted
	// of each owner.
	Standbys []Standby
	InForce  []InForce
	// Pauses, Overrides and Trials are what people ordered, in the order of their
	// owners.
	Pauses    []Pause
	Overrides []Override
	Trials    []Trial
	// Silent is since when exaBGP owes an answer, 0 if it answers.
	Silent int64
	// Conditions are those of the bridge.
	Conditions []Condition
	// Lines are the last lines of the classic queue that were refused.
	Lines []RefusedLine
	// Converged is when the bridge last had nothing left to do; LastError is
	// the last thing that went wrong. Times are in Unix milliseconds, 0 for
	// never.
	Converged, LastErrorAt int64
	LastError              string
}

// RefusedLine is text of the classic queue that could not be read, or was not
// about routes.
type RefusedLine struct {
	At     int64  `json:"at_unix_ms"`
	Line   string `json:"line"` // printable
	Reason string `json:"reason"`
}

// Entry is a set of keys that are advertised alike. No adverts: no longer
// advertised.
type Entry struct {
	Family  state.Family
	Keys    []state.Key
	Adverts []state.Advert
}

// Update carries the state of a speaker to its readers. It is absolute: for
// each key it says all there is to say now, so applying it twice changes
// nothing. The updates of a bridge's life (Run) are numbered; a reader that
// misses a number asks for a snapshot, which is the same messages with Part.
type Update struct {
	Speaker, Boot, Run string
	N                  int64 // number of the last update that this one includes
	Part               *Part // of a snapshot
	About              *About
	Entries            []Entry
	Refused            []state.Refusal // new ones
	Cleared            []Cleared       // refusals that are no longer so
	Count              uint64          // digest of the set after this update; of a snapshot, in its last part
	Sum                string
}

// Part says which part of which snapshot an Update is; parts count from 1.
type Part struct {
	ID   string `json:"id"`
	Part int    `json:"part"`
	Of   int    `json:"of"`
}

// Cleared takes a refusal back.
type Cleared struct {
	Key   state.Key
	Owner string
}

// envelope is what every body starts with.
type envelope[T any] struct {
	V    int `json:"v"`
	Body T   `json:"body"`
}

func encode[T any](body T) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(envelope[T]{V: Version, Body: body}); err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	return b.Bytes(), nil
}

// head is what a body of this version begins with, as [encode] writes it.
const head = `{"v":3,"body":`

func decode[T any](what string, data []byte) (T, error) {
	var zero T
	if !bytes.HasPrefix(data, []byte(head)) {
		// Of what another version, or nobody of us, wrote, that is the fault to name.
		// It takes a whole reading, which large messages are spared.
		var version struct {
			V int `json:"v"`
		}
		if err := json.Unmarshal(data, &version); err != nil {
			return zero, fmt.Errorf("decode %s: %w", what, err)
		}
		if version.V != Version {
			return zero, otherVersion(what, version.V)
		}
	}
	var e envelope[T]
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		return zero, fmt.Errorf("decode %s: %w", what, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return zero, fmt.Errorf("decode %s: something stands after top-level value", what)
	}
	if e.V != Version { // a second "v" is the one that counts
		return zero, otherVersion(what, e.V)
	}
	return e.Body, nil
}

func otherVersion(what string, v int) error {
	return fmt.Errorf("decode %s: version %d, this routesync speaks version %d", what, v, Version)
}
