package rabbit

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// closeGrace is how long the broker may take to answer that we go.
const closeGrace = 2 * time.Second

// Session is two connections to one node of the broker, and everything that hangs
// on them. It works or it is over; it never recovers.
//
// One connection publishes and the other does all else, because a broker that is
// low on memory or disk stops reading from connections that publish
// (https://www.rabbitmq.com/docs/alarms): acknowledgements must not share that fate.
//
// The library knows no contexts. A context that ends while the broker owes the
// answer to a request therefore ends the session.
type Session struct {
	log       *slog.Logger
	queueType string
	needs     Permissions
	node      string // redacted URL
	pub, con  *link
	// aside opens one more connection to the node, for what may cost a connection.
	aside func(context.Context) (*link, error)
	out   publisher
	alarm alarm
	// patience is how long the broker may owe a confirm.
	patience time.Duration

	ctx    context.Context
	cancel context.CancelCauseFunc
	end    sync.Once

	mu      sync.Mutex // guards closing, and with it Go against Wait
	closing bool
	wg      sync.WaitGroup
}

// open makes a session with one node. ctx bounds the opening only.
func open(ctx context.Context, cfg Config, url string, log *slog.Logger) (*Session, error) {
	pub, err := dial(ctx, url, cfg.Name+" / publish", cfg.Heartbeat)
	if err != nil {
		return nil, err
	}
	con, err := dial(ctx, url, cfg.Name+" / consume", cfg.Heartbeat)
	if err != nil {
		_ = pub.conn.CloseDeadline(time.Now().Add(closeGrace)) // err says more
		pub.raw.Close()
		return nil, err
	}
	s := &Session{
		log: log, queueType: cfg.QueueType, needs: cfg.Permissions, node: Redacted(url),
		pub: pub, con: con, alarm: alarm{changed: make(chan struct{})},
		patience: 2 * heartbeatOf(url, cfg.Heartbeat),
		aside: func(ctx context.Context) (*link, error) {
			return dial(ctx, url, cfg.Name+" / declare", cfg.Heartbeat)
		},
	}
	s.ctx, s.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	for _, step := range []func() error{
		func() error { return s.watch("publishing connection", closing(pub.conn), nil) },
		func() error { return s.watch("consuming connection", closing(con.conn), nil) },
		func() error { return s.watchAlarm(pub.conn.NotifyBlocked(make(chan amqp.Blocking, 8))) },
		func() error { return s.openPublisher(ctx) },
	} {
		if err := step(); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// Context ends when the session does; its cause says why.
func (s *Session) Context() context.Context { return s.ctx }

// Close ends the session: politely if the broker answers in time, else by closing
// the sockets. It returns when nothing of the session is running any more.
func (s *Session) Close() {
	s.end.Do(func() { s.cancel(ErrClosed) })
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()

	var both sync.WaitGroup
	for _, l := range []*link{s.pub, s.con} {
		both.Go(func() {
			// Its error is a broker that did not answer. That is the end too.
			_ = l.conn.CloseDeadline(time.Now().Add(closeGrace))
			l.raw.Close()
		})
	}
	both.Wait()
	s.wg.Wait()
}

// fail ends the session at once and wakes every call that waits for the broker.
func (s *Session) fail(err error) {
	s.end.Do(func() {
		s.cancel(err)
		s.pub.raw.Close()
		s.con.raw.Close()
	})
}

// spawn runs f in a goroutine that Close waits for. Behind Close it does not.
func (s *Session) spawn(f func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return ErrClosed
	}
	s.wg.Go(f)
	return nil
}

// closing asks for word of the end of a connection or channel. The library gives up
// on a channel that it cannot send to, so there is room for the one error.
func closing(of interface {
	NotifyClose(chan *amqp.Error) chan *amqp.Error
}) <-chan *amqp.Error {
	return of.NotifyClose(make(chan *amqp.Error, 1))
}

// watch ends the session with the connection, channel or consumer that the two
// channels belong to. The library closes both in the end, with or without a word.
func (s *Session) watch(what string, closed <-chan *amqp.Error, cancelled <-chan string) error {
	return s.spawn(func() {
		for {
			select {
			case err := <-closed:
				if err == nil {
					s.fail(fmt.Errorf("%s: %w", what, ErrClosed))
				} else {
					s.fail(fmt.Errorf("%s: %w", what, s.ending(err)))
				}
				return
			case _, ok := <-cancelled:
				if ok {
					s.fail(fmt.Errorf("%s: cancelled by the broker", what))
				}
				cancelled = nil
			}
		}
	})
}

// do makes one request. When ctx ends first, so does the session: see Session.
func (s *Session) do(ctx context.Context, request func() error) error {
	if err := s.over(ctx); err != nil {
		return err
	}
	defer s.bind(ctx)()
	err := request()
	if err == nil {
		return nil
	}
	if over := s.over(ctx); over != nil {
		return over
	}
	return err
}

// bind makes the session end with ctx, until the function it returns is called.
func (s *Session) bind(ctx context.Context) (unbind func() bool) {
	return context.AfterFunc(ctx, func() {
		s.fail(fmt.Errorf("request given up: %w", context.Cause(ctx)))
	})
}

// over tells why nothing can be asked of the broker any more, nil if it can.
func (s *Session) over(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if s.ctx.Err() != nil {
		return fmt.Errorf("session over: %w", context.Cause(s.ctx))
	}
	return nil
}

// alarm is whether, and why, the broker takes no messages now.
type alarm struct {
	mu      sync.Mutex
	reason  string
	changed chan struct{}
}

func (a *alarm) set(reason string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.reason == reason {
		return
	}
	a.reason = reason
	close(a.changed)
	a.changed = make(chan struct{})
}

// Alarm returns why the broker takes no messages now, "" if it does, and a channel
// that is closed when that changes. A broker in alarm says so only to a connection
// that has published.
func (s *Session) Alarm() (reason string, changed <-chan struct{}) {
	s.alarm.mu.Lock()
	defer s.alarm.mu.Unlock()
	return s.alarm.reason, s.alarm.changed
}

// Blocked tells whether the broker takes no messages now.
func (s *Session) Blocked() bool {
	reason, _ := s.Alarm()
	return reason != ""
}

func (s *Session) watchAlarm(blocked <-chan amqp.Blocking) error {
	return s.spawn(func() {
		for b := range blocked {
			if !b.Active {
				s.alarm.set("")
				s.log.Info("broker takes messages again", "broker", s.node)
				continue
			}
			reason := b.Reason
			if reason == "" {
				reason = "no reason given"
			}
			if !s.Blocked() {
				s.log.Warn("broker takes no messages", "broker", s.node, "reason", reason)
			}
			s.alarm.set(reason)
		}
	})
}
