package bridge

import (
	"errors"
	"fmt"
	"time"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
)

// admit takes a message, when the core has room for it: the broker sends more
// commands ahead than should be under way at once. What comes behind one that waits
// waits too, but for requests and orders, which are in no order with commands.
func (s *Server) admit(d rabbit.Delivery) {
	waits := d.Type != wire.TypeRequest && d.Type != wire.TypeOrder && (len(s.later) > 0 || d.Type == wire.TypeBatch && s.core.full())
	if waits {
		s.later = append(s.later, d)
		return
	}
	s.take(d)
}

// goOn takes the next of the commands that waited, as long as there is room.
func (s *Server) goOn() {
	for len(s.later) > 0 && !s.core.full() {
		d := s.later[0]
		s.later = s.later[1:]
		s.take(d)
	}
}

func (s *Server) take(d rabbit.Delivery) {
	err := d.Err
	if err == nil {
		err = s.read(d)
	}
	if err != nil {
		s.poison(d, err)
	}
}

// read does what a message says. Its error makes a dead letter of it.
func (s *Server) read(d rabbit.Delivery) error {
	switch d.Type {
	case wire.TypeBatch:
		b, err := entitled(&d, wire.DecodeBatch)
		if err != nil {
			return err
		}
		s.ticket++
		s.open[s.ticket] = d
		s.core.step(time.Now())
		s.core.batch(b, s.ticket)
	case wire.TypeRequest:
		r, err := wire.DecodeRequest(d.Body)
		if err == nil && commanding(r) {
			err = mayCommand(&d)
		}
		if err != nil {
			return err
		}
		s.core.request(r, d.ReplyTo, time.Now())
	case wire.TypeTyped:
		t, err := entitled(&d, wire.DecodeTyped)
		if err != nil {
			return err
		}
		s.core.give(t, d.ReplyTo, time.Now())
	case wire.TypeOrder:
		o, err := entitled(&d, wire.DecodeOrder)
		if err != nil {
			return err
		}
		s.core.obey(o, d.ReplyTo, time.Now())
	default:
		return fmt.Errorf("message type %q is not known", d.Type)
	}
	return nil
}

// entitled reads a message that commands, if whoever sent it may.
func entitled[T any](d *rabbit.Delivery, decode func([]byte) (T, error)) (T, error) {
	v, err := decode(d.Body)
	if err == nil {
		err = mayCommand(d)
	}
	return v, err
}

// poison makes a message that can't be taken a dead letter, where an operator
// finds it; the sender's lease runs into a gap, and begins again.
func (s *Server) poison(d rabbit.Delivery, err error) {
	s.core.step(time.Now())
	what := "can't be read"
	if errors.Is(err, errNotEntitled) {
		what = "is not taken"
	}
	s.core.trouble(fmt.Sprintf("message %q %s, see queue rs.dead: %v", d.ID, what, err))
	switch {
	case !d.Settled():
		s.link.acks <- d.Reject
	case s.link.up: // the queue of requests keeps nothing, and has nowhere to put it
		s.post(d.DeadLetter("rpc."+s.core.speaker), nil)
	}
}
