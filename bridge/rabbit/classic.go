package rabbit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// The classic queues hold text, a command or a line each. What is published to
// them is Plain, and goes to the exchange "".
const (
	ToExaBGP   = "to-exabgp"
	FromExaBGP = "from-exabgp"
)

// ClassicDeclare says how a classic queue that is not there is declared.
type ClassicDeclare string

const (
	// ClassicAuto is ClassicTransient where the broker takes that, else
	// ClassicDurable.
	ClassicAuto ClassicDeclare = ""
	// ClassicTransient is what pika's queue_declare(queue=name) asks for. A queue of
	// another kind makes that call of an old program fail with 406.
	ClassicTransient ClassicDeclare = "transient"
	// ClassicDurable is what queue_declare(queue=name, durable=True) asks for.
	ClassicDurable ClassicDeclare = "durable"
	// ClassicNever leaves it to others.
	ClassicNever ClassicDeclare = "never"
)

// transientHint is for who keeps an old program running.
const transientHint = "an old program must declare it with durable=True or passive=True; " +
	"or permit the deprecated feature transient_nonexcl_queues on all nodes, and have it declared transient"

// DeclareClassic makes sure that a classic queue is there. One that is found is
// used as it is, of whatever kind. made tells that none was found and this call
// declared it: what stood in an earlier one is lost.
//
// It returns an ErrNoQueue if there is none and none may be declared, and an
// ErrLocked if the name belongs to one other connection.
func (s *Session) DeclareClassic(ctx context.Context, name string, how ClassicDeclare) (made bool, err error) {
	declare := func(q queue) error { return s.once(ctx, q.make) }
	switch how {
	case ClassicAuto:
		version := s.brokerVersion()
		if !deniesTransient(version) {
			made, err = s.ensureClassic(ctx, queue{name: name}, s.declareAside(ctx))
			if replyCode(err) != amqp.InternalError {
				break
			}
		}
		made, err = s.ensureClassic(ctx, queue{name: name, durable: true}, declare)
		if made {
			s.log.Warn("queue declared durable, because this broker takes no transient one",
				"queue", name, "version", version, "hint", transientHint)
		}
	case ClassicTransient:
		made, err = s.ensureClassic(ctx, queue{name: name}, s.declareAside(ctx))
	case ClassicDurable:
		made, err = s.ensureClassic(ctx, queue{name: name, durable: true}, declare)
	case ClassicNever:
		err = s.once(ctx, queue{name: name}.find)
	default:
		return false, fmt.Errorf("declare queue %q: %q: want %s, %s or %s", name, how, ClassicTransient, ClassicDurable, ClassicNever)
	}
	if err != nil {
		return false, fmt.Errorf("declare queue %q: %w", name, classicFault(err))
	}
	if made {
		s.log.Info("queue declared", "queue", name)
	}
	return made, nil
}

// ensureClassic declares a queue without arguments, as old programs do: a vhost's
// own default type is then the same for all. Only where that type refuses what is
// asked for (a quorum queue cannot be transient) the type is named.
func (s *Session) ensureClassic(ctx context.Context, q queue, declare func(queue) error) (made bool, err error) {
	made, err = s.ensure(ctx, q.name, q.find, func() error { return declare(q) })
	if replyCode(err) == amqp.PreconditionFailed {
		q.args = amqp.Table{amqp.QueueTypeArg: Classic}
		made, err = s.ensure(ctx, q.name, q.find, func() error { return declare(q) })
	}
	return made, err
}

// declareAside declares on a connection of its own: a broker that denies transient
// queues ends the connection (https://www.rabbitmq.com/docs/deprecated-features),
// and version numbers do not tell all, for an operator can deny and permit them.
func (s *Session) declareAside(ctx context.Context) func(queue) error {
	return func(q queue) error {
		return s.besides(ctx, func(conn *amqp.Connection) error {
			ch, err := conn.Channel()
			if err == nil {
				err = q.make(ch)
			}
			if err != nil && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		})
	}
}

// besides does something on a connection of its own, whose end is nothing to
// the session.
func (s *Session) besides(ctx context.Context, do func(*amqp.Connection) error) error {
	l, err := s.aside(ctx)
	if err != nil {
		return fmt.Errorf("connect once more: %w", err)
	}
	defer context.AfterFunc(ctx, func() { l.raw.Close() })()
	defer func() {
		// Whether the broker answers to that changes nothing.
		_ = l.conn.CloseDeadline(time.Now().Add(closeGrace))
		l.raw.Close()
	}()
	return do(l.conn)
}

// classicFault adds what to do about a queue that cannot be had.
func classicFault(err error) error {
	switch replyCode(err) {
	case amqp.NotFound:
		return fmt.Errorf("%w: %w; start the program that declares it, or declare it by hand", ErrNoQueue, err)
	case amqp.ResourceLocked:
		return fmt.Errorf("%w, whose exclusive queue it is: %w; end that program", ErrLocked, err)
	case amqp.AccessRefused:
		return fmt.Errorf("%w; grant our user the permission", err)
	case amqp.InternalError:
		return fmt.Errorf("the broker takes no transient queue: %w; %s", err, transientHint)
	}
	return err
}

// brokerVersion is "" if the broker does not tell.
func (s *Session) brokerVersion() string {
	version, _ := s.con.conn.Properties["version"].(string)
	return version
}

// deniesTransient tells whether a RabbitMQ of that version, left as it comes,
// denies queues that are neither durable nor exclusive: from 4.3.0 on
// (https://github.com/rabbitmq/rabbitmq-server/pull/15459). Of a version
// that cannot be read it is not known.
func deniesTransient(version string) bool {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	major, err := strconv.ParseUint(first, 10, 32)
	minor, errMinor := strconv.ParseUint(second, 10, 32)
	if err != nil || errMinor != nil {
		return false
	}
	return major > 4 || major == 4 && minor >= 3
}

// Access says who may consume a queue at the same time.
type Access uint8

const (
	Shared    Access = iota // anybody
	Exclusive               // nobody else
)

// ConsumeClassic delivers what stands in a classic queue, in its order, with
// bodies as they were sent, whoever sent them. Each must be acknowledged. What is
// not is delivered once more, in its old place, when the session has ended.
//
// It returns an ErrLocked while somebody else consumes the queue and either
// wants it Exclusive, and an ErrNoQueue if it is not there.
func (s *Session) ConsumeClassic(ctx context.Context, name string, access Access, prefetch int) (<-chan Delivery, error) {
	if prefetch < 1 || prefetch > math.MaxUint16 { // 0 would be without limit
		return nil, fmt.Errorf("consume %q: prefetch %d: want 1 to %d", name, prefetch, math.MaxUint16)
	}
	in, err := s.consume(ctx, consumer{queue: name, ahead: prefetch, alone: access == Exclusive, who: ackByReader, plain: true})
	switch {
	case err == nil:
		return in, nil
	case inExclusiveUse(err):
		return nil, fmt.Errorf("somebody else reads from %q: %w: %w", name, ErrLocked, err)
	}
	return nil, classicFault(err)
}

// inExclusiveUse tells that refusal from the one for lack of permission, which
// has the same code.
func inExclusiveUse(err error) bool {
	var refusal *amqp.Error
	return errors.As(err, &refusal) && refusal.Code == amqp.AccessRefused &&
		strings.Contains(refusal.Reason, "in exclusive use")
}

// Depth tells how many messages stand in a queue and how many consumers it has. It
// counts every message that was confirmed, and none that is on its way to a
// consumer: of short lines without acknowledgement (pika's auto_ack) that can be
// some 20,000, in the buffers of a socket. It returns an ErrNoQueue if there is no
// such queue.
func (s *Session) Depth(ctx context.Context, name string) (messages, consumers int, err error) {
	err = s.once(ctx, func(ch *amqp.Channel) error {
		q, err := ch.QueueDeclarePassive(name, false, false, false, false, nil)
		messages, consumers = q.Messages, q.Consumers
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("look into queue %q: %w", name, classicFault(err))
	}
	return messages, consumers, nil
}
