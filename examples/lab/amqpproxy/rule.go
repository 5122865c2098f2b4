package amqpproxy

import (
	"fmt"
	"strings"
	"time"
)

// Direction is a way that frames go.
type Direction uint8

const (
	ToBroker Direction = 1 << iota
	ToClient
	Both = ToBroker | ToClient
)

func (d Direction) String() string {
	return [...]string{"no direction", "to the broker", "to the client", "both ways"}[d&Both]
}

// Point is what a rule counts.
type Point uint8

const (
	// Publish is a message from a client.
	Publish Point = iota + 1
	// Confirm is a basic.ack or basic.nack from the broker. One may be about
	// several messages.
	Confirm
	// Deliver is a message to a consumer.
	Deliver
	// Ack is a basic.ack, basic.nack or basic.reject from a client.
	Ack
	// Opened is the broker's last word of the handshake, connection.open-ok.
	Opened
)

func (p Point) String() string {
	return [...]string{"nothing", "publish", "confirm", "delivery", "ack", "open-ok"}[p]
}

// pointOf tells what a unit counts as, 0 for what no rule is about.
func pointOf(u *unit, way Direction) Point {
	if !u.whole {
		return 0
	}
	switch n := u.method.name; {
	case way == ToBroker && n == basicPublish:
		return Publish
	case way == ToBroker && (n == basicAck || n == basicNack || n == basicReject):
		return Ack
	case way == ToClient && (n == basicAck || n == basicNack):
		return Confirm
	case way == ToClient && n == basicDeliver:
		return Deliver
	case way == ToClient && n == connectionOpenOK:
		return Opened
	}
	return 0
}

// When is on which side of what was counted a rule acts.
type When uint8

const (
	Before When = iota
	After
)

func (w When) String() string { return [...]string{"before", "after"}[w] }

// Action is what a rule does.
type Action struct {
	verb verb
	d    time.Duration
	way  Direction
}

type verb uint8

const (
	cut verb = iota + 1
	delay
	drop
	duplicate
	freeze
	mute
)

// Cut ends the connection.
func Cut() Action { return Action{verb: cut} }

// Delay holds what was counted, or what comes behind it, for a time.
func Delay(d time.Duration) Action { return Action{verb: delay, d: d} }

// Drop takes what was counted away, whichever When.
func Drop() Action { return Action{verb: drop} }

// Duplicate lets what was counted pass twice, whichever When.
func Duplicate() Action { return Action{verb: duplicate} }

// Freeze holds a direction of the connection until Thaw. Its sender finds that
// nobody reads.
func Freeze(way Direction) Action { return Action{verb: freeze, way: way} }

// Mute swallows a direction of the connection, for good.
func Mute(way Direction) Action { return Action{verb: mute, way: way} }

func (a Action) String() string {
	switch a.verb {
	case delay:
		return fmt.Sprintf("delay by %v", a.d)
	case freeze:
		return "freeze " + a.way.String()
	case mute:
		return "mute " + a.way.String()
	}
	return [...]string{"nothing", "cut", "delay", "drop", "duplicate", "freeze", "mute"}[a.verb]
}

// Rule says what is to happen, and where.
type Rule struct {
	At   Point
	Nth  int // of those that match; the first is 1, and so is 0
	When When
	Do   Action

	// Conn is a part of the name that the client gives its connection; "" is any.
	Conn string
	// Exchange and Key are of a Publish or Deliver; nil is any.
	Exchange, Key *string
}

func (r Rule) String() string {
	var b strings.Builder
	fmt.Fprint(&b, r.Do)
	if r.Do.verb != drop && r.Do.verb != duplicate {
		fmt.Fprintf(&b, " %v", r.When)
	}
	fmt.Fprintf(&b, " %v %d", r.At, max(1, r.Nth))
	if r.Conn != "" {
		fmt.Fprintf(&b, " of %q", r.Conn)
	}
	if r.Exchange != nil {
		fmt.Fprintf(&b, " exchange %q", *r.Exchange)
	}
	if r.Key != nil {
		fmt.Fprintf(&b, " key %q", *r.Key)
	}
	return b.String()
}

func (r *Rule) matches(at Point, m *method, conn string) bool {
	return r.At == at && strings.Contains(conn, r.Conn) &&
		(r.Exchange == nil || *r.Exchange == m.exchange) && (r.Key == nil || *r.Key == m.key)
}
