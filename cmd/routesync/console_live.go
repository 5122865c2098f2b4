package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
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
	// noticesAhead is how many notices wait for the prompt.
	noticesAhead = 1024
)

// live is speakers behind bridges, as the console has them. What it knows of a
// speaker it learns once it is asked for it.
type live struct {
	broker   *rabbit.Broker
	desk     *bridge.Desk
	speakers []string
	log      *slog.Logger
	notices  chan console.Notice

	mu    sync.Mutex
	reads map[string]*read
	more  chan struct{} // reads has grown
}

// read is the questions about one speaker that wait for its reader.
type read struct {
	wake chan struct{}
	asks []chan<- observation // each has room for its answer
}

func newLive(cfg rabbit.Config, me wire.Commander, speakers []string, log *slog.Logger) *live {
	b := &live{
		broker: rabbit.New(cfg, log), speakers: speakers, log: log,
		notices: make(chan console.Notice, noticesAhead),
		reads:   map[string]*read{}, more: make(chan struct{}, 1),
	}
	b.desk = bridge.NewDesk(me, b.there, log)
	return b
}

// Run keeps a session with the broker until ctx ends.
func (b *live) Run(ctx context.Context) error {
	return b.broker.Run(ctx, b.session)
}

func (b *live) session(ctx context.Context, s *rabbit.Session) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.desk.Serve(ctx, s) })
	g.Go(func() error {
		begun := map[string]bool{}
		for {
			b.mu.Lock()
			for speaker, r := range b.reads {
				if !begun[speaker] {
					begun[speaker] = true
					g.Go(func() error { return b.follow(ctx, s, speaker, r) })
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

// follow answers the questions about one speaker, over one session.
func (b *live) follow(ctx context.Context, s *rabbit.Session, speaker string, r *read) error {
	c := bridge.NewReader(s, speaker, b.log)
	if err := c.Open(ctx); err != nil {
		return err
	}
	for {
		if c.Advertised().Complete {
			b.mu.Lock()
			asks := r.asks
			r.asks = nil
			b.mu.Unlock()
			if len(asks) > 0 {
				seen := observation{speaker: speaker, advertised: c.Advertised(), about: c.About(), boot: c.Boot(), digest: c.Digest()}
				for _, ask := range asks {
					ask <- seen.copy()
				}
			}
		}
		if err := c.Await(ctx, r.wake); err != nil {
			return err
		}
	}
}

// copy is an observation that its reader does not change any more.
func (o observation) copy() observation {
	a := *o.advertised
	a.Routes, a.Peers, a.Refused = maps.Clone(a.Routes), slices.Clone(a.Peers), slices.Clone(a.Refused)
	o.advertised = &a
	return o
}

// look asks for what a speaker confirms.
func (b *live) look(ctx context.Context, speaker string) (observation, error) {
	answer := make(chan observation, 1)
	b.mu.Lock()
	r := b.reads[speaker]
	if r == nil {
		r = &read{wake: make(chan struct{}, 1)}
		b.reads[speaker] = r
		wake(b.more)
	}
	r.asks = append(r.asks, answer)
	b.mu.Unlock()
	wake(r.wake)
	select {
	case seen := <-answer:
		return seen, nil
	case <-ctx.Done():
		return observation{}, fmt.Errorf("%s gave no complete answer in time", speaker)
	}
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

func (b *live) Received(context.Context, string, console.Filter) ([]console.Received, error) {
	return nil, errors.New("not yet")
}

func (b *live) Notices() <-chan console.Notice { return b.notices }

// there says whether a bridge that is needed is there.
func (b *live) there(speaker string, is bool) {
	text := "no bridge answers for " + speaker + "; waiting for it"
	if is {
		text = "the bridge of " + speaker + " is there"
	}
	b.notice(console.Notice{Text: text})
}

// notice passes on what comes by itself. A prompt that can't keep up loses the
// newest, and is told so by whoever has to.
func (b *live) notice(n console.Notice) {
	select {
	case b.notices <- n:
	default:
	}
}

// Locate asks the holder of the owner's lease.
func (b *live) Locate(ctx context.Context, speaker, owner string, key state.Key, peer netip.Addr) (string, bool) {
	ctx, cancel := context.WithTimeout(ctx, locatePatience)
	defer cancel()
	seen, err := b.look(ctx, speaker)
	if err != nil || seen.about == nil {
		return "", false
	}
	i := slices.IndexFunc(seen.about.Leases, func(l wire.Lease) bool { return l.Owner == owner })
	if i < 0 {
		return "", false
	}
	l := seen.about.Leases[i]
	answer, err := b.desk.Ask(ctx, l.Queue, wire.Locate{Speaker: speaker, Key: key, Peer: peer})
	switch {
	case errors.Is(err, bridge.ErrNobodyAnswers):
		return "by " + l.Holder.String() + ", which has ended", true
	case err != nil || !answer.Found:
		return "by " + l.Holder.String(), true
	}
	return fmt.Sprintf("%s (%s)", answer.Pos, answer.From), true
}
