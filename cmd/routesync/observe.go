package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"routesync/bridge"
	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/reconcile"
	"routesync/state"
)

// absentPatience is how long a bridge may be away that is asked for once: exaBGP
// starts one that died within a second or two, and behind a broker's start the next
// attempt comes within two.
const absentPatience = 5 * time.Second

// observation is what one speaker confirms, and what its bridge says of
// itself.
type observation struct {
	speaker    string
	advertised *state.Advertised
	about      *wire.About
	boot       string
	digest     state.Digest
	past       *past // what is on record here; nil for nothing

	// Of a file that stands in for the speaker, see [againstFile]: its name, the digest
	// of what it asks for, that itself, nil for nothing, and what its peers are called.
	file, fileDigest string
	asked            *state.Desired
	peerNames        map[netip.Addr]string
}

// inForce is what was accepted of an owner last; nil if nothing was, or that is
// not known.
func (o observation) inForce(owner string) *wire.InForce {
	return o.about.InForceOf(owner)
}

// observer looks at speakers over one session at a time.
type observer struct {
	cfg     rabbit.Config
	timeout time.Duration
	log     *slog.Logger
	// hasty: it waits for nobody who is not there, and gives up what only an
	// operator can change.
	hasty bool
	past  *past // given to what is seen
	// besides, if it is set, looks at something else in every session.
	besides func(ctx context.Context, s *rabbit.Session, speakers []string)
}

// look returns what the speakers confirm, in their order. Those that did not
// answer in time are missing, and in the error.
func (o observer) look(ctx context.Context, speakers []string) ([]observation, error) {
	seen := make([]observation, len(speakers))
	errs := make([]error, len(speakers))
	err := o.each(ctx, speakers, errs, func(ctx context.Context, s *rabbit.Session) error {
		return o.lookAt(ctx, s, speakers, seen, errs)
	})
	if _, some := err.(failures); err != nil && !some {
		return nil, err
	}
	return slices.DeleteFunc(seen, func(ob observation) bool { return ob.advertised == nil }), err
}

// each asks all speakers over one session at a time. What went wrong at each of
// them is in errs then, and explained in the error.
func (o observer) each(ctx context.Context, speakers []string, errs []error, ask func(context.Context, *rabbit.Session) error) error {
	within, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	var last error
	cfg := o.cfg
	if o.hasty {
		cfg.Final = bridge.Final
	}
	broker := rabbit.New(cfg, o.log)
	err := broker.Run(within, func(session context.Context, s *rabbit.Session) error {
		if o.besides != nil {
			o.besides(session, s, speakers)
		}
		last = ask(session, s)
		if within.Err() != nil {
			return rabbit.ErrStop
		}
		return errors.Join(last, stopIf(last == nil || o.hasty && settledAll(errs)))
	})
	switch {
	case err == nil:
		return o.noBroker(ctx, cmp.Or(last, broker.Down()))
	case !errors.Is(err, rabbit.ErrStop):
		return brokerFailure(err)
	}
	var all failures
	for i, speaker := range speakers {
		if errs[i] != nil {
			all = append(all, o.explain(ctx, speaker, errs[i]))
		}
	}
	return all.err()
}

// settledAll tells whether there is nothing to learn by asking again: every
// speaker has answered, or is not there.
func settledAll(errs []error) bool {
	for _, err := range errs {
		if s := (*silence)(nil); err != nil && (!errors.As(err, &s) || !s.absent) {
			return false
		}
	}
	return true
}

func stopIf(stop bool) error {
	if stop {
		return rabbit.ErrStop
	}
	return nil
}

// lookAt looks at all speakers over one session. It fails as a whole when the
// session does; a speaker that gave no answer has its error in errs.
func (o observer) lookAt(ctx context.Context, s *rabbit.Session, speakers []string, seen []observation, errs []error) error {
	var g errgroup.Group
	for i, speaker := range speakers {
		g.Go(func() error {
			c := bridge.NewReader(s, speaker, o.log)
			if o.hasty {
				c.GiveUpAfter(absentPatience)
			}
			seen[i], errs[i] = observe(ctx, speaker, c)
			seen[i].past = o.past
			return errs[i]
		})
	}
	return g.Wait()
}

// silence is a speaker that gave no complete answer: which client waited.
type silence struct {
	absent bool
	late   bool // to be late has an exit code of its own
	about  *wire.About
	err    error
}

func (s *silence) Error() string { return s.err.Error() }
func (s *silence) Unwrap() error { return s.err }

// observe opens a client and waits until its set is complete.
func observe(ctx context.Context, speaker string, c *bridge.Reader) (observation, error) {
	err := c.Open(ctx)
	if err == nil {
		err = reconcile.Observe(ctx, c)
	}
	if err != nil {
		return observation{}, &silence{absent: c.Absent(), about: c.About(), err: err}
	}
	return observed(speaker, c), nil
}

// observed is what a client has of a speaker whose set is complete.
func observed(speaker string, c *bridge.Reader) observation {
	return observation{
		speaker: speaker, advertised: c.Advertised(), about: c.About(), boot: c.Boot(), digest: c.Digest(),
	}
}

// noBroker is the error of an end without a session that was of use; last is
// what went wrong in the last one, if there was one.
func (o observer) noBroker(ctx context.Context, last error) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	x, ok := bridge.Diagnose(last)
	switch {
	case ok:
		return conditionFailure(exitError, "", x)
	case last != nil && !unreached(last):
		return fmt.Errorf("nothing came of broker %s within %s: %w", brokers(o.cfg), duration(o.timeout), last)
	}
	return conditionFailure(exitError, "", wire.Condition{
		Name: wire.NoBroker, Text: fmt.Sprintf("broker %s could not be reached within %s", brokers(o.cfg), duration(o.timeout)),
		Do: "is it running? another one is given with --amqp or " + envAMQP,
	})
}

// unreached tells whether an error is about a connection that did not come up.
func unreached(err error) bool {
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial"
}

var errInterrupted = errors.New("interrupted")

// explain says why a speaker gave no answer.
func (o observer) explain(ctx context.Context, speaker string, err error) error {
	var s *silence
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case !errors.As(err, &s):
		return fmt.Errorf("%s: %w", speaker, err)
	case s.absent:
		return conditionFailure(exitError, speaker, wire.Condition{
			Name: wire.NoBridge, Text: fmt.Sprintf("no bridge answers for speaker %s on %s", speaker, brokers(o.cfg)),
			Do: fmt.Sprintf("is exaBGP running with \"routesync bridge --speaker %s\" as its helper? if it is, see its log", speaker),
		})
	case bridge.Final(err):
		return brokerFailure(err)
	case s.about != nil && !s.about.Ready:
		x := wire.Condition{Name: wire.Reading, Text: fmt.Sprintf("the bridge does not know yet what its exaBGP announces, after %s", duration(o.timeout))}
		if s.about.LastError != "" {
			x.Do = "its last error: " + s.about.LastError
		}
		return conditionFailure(exitError, speaker, x)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		code := exitError
		if s.late {
			code = exitUnconfirmed
		}
		return conditionFailure(code, speaker, wire.Condition{
			Name: wire.NoAnswer, Text: "no complete answer within " + duration(o.timeout),
			Do: "its bridge is there: is it stopped, or very busy? more time is given with --timeout",
		})
	}
	return hinted(fmt.Errorf("%s: %w", speaker, err))
}

// brokers names the brokers of a configuration as they may be printed.
func brokers(cfg rabbit.Config) string {
	all := make([]string, len(cfg.URLs))
	for i, u := range cfg.URLs {
		all[i] = rabbit.Redacted(u)
	}
	return strings.Join(all, ",")
}
