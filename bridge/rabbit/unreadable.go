package rabbit

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// DropUnreadable takes the first message out of a queue if it is one that ends
// every session that it is delivered to, and tells whether it did. Nobody else
// may consume the queue meanwhile.
func (s *Session) DropUnreadable(ctx context.Context, name string) (bool, error) {
	// What can be read stays: it is put back when the connection closes.
	err := s.getAside(ctx, name, false)
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
		select {
		case why := <-closed:
			if why != nil {
				return ending(why)
			}
		case <-ctx.Done():
		}
		return err
	})
}
