package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"routesync/bridge"
	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/cmd/routesync/console"
	"routesync/state"
)

const (
	// locatePatience is how long the keeper of a route is waited for.
	locatePatience = 2 * time.Second
)

// live is speakers behind bridges, as the console has them. What it knows of a
// speaker it learns once it is asked for it.
type live struct {
	broker   *rabbit.Broker
	desk     *bridge.Desk
	speakers []string
	recv     bool // what the peers announce is shown as it comes
	log      *slog.Logger
	notices  chan console.Notice

	mu     sync.Mutex
	reads  map[string]*questions[observation]
	hears  map[string]*questions[[]console.Received]
	before map[string]*bridge.Follower // of the session before
	more   chan struct{}               // there is somebody new to ask
	ended  chan struct{}
}

// questions about one speaker wait for who follows it.
type questions[T any] struct {
	wake   chan struct{}
	asks   []question[T]
	absent func() bool // tells whether the bridge is not there; nil while nobody follows it
}

type question[T any] struct {
	filter console.Filter // of received routes
	answer chan<- T       // has room for it
}

func newLive(cfg rabbit.Config, me wire.Commander, speakers []string, recv bool, notices chan console.Notice, log *slog.Logger) *live {
	b := &live{
		broker: rabbit.New(cfg, log), speakers: speakers, recv: recv, log: log,
		notices: notices,
		reads:   map[string]*questions[observation]{}, hears: map[string]*questions[[]console.Received]{},
		before: map[string]*bridge.Follower{}, more: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	if recv { // who hears the speakers says whether their bridges are there
		b.log = slog.New(slog.DiscardHandler)
	}
	b.desk = bridge.NewDesk(me, b.unheard, b.broker.Down, log)
	if recv {
		for _, speaker := range speakers {
			b.hears[speaker] = &questions[[]console.Received]{wake: make(chan struct{}, 1)}
		}
	}
	return b
}

func (b *live) session(ctx context.Context, s *rabbit.Session) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.desk.Serve(ctx, s) })
	g.Go(func() error {
		begun := map[any]bool{}
		for {
			b.mu.Lock()
			for speaker, q := range b.reads {
				if !begun[q] {
					begun[q] = true
					g.Go(func() error { return b.read(ctx, s, speaker, q) })
				}
			}
			for speaker, q := range b.hears {
				if !begun[q] {
					begun[q] = true
					g.Go(func() error { return b.hear(ctx, s, speaker, q) })
				}
			}
			b.mu.Unlock()
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-b.more:
			}
		}
	})
	return g.Wait()
}

// read answers the questions about what one speaker advertises, over one
// session.
func (b *live) read(ctx context.Context, s *rabbit.Session, speaker string, q *questions[observation]) error {
	c := bridge.NewReader(s, speaker, b.log)
	b.mu.Lock()
	q.absent = c.Absent
	b.mu.Unlock()
	if err := c.Open(ctx); err != nil {
		return err
	}
	for {
		if c.Advertised().Complete {
			for _, ask := range take(&b.mu, q) {
				seen := observation{speaker: speaker, advertised: c.Advertised(), about: c.About(), boot: c.Boot(), digest: c.Digest()}
				ask.answer <- seen.copy()
			}
		}
		if err := c.Await(ctx, q.wake); err != nil {
			return err
		}
	}
}

// hear shows what the peers of one speaker announce, and answers the questions
// about it, over one session.
func (b *live) hear(ctx context.Context, s *rabbit.Session, speaker string, q *questions[[]console.Received]) error {
	b.mu.Lock()
	f := bridge.NewFollower(s, speaker, bridge.Follow{Received: true}, b.before[speaker], b.log)
	first, boot := b.before[speaker].Table() == nil, b.before[speaker].Boot()
	b.before[speaker], q.absent = f, f.Absent
	b.mu.Unlock()
	if err := f.Open(ctx); err != nil {
		return err
	}
	whole, absent, gap := false, false, false
	for {
		if absent != f.Absent() {
			absent = f.Absent()
			b.there(speaker, !absent)
		}
		n, err := f.Next(ctx, q.wake)
		if err != nil {
			return err
		}
		whole = (whole || n.Table) && n.Gap == ""
		if n.Table && b.recv && boot != "" && boot != f.Boot() {
			b.notice(console.Notice{Speaker: speaker, Text: "exaBGP was started again; what was announced by hand is announced again"})
		}
		if n.Table {
			boot = f.Boot()
		}
		if b.recv {
			gap = b.show(speaker, n, f.Table(), first, gap)
		}
		first = first && !n.Table
		if !whole {
			continue
		}
		for _, ask := range take(&b.mu, q) {
			ask.answer <- consoleReceived(f.Table(), ask.filter)
		}
	}
}

// take takes the questions that wait.
func take[T any](mu *sync.Mutex, q *questions[T]) []question[T] {
	mu.Lock()
	defer mu.Unlock()
	asks := q.asks
	q.asks = nil
	return asks
}

// copy is an observation that its reader does not change any more.
func (o observation) copy() observation {
	a := *o.advertised
	a.Routes, a.Peers, a.Refused = a.Routes.Clone(), slices.Clone(a.Peers), slices.Clone(a.Refused)
	o.advertised = &a
	return o
}

// look asks for what a speaker confirms.
func (b *live) look(ctx context.Context, speaker string) (observation, error) {
	return askFor(ctx, b, b.reads, speaker, console.Filter{})
}

func (b *live) Received(ctx context.Context, speaker string, filter console.Filter) ([]console.Received, error) {
	return askFor(ctx, b, b.hears, speaker, filter)
}

// askFor puts a question to who follows a speaker, and has it followed if nobody
// does.
func askFor[T any](ctx context.Context, b *live, followed map[string]*questions[T], speaker string, filter console.Filter) (T, error) {
	answer := make(chan T, 1)
	b.mu.Lock()
	q := followed[speaker]
	if q == nil {
		q = &questions[T]{wake: make(chan struct{}, 1)}
		followed[speaker] = q
		wake(b.more)
	}
	q.asks = append(q.asks, question[T]{filter, answer})
	b.mu.Unlock()
	wake(q.wake)
	select {
	case seen := <-answer:
		return seen, nil
	case <-ctx.Done():
		var none T
		b.mu.Lock()
		absent := q.absent != nil && q.absent()
		b.mu.Unlock()
		return none, noAnswer(ctx, speaker, b.broker.Down(), absent)
	}
}

// noAnswer is why a speaker did not tell what it was asked.
func noAnswer(ctx context.Context, speaker string, down error, absent bool) error {
	switch {
	case !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errInterrupted
	case down != nil:
		return down
	case absent:
		return &state.Fault{
			Msg:  "no bridge answers for " + speaker,
			Hint: fmt.Sprintf("is its exaBGP running, with \"routesync bridge --speaker %s\" as its helper?", speaker),
		}
	}
	return &state.Fault{Msg: speaker + " gave no complete answer in time", Hint: "more time is given with --timeout"}
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it was told already
	}
}

func (b *live) Speakers() []string { return b.speakers }

func (b *live) Give(ctx context.Context, speaker string, commands []wire.Command) (<-chan wire.Result, error) {
	return b.desk.Give(ctx, speaker, commands), nil
}

func (b *live) Peers(ctx context.Context, speaker string) ([]state.Neighbor, error) {
	seen, err := b.look(ctx, speaker)
	if err != nil {
		return nil, err
	}
	return seen.advertised.Peers, nil
}

func (b *live) Advertised(ctx context.Context, speaker string) (state.Advertised, error) {
	seen, err := b.look(ctx, speaker)
	if err != nil {
		return state.Advertised{}, err
	}
	return *seen.advertised, nil
}

func (b *live) Notices() <-chan console.Notice { return b.notices }

// unheard is for a speaker that nobody hears.
func (b *live) unheard(speaker string, is bool) {
	if !b.recv {
		b.there(speaker, is)
	}
}

// there says whether a bridge that is needed is there.
func (b *live) there(speaker string, is bool) {
	text := "no bridge answers for " + speaker + "; waiting for it"
	if is {
		text = "the bridge of " + speaker + " is there"
	}
	tell(b.notices, text)
}

// Locate asks the holder of the owner's lease.
func (b *live) Locate(ctx context.Context, speaker, owner string, key state.Key, peer netip.Addr) (console.Place, bool) {
	ctx, cancel := context.WithTimeout(ctx, locatePatience)
	defer cancel()
	seen, err := b.look(ctx, speaker)
	if err != nil || seen.about == nil {
		return console.Place{}, false
	}
	i := slices.IndexFunc(seen.about.Leases, func(l wire.Lease) bool { return l.Owner == owner })
	if i < 0 {
		return console.Place{}, false
	}
	l := seen.about.Leases[i]
	answer, err := b.desk.Ask(ctx, l.Queue, wire.Locate{Speaker: speaker, Key: key, Peer: peer})
	switch {
	case errors.Is(err, bridge.ErrNobodyAnswers):
		return console.Place{Text: l.Holder.String(), Ended: true}, true
	case err != nil || !answer.Found:
		return console.Place{Text: "by " + l.Holder.String()}, true
	}
	p := console.Place{Text: fmt.Sprintf("%s (%s)", answer.Pos, answer.From)}
	for _, a := range seen.advertised.Routes.Get(key) {
		if a.Owner == owner {
			p.Kept = append(p.Kept, a.Attrs)
		}
	}
	return p, true
}
