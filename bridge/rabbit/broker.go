package rabbit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// Broker dials, and dials again.
type Broker struct {
	cfg     Config
	log     *slog.Logger
	connect func(context.Context) (*Session, error)

	mu   sync.Mutex
	last error
}

// New returns a Broker that has done nothing yet.
func New(cfg Config, log *slog.Logger) *Broker {
	b := &Broker{cfg: cfg, log: log}
	b.connect = b.Connect
	return b
}

// Down says why there is no session now: what the last attempt failed with, or
// what ended the last one. It is nil while there is one, and before the first
// attempt has failed.
func (b *Broker) Down() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

func (b *Broker) note(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = err
}

// Connect dials once, one node after the other in random order, and returns the
// first session. ctx bounds the attempt, not the session, which is the caller's to
// close.
func (b *Broker) Connect(ctx context.Context) (*Session, error) {
	cfg, err := b.cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	var all error
	for _, i := range rand.Perm(len(cfg.URLs)) {
		s, err := open(ctx, cfg, cfg.URLs[i], b.log)
		if err == nil {
			return s, nil
		}
		err = fmt.Errorf("connect to %s: %w", Redacted(cfg.URLs[i]), err)
		if all == nil {
			all = err
		} else {
			all = fmt.Errorf("%w; %w", all, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, all
}

// Run calls work with a new session each time the broker can be reached, and
// closes that session when work returns. The context of work ends with ctx or
// with the session, whichever is first; in the first case the session still works,
// for last words under a context of their own.
//
// Run returns nil when ctx ends, and what went wrong when that is an ErrStop of
// work, or final for [Config]. Everything else that goes wrong is waited out, with growing and random pauses.
// An outage is reported once when it begins, once more if the broker turns out to
// refuse us, and once when it is over.
func (b *Broker) Run(ctx context.Context, work func(ctx context.Context, s *Session) error) error {
	cfg, err := b.cfg.withDefaults()
	if err != nil {
		return fmt.Errorf("run on the broker: %w", err)
	}
	news := &outage{log: b.log, urls: redactedAll(cfg.URLs), hint: cfg.Hint}
	for attempt := 0; ; attempt++ {
		begin := time.Now()
		s, err := b.connect(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			b.note(err)
			if cfg.final(err) {
				return err
			}
			news.down("broker unreachable", err)
		} else {
			b.note(nil)
			news.up(s)
			err = b.work(ctx, s, work)
			switch {
			case errors.Is(err, ErrStop), cfg.final(err):
				return err
			case ctx.Err() != nil:
				return nil
			}
			if time.Since(begin) >= cfg.HealthyAfter {
				news.last = ""
			}
			b.note(err)
			news.down("broker session ended", err)
		}
		if time.Since(begin) >= slow {
			attempt = 0
		}
		if !sleep(ctx, backoff(attempt, cfg.RetryCap, rand.Int64N)) {
			return nil
		}
	}
}

// work runs one session to its end.
func (b *Broker) work(ctx context.Context, s *Session, work func(context.Context, *Session) error) error {
	defer s.Close()
	both, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(s.Context(), func() { cancel(context.Cause(s.Context())) })
	defer stop()

	err := work(both, s)
	// Why the session broke says more than what work made of it.
	if s.Context().Err() != nil && !errors.Is(err, ErrStop) {
		return context.Cause(s.Context())
	}
	if err == nil {
		return errors.New("nothing left to do on it")
	}
	return err
}

// sleep waits and reports true, or false as soon as ctx ends.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func redactedAll(urls []string) string {
	all := make([]string, len(urls))
	for i, u := range urls {
		all[i] = Redacted(u)
	}
	return strings.Join(all, ",")
}

// outage says what is new, and only that.
type outage struct {
	log     *slog.Logger
	urls    string
	hint    func(error) string
	since   time.Time
	refused bool   // warned that the broker refuses us
	warned  bool   // warned of this outage
	last    string // what the last warning was about
}

// down notes an error. A broker that is there, but where work fails again and again
// in the same way, is one piece of news.
func (o *outage) down(what string, err error) {
	first := o.since.IsZero()
	if first {
		o.since = time.Now()
	}
	refused := Refused(err)
	if refused {
		what = "broker refuses; trying on"
	}
	level := slog.LevelDebug
	if about := subject(err); (first || refused && !o.refused) && about != o.last {
		level = slog.LevelWarn
		o.warned, o.last = true, about
	}
	o.refused = o.refused || refused
	args := []any{"broker", o.urls, "error", err}
	if o.hint != nil {
		if do := o.hint(err); do != "" {
			args = append(args, "do", do)
		}
	}
	o.log.Log(context.Background(), level, what, args...)
}

// subject is what an error is about: equal for what is no news after the other.
func subject(err error) string {
	var denied *DeniedError
	if errors.As(err, &denied) {
		return denied.Permission + " " + denied.Resource
	}
	return err.Error()
}

func (o *outage) up(s *Session) {
	switch {
	case o.since.IsZero():
		o.log.Info("connected to the broker", "broker", s.node)
	case o.warned:
		o.log.Info("broker is back", "broker", s.node, "after", time.Since(o.since).Round(time.Millisecond))
	}
	o.since, o.refused, o.warned = time.Time{}, false, false
}
