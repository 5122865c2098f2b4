package rabbit

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	// commandsAhead and its like are how many messages the broker sends ahead of
	// their acknowledgement. The library keeps them without a bound of its own.
	commandsAhead = 64
	requestsAhead = 16
	eventsAhead   = 256
)

// Delivery is a message that arrived.
type Delivery struct {
	Exchange, Key                    string
	Type, ID, CorrelationID, ReplyTo string
	// UserID and AppID are whom the sender says to be. The broker vouches for the
	// first (https://www.rabbitmq.com/docs/validated-user-id), nobody for the second.
	UserID, AppID string
	Headers       map[string]int64 // those that are integers
	// Redelivered: somebody, perhaps this session, may have seen it before.
	Redelivered bool
	Body        []byte
	// Err is why there is no Body: it could not be unpacked, or is too large.
	Err error

	// From is who waits for its acknowledgement; nil: nobody does.
	From Acknowledger

	raw      []byte // the body as it came
	encoding string
}

// Acknowledger is told what became of a delivery.
type Acknowledger interface {
	Ack(multiple bool) error
	Reject(requeue bool) error
}

// Settled tells whether there is nothing to acknowledge, or to reject.
func (d Delivery) Settled() bool { return d.From == nil }

// Ack tells the broker that the message is dealt with: once, in the session that
// delivered it. It does nothing for a delivery that needs none.
func (d Delivery) Ack() error {
	if d.From == nil {
		return nil
	}
	if err := d.From.Ack(false); err != nil {
		return fmt.Errorf("acknowledge %q: %w", d.ID, err)
	}
	return nil
}

// Reject makes the message a dead letter, in the place of Ack. There is no way to
// put it back into its queue, because that may change its place there.
func (d Delivery) Reject() error {
	if d.From == nil {
		return nil
	}
	if err := d.From.Reject(false); err != nil {
		return fmt.Errorf("reject %q: %w", d.ID, err)
	}
	return nil
}

// DeadLetter is the message, as it came, for the queue of dead letters: for one
// that came from a queue which has nowhere to put them.
func (d Delivery) DeadLetter(key string) Message {
	return Message{
		Exchange: deadExchange, Key: key, Type: d.Type, ID: d.ID, CorrelationID: d.CorrelationID,
		Body: d.raw, Encoding: d.encoding, Plain: true, Persistent: true,
	}
}

// ack says who acknowledges.
type ack int

const (
	ackByReader ack = iota
	// ackOnHandover: a message that its reader took is done. The broker keeps, and
	// bounds, what the reader has not taken yet; "no-ack" would pile it up here.
	ackOnHandover
)

// Commands delivers the commands for a speaker in their order. Each must be
// acknowledged or rejected. Of several sessions that ask for the same speaker one
// gets them, and the next when that one ends. DeclareSpeaker comes first.
//
// This channel, like all that deliver, is closed when the session ends.
func (s *Session) Commands(ctx context.Context, speaker string) (<-chan Delivery, error) {
	return s.consume(ctx, consumer{queue: CommandQueue(speaker), ahead: commandsAhead, who: ackByReader})
}

// Requests delivers the requests to a speaker's bridge. It returns an ErrLocked
// while another session does. Requests need no Ack.
func (s *Session) Requests(ctx context.Context, speaker string) (<-chan Delivery, error) {
	name, err := s.declareOwn(ctx, requestQueue(speaker))
	if err != nil {
		return nil, err
	}
	if err := s.BindCommands(ctx, speaker); err != nil {
		s.log.Debug("commands do not come to the queue of requests yet", "error", err) // who can do nothing else can answer
	}
	return s.consume(ctx, consumer{queue: name, ahead: requestsAhead, who: ackOnHandover})
}

// Subscribe delivers the events that match any of the keys, from now on; the
// deliveries need no Ack. A reader that falls far behind loses the oldest. The
// queue is this session's own, and its name can serve as a ReplyTo; without keys it
// serves only for that.
func (s *Session) Subscribe(ctx context.Context, keys ...string) (queue string, events <-chan Delivery, err error) {
	name, err := s.declareOwn(ctx, eventQueue())
	if err != nil {
		return "", nil, err
	}
	if len(keys) > 0 {
		if err := s.DeclareEvents(ctx); err != nil {
			return "", nil, err
		}
	}
	for _, key := range keys {
		if err := s.bindEvents(ctx, name, key); err != nil {
			return "", nil, err
		}
	}
	events, err = s.consume(ctx, consumer{queue: name, ahead: eventsAhead, who: ackOnHandover})
	if err != nil {
		return "", nil, err
	}
	return name, events, nil
}

// Bind subscribes a queue of Subscribe to a key once more, for one whose exchange
// was deleted.
func (s *Session) Bind(ctx context.Context, queue, key string) error {
	if err := s.DeclareEvents(ctx); err != nil {
		return err
	}
	return s.bindEvents(ctx, queue, key)
}

func (s *Session) bindEvents(ctx context.Context, queue, key string) error {
	err := s.once(ctx, func(ch *amqp.Channel) error {
		return ch.QueueBind(queue, key, EventExchange, false, nil)
	})
	if err != nil {
		return fmt.Errorf("subscribe to %q: %w", key, s.denied(err, Write, Read))
	}
	return nil
}

// consumer is what to consume, and how.
type consumer struct {
	queue string
	ahead int
	alone bool // nobody else may consume the queue meanwhile
	who   ack
	plain bool // bodies are taken as they are
}

// consume starts one consumer on a channel of its own, which nobody uses for
// anything but acknowledgements from then on.
func (s *Session) consume(ctx context.Context, c consumer) (<-chan Delivery, error) {
	out := make(chan Delivery)
	err := s.do(ctx, func() error {
		ch, err := s.con.conn.Channel()
		if err != nil {
			return fmt.Errorf("open channel: %w", err)
		}
		closed := closing(ch)
		cancelled := ch.NotifyCancel(make(chan string, 1))
		if err := ch.Qos(c.ahead, 0, false); err != nil {
			_ = ch.Close()
			return fmt.Errorf("set prefetch: %w", err)
		}
		in, err := ch.Consume(c.queue, "", false, c.alone, false, false, nil)
		if err != nil {
			_ = ch.Close()
			return err
		}
		// From here on the end of the channel is the end of the session.
		if err := s.watch(fmt.Sprintf("consumer of %q", c.queue), closed, cancelled); err != nil {
			return err
		}
		return s.spawn(func() { s.forward(in, out, c) })
	})
	if err != nil {
		return nil, fmt.Errorf("consume %q: %w", c.queue, s.denied(err, Read, Read))
	}
	return out, nil
}

func (s *Session) forward(in <-chan amqp.Delivery, out chan<- Delivery, c consumer) {
	defer close(out)
	for d := range in {
		got := received(&d, c)
		if c.who == ackOnHandover {
			got.From = nil
		}
		select {
		case out <- got:
		case <-s.ctx.Done():
			return
		}
		if c.who == ackOnHandover {
			if d.Ack(false) != nil {
				return // the session is ending, and says so itself
			}
		}
	}
}

func received(d *amqp.Delivery, c consumer) Delivery {
	got := Delivery{
		Exchange: d.Exchange, Key: d.RoutingKey,
		Type: d.Type, ID: d.MessageId, CorrelationID: d.CorrelationId, ReplyTo: d.ReplyTo,
		UserID: d.UserId, AppID: d.AppId, Redelivered: d.Redelivered, From: d,
		raw: d.Body, encoding: d.ContentEncoding,
	}
	for k, v := range d.Headers {
		if n, ok := v.(int64); ok && k != numberHeader {
			if got.Headers == nil {
				got.Headers = make(map[string]int64)
			}
			got.Headers[k] = n
		}
	}
	if c.plain {
		got.Body = d.Body
		return got
	}
	got.Body, got.Err = unpack(d.Body, d.ContentEncoding, bodyLimit)
	return got
}
