package rabbit

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	// peekPatience is how long the broker may take to give the first message of a queue.
	peekPatience = 5 * time.Second
	// goneEvery is how often it is asked whether a consumer is gone, which nothing tells.
	goneEvery = 10 * time.Millisecond
	// goneGrace is how long a consumer of ours may be counted that has ended.
	goneGrace = time.Second
)

// DropUnreadable takes the first message out of a queue if it is one that ends
// every session that it is delivered to, and tells whether it did. Nobody else
// may consume the queue meanwhile.
func (s *Session) DropUnreadable(ctx context.Context, name string) (bool, error) {
	grace, cancel := context.WithTimeout(ctx, goneGrace)
	_ = s.consumersGone(grace, name, 0) // there may be others all the same
	cancel()
	messages, others, err := s.Depth(ctx, name)
	if err != nil || messages == 0 {
		return false, err
	}
	// What can be read stays: it is put back when the connection closes. Until the
	// broker has seen that, the message behind it is the first of the queue.
	seen := s.peek(ctx, name)
	if err = s.consumersGone(ctx, name, others); err == nil {
		err = seen
	}
	if errors.Is(err, ErrUnreadable) {
		err = s.getAside(ctx, name, true)
	}
	switch {
	case errors.Is(err, ErrUnreadable):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("look at the first message of queue %q: %w", name, err)
	}
	return false, nil
}

// peek has the first message of a queue be delivered to a consumer on a connection of
// its own, if there is one. The broker puts it back and forgets the consumer in one
// step.
func (s *Session) peek(ctx context.Context, name string) error {
	return s.besides(ctx, func(conn *amqp.Connection) error {
		closed := closing(conn)
		ch, err := conn.Channel()
		if err == nil {
			err = ch.Qos(1, 0, false)
		}
		var in <-chan amqp.Delivery
		if err == nil {
			in, err = ch.Consume(name, "", false, false, false, false, nil)
		}
		if err != nil {
			if !conn.IsClosed() {
				return err
			}
			return endOf(ctx, closed, err)
		}
		patience := time.NewTimer(peekPatience)
		defer patience.Stop()
		select {
		case _, delivered := <-in:
			if delivered {
				return nil
			}
		case <-patience.C: // somebody else has taken it
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		return endOf(ctx, closed, amqp.ErrClosed)
	})
}

// consumersGone waits until a queue has no more consumers than that.
func (s *Session) consumersGone(ctx context.Context, name string, but int) error {
	again := time.NewTicker(goneEvery)
	defer again.Stop()
	for {
		_, consumers, err := s.Depth(ctx, name)
		if err != nil || consumers <= but {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Answers finds out whether a queue gives what it holds: to ask one that has lost
// its leader may cost a connection.
func (s *Session) Answers(ctx context.Context, name string) error {
	err := s.getAside(ctx, name, false)
	if err == nil || errors.Is(err, ErrUnreadable) {
		return nil
	}
	return fmt.Errorf("look at the first message of queue %q: %w", name, err)
}

// getAside gets the first message of a queue, if there is one, on a connection
// of its own. With drop the broker forgets it as soon as it was sent.
func (s *Session) getAside(ctx context.Context, name string, drop bool) error {
	return s.besides(ctx, func(conn *amqp.Connection) error {
		closed := closing(conn)
		ch, err := conn.Channel()
		if err == nil {
			_, _, err = ch.Get(name, drop)
		}
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !conn.IsClosed() {
			return err
		}
		return endOf(ctx, closed, err)
	})
}

// endOf is why a connection is closed, err if it does not say so.
func endOf(ctx context.Context, closed <-chan *amqp.Error, err error) error {
	select {
	case why := <-closed:
		if why != nil {
			return ending(why)
		}
	case <-ctx.Done():
	}
	return err
}
