package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
)

// commandsAgain is the pause between two attempts to read the command queue.
const commandsAgain = 5 * time.Second

// bindEvery is how often it is seen to that commands come. It is a fraction of what a
// commander waits for anything to come of a speaker.
const bindEvery = 10 * time.Second

// link is one session with the broker as the server's loop sees it.
type link struct {
	out  chan []rabbit.Message // to publish; never full, for the loop sends only when it is idle
	acks chan func() error     // never full: it holds more than the broker sends ahead
	// told tells that events can be published, and up that commands are read;
	// both are the loop's.
	told, up bool
}

type delivery struct {
	rabbit.Delivery
	link *link
}

// standing is how a link stands with the broker: what holds, or if it is empty,
// what is over.
type standing struct {
	link *link
	told bool // events can be published
	up   bool // commands are read
	is   []wire.Condition
	over []string
}

// session is one connection with the broker, from its topology to its end. life
// is the server's, ctx the session's.
//
// Requests come first, because a bridge that can do nothing else can say why.
func (s *Server) session(life, ctx context.Context, rs Session) error {
	requests, err := s.requests(ctx, rs)
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
	g.Go(func() error { return s.commands(life, ctx, inner, rs, l) })
	g.Go(func() error { return s.watchAlarm(inner, rs, l) })
	g.Go(func() error { return s.keepBound(inner, rs) })
	g.Go(func() error { return acknowledge(inner, l.acks) })
	err = g.Wait()
	offer(life, s.gone, l)
	return err
}

func (s *Server) requests(ctx context.Context, rs Session) (<-chan rabbit.Delivery, error) {
	setUp, cancel := context.WithTimeout(ctx, subscribePatience)
	defer cancel()
	requests, err := rs.Requests(setUp, s.core.speaker)
	if errors.Is(err, rabbit.ErrLocked) {
		return nil, fmt.Errorf("%w %s, or the broker has not noticed yet that a session of this one is over; if it stays so, give this one a name of its own: %w", errTaken, s.core.speaker, err)
	}
	return requests, err
}

// commands gives what stands in the command queue to the loop, as soon as it can
// be read. Why it can't is said also when the session is over. session is the
// session's context; ctx ends with the first part of it that does, and knows less
// of why.
func (s *Server) commands(life, session, ctx context.Context, rs Session, l *link) error {
	for {
		commands, told, err := s.subscribe(session, rs)
		s.leaderless.Store(errors.Is(err, errNoLeader))
		if ctx.Err() != nil && rs.Context().Err() == nil {
			return ctx.Err()
		}
		if err == nil {
			if !offer(ctx, s.standings, s.up(session, rs, l)) {
				return ctx.Err()
			}
			err := forward(ctx, commands, s.inbox, func(d rabbit.Delivery) delivery { return delivery{d, l} })
			s.fell(life, rs, l)
			return err
		}
		x, ok := Diagnose(err)
		if !ok {
			x = wire.Condition{Name: wire.NoQueue, Text: err.Error(), Do: "see the broker's log"}
		}
		offer(life, s.standings, standing{link: l, told: told, is: []wire.Condition{x}})
		if rs.Context().Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(commandsAgain):
		}
	}
}

// up is how a link stands that commands are read over.
func (s *Server) up(ctx context.Context, rs Session, l *link) standing {
	ctx, cancel := context.WithTimeout(ctx, subscribePatience)
	defer cancel()
	x := standing{link: l, told: true, up: true, over: []string{wire.Denied, wire.NoQueue, wire.NoLeader}}
	unfit, err := rs.Unfit(ctx, s.core.speaker)
	if err != nil {
		s.log.Debug("how the command queue was declared is not known", "error", err)
	}
	if len(unfit) > 0 {
		x.is = append(x.is, unfitCondition(rabbit.CommandQueue(s.core.speaker), unfit))
	} else {
		x.over = append(x.over, wire.Unfit)
	}
	return x
}

// fell notes that a session ended because the broker failed: a queue that has lost
// its leader may let itself be consumed, and take the connection with it right
// after.
func (s *Server) fell(life context.Context, rs Session, l *link) {
	select {
	case <-rs.Context().Done():
	case <-time.After(time.Second):
		return // it is another part that ended
	}
	if why := context.Cause(rs.Context()); errors.Is(why, rabbit.ErrInternal) {
		s.leaderless.Store(true)
		x, _ := Diagnose(fmt.Errorf("%w: %s: %w", errNoLeader, rabbit.CommandQueue(s.core.speaker), why))
		offer(life, s.standings, standing{link: l, is: []wire.Condition{x}})
	}
}

// watchAlarm tells the loop when the broker takes no messages, and when it does
// again.
func (s *Server) watchAlarm(ctx context.Context, rs Session, l *link) error {
	for {
		reason, changed := rs.Alarm()
		x := standing{link: l, over: []string{wire.Blocked}}
		if reason != "" {
			x = standing{link: l, is: []wire.Condition{blockedCondition(reason)}}
		}
		if !offer(ctx, s.standings, x) {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// keepBound binds again what commands come by: who deletes the exchange takes the
// bindings with it, and nobody is told; and nobody but this session can bind its queue.
func (s *Server) keepBound(ctx context.Context, rs Session) error {
	beat := time.NewTicker(bindEvery)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-beat.C:
		}
		if err := rs.BindCommands(ctx, s.core.speaker); err != nil {
			s.log.Debug("what commands come by is not bound again", "error", err)
		}
	}
}

// subscribe sets up the topology and consumes commands; told tells that events
// can be published.
func (s *Server) subscribe(ctx context.Context, rs Session) (commands <-chan rabbit.Delivery, told bool, err error) {
	speaker := s.core.speaker
	setUp, cancel := context.WithTimeout(ctx, subscribePatience)
	defer cancel()
	if err := rs.DeclareEvents(setUp); err != nil {
		return nil, false, err
	}
	if err := errors.Join(rs.DeclareSpeaker(setUp, speaker), rs.BindCommands(setUp, speaker)); err != nil {
		return nil, true, err
	}
	queue := rabbit.CommandQueue(speaker)
	if s.leaderless.Load() { // it would take the session with it again
		err = rs.Answers(setUp, queue)
	}
	if err == nil {
		commands, err = rs.Commands(setUp, speaker)
	}
	if err != nil && rs.Context().Err() != nil {
		err = context.Cause(rs.Context())
	}
	if err != nil && (setUp.Err() != nil && ctx.Err() == nil || errors.Is(err, rabbit.ErrInternal)) {
		return nil, true, fmt.Errorf("%w: %s: %w", errNoLeader, queue, err)
	}
	return commands, true, err
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
