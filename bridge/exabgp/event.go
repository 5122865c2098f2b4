package exabgp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"routesync/state"
)

// EventKind is what an event is about.
type EventKind uint8

const (
	// OtherEvent is one that the bridge does not need, e.g. of type keepalive.
	OtherEvent EventKind = iota
	// StateEvent: State is connected, up or down, and Reason says why down.
	StateEvent
	UpdateEvent
	NotificationEvent
	// ShutdownEvent: exaBGP stops. It names no peer.
	ShutdownEvent
)

// Direction is which way a message goes.
type Direction string

const (
	Send    Direction = "send"
	Receive Direction = "receive"
)

// Event is one JSON event.
type Event struct {
	Kind EventKind
	Type string // exaBGP's word for the kind
	// PID changes when exaBGP restarts.
	PID, PPID int
	// Counter counts the events about a peer that were written to all helpers
	// together, so a gap means a lost event only if this is the only helper.
	Counter         int64
	Peer, Local     netip.Addr // Local is the zero Addr if exaBGP does not say
	LocalAS, PeerAS uint32     // 0 if exaBGP does not say
	State, Reason   string
	Direction       Direction // of an update or a notification
	Update          Update
	Notification    Notification
}

// Notification is a BGP NOTIFICATION (RFC 4271 §4.5).
type Notification struct {
	Code, Subcode int
	Data          string
}

// Update is what one UPDATE message said.
type Update struct {
	Announced []Announced
	Withdrawn []Withdrawn
	EOR       []state.Family
	// Reached and Lost are the routes of a received UPDATE, in the place of
	// Announced and Withdrawn. A route in both was announced.
	Reached []Reached
	Lost    []state.AnyKey
	// Ended are the families of an end-of-RIB (RFC 4724 §2) that was received.
	Ended []string
	// Others are the families in it that routesync can't name, in exaBGP's
	// words, and the NLRI of the others that it can't read.
	Others []string
}

// Announced is the part of an UPDATE with one family and one next hop.
type Announced struct {
	Seen
	Family state.Family
	Keys   []state.Key
	// PathIDs tells that the NLRI came with path identifiers. Where there are
	// none, all paths to a prefix are one route at the peer.
	PathIDs bool
}

// Withdrawn is the part of an UPDATE that withdraws routes of one family.
type Withdrawn struct {
	Family  state.Family
	Keys    []state.Key
	PathIDs bool
}

// envelope is the JSON of an event (reactor/api/response/json.py).
type envelope struct {
	Type         string
	PID, PPID    number
	Counter      int64
	Notification json.RawMessage // "shutdown", outside of a neighbor
	Neighbor     *struct {
		Address struct{ Local, Peer string }
		ASN     struct {
			Local, Peer *number
		}
		State, Reason string
		Direction     Direction
		Notification  *Notification
		Message       struct {
			EOR *struct {
				AFI, SAFI string
			}
			Update struct {
				Attribute map[string]json.RawMessage
				Announce  map[string]map[string][]nlri
				Withdraw  map[string][]nlri
			}
		}
	}
}

// number is one that 3.4 puts in quotes.
type number uint32

func (n *number) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(bytes.Trim(b, `"`), (*uint32)(n))
}

func parseEvent(text string) (Event, error) {
	var env envelope
	if err := json.Unmarshal([]byte(text), &env); err != nil {
		if err := json.Unmarshal([]byte(repair(text)), &env); err != nil {
			return Event{}, fmt.Errorf("decode event: %w", err)
		}
	}
	return eventOf(&env)
}

func eventOf(env *envelope) (Event, error) {
	e := Event{Type: env.Type, PID: int(env.PID), PPID: int(env.PPID), Counter: env.Counter}
	n := env.Neighbor
	if n == nil {
		if string(env.Notification) == `"shutdown"` {
			e.Kind = ShutdownEvent
			return e, nil
		}
		return Event{}, errors.New("decode event: it names no neighbor")
	}
	var err error
	if e.Peer, err = netip.ParseAddr(n.Address.Peer); err != nil {
		return Event{}, fmt.Errorf("decode event: peer %q is not an address", n.Address.Peer)
	}
	e.Local, _ = netip.ParseAddr(n.Address.Local)
	if n.ASN.Local != nil {
		e.LocalAS = uint32(*n.ASN.Local)
	}
	if n.ASN.Peer != nil {
		e.PeerAS = uint32(*n.ASN.Peer)
	}
	e.Direction = n.Direction
	switch env.Type {
	case "state":
		e.Kind, e.State, e.Reason = StateEvent, n.State, n.Reason
	case "update":
		e.Kind = UpdateEvent
		u, eor := n.Message.Update, n.Message.EOR
		if e.Direction == Receive {
			if eor != nil {
				e.Update.Ended = []string{Printable(eor.AFI + " " + eor.SAFI)}
			}
			e.Update.receive(u.Attribute, u.Announce, u.Withdraw)
			break
		}
		if eor != nil {
			e.Update.endOfRIB(eor.AFI + " " + eor.SAFI)
		}
		e.Update.fill(u.Attribute, u.Announce, u.Withdraw)
	case "notification":
		if n.Notification != nil {
			e.Kind, e.Notification = NotificationEvent, *n.Notification
		}
	}
	return e, nil
}

// repair mends what exaBGP 4.2 writes that is not JSON: "aigp": 0x… without
// quotes (attributes.py, _generate_json), Python's None, and, in the reason of a
// down, backslashes and control characters as they came. A quote inside a
// string of an event is escaped, so the first two can't match there.
func repair(text string) string {
	text = mendEOR(strings.ReplaceAll(text, `": None`, `": null`))
	const key = `"aigp": `
	if before, after, found := strings.Cut(text, key+"0x"); found {
		digits := len(after) - len(strings.TrimLeft(after, "0123456789abcdef"))
		text = before + key + `"0x` + after[:digits] + `"` + after[digits:]
	}
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ':
			b.WriteByte(' ')
		case c == '\\' && !strings.HasPrefix(text[i+1:], `"`):
			b.WriteString(`\\`)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// mendEOR mends the end-of-RIB of exaBGP 6.0, which is an NLRI without a brace:
// "update": { "announce": { "ipv4 unicast": { "null": [ "eor": {…} ] } } }.
func mendEOR(text string) string {
	before, _, update := strings.Cut(text, `"update": { "announce": { `)
	_, eor, found := strings.Cut(text, `"null": [ "eor": `)
	family, after, whole := strings.Cut(eor, ` ] } } }`)
	if !update || !found || !whole {
		return text
	}
	return before + `"eor": ` + family + after
}

func (u *Update) endOfRIB(family string) {
	f, err := state.ParseFamily(family)
	if err != nil {
		u.Others = append(u.Others, family)
		return
	}
	u.EOR = append(u.EOR, f)
}

func (u *Update) fill(attrs map[string]json.RawMessage, announce map[string]map[string][]nlri, withdraw map[string][]nlri) {
	for _, family := range slices.Sorted(maps.Keys(announce)) {
		f, err := state.ParseFamily(family)
		if err != nil {
			u.Others = append(u.Others, family)
			continue
		}
		for _, hop := range slices.Sorted(maps.Keys(announce[family])) {
			seen := seenInEvent(attrs, hop)
			u.Announced = append(u.Announced, u.announced(f, seen, announce[family][hop])...)
		}
	}
	for _, family := range slices.Sorted(maps.Keys(withdraw)) {
		f, err := state.ParseFamily(family)
		if err != nil {
			u.Others = append(u.Others, family)
			continue
		}
		w := Withdrawn{Family: f}
		for _, n := range withdraw[family] {
			if k, ok := u.key(f, n); ok {
				w.Keys = append(w.Keys, k)
				w.PathIDs = w.PathIDs || n.pathID != ""
			}
		}
		if len(w.Keys) > 0 {
			u.Withdrawn = append(u.Withdrawn, w)
		}
	}
}

// announced groups NLRI by their label, which is part of what [Seen] says.
func (u *Update) announced(f state.Family, seen Seen, list []nlri) []Announced {
	var groups []Announced
	place := map[string]int{}
	for _, n := range list {
		k, ok := u.key(f, n)
		if !ok {
			continue
		}
		label := strings.Join(n.labels, " ")
		i, known := place[label]
		if !known {
			i = len(groups)
			place[label] = i
			groups = append(groups, Announced{Seen: seen.labelled(n.labels), Family: f})
		}
		groups[i].Keys = append(groups[i].Keys, k)
		groups[i].PathIDs = groups[i].PathIDs || n.pathID != ""
	}
	return groups
}

func (u *Update) key(f state.Family, n nlri) (state.Key, bool) {
	k, err := n.key(f)
	if err != nil {
		u.Others = append(u.Others, f.String()+" "+n.text)
	}
	return k, err == nil
}
