package rabbit

import (
	"context"
	"fmt"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	// window is how many messages may await their confirm. Small, because all of
	// them are in doubt when the session breaks; large enough that the broker
	// writes them to disk together.
	window = 32
	// numberHeader tells returned messages apart, whose ids may repeat.
	numberHeader = "rs-publish"
	// shortMax is the size of an AMQP short string. The library notices a longer one
	// when half of the message is written, and has to give up the connection.
	shortMax = 255
)

// Message is what is published. Exchange "" and the name of a queue as Key reach
// that queue.
type Message struct {
	Exchange, Key string

	Type, ID, CorrelationID, ReplyTo string
	Headers                          map[string]int64
	Body                             []byte
	// Plain bodies are never compressed: they are for readers that are not ours.
	// (What Mandatory adds to the headers, such readers have no need to look at.)
	Plain bool
	// Encoding is that of a plain body that was packed before.
	Encoding string

	// Persistent messages in durable queues survive the broker's restart.
	Persistent bool
	// Mandatory messages that reach no queue are an ErrNoRoute; others that reach
	// none are lost, and count as published.
	Mandatory bool
	// Expiration is after what time in a queue the message is dropped; 0 is never.
	Expiration time.Duration
}

// publisher belongs to whoever holds its turn.
type publisher struct {
	turn     chan struct{}
	ch       *amqp.Channel
	returns  chan amqp.Return
	last     int64          // number of the last message
	unrouted map[int64]bool // came back, by number
	// flight is what awaits its confirm, oldest first. It can begin with messages
	// of an earlier Publish that was given up.
	flight []sent
}

type sent struct {
	number  int64
	name    string
	stale   bool // of an earlier Publish
	confirm *amqp.DeferredConfirmation
}

// settled tells whether the broker has said what became of it.
func (m *sent) settled() bool {
	select {
	case <-m.confirm.Done():
		return true
	default:
		return false
	}
}

func (s *Session) openPublisher(ctx context.Context) error {
	return s.do(ctx, func() error {
		ch, err := s.pub.conn.Channel()
		if err != nil {
			return fmt.Errorf("open channel: %w", err)
		}
		if err := ch.Confirm(false); err != nil {
			return fmt.Errorf("ask for confirms: %w", err)
		}
		s.out = publisher{
			turn: make(chan struct{}, 1),
			ch:   ch,
			// Never full, so that the library's reader never waits for us.
			returns:  ch.NotifyReturn(make(chan amqp.Return, window)),
			unrouted: make(map[int64]bool),
		}
		s.out.turn <- struct{}{}
		return s.watch("publishing channel", closing(ch), nil)
	})
}

// Publish publishes msgs in their order and waits until the broker has confirmed
// each. Its error is about the first that failed: ErrNoRoute, ErrRejected, the end
// of the session, or the end of ctx. Messages before that one are published;
// those after it were not sent, or may have been: at most 31 of them.
//
// After the end of ctx or of the session a message can be with the broker although
// no confirm came. To publish it once more, under the same ID, is the caller's
// decision.
//
// While the broker takes no messages (see Alarm) Publish waits. It can be called
// from several goroutines; one publishes at a time.
func (s *Session) Publish(ctx context.Context, msgs ...Message) error {
	return s.publish(ctx, true, msgs)
}

// Offer is Publish for who has better things to do than to wait for a broker
// that takes no messages: it returns a BlockedError then. What it had sent before
// that the broker may take yet, when it takes messages again. Without messages it
// finds out with one that goes nowhere: the broker tells of its alarm only those
// who publish.
func (s *Session) Offer(ctx context.Context, msgs ...Message) error {
	if len(msgs) == 0 {
		msgs = []Message{{Key: "rs.nowhere"}}
	}
	return s.publish(ctx, false, msgs)
}

func (s *Session) publish(ctx context.Context, patient bool, msgs []Message) error {
	select {
	case <-s.out.turn:
	case <-s.ctx.Done():
		return s.over(ctx)
	case <-ctx.Done():
		return s.over(ctx)
	}
	defer func() { s.out.turn <- struct{}{} }()

	for i := range s.out.flight {
		s.out.flight[i].stale = true
	}
	for i := range msgs {
		err := s.settle(ctx, patient, window-1)
		if err == nil {
			err = s.send(ctx, patient, &msgs[i])
		}
		if err != nil {
			// What is in flight is waited for, so that the next call does not meet
			// it. err came first.
			_ = s.settle(ctx, patient, 0)
			return err
		}
	}
	return s.settle(ctx, patient, 0)
}

// send hands one message to the connection.
func (s *Session) send(ctx context.Context, patient bool, m *Message) error {
	p := &s.out
	name := m.name()
	for _, text := range []string{m.Exchange, m.Key, m.Type, m.ID, m.CorrelationID, m.ReplyTo} {
		if len(text) > shortMax {
			return fmt.Errorf("publish %s: a property has %d bytes, more than %d", name, len(text), shortMax)
		}
	}
	body, encoding := m.Body, m.Encoding
	if !m.Plain {
		var err error
		if body, encoding, err = pack(m.Body); err != nil {
			return fmt.Errorf("publish %s: %w", name, err)
		}
	}
	if err := s.clear(ctx, patient); err != nil {
		return fmt.Errorf("publish %s: %w", name, err)
	}
	p.last++
	msg := amqp.Publishing{
		Type: m.Type, MessageId: m.ID, CorrelationId: m.CorrelationID, ReplyTo: m.ReplyTo,
		ContentEncoding: encoding, Body: body, Headers: amqp.Table{},
	}
	for k, v := range m.Headers {
		msg.Headers[k] = v
	}
	if m.Mandatory {
		msg.Headers[numberHeader] = p.last
	}
	if m.Persistent {
		msg.DeliveryMode = amqp.Persistent
	}
	if m.Expiration > 0 {
		msg.Expiration = strconv.FormatInt(max(1, m.Expiration.Milliseconds()), 10)
	}
	var confirm *amqp.DeferredConfirmation
	err := s.do(ctx, func() error {
		var err error
		confirm, err = p.ch.PublishWithDeferredConfirm(m.Exchange, m.Key, m.Mandatory, false, msg)
		return err
	})
	if err != nil {
		return fmt.Errorf("publish %s: %w", name, err)
	}
	p.flight = append(p.flight, sent{number: p.last, name: name, confirm: confirm})
	return nil
}

// clear waits until the broker takes messages.
func (s *Session) clear(ctx context.Context, patient bool) error {
	for {
		reason, changed := s.Alarm()
		if reason == "" {
			return nil
		}
		if !patient {
			return &BlockedError{reason}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("broker takes no messages (%s): %w", reason, context.Cause(ctx))
		case <-s.ctx.Done():
			return s.over(ctx)
		}
	}
}

// settle waits until at most n messages are in flight, and returns the first
// failure. It goes on behind a failed message, but not behind one that nothing
// more can be learnt about.
//
// The confirm of a message that was sent into an alarm comes when that is over.
func (s *Session) settle(ctx context.Context, patient bool, n int) error {
	var first error
	for len(s.out.flight) > n {
		oldest := s.out.flight[0]
		if reason := s.await(ctx, patient, oldest); reason != "" {
			if first == nil {
				first = &BlockedError{reason}
			}
			return first
		}
		known, err := s.verdict(ctx, oldest)
		if !known {
			if first == nil {
				first = fmt.Errorf("publish %s: no confirm: %w", oldest.name, err)
			}
			return first
		}
		s.out.flight = s.out.flight[1:]
		if err != nil && first == nil && !oldest.stale {
			first = fmt.Errorf("publish %s: %w", oldest.name, err)
		}
	}
	return first
}

// await waits for the confirm of a message, and ends the session if the broker
// owes it for too long. If a message was lost on the way the broker counts the ones
// behind it from one less, so that no confirm is worth anything any more; and a
// queue that has lost its leader never confirms. A broker in alarm does not read
// what it is to confirm: who has no patience gets the reason.
func (s *Session) await(ctx context.Context, patient bool, m sent) (alarm string) {
	for !m.settled() {
		reason, changed := s.Alarm()
		if reason != "" && !patient {
			return reason
		}
		var overdue <-chan time.Time
		if reason == "" {
			overdue = time.After(s.patience)
		}
		select {
		case <-m.confirm.Done():
		case <-s.ctx.Done():
			return ""
		case <-ctx.Done():
			return ""
		case <-changed:
		case <-overdue:
			s.fail(fmt.Errorf("publish %s: the broker has not confirmed it for %s", m.name, s.patience))
			return ""
		}
	}
	return ""
}

// verdict tells what became of a message, if that is known.
func (s *Session) verdict(ctx context.Context, m sent) (known bool, err error) {
	if !m.settled() {
		return false, s.over(ctx)
	}
	if !m.confirm.Acked() {
		// The library also resolves the confirms of a channel that ended, as if
		// the broker had said no.
		if s.out.ch.IsClosed() {
			select {
			case <-s.ctx.Done():
			case <-ctx.Done():
			}
			return false, s.over(ctx)
		}
		return true, ErrRejected
	}
	// A returned message is confirmed as well, but the return comes first
	// (https://www.rabbitmq.com/docs/confirms), and the library's reader has
	// put it into the channel before it got to the confirm.
	for drained := false; !drained; {
		select {
		case r, ok := <-s.out.returns:
			if number, is := r.Headers[numberHeader].(int64); is {
				s.out.unrouted[number] = true
			}
			drained = !ok
		default:
			drained = true
		}
	}
	if s.out.unrouted[m.number] {
		delete(s.out.unrouted, m.number)
		return true, ErrNoRoute
	}
	return true, nil
}

// name is how an error speaks of a message.
func (m *Message) name() string {
	where := strconv.Quote(m.Key)
	if m.Exchange != "" {
		where = strconv.Quote(m.Exchange) + " " + where
	}
	if m.ID == "" {
		return "to " + where
	}
	return strconv.Quote(m.ID) + " to " + where
}
