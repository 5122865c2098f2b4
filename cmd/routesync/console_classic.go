package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"

	"golang.org/x/sync/errgroup"

	"routesync/bridge/exabgp"
	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/cmd/routesync/console"
	"routesync/state"
)

// classicAhead is how many lines the broker sends ahead of the prompt.
const classicAhead = 1000

// classic is an old helper behind the two classic queues: what is published is
// all that is known of a command.
type classic struct {
	broker  *rabbit.Broker
	log     *slog.Logger
	recv    bool
	notices chan console.Notice
	given   chan publishing
}

// publishing is commands that wait to be published.
type publishing struct {
	ctx      context.Context
	commands []wire.Command
	results  chan<- wire.Result // has room for all of them; closed at the end
}

func newClassic(cfg rabbit.Config, recv bool, notices chan console.Notice, log *slog.Logger) *classic {
	return &classic{
		broker: rabbit.New(cfg, log), log: log, recv: recv,
		notices: notices, given: make(chan publishing),
	}
}

// Run keeps a session with the broker until ctx ends.
func (b *classic) Run(ctx context.Context) error { return b.broker.Run(ctx, b.session) }

func (b *classic) session(ctx context.Context, s *rabbit.Session) error {
	if _, err := s.DeclareClassic(ctx, rabbit.ToExaBGP, rabbit.ClassicAuto); err != nil {
		return err
	}
	if _, consumers, err := s.Depth(ctx, rabbit.ToExaBGP); err == nil && consumers == 0 {
		tell(b.notices, "nobody takes commands from "+rabbit.ToExaBGP+" now; they wait there")
	}
	g, ctx := errgroup.WithContext(ctx)
	if b.recv {
		if _, err := s.DeclareClassic(ctx, rabbit.FromExaBGP, rabbit.ClassicAuto); err != nil {
			return err
		}
		lines, err := s.ConsumeClassic(ctx, rabbit.FromExaBGP, rabbit.Exclusive, classicAhead)
		switch {
		case errors.Is(err, rabbit.ErrLocked):
			tell(b.notices, "somebody else reads "+rabbit.FromExaBGP+", and each line goes to one reader; none is shown here")
		case err != nil:
			return err
		default:
			g.Go(func() error { return b.listen(ctx, lines) })
		}
	}
	g.Go(func() error { return b.publish(ctx, s) })
	return g.Wait()
}

// listen shows what the helper says that the peers announced.
func (b *classic) listen(ctx context.Context, lines <-chan rabbit.Delivery) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case d, ok := <-lines:
			if !ok {
				return errors.New("the subscription to " + rabbit.FromExaBGP + " ended")
			}
			for line := range strings.Lines(string(d.Body)) {
				if err := b.pass(ctx, classicNotice(strings.TrimSpace(line))); err != nil {
					return err
				}
			}
			if err := d.Ack(); err != nil {
				return err
			}
		}
	}
}

func (b *classic) pass(ctx context.Context, n console.Notice) error {
	select {
	case b.notices <- n:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// classicNotice reads "announce 192.0.2.0/24"; another line is shown as it is.
func classicNotice(line string) console.Notice {
	for verb, withdraw := range map[string]bool{"announce ": false, "withdraw ": true} {
		if nlri, ok := strings.CutPrefix(line, verb); ok {
			return console.Notice{Withdraw: withdraw, NLRI: []string{nlri}}
		}
	}
	return console.Notice{Text: rabbit.FromExaBGP + ": " + line}
}

// publish publishes what is given, until the session ends.
func (b *classic) publish(ctx context.Context, s *rabbit.Session) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case l := <-b.given:
			if err := l.send(s); err != nil {
				return err
			}
		}
	}
}

// send publishes a message a command. What the broker has not confirmed is not
// published again: it may be there, and a second time may come too late.
func (l publishing) send(s *rabbit.Session) error {
	defer close(l.results)
	for i, c := range l.commands {
		lines := exabgp.AnnounceLines(c.Peers, c.Attrs, c.Keys)
		if c.Withdraw {
			lines = exabgp.WithdrawLines(c.Peers, c.Attrs, c.Keys)
		}
		msg := rabbit.Message{Key: rabbit.ToExaBGP, Body: []byte(strings.Join(lines, "\n")), Persistent: true, Mandatory: true, Plain: true}
		err := s.Publish(l.ctx, msg)
		o := wire.Outcome{Verdict: console.Published, Keys: c.Keys}
		switch {
		case errors.Is(err, rabbit.ErrNoRoute), errors.Is(err, rabbit.ErrRejected):
			o.Verdict, o.Reason = wire.Refused, fmt.Sprintf("the broker did not take it: %v", err)
		case err != nil:
			l.drop(i+1, err)
			return err
		}
		l.results <- wire.Result{Command: i, Outcomes: []wire.Outcome{o}}
	}
	return nil
}

// drop says of the commands from one on that they were not published.
func (l publishing) drop(from int, why error) {
	for i := from; i < len(l.commands); i++ {
		o := wire.Outcome{Verdict: wire.NotGiven, Reason: why.Error(), Keys: l.commands[i].Keys}
		l.results <- wire.Result{Command: i, Outcomes: []wire.Outcome{o}}
	}
}

// notTaken is why no session with the broker took something.
func notTaken(ctx context.Context, down error) error {
	switch {
	case !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errInterrupted
	case down != nil:
		return down
	}
	return errors.New("the broker did not answer in time")
}

func (b *classic) Speakers() []string { return []string{classicSpeaker} }

func (b *classic) Give(ctx context.Context, _ string, commands []wire.Command) (<-chan wire.Result, error) {
	for _, c := range commands {
		if c.Expires != 0 {
			return nil, errors.New("an old helper knows no end of a route; withdraw it when it is time")
		}
	}
	results := make(chan wire.Result, len(commands))
	select {
	case b.given <- publishing{ctx, commands, results}:
		return results, nil
	case <-ctx.Done():
		return nil, notTaken(ctx, b.broker.Down())
	}
}

// errOldHelper is the answer to questions.
var errOldHelper = errors.New("an old helper can't be asked; talk to a bridge with --speaker NAME")

func (b *classic) Peers(context.Context, string) ([]state.Neighbor, error) { return nil, errOldHelper }

func (b *classic) Advertised(context.Context, string) (state.Advertised, error) {
	return state.Advertised{}, errOldHelper
}

func (b *classic) Received(context.Context, string, console.Filter) ([]console.Received, error) {
	return nil, errOldHelper
}

func (b *classic) Notices() <-chan console.Notice { return b.notices }

func (b *classic) Locate(context.Context, string, string, state.Key, netip.Addr) (console.Place, bool) {
	return console.Place{}, false
}
