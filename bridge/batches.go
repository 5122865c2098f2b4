package bridge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/state"
)

// batchKeys bounds the routes of one batch.
const batchKeys = 1000

// Send publishes changes as the next batches. It returns when the broker has
// them; what becomes of them shows in Advertised.
func (c *Commander) Send(ctx context.Context, changes []state.Change) error {
	return c.publish(ctx, batches(changes, batchKeys))
}

func (c *Commander) publish(ctx context.Context, all []wire.Batch) error {
	if c.epoch == 0 {
		return fmt.Errorf("command %s: no lease", c.replica.speaker)
	}
	var msgs []rabbit.Message
	for _, b := range all {
		c.seq++
		b.Speaker, b.Boot, b.Owner = c.replica.speaker, c.replica.boot, c.mandate.Owner
		b.Epoch, b.Seq, b.Revision = c.epoch, c.seq, c.mandate.Revision
		body, err := wire.EncodeBatch(b)
		if err != nil {
			return err
		}
		msgs = append(msgs, rabbit.Message{
			Exchange: rabbit.CommandExchange, Key: b.Speaker, Type: wire.TypeBatch,
			ID:   fmt.Sprintf("%s/%s/%d/%d", b.Speaker, b.Boot, b.Epoch, b.Seq),
			Body: body, Persistent: true, Mandatory: true,
		})
	}
	c.progress = time.Now()
	// A batch must not be what finds out about an alarm: it would wait in a socket,
	// and be carried out when it has long been wrong.
	err := c.session.Offer(ctx)
	if err == nil {
		err = c.session.Offer(ctx, msgs...)
	}
	return c.unsent(err)
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
	return c.publish(ctx, []wire.Batch{{Adopt: routes}})
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

// batches turns changes into batches of at most size routes: all announces
// before all withdraws, equal ones grouped.
func batches(changes []state.Change, size int) []wire.Batch {
	type class struct {
		withdraw bool
		family   state.Family
		attrs    state.Attrs
		peers    state.Peers

		expires, lease int64
	}
	var out []wire.Batch
	for _, withdraw := range []bool{false, true} {
		var order []class
		groups := map[class][]state.Key{}
		addrs := map[class][]netip.Addr{}
		for _, ch := range changes {
			if (ch.Op() == state.Withdraw) != withdraw {
				continue
			}
			g := class{withdraw: withdraw, family: ch.Key.Family, attrs: ch.After(), peers: state.NewPeers(ch.Peers)}
			if ch.Wanted != nil {
				g.expires, g.lease = ch.Wanted.Expires, ch.Wanted.Lease
			}
			if groups[g] == nil {
				order = append(order, g)
				addrs[g] = ch.Peers
			}
			groups[g] = append(groups[g], ch.Key)
		}
		room := 0
		for _, g := range order {
			for keys := groups[g]; len(keys) > 0; {
				if room == 0 {
					out = append(out, wire.Batch{})
					room = size
				}
				n := min(room, len(keys))
				group := wire.Group{Family: g.family, Attrs: g.attrs, Peers: addrs[g], Keys: keys[:n], Expires: g.expires, Lease: g.lease}
				b := &out[len(out)-1]
				if withdraw {
					group.Attrs, group.Expires, group.Lease = state.Attrs{}, 0, 0
					b.Withdraw = append(b.Withdraw, group)
				} else {
					b.Announce = append(b.Announce, group)
				}
				keys, room = keys[n:], room-n
			}
		}
	}
	return out
}

func eventKey(speaker string) string { return "evt." + speaker }

func requestID() string { return rand.Text() }
