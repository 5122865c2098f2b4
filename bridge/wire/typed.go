package wire

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"routesync/state"
)

// Typed is what a person, or a script in their place, tells a speaker by hand.
// It goes to the bridge's request queue, so it waits nowhere for a bridge that
// is not there. A Typed that comes twice is carried out once, and those of one
// process in their order: see After.
type Typed struct {
	Speaker string
	From    Commander
	// Seq numbers what From.ID gives this speaker, from 1. After is the number
	// before it, 0 if everything up to there is answered: a bridge takes Seq
	// only if it has that one.
	Seq, After int64
	// At is when it was typed, in Unix milliseconds.
	At       int64
	Commands []Command
}

// Command announces or withdraws routes of one family with the same
// attributes.
type Command struct {
	Withdraw bool
	Attrs    state.Attrs  // of an announce
	Peers    []netip.Addr // none: every peer whose session has the family
	Keys     []state.Key
	Expires  int64 // of an announce, in Unix milliseconds; 0 for never
}

// Answer says what became of commands of a [Typed]. Every command is answered
// once, when nothing more is to come of it; a Typed that comes again is
// answered again.
type Answer struct {
	Speaker, Boot, Run string
	ID                 string // of the commander
	Seq                int64  // of the Typed
	Results            []Result
}

// Result is what became of one command.
type Result struct {
	Command  int // its place in Typed.Commands, from 0
	Outcomes []Outcome
}

// Outcome is what became of some routes of a command at one peer, or of
// routes that no peer was found for.
type Outcome struct {
	Peer    netip.Addr // the zero Addr for none
	Verdict Verdict
	Reason  string      // of Refused and Unsent; of Unchanged sometimes
	Owner   string      // of Refused: who keeps the route, "" if that is not the reason
	Keys    []state.Key // in their order
}

// Verdict is how far a command came at a peer.
type Verdict string

const (
	Sent      Verdict = "sent"      // announced, and reported sent
	Held      Verdict = "held"      // announced; the peer is down, and is sent it when it is up
	Unsent    Verdict = "unsent"    // exaBGP took it and does not send it
	Withdrawn Verdict = "withdrawn" // gone, and where the peer had it, reported sent
	Unchanged Verdict = "unchanged" // it was so already
	Refused   Verdict = "refused"
)

// NotGiven is said of a command that was never handed over, by whoever was to do
// that; it is never on the wire.
const NotGiven Verdict = "not given"

func verdicts() []Verdict {
	return []Verdict{Sent, Held, Unsent, Withdrawn, Unchanged, Refused}
}

type commandJSON struct {
	Verb string `json:"verb"`
	groupJSON
}

type typedJSON struct {
	Speaker  string        `json:"speaker"`
	From     Commander     `json:"from"`
	Seq      int64         `json:"seq"`
	After    int64         `json:"after"`
	At       int64         `json:"at_unix_ms"`
	Commands []commandJSON `json:"commands"`
}

const (
	verbAnnounce = "announce"
	verbWithdraw = "withdraw"
)

// EncodeTyped returns the body of a Typed.
func EncodeTyped(t Typed) ([]byte, error) {
	j := typedJSON{Speaker: t.Speaker, From: t.From, Seq: t.Seq, After: t.After, At: t.At}
	for _, c := range t.Commands {
		if len(c.Keys) == 0 {
			return nil, errors.New("encode typed commands: one has no route")
		}
		cj := commandJSON{Verb: verbAnnounce}
		if c.Withdraw {
			cj.Verb = verbWithdraw
		}
		cj.groupJSON = toGroup(Group{Family: c.Keys[0].Family, Attrs: c.Attrs, Peers: c.Peers, Keys: c.Keys, Expires: c.Expires})
		j.Commands = append(j.Commands, cj)
	}
	return encode(j)
}

// DecodeTyped reads what [EncodeTyped] wrote.
func DecodeTyped(data []byte) (Typed, error) {
	j, err := decode[typedJSON]("typed commands", data)
	if err != nil {
		return Typed{}, err
	}
	t := Typed{Speaker: j.Speaker, From: j.From, Seq: j.Seq, After: j.After, At: j.At}
	if t.From.ID == "" || t.After < 0 || t.Seq <= t.After {
		return Typed{}, fmt.Errorf("decode typed commands: number %d of %q, after %d, is none", t.Seq, t.From.ID, t.After)
	}
	for i, cj := range j.Commands {
		c, err := fromCommand(cj)
		if err != nil {
			return Typed{}, fmt.Errorf("decode typed commands: command %d: %w", i+1, err)
		}
		t.Commands = append(t.Commands, c)
	}
	return t, nil
}

func fromCommand(j commandJSON) (Command, error) {
	g, err := fromGroup(j.groupJSON)
	if err != nil {
		return Command{}, err
	}
	c := Command{Withdraw: j.Verb == verbWithdraw, Attrs: g.Attrs, Peers: g.Peers, Keys: g.Keys, Expires: g.Expires}
	switch {
	case j.Verb != verbAnnounce && j.Verb != verbWithdraw:
		return Command{}, fmt.Errorf("verb %q is not known", j.Verb)
	case g.Lease != 0:
		return Command{}, errors.New("a command by hand has a lease")
	case c.Withdraw && (c.Attrs != state.Attrs{} || c.Expires != 0):
		return Command{}, errors.New("a withdraw has attributes, or expires")
	}
	return c, nil
}

type outcomeJSON struct {
	Peer    *netip.Addr `json:"peer,omitempty"`
	Verdict Verdict     `json:"verdict"`
	Reason  string      `json:"reason,omitempty"`
	Owner   string      `json:"owner,omitempty"`
	Family  string      `json:"family"`
	keysJSON
}

type resultJSON struct {
	Command  int           `json:"command"`
	Outcomes []outcomeJSON `json:"outcomes"`
}

type answerJSON struct {
	Speaker string       `json:"speaker"`
	Boot    string       `json:"boot"`
	Run     string       `json:"run"`
	ID      string       `json:"id"`
	Seq     int64        `json:"seq"`
	Results []resultJSON `json:"results"`
}

// EncodeAnswer returns the body of an answer.
func EncodeAnswer(a Answer) ([]byte, error) {
	j := answerJSON{Speaker: a.Speaker, Boot: a.Boot, Run: a.Run, ID: a.ID, Seq: a.Seq}
	for _, r := range a.Results {
		rj := resultJSON{Command: r.Command}
		for _, o := range r.Outcomes {
			if len(o.Keys) == 0 {
				return nil, errors.New("encode answer: an outcome has no route")
			}
			oj := outcomeJSON{Verdict: o.Verdict, Reason: o.Reason, Owner: o.Owner, Family: o.Keys[0].Family.String(), keysJSON: toKeys(o.Keys)}
			if o.Peer.IsValid() {
				oj.Peer = &o.Peer
			}
			rj.Outcomes = append(rj.Outcomes, oj)
		}
		j.Results = append(j.Results, rj)
	}
	return encode(j)
}

// DecodeAnswer reads what [EncodeAnswer] wrote.
func DecodeAnswer(data []byte) (Answer, error) {
	j, err := decode[answerJSON]("answer", data)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Speaker: j.Speaker, Boot: j.Boot, Run: j.Run, ID: j.ID, Seq: j.Seq}
	for _, rj := range j.Results {
		r := Result{Command: rj.Command}
		for _, oj := range rj.Outcomes {
			o := Outcome{Verdict: oj.Verdict, Reason: oj.Reason, Owner: oj.Owner}
			if oj.Peer != nil {
				o.Peer = *oj.Peer
			}
			if !slices.Contains(verdicts(), o.Verdict) {
				return Answer{}, fmt.Errorf("decode answer: verdict %q is not known", o.Verdict)
			}
			if _, o.Keys, err = fromKeys(oj.Family, oj.keysJSON); err != nil {
				return Answer{}, fmt.Errorf("decode answer: %w", err)
			}
			r.Outcomes = append(r.Outcomes, o)
		}
		a.Results = append(a.Results, r)
	}
	return a, nil
}

// Locate asks the holder of a lease where its file has a route; it goes to the
// lease's queue.
type Locate struct {
	Speaker, ID string
	Key         state.Key
	Peer        netip.Addr // the zero Addr for any
}

// Located answers [Locate]. Found is false if the file asks for no such route.
type Located struct {
	ID    string
	From  Commander
	Found bool
	Pos   state.Position
}

type locateJSON struct {
	Speaker string      `json:"speaker"`
	ID      string      `json:"id"`
	Family  string      `json:"family"`
	NLRI    string      `json:"nlri"`
	Peer    *netip.Addr `json:"peer,omitempty"`
}

// EncodeLocate returns the body of a question.
func EncodeLocate(l Locate) ([]byte, error) {
	j := locateJSON{Speaker: l.Speaker, ID: l.ID, Family: l.Key.Family.String(), NLRI: l.Key.String()}
	if l.Peer.IsValid() {
		j.Peer = &l.Peer
	}
	return encode(j)
}

// DecodeLocate reads what [EncodeLocate] wrote.
func DecodeLocate(data []byte) (Locate, error) {
	j, err := decode[locateJSON]("question", data)
	if err != nil {
		return Locate{}, err
	}
	l := Locate{Speaker: j.Speaker, ID: j.ID}
	if j.Peer != nil {
		l.Peer = *j.Peer
	}
	if l.Key, err = fromText(j.Family, j.NLRI); err != nil {
		return Locate{}, fmt.Errorf("decode question: %w", err)
	}
	return l, nil
}

type locatedJSON struct {
	ID     string    `json:"id"`
	From   Commander `json:"from"`
	Found  bool      `json:"found"`
	File   string    `json:"file,omitempty"`
	Line   int32     `json:"line,omitempty"`
	Column int32     `json:"column,omitempty"`
}

// EncodeLocated returns the body of the answer to a question.
func EncodeLocated(l Located) ([]byte, error) {
	return encode(locatedJSON{l.ID, l.From, l.Found, l.Pos.File, l.Pos.Line, l.Pos.Column})
}

// DecodeLocated reads what [EncodeLocated] wrote.
func DecodeLocated(data []byte) (Located, error) {
	j, err := decode[locatedJSON]("answer to a question", data)
	if err != nil {
		return Located{}, err
	}
	return Located{j.ID, j.From, j.Found, state.Position{File: j.File, Line: j.Line, Column: j.Column}}, nil
}
