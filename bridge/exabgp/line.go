package exabgp

import (
	"encoding/json"
	"net/netip"
	"strings"
)

// Kind is what a line from exaBGP is.
type Kind uint8

const (
	// Text is part of what a show command or version prints.
	Text Kind = iota
	// Done and Error end the answer to a command.
	Done
	Error
	// Shutdown is exaBGP's word that it stops.
	Shutdown
	// EventLine carries an Event.
	EventLine
	// Malformed is an event that could not be decoded; Err says why.
	Malformed
)

// Line is one line from exaBGP.
type Line struct {
	Kind  Kind
	Text  string // the line itself
	Event Event  // of an EventLine
	Err   error  // of a Malformed
	// Lost is the peer of a Malformed that says what was received of it; the
	// zero Addr if that can't be told.
	Lost netip.Addr
	// Session tells of a Malformed that it may say how a session is.
	Session bool
}

// ParseLine classifies a line. Events come between the lines of an answer but
// never inside one; no answer begins as an event does.
func ParseLine(text string) Line {
	l := Line{Text: text}
	switch text {
	case "done":
		l.Kind = Done
		return l
	case "error":
		l.Kind = Error
		return l
	case "shutdown":
		l.Kind = Shutdown
		return l
	}
	if !IsEvent(text) {
		return l
	}
	e, err := parseEvent(text)
	if err != nil {
		l.Kind, l.Err, l.Lost = Malformed, err, lostOf(text)
		l.Session = strings.Contains(text, `"type": "state"`)
		return l
	}
	l.Kind, l.Event = EventLine, e
	if e.Kind == ShutdownEvent {
		l.Kind = Shutdown
	}
	return l
}

// IsEvent tells whether a line is an event, and no part of an answer.
func IsEvent(text string) bool { return strings.HasPrefix(text, `{ "exabgp"`) }

// lostOf finds the peer of an event that can't be decoded, by the words that
// come before anything of the peer's (reactor/api/response/json.py, _neighbor).
func lostOf(text string) netip.Addr {
	head, _, received := strings.Cut(text, `"direction": "receive"`)
	_, rest, _ := strings.Cut(head, `"peer": "`)
	word, _, _ := strings.Cut(rest, `"`)
	peer, err := netip.ParseAddr(word)
	if !received || err != nil {
		return netip.Addr{}
	}
	return peer
}

// IsBarrierHeader tells whether text is the line that [Barrier] prints before
// its done (reactor/api/command/neighbor.py, summary_header).
func IsBarrierHeader(text string) bool { return strings.HasPrefix(text, barrierHeader) }

const barrierHeader = "Peer            AS        up/down state       |     #sent     #recvd"

// ParseReason reads the line that exaBGP 6 prints before error (processes.py,
// answer_error): "error: Unexpected error: …".
func ParseReason(text string) (string, bool) {
	reason, ok := strings.CutPrefix(text, "error: ")
	return Printable(reason), ok
}

// ParseVersion6 reads the line that [Version6] prints.
func ParseVersion6(text string) (string, bool) {
	var answer struct{ Version, Application string }
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Application != "exabgp" {
		return "", false
	}
	return answer.Version, answer.Version != ""
}

// ParseVersion reads the line that [Version] prints, "exabgp 4.2.21".
func ParseVersion(text string) (string, bool) {
	version, ok := strings.CutPrefix(text, "exabgp ")
	if !ok || version == "" || strings.Trim(version[:1], "0123456789") != "" || strings.ContainsAny(version, " \t") {
		return "", false
	}
	return version, true
}
