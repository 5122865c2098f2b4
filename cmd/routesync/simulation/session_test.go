package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
)

// session is one session of a process with the broker. The process and the
// broker may see its end at different times.
type session struct {
	broker  *broker
	process *process
	ctx     context.Context
	end     context.CancelCauseFunc
	turn    chan struct{} // of who publishes

	// Of the broker, under its lock.
	consumers []*consumer
	own       []*queue // exclusive
}

func (s *session) over(err error) { s.end(err) }

// close is how the process ends it.
func (s *session) close() {
	s.over(rabbit.ErrClosed)
	s.process.runs()
	s.broker.mu.Lock()
	defer s.broker.mu.Unlock()
	s.broker.release(s)
}

// Context is of bridge.Session, as the rest.
func (s *session) Context() context.Context { return s.ctx }

// ask does something at the broker, and comes back with its answer.
func (s *session) ask(ctx context.Context, what func(b *broker) error) error {
	both, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() { cancel(context.Cause(s.ctx)) })()
	if !s.process.runs() {
		return errors.New("killed")
	}
	if err := s.broker.pass(both); err != nil {
		return err
	}
	s.broker.mu.Lock()
	err := context.Cause(s.ctx)
	if err == nil {
		err = what(s.broker)
	}
	s.broker.mu.Unlock()
	if err != nil {
		return err
	}
	return s.broker.pass(both)
}

func (s *session) DeclareEvents(ctx context.Context) error {
	return s.ask(ctx, func(*broker) error { return nil })
}

func (s *session) DeclareSpeaker(ctx context.Context, speaker string) error {
	return s.ask(ctx, func(b *broker) error {
		b.bind(b.declare(rabbit.CommandQueue(speaker), commands, true), rabbit.CommandExchange, speaker)
		return nil
	})
}

// BindCommands is of bridge.Session; Requests has done it.
func (s *session) BindCommands(ctx context.Context, _ string) error {
	return s.ask(ctx, func(*broker) error { return nil })
}

func (s *session) Commands(ctx context.Context, speaker string) (<-chan rabbit.Delivery, error) {
	return s.consume(ctx, false, func(b *broker) (*queue, error) {
		q := b.queues[rabbit.CommandQueue(speaker)]
		if q == nil {
			return nil, rabbit.ErrNoQueue
		}
		return q, nil
	})
}

func (s *session) Requests(ctx context.Context, speaker string) (<-chan rabbit.Delivery, error) {
	return s.consume(ctx, true, func(b *broker) (*queue, error) {
		name := rabbit.RequestQueue(speaker)
		if b.queues[name] != nil {
			return nil, fmt.Errorf("queue %s: %w", name, rabbit.ErrLocked)
		}
		q := b.declare(name, requests, false)
		b.bind(q, rabbit.CommandExchange, rabbit.CommandKey(speaker))
		s.own = append(s.own, q)
		return q, nil
	})
}

func (s *session) Subscribe(ctx context.Context, keys ...string) (string, <-chan rabbit.Delivery, error) {
	var name string
	out, err := s.consume(ctx, true, func(b *broker) (*queue, error) {
		name = b.name("events")
		q := b.declare(name, events, false)
		s.own = append(s.own, q)
		for _, key := range keys {
			b.bind(q, rabbit.EventExchange, key)
		}
		return q, nil
	})
	return name, out, err
}

func (s *session) Bind(ctx context.Context, name, key string) error {
	return s.ask(ctx, func(b *broker) error {
		if q := b.queues[name]; q != nil {
			b.bind(q, rabbit.EventExchange, key)
		}
		return nil
	})
}

// Offer is of bridge.Session; nothing has to wait at this broker.
func (s *session) Offer(ctx context.Context, msgs ...rabbit.Message) error {
	return s.Publish(ctx, msgs...)
}

// Alarm is of bridge.Session; this broker always has room.
func (s *session) Alarm() (string, <-chan struct{}) { return "", nil }

// Answers is of bridge.Session; this broker's queues always do.
func (s *session) Answers(context.Context, string) error { return nil }

// Unfit is of bridge.Session; this broker's queues are as they were declared.
func (s *session) Unfit(context.Context, string) ([]string, error) { return nil, nil }

// Lock is as of rabbit.Session.
func (s *session) Lock(ctx context.Context, name string) error {
	return s.ask(ctx, func(b *broker) error {
		if holder := b.locks[name]; holder != nil && holder != s {
			return rabbit.ErrLocked
		}
		b.locks[name] = s
		return nil
	})
}

// Publish is as of rabbit.Session. A message may be with the broker although no
// confirm came, also after the session is over.
func (s *session) Publish(ctx context.Context, msgs ...rabbit.Message) error {
	both, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() { cancel(context.Cause(s.ctx)) })()
	select {
	case <-s.turn:
	case <-both.Done():
		return context.Cause(both)
	}
	defer func() { s.turn <- struct{}{} }()
	var first error
	for i := range msgs {
		if !s.process.effect() {
			return errors.New("killed")
		}
		if both.Err() != nil {
			return fmt.Errorf("publish: %w", context.Cause(both))
		}
		if msgs[i].Type == wire.TypeBatch {
			s.broker.batch(msgs[i].Body)
		}
		if i%16 == 0 {
			if err := s.broker.pass(both); err != nil {
				s.late(msgs[i])
				return fmt.Errorf("publish: no confirm: %w", err)
			}
		}
		s.broker.mu.Lock()
		err := context.Cause(s.ctx)
		if err == nil {
			err = s.broker.accept(msgs[i])
		}
		s.broker.mu.Unlock()
		if err != nil && first == nil {
			first = fmt.Errorf("publish to %q %q: %w", msgs[i].Exchange, msgs[i].Key, err)
		}
	}
	if err := s.broker.pass(both); err != nil {
		return fmt.Errorf("publish: no confirm: %w", err)
	}
	return first
}

// late has a message that was on its way come to the broker after the end of
// its session, or not.
func (s *session) late(m rabbit.Message) {
	b := s.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rng.IntN(2) == 0 {
		return
	}
	b.after(time.Duration(b.rng.Int64N(int64(3*time.Second))), func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if !b.down {
			_ = b.accept(m) // nobody waits for its confirm
		}
	})
}

// consumer takes messages out of a queue, the first of a queue all of them.
type consumer struct {
	session  *session
	queue    *queue
	handover bool // a message that was taken is done
	wake     chan struct{}
	unacked  []*message
}

func (s *session) consume(ctx context.Context, handover bool, from func(*broker) (*queue, error)) (<-chan rabbit.Delivery, error) {
	out := make(chan rabbit.Delivery)
	err := s.ask(ctx, func(b *broker) error {
		q, err := from(b)
		if err != nil {
			return err
		}
		c := &consumer{session: s, queue: q, handover: handover, wake: make(chan struct{}, 1)}
		q.consumers = append(q.consumers, c)
		s.consumers = append(s.consumers, c)
		notify(c.wake)
		go c.run(out)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *consumer) run(out chan<- rabbit.Delivery) {
	defer close(out)
	ctx := c.session.ctx
	for {
		m, again := c.next()
		if m == nil {
			select {
			case <-c.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		if c.session.broker.pass(ctx) != nil || !c.session.process.runs() {
			return
		}
		d := rabbit.Delivery{Exchange: m.Exchange, Key: m.Key, Type: m.Type, ID: m.ID, ReplyTo: m.ReplyTo, Redelivered: again, Body: m.Body}
		if c.queue.kind == commands {
			c.session.broker.taken(c.session.process, m.Body)
		}
		if !c.handover {
			d.From = receipt{c, m}
		}
		select {
		case out <- d:
		case <-ctx.Done():
			return
		}
		if c.handover {
			c.done(m)
		}
	}
}

func (c *consumer) next() (m *message, again bool) {
	b := c.session.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	q := c.queue
	for len(q.messages) > 0 && len(q.consumers) > 0 && q.consumers[0] == c {
		m = q.messages[0]
		q.messages = q.messages[1:]
		if m.Expiration > 0 && time.Since(m.at) > m.Expiration {
			continue
		}
		c.unacked = append(c.unacked, m)
		return m, m.again > 0
	}
	return nil, false
}

func (c *consumer) done(m *message) {
	b := c.session.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	c.unacked = slices.DeleteFunc(c.unacked, func(x *message) bool { return x == m })
}

// requeue puts back what was not acknowledged, mostly in its order; the
// broker's lock is held.
func (c *consumer) requeue() {
	back := c.unacked
	c.unacked = nil
	rng := c.session.broker.rng
	if rng.IntN(4) == 0 {
		rng.Shuffle(len(back), func(i, j int) { back[i], back[j] = back[j], back[i] })
	}
	for _, m := range back {
		m.again++
	}
	const deliveries = 20
	back = slices.DeleteFunc(back, func(m *message) bool { return m.again > deliveries })
	c.queue.messages = append(back, c.queue.messages...)
	c.queue.tell()
}

// receipt is the acknowledgement that a delivery waits for.
type receipt struct {
	consumer *consumer
	message  *message
}

func (r receipt) Ack(bool) error { return r.settle() }

func (r receipt) Reject(bool) error { return r.settle() }

func (r receipt) settle() error {
	s := r.consumer.session
	if !s.process.effect() {
		return errors.New("killed")
	}
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	r.consumer.done(r.message)
	return nil
}
