package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"routesync/state"
)

// Received carries what the peers of a speaker announce and withdraw to those
// who follow it. The messages of a bridge's life (Run) are numbered; who misses
// a number asks for the table, which is the same messages with Part.
//
// Changes are absolute, and those of a message without Part are in the order in
// which they came: to apply what the table has already changes nothing in the
// end. A message without changes repeats the last number.
type Received struct {
	Speaker, Boot, Run string
	N                  int64
	// Tables numbers the tables that a bridge made. One has every change of a
	// message whose number is lower.
	Tables int64
	Part   *Part
	// Overtaken is how many changes before these are left out, because a later
	// one of the same route has come meanwhile.
	Overtaken int
	Changes   []Change
	// From are the peers of a table, in its last part.
	From []ReceivedFrom
}

// ChangeKind is what a [Change] is about.
type ChangeKind string

const (
	Announce   ChangeKind = "announce"
	Withdraw   ChangeKind = "withdraw"
	EndOfRIB   ChangeKind = "end-of-rib" // RFC 4724 §2
	Up         ChangeKind = "up"         // nothing of the session before counts any more
	Down       ChangeKind = "down"       // as Up; Reason says why
	Complete   ChangeKind = "complete"   // the table of the peer is whole
	Incomplete ChangeKind = "incomplete" // Reason says what is missing of it
	Gone       ChangeKind = "gone"       // exaBGP's configuration has the peer no more
)

func changeKinds() []ChangeKind {
	return []ChangeKind{Announce, Withdraw, EndOfRIB, Up, Down, Complete, Incomplete, Gone}
}

// Routes tells whether a change of this kind has routes.
func (k ChangeKind) Routes() bool { return k == Announce || k == Withdraw }

// Change is one thing that came from a peer.
type Change struct {
	Kind   ChangeKind
	Peer   netip.Addr
	At     int64           // in Unix milliseconds; 0 in a table
	Family string          // of routes and of EndOfRIB, in exaBGP's words
	Attrs  state.SeenAttrs // of Announce
	IDs    []string        // of routes, see [state.AnyKey]
	Reason string
}

// ReceivedFrom is what a table says of a peer.
type ReceivedFrom struct {
	Peer   netip.Addr `json:"peer"`
	Up     bool       `json:"up"`
	Routes int        `json:"routes"` // how many the table has of it
	// Missing says why the table of the peer is not whole; "" if it is.
	Missing string `json:"missing,omitempty"`
}

const (
	// RequestReceived asks for the received table, and follows it.
	RequestReceived = "received"
	// RequestFollowReceived and RequestFollowEvents ask for [Received] and
	// [Events] to be published; a bridge forgets them after [FollowLife].
	RequestFollowReceived = "follow-received"
	RequestFollowEvents   = "follow-events"
)

type seenJSON struct {
	Attrs   attrsJSON `json:"attributes,omitempty"`
	Unknown []string  `json:"unknown,omitempty"`
}

type changeJSON struct {
	Kind   ChangeKind `json:"kind"`
	Peer   netip.Addr `json:"peer"`
	At     int64      `json:"at_unix_ms,omitempty"`
	Family string     `json:"family,omitempty"`
	seenJSON
	IDs    []string `json:"nlri,omitempty"`
	Reason string   `json:"reason,omitempty"`
}

type receivedJSON struct {
	Speaker   string         `json:"speaker"`
	Boot      string         `json:"boot"`
	Run       string         `json:"run"`
	N         int64          `json:"n"`
	Tables    int64          `json:"tables,omitempty"`
	Part      *Part          `json:"part,omitempty"`
	Overtaken int            `json:"overtaken,omitempty"`
	Changes   []changeJSON   `json:"changes,omitempty"`
	From      []ReceivedFrom `json:"from,omitempty"`
}

func toSeen(s state.SeenAttrs) seenJSON {
	j := seenJSON{Unknown: s.Others()}
	if s.Attrs != (state.Attrs{}) {
		j.Attrs = toAttrs(s.Attrs)
	}
	return j
}

func fromSeen(j seenJSON) (state.SeenAttrs, error) {
	attrs, err := fromAttrs(j.Attrs)
	if err != nil {
		return state.SeenAttrs{}, err
	}
	for _, text := range j.Unknown {
		if text == "" {
			return state.SeenAttrs{}, errors.New("an attribute has no text")
		}
	}
	if err := checkPrintable(j.Unknown...); err != nil {
		return state.SeenAttrs{}, err
	}
	return state.SeenAttrs{Attrs: attrs, Unknown: strings.Join(j.Unknown, "\n")}, nil
}

// checkPrintable is the rule for what came from a peer: it goes to terminals.
func checkPrintable(texts ...string) error {
	for _, text := range texts {
		if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			return fmt.Errorf("text %q is not printable", text)
		}
	}
	return nil
}

// EncodeReceived returns the body of a message.
func EncodeReceived(r Received) ([]byte, error) {
	j := receivedJSON{Speaker: r.Speaker, Boot: r.Boot, Run: r.Run, N: r.N, Tables: r.Tables, Part: r.Part, Overtaken: r.Overtaken, From: r.From}
	for _, c := range r.Changes {
		j.Changes = append(j.Changes, toChange(c))
	}
	return encode(j)
}

func toChange(c Change) changeJSON {
	return changeJSON{c.Kind, c.Peer, c.At, c.Family, toSeen(c.Attrs), c.IDs, c.Reason}
}

// EncodeChange returns one change as a JSON object on one line, for who reads
// no other messages of a bridge.
func EncodeChange(c Change) ([]byte, error) {
	b, err := json.Marshal(toChange(c))
	if err != nil {
		return nil, fmt.Errorf("encode change: %w", err)
	}
	return b, nil
}

// DecodeReceived reads what [EncodeReceived] wrote.
func DecodeReceived(data []byte) (Received, error) {
	j, err := decode[receivedJSON]("received routes", data)
	if err != nil {
		return Received{}, err
	}
	r := Received{Speaker: j.Speaker, Boot: j.Boot, Run: j.Run, N: j.N, Tables: j.Tables, Part: j.Part, Overtaken: j.Overtaken, From: j.From}
	for _, cj := range j.Changes {
		c, err := fromChange(cj)
		if err != nil {
			return Received{}, fmt.Errorf("decode received routes: %w", err)
		}
		r.Changes = append(r.Changes, c)
	}
	for _, f := range r.From {
		if !f.Peer.IsValid() {
			return Received{}, errors.New("decode received routes: a peer has no address")
		}
		if err := checkPrintable(f.Missing); err != nil {
			return Received{}, fmt.Errorf("decode received routes: peer %s: %w", f.Peer, err)
		}
	}
	return r, nil
}

func fromChange(j changeJSON) (Change, error) {
	c := Change{Kind: j.Kind, Peer: j.Peer, At: j.At, Family: j.Family, IDs: j.IDs, Reason: j.Reason}
	switch {
	case !slices.Contains(changeKinds(), c.Kind):
		return Change{}, fmt.Errorf("kind %q is not known", c.Kind)
	case !c.Peer.IsValid():
		return Change{}, fmt.Errorf("%s names no peer", c.Kind)
	case c.Kind.Routes() != (len(c.IDs) > 0) || (c.Kind.Routes() || c.Kind == EndOfRIB) != (c.Family != ""):
		return Change{}, fmt.Errorf("%s has not the routes that it should have", c.Kind)
	case c.Kind != Announce && (len(j.Attrs) > 0 || len(j.Unknown) > 0):
		return Change{}, fmt.Errorf("%s has attributes", c.Kind)
	}
	if err := errors.Join(checkPrintable(c.Family, c.Reason), checkPrintable(c.IDs...)); err != nil {
		return Change{}, err
	}
	var err error
	c.Attrs, err = fromSeen(j.seenJSON)
	return c, err
}
