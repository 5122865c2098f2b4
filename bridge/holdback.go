package bridge

import (
	"context"
	"errors"
	"time"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
)

const (
	// backpressureLeast and backpressureMost bound the pause after a batch that
	// the broker refused: the next one is a new difference, under a new lease.
	backpressureLeast = time.Second
	backpressureMost  = 15 * time.Second
	// silence is how long nothing may come of a speaker, whose bridge says
	// something every 10 s, until it is subscribed to again.
	silence = 3 * beatEvery
)

// holdback is why a reader does not publish now.
type holdback struct {
	held    *Conditions // of a commander; nil: it only reads
	blocked bool        // the broker takes no messages
	until   time.Time   // when to go on after a full queue
	pause   time.Duration
	why     string        // there is no lease; said once
	givesUp time.Duration // after which it waits for no bridge; 0 for never
	away    time.Time     // since when there is none
}

// patiently makes an alarm of the broker no error for a commander. What it sent
// may never arrive, or late: it begins again, with a new lease, when the alarm is
// over, and sends the difference as it is then.
func (c *Reader) patiently(err error) error {
	var blocked *rabbit.BlockedError
	if c.held == nil || !errors.As(err, &blocked) {
		return err
	}
	c.held.say(err, false)
	c.blocked = true
	c.drop()
	return nil
}

// GiveUpAfter has Await end with an error when no bridge has been there for that
// long.
func (c *Reader) GiveUpAfter(d time.Duration) { c.givesUp = d }

// gone is the error of a bridge that is away too long.
func (c *Reader) gone() error {
	switch {
	case !c.absent.Load():
		c.away = time.Time{}
	case c.away.IsZero():
		c.away = time.Now()
	case c.givesUp > 0 && time.Since(c.away) >= c.givesUp:
		return ErrNobodyAnswers
	}
	return nil
}

// drop gives the lease up, and all that was sent with it.
func (c *Reader) drop() {
	c.epoch, c.seq, c.asked = 0, 0, time.Now()
	c.replica.set.Complete = false
}

// alarm looks whether the broker takes messages, and begins again when it does so
// again. The channel is closed when that changes.
func (c *Reader) alarm(ctx context.Context) (<-chan struct{}, error) {
	for {
		reason, changed := c.session.Alarm()
		switch {
		case reason != "" && !c.blocked:
			if err := c.patiently(&rabbit.BlockedError{Reason: reason}); err != nil {
				return nil, err
			}
		case reason == "" && c.blocked:
			c.blocked = false
			c.held.end(wire.Blocked)
			c.heard = time.Now()
			if err := c.patiently(c.restart(ctx)); err != nil {
				return nil, err
			}
			continue
		}
		return changed, nil
	}
}

// full gives way after a batch that the broker refused.
func (c *Reader) full(err error) {
	c.held.say(err, true)
	c.pause = min(max(2*c.pause, backpressureLeast), backpressureMost)
	c.until = time.Now().Add(c.pause)
	c.drop()
}

// through notes that what was sent arrived.
func (c *Reader) through() {
	c.pause, c.why = 0, ""
	c.held.sent()
}

// refused notes why there is no lease.
func (c *Reader) refused(why string) {
	if c.why != why {
		c.why = why
		c.log.Info("no lease yet", "reason", why)
	}
}

// resubscribe subscribes once more when nothing has come of a speaker for long:
// who deletes the exchange takes the subscription with it, and nobody is told.
func (c *Reader) resubscribe(ctx context.Context) error {
	if c.absent.Load() || time.Since(c.heard) < silence {
		return nil
	}
	c.heard = time.Now()
	c.log.Warn("nothing has come of this speaker for long, so it is subscribed to again", "for", silence)
	if err := c.session.Bind(ctx, c.queue, eventKey(c.replica.speaker)); err != nil {
		return err
	}
	return c.restart(ctx)
}
