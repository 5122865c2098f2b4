package wire

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"routesync/state"
)

// FollowLife is how long a bridge publishes for a follower that does not ask
// again.
const FollowLife = 30 * time.Second

// Events tells those who follow it what happens at a speaker. The messages of a
// bridge's life (Run) are numbered. There is nothing to ask for instead of a
// number that was missed: what is so, the other messages say.
type Events struct {
	Speaker, Boot, Run string
	N                  int64
	Lost               int // happenings before these that there was no room for
	Happenings         []Happening
}

// HappeningKind is what a [Happening] is about.
type HappeningKind string

const (
	// Sending: exaBGP reported an UPDATE written to a peer.
	Sending HappeningKind = "sent"
	// Confirmed: a change that somebody asked for has come to Grade at a peer.
	Confirmed HappeningKind = "confirmed"
	// Refusing: a change was refused; Text says why.
	Refusing HappeningKind = "refused"
	// Drift: what exaBGP advertises was changed behind the bridge's back.
	Drift HappeningKind = "drift"
	// SessionUp and SessionDown are about a peer; Text says why down.
	SessionUp   HappeningKind = "up"
	SessionDown HappeningKind = "down"
	// Trouble is anything else that went wrong.
	Trouble HappeningKind = "trouble"
	// Typing is a command by hand; Text says who gave it.
	Typing HappeningKind = "command"
	// Ordering is an order of a person, or what became of a trial; Text says which.
	Ordering HappeningKind = "order"
)

func happeningKinds() []HappeningKind {
	return []HappeningKind{Sending, Confirmed, Refusing, Drift, SessionUp, SessionDown, Trouble, Typing, Ordering}
}

// Happening is one thing that happened. What does not apply is zero.
type Happening struct {
	Kind     HappeningKind
	At       int64 // in Unix milliseconds
	Peer     netip.Addr
	Owner    string
	Withdraw bool // what it says of the routes
	Family   string
	Attrs    state.SeenAttrs // of an announce
	IDs      []string        // see [state.AnyKey]
	Grade    state.Grade     // of Confirmed; 0 for a withdraw that is done
	Text     string
}

type happeningJSON struct {
	Kind     HappeningKind `json:"kind"`
	At       int64         `json:"at_unix_ms"`
	Peer     *netip.Addr   `json:"peer,omitempty"`
	Owner    string        `json:"owner,omitempty"`
	Withdraw bool          `json:"withdraw,omitempty"`
	Family   string        `json:"family,omitempty"`
	seenJSON
	IDs   []string `json:"nlri,omitempty"`
	Grade string   `json:"grade,omitempty"`
	Text  string   `json:"text,omitempty"`
}

type eventsJSON struct {
	Speaker    string          `json:"speaker"`
	Boot       string          `json:"boot"`
	Run        string          `json:"run"`
	N          int64           `json:"n"`
	Lost       int             `json:"lost,omitempty"`
	Happenings []happeningJSON `json:"happenings,omitempty"`
}

// EncodeEvents returns the body of a message.
func EncodeEvents(e Events) ([]byte, error) {
	j := eventsJSON{Speaker: e.Speaker, Boot: e.Boot, Run: e.Run, N: e.N, Lost: e.Lost}
	for _, h := range e.Happenings {
		hj := happeningJSON{
			Kind: h.Kind, At: h.At, Owner: h.Owner, Withdraw: h.Withdraw, Family: h.Family,
			seenJSON: toSeen(h.Attrs), IDs: h.IDs, Text: h.Text,
		}
		if h.Peer.IsValid() {
			hj.Peer = &h.Peer
		}
		if h.Grade != 0 {
			hj.Grade = h.Grade.String()
		}
		j.Happenings = append(j.Happenings, hj)
	}
	return encode(j)
}

// DecodeEvents reads what [EncodeEvents] wrote.
func DecodeEvents(data []byte) (Events, error) {
	j, err := decode[eventsJSON]("events", data)
	if err != nil {
		return Events{}, err
	}
	e := Events{Speaker: j.Speaker, Boot: j.Boot, Run: j.Run, N: j.N, Lost: j.Lost}
	for _, hj := range j.Happenings {
		h, err := fromHappening(hj)
		if err != nil {
			return Events{}, fmt.Errorf("decode events: %w", err)
		}
		e.Happenings = append(e.Happenings, h)
	}
	return e, nil
}

func fromHappening(j happeningJSON) (Happening, error) {
	h := Happening{Kind: j.Kind, At: j.At, Owner: j.Owner, Withdraw: j.Withdraw, Family: j.Family, IDs: j.IDs, Text: j.Text}
	if !slices.Contains(happeningKinds(), h.Kind) {
		return Happening{}, fmt.Errorf("kind %q is not known", h.Kind)
	}
	if (len(h.IDs) > 0) != (h.Family != "") {
		return Happening{}, errors.New("routes and their family do not go together")
	}
	if j.Peer != nil {
		if h.Peer = *j.Peer; !h.Peer.IsValid() {
			return Happening{}, errors.New("a peer has no address")
		}
	}
	if err := errors.Join(checkPrintable(h.Owner, h.Family, h.Text), checkPrintable(h.IDs...)); err != nil {
		return Happening{}, err
	}
	var err error
	if j.Grade != "" {
		if h.Grade, err = state.ParseGrade(j.Grade); err != nil {
			return Happening{}, err
		}
	}
	h.Attrs, err = fromSeen(j.seenJSON)
	return h, err
}
