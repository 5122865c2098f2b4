package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"routesync/bridge"
	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/state"
)

// undertaking is what a command shows, has agreed to and carries out, over as
// many sessions with the broker as that takes.
type undertaking struct {
	*world
	verb     string
	observer observer
	desired  *state.Desired // what is asked for when it begins
	whole    *state.Desired // what is asked for at any time
	me       wire.Commander

	locked    bool // the locks were ours, in this session or one before
	agreement agreement
}

// agreement is how far somebody has agreed to what is to be done.
type agreement uint8

const (
	toAsk       agreement = iota // it is shown, and asked for
	givenBefore                  // it is only shown
	agreed                       // it was shown, and is done
)

// task is what commands differ in.
type task interface {
	// show shows what is to be done; false if that is nothing.
	show(seen []observation) (bool, error)
	// carryOut does it, over one session. A [failure] ends the command; anything
	// else is tried again.
	carryOut(session context.Context, s *rabbit.Session, clock *clock) error
}

func newUndertaking(w *world, verb string, o observer, whole *state.Desired) *undertaking {
	inForce, _ := whole.At(time.Now().UnixMilli())
	return &undertaking{world: w, verb: verb, observer: o, desired: inForce, whole: whole, me: commander(verb)}
}

// run goes on until nothing is left to do, or for as long as there is time. last
// is why the last session ended; err, that nothing is to be concluded.
func (u *undertaking) run(ctx context.Context, t task) (last, err error) {
	clock := startClock(ctx, u.observer.timeout)
	defer clock.stop()
	var fatal error
	cfg := u.observer.cfg
	// Nothing was asked for yet that could still be done when somebody has acted.
	cfg.Final = func(err error) bool { return u.agreement != agreed && bridge.Final(err) }
	broker := rabbit.New(cfg, u.log)
	err = broker.Run(clock.ctx, func(session context.Context, s *rabbit.Session) error {
		last = u.work(ctx, session, s, clock, t)
		if f := (*failure)(nil); errors.As(last, &f) || errors.As(last, &failures{}) {
			fatal = last
		}
		return errors.Join(last, stopIf(last == nil || fatal != nil || clock.ctx.Err() != nil))
	})
	switch {
	case fatal != nil:
		return last, fatal
	case err != nil && !errors.Is(err, rabbit.ErrStop):
		return last, brokerFailure(err)
	case u.agreement != agreed:
		return last, u.observer.noBroker(ctx, cmp.Or(last, broker.Down()))
	}
	return last, nil
}

// work is one session. It returns nil when nothing is left to do.
func (u *undertaking) work(ctx, session context.Context, s *rabbit.Session, clock *clock, t task) error {
	for _, speaker := range u.desired.Speakers {
		err := s.Lock(session, lockName(speaker, u.desired.Owner))
		if errors.Is(err, rabbit.ErrLocked) && !u.locked {
			return &takenError{lockedBy(session, s, speaker, u.desired.Owner, u.observer)}
		}
		if err != nil {
			return err
		}
	}
	u.locked = true
	if u.agreement != agreed {
		if err := u.agree(ctx, session, s, clock, t); err != nil {
			return err
		}
		u.agreement = agreed
	}
	return t.carryOut(session, s, clock)
}

// takenError is that somebody else commands one of the speakers.
type takenError struct{ error }

func (e *takenError) Unwrap() error { return e.error }

// agree shows what is to be done, and asks.
func (u *undertaking) agree(ctx, session context.Context, s *rabbit.Session, clock *clock, t task) error {
	speakers := u.desired.Speakers
	seen, errs := make([]observation, len(speakers)), make([]error, len(speakers))
	if err := u.observer.lookAt(session, s, speakers, seen, errs); err != nil {
		if clock.ctx.Err() == nil || bridge.Final(err) {
			return err
		}
		var all failures
		for i, err := range errs {
			if err != nil {
				all = append(all, u.observer.explain(ctx, speakers[i], err))
			}
		}
		return all
	}
	some, err := t.show(seen)
	if err != nil || !some || u.agreement == givenBefore {
		return err
	}
	clock.pause()
	defer clock.restart()
	return ask(ctx, u.world, u.verb)
}

// ask asks a person. Nothing but "yes" is yes.
func ask(ctx context.Context, w *world, verb string) error {
	if _, err := fmt.Fprintf(w.stderr, "\nDo you want to %s this? Only 'yes' is accepted: ", verb); err != nil {
		return hinted(err)
	}
	answers := make(chan string, 1)
	go func() { // a read of a terminal can't be given up; it ends with the process
		line, _ := bufio.NewReader(w.stdin).ReadString('\n') // no answer is no yes
		answers <- line
	}()
	select {
	case answer := <-answers:
		if strings.TrimRight(answer, "\r\n") == "yes" {
			return nil
		}
		return hinted(errors.New("nothing was done: the answer was not yes"))
	case <-ctx.Done():
		return hinted(errInterrupted)
	}
}

// clock is a deadline that stands still while a person thinks.
type clock struct {
	ctx    context.Context
	cancel context.CancelFunc
	timer  *time.Timer
	d      time.Duration
}

func startClock(ctx context.Context, d time.Duration) *clock {
	c := &clock{d: d}
	c.ctx, c.cancel = context.WithCancel(ctx)
	c.timer = time.AfterFunc(d, c.cancel)
	return c
}

func (c *clock) pause()   { c.timer.Stop() }
func (c *clock) restart() { c.timer.Reset(c.d) }
func (c *clock) stop()    { c.timer.Stop(); c.cancel() }
