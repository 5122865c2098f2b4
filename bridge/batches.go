package bridge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/state"
)

const (
	// The first batch is a small one, so that exaBGP has its first command early;
	// the others are twice as large as the one before, up to as many routes as are
	// no longer than a second for exaBGP, and far under the broker's limit.
	batchFirst, batchMost = 1000, 8000
	// batchesAhead is how many batches are made before the broker has confirmed
	// those before them.
	batchesAhead = 8
)

// Send publishes changes as the next batches. It returns when the broker has
// them; what becomes of them shows in Advertised.
func (c *Commander) Send(ctx context.Context, changes []state.Change) error {
	return c.publish(ctx, batches(changes, batchFirst, batchMost))
}

// publish makes batches while the broker and the bridge have the ones before. If one
// can't be published, those behind it are not made: what is left to do shows in the
// next difference.
func (c *Commander) publish(ctx context.Context, all iter.Seq[wire.Batch]) error {
	if c.epoch == 0 {
		return fmt.Errorf("command %s: no lease", c.replica.speaker)
	}
	// A batch must not be what finds out about an alarm: it would wait in a socket,
	// and be carried out when it has long been wrong.
	if err := c.session.Offer(ctx); err != nil {
		return c.unsent(err)
	}
	var msgs []rabbit.Message
	ahead := 1
	for b := range all {
		m, err := c.message(b)
		if err != nil {
			return err
		}
		msgs = append(msgs, m)
		if len(msgs) < ahead {
			continue
		}
		if err := c.session.Offer(ctx, msgs...); err != nil {
			return c.unsent(err)
		}
		msgs, ahead = msgs[:0], batchesAhead
	}
	if len(msgs) == 0 {
		return nil
	}
	return c.unsent(c.session.Offer(ctx, msgs...))
}

// message numbers a batch.
func (c *Commander) message(b wire.Batch) (rabbit.Message, error) {
	c.seq++
	c.progress, c.largest = time.Now(), max(c.largest, b.Routes())
	b.Speaker, b.Boot, b.Owner = c.replica.speaker, c.replica.boot, c.mandate.Owner
	b.Epoch, b.Seq, b.Revision = c.epoch, c.seq, c.mandate.Revision
	body, err := wire.EncodeBatch(b)
	return rabbit.Message{
		Exchange: rabbit.CommandExchange, Key: b.Speaker, Type: wire.TypeBatch,
		ID:   fmt.Sprintf("%s/%s/%d/%d", b.Speaker, b.Boot, b.Epoch, b.Seq),
		Body: body, Persistent: true, Mandatory: true,
	}, err
}

// unsent takes what became of batches that were to be published.
func (c *Commander) unsent(err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("command %s: %w", c.replica.speaker, err)
	if errors.Is(err, rabbit.ErrRejected) && c.held != nil {
		c.full(err)
		return nil
	}
	if err := c.patiently(err); err == nil {
		return nil
	}
	c.held.note(err, true)
	return err
}

// Adopt publishes a batch that makes routes of others the commander's, as they
// are.
func (c *Commander) Adopt(ctx context.Context, routes []wire.Adoption) error {
	return c.publish(ctx, slices.Values([]wire.Batch{{Adopt: routes}}))
}

// Contest has the bridge tell the others which routes of theirs are asked for.
func (c *Commander) Contest(ctx context.Context, all []state.Contest) error {
	if slices.Equal(c.contests, all) {
		return nil
	}
	c.contests, c.alive = all, time.Time{}
	return c.patiently(c.sayAlive(ctx))
}

// Settled tells whether the bridge has answered everything that was sent, and
// may be sent more.
func (c *Commander) Settled() bool {
	if !c.replica.set.Complete {
		return false
	}
	return c.epoch != 0 && c.applied() >= c.seq
}

func eventKey(speaker string) string { return "evt." + speaker }

func requestID() string { return rand.Text() }
