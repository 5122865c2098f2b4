package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
)

// renewEvery is how often a follower says that it is still there. It has to
// lose two requests to be forgotten.
const renewEvery = wire.FollowLife / 3

// Follow is what a [Follower] follows.
type Follow struct {
	Received bool // what the peers announce; the table comes first
	Events   bool // what happens
}

// Follower follows a speaker's streams over one session with the broker. It
// loses nothing silently: a gap is a [Notice], and the received table comes
// again after it. It belongs to one goroutine and dies with its session.
type Follower struct {
	requests
	session *rabbit.Session
	life    context.Context // the session's
	what    Follow

	received receivedReplica
	events   eventsReplica

	inbox   <-chan rabbit.Delivery
	first   []Notice  // what is known before anything came
	asked   time.Time // when the table was last asked for, or a part of it came
	renewed time.Time
	known   bool // events came over a session before this one
}

// NewFollower returns a follower of a speaker. before is the one of the session
// before, nil for none: what became different since is told.
func NewFollower(s *rabbit.Session, speaker string, what Follow, before *Follower, log *slog.Logger) *Follower {
	f := newFollower(s.Context(), s.Offer, speaker, what, log)
	f.session = s
	if before != nil {
		f.received.table, f.received.boot = before.received.table, before.received.boot
		f.known = before.known || before.events.run != ""
		const why = "the connection with the broker was lost"
		if before.received.table != nil {
			f.first = append(f.first, Notice{Gap: why})
		}
		if f.known {
			f.first = append(f.first, Notice{Gap: why, OfEvents: true})
		}
	}
	return f
}

func newFollower(life context.Context, publish func(context.Context, ...rabbit.Message) error, speaker string, what Follow, log *slog.Logger) *Follower {
	f := &Follower{requests: requests{publish: publish, log: log.With("speaker", speaker), speaker: speaker}, life: life, what: what}
	f.received.speaker, f.events.speaker = speaker, speaker
	return f
}

// Open subscribes to the streams and asks for them.
func (f *Follower) Open(ctx context.Context) error {
	var keys []string
	if f.what.Received {
		keys = append(keys, receivedKey(f.speaker))
	}
	if f.what.Events {
		keys = append(keys, logKey(f.speaker))
	}
	var err error
	if f.queue, f.inbox, err = f.session.Subscribe(ctx, keys...); err != nil {
		return err
	}
	return f.request(ctx)
}

// Table is what the peers announce, as of the last Next; nil before it is
// there. It is valid until the next one.
func (f *Follower) Table() *ReceivedTable {
	if f == nil {
		return nil
	}
	return f.received.table
}

// Boot names the life of exaBGP that the table is of; "" before there is one.
func (f *Follower) Boot() string {
	if f == nil || f.received.table == nil {
		return ""
	}
	return f.received.boot
}

// Next waits for what comes next, or for the end of ctx (its error), or until
// wake is signalled, which is an empty notice. Another error means that the
// session is of no use any more.
func (f *Follower) Next(ctx context.Context, wake <-chan struct{}) (Notice, error) {
	if len(f.first) > 0 {
		n := f.first[0]
		f.first = f.first[1:]
		return n, nil
	}
	pause := time.NewTicker(absentPause)
	defer pause.Stop()
	for {
		n, err := f.retry(ctx)
		if err != nil || !n.isZero() {
			return n, err
		}
		select {
		case <-ctx.Done():
			return Notice{}, ctx.Err()
		case <-f.life.Done():
			return Notice{}, context.Cause(f.life)
		case <-wake:
			return Notice{}, nil
		case <-pause.C:
		case d, ok := <-f.inbox:
			if !ok {
				return Notice{}, fmt.Errorf("events of %s: the subscription ended", f.speaker)
			}
			n, err := f.take(d)
			if ackErr := d.Ack(); err == nil {
				err = ackErr
			}
			if err == nil && n.Gap != "" {
				f.asked = time.Time{} // for a table that does not come whole
				err = f.request(ctx)
			}
			if err != nil || !n.isZero() {
				return n, err
			}
		}
	}
}

func (f *Follower) take(d rabbit.Delivery) (Notice, error) {
	if d.Err != nil {
		return Notice{}, d.Err
	}
	switch d.Type {
	case wire.TypeReceived:
		m, err := wire.DecodeReceived(d.Body)
		if err != nil {
			return Notice{}, err
		}
		if m.Part != nil {
			f.asked = time.Now()
		}
		return f.received.apply(&m)
	case wire.TypeEvents:
		m, err := wire.DecodeEvents(d.Body)
		if err != nil {
			return Notice{}, err
		}
		return f.events.apply(&m)
	}
	return Notice{}, nil
}

// retry asks again for what did not come, and says from time to time that
// somebody follows.
func (f *Follower) retry(ctx context.Context) (Notice, error) {
	due := renewEvery
	if f.absent.Load() {
		due = absentPause
	}
	late := f.what.Received && !f.received.whole && f.tableLate()
	if !late && time.Since(f.renewed) < due {
		return Notice{}, nil
	}
	there := !f.absent.Load()
	err := f.request(ctx)
	var blocked *rabbit.BlockedError
	if errors.As(err, &blocked) {
		return Notice{}, nil // the session says so, and it is asked again
	}
	if err != nil || !f.absent.Load() || !there {
		return Notice{}, err
	}
	n := f.received.gap("the bridge is not there")
	n.OfEvents = !f.what.Received
	return n, nil
}

// tableLate tells whether it is time to ask for the table, again.
func (f *Follower) tableLate() bool { return time.Since(f.asked) >= answerPatience }

// request asks for the streams, and for the table if it is not there.
func (f *Follower) request(ctx context.Context) error {
	f.renewed = time.Now()
	var kinds []string
	switch {
	case !f.what.Received:
	case !f.absent.Load() && (f.received.whole || !f.tableLate()):
		kinds = append(kinds, wire.RequestFollowReceived)
	default:
		f.asked = f.renewed
		kinds = append(kinds, wire.RequestReceived)
	}
	if f.what.Events {
		kinds = append(kinds, wire.RequestFollowEvents)
	}
	for _, kind := range kinds {
		if err := f.put(ctx, wire.Request{Kind: kind}); err != nil {
			return err
		}
	}
	return nil
}
