package bridge

import (
	"bytes"
	"cmp"
	"slices"

	"routesync/bridge/rabbit"
)

// unacked are the messages of to-exabgp that were taken and are not
// acknowledged, the oldest first. They are acknowledged in their order, so that
// what the broker delivers again after a session has ended is always the last of
// what it delivered: carried out again in its order, it ends in the same routes.
// Of one by itself that is not so: an announce could come behind the withdraw
// that followed it.
//
// What this bridge still knows is not carried out again.
type unacked struct {
	open []*unackedMessage
	// again is how many of open this session has delivered. The others it has to
	// deliver again, in this order, before anything else.
	again int
}

// unackedMessage is one message.
type unackedMessage struct {
	ticket   ticket
	delivery rabbit.Delivery
	done     bool
}

// begin forgets the session there was: nothing is acknowledged before it comes
// again.
func (l *unacked) begin() { l.again = 0 }

// take takes a message, and tells whether it has to be carried out: t is its
// ticket then.
func (l *unacked) take(d rabbit.Delivery, t ticket) bool {
	if d.Redelivered && l.again < len(l.open) && bytes.Equal(l.open[l.again].delivery.Body, d.Body) {
		l.open[l.again].delivery = d
		l.again++
		return false
	}
	// The rest of them does not come again, or they can't be told apart: all
	// from here on is new.
	l.open = append(slices.Delete(l.open, l.again, len(l.open)), &unackedMessage{ticket: t, delivery: d})
	l.again = len(l.open)
	return true
}

// finish notes that a message was carried out.
func (l *unacked) finish(t ticket) {
	i, found := slices.BinarySearchFunc(l.open, t, func(p *unackedMessage, t ticket) int { return cmp.Compare(p.ticket, t) })
	if found {
		l.open[i].done = true
	}
}

// due takes out what is to be acknowledged now.
func (l *unacked) due() []rabbit.Delivery {
	var out []rabbit.Delivery
	for l.again > 0 && l.open[0].done {
		out = append(out, l.open[0].delivery)
		l.open, l.again = l.open[1:], l.again-1
	}
	return out
}
