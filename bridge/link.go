package bridge

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"routesync/bridge/rabbit"
)

// link is one session with the broker as the server's loop sees it.
type link struct {
	out  chan []rabbit.Message // to publish; never full, for the loop sends only when it is idle
	acks chan func() error     // never full: it holds more than the broker sends ahead
}

type delivery struct {
	rabbit.Delivery
	link *link
}

// session is one connection with the broker, from its topology to its end. life
// is the server's, ctx the session's.
func (s *Server) session(life, ctx context.Context, rs Session) error {
	commands, requests, err := s.subscribe(ctx, rs)
	if err != nil {
		return err
	}
	l := &link{out: make(chan []rabbit.Message, 1), acks: make(chan func() error, 256)}
	if !offer(ctx, s.links, l) {
		return ctx.Err()
	}
	g, inner := errgroup.WithContext(ctx)
	g.Go(func() error { return s.publish(inner, rs, l) })
	g.Go(func() error {
		return forward(inner, requests, s.inbox, func(d rabbit.Delivery) delivery { return delivery{d, l} })
	})
	g.Go(func() error {
		return forward(inner, commands, s.inbox, func(d rabbit.Delivery) delivery { return delivery{d, l} })
	})
	g.Go(func() error { return acknowledge(inner, l.acks) })
	err = g.Wait()
	offer(life, s.gone, l)
	return err
}

// subscribe sets up the topology and consumes. A queue can be there and answer
// nothing: a quorum queue that has lost its leader, as it may when RabbitMQ is
// killed just after it was declared.
func (s *Server) subscribe(ctx context.Context, rs Session) (commands, requests <-chan rabbit.Delivery, err error) {
	speaker := s.core.speaker
	setUp, cancel := context.WithTimeout(ctx, subscribePatience)
	defer cancel()
	if err := rs.DeclareEvents(setUp); err != nil {
		return nil, nil, err
	}
	if err := rs.DeclareSpeaker(setUp, speaker); err != nil {
		return nil, nil, err
	}
	requests, err = rs.Requests(setUp, speaker)
	if errors.Is(err, rabbit.ErrLocked) {
		return nil, nil, fmt.Errorf("another bridge answers for speaker %s, or the broker has not noticed yet that a session of this one is over; if it stays so, give this one a name of its own: %w", speaker, err)
	}
	if err != nil {
		return nil, nil, err
	}
	commands, err = rs.Commands(setUp, speaker)
	if setUp.Err() != nil && ctx.Err() == nil {
		queue := rabbit.CommandQueue(speaker)
		return nil, nil, fmt.Errorf("queue %s does not answer; if it stays so it has lost its leader: rabbitmqctl delete_queue %s loses nothing: %w", queue, queue, err)
	}
	return commands, requests, err
}

func (s *Server) publish(ctx context.Context, rs Session, l *link) error {
	for {
		if !offer(ctx, s.idle, l) {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case msgs := <-l.out:
			if err := rs.Publish(ctx, msgs...); err != nil {
				return fmt.Errorf("publish: %w", err)
			}
		}
	}
}

// forward gives deliveries to the loop, as what as makes of them.
func forward[T any](ctx context.Context, from <-chan rabbit.Delivery, to chan<- T, as func(rabbit.Delivery) T) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case d, ok := <-from:
			if !ok {
				return errors.New("the subscription ended")
			}
			if !offer(ctx, to, as(d)) {
				return ctx.Err()
			}
		}
	}
}

func acknowledge(ctx context.Context, acks <-chan func() error) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case ack := <-acks:
			if err := ack(); err != nil {
				return err
			}
		}
	}
}

func offer[T any](ctx context.Context, to chan<- T, v T) bool {
	select {
	case to <- v:
		return true
	case <-ctx.Done():
		return false
	}
}
