package bridge

import (
	"context"
	"log/slog"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/state"
)

// Standby tells a speaker's bridge, over one session, that a watch is there which
// does not command, and hears who does. It has no means to command. It belongs to
// one goroutine.
type Standby struct {
	requests
	session Session
	owner   string
	from    wire.Commander
	inbox   <-chan rabbit.Delivery
}

// NewStandby returns a watch that stands by at a speaker for an owner.
func NewStandby(s Session, speaker, owner string, from wire.Commander, log *slog.Logger) *Standby {
	return &Standby{
		requests: requests{publish: s.Offer, log: log.With("speaker", speaker), speaker: speaker},
		session:  s, owner: owner, from: from,
	}
}

// Open makes the queue for the answers.
func (b *Standby) Open(ctx context.Context) error {
	var err error
	b.queue, b.inbox, err = b.session.Subscribe(ctx)
	return err
}

// Say tells the bridge which file the watch has, if any, and what keeps it from
// commanding. An answer comes to Answers if the bridge is there. It does not wait
// for a broker that takes no messages.
func (b *Standby) Say(ctx context.Context, r state.Revision, conditions []wire.Condition) error {
	return b.put(ctx, wire.Request{Kind: wire.RequestStandby, Owner: b.owner, From: b.from, Revision: r, Conditions: conditions})
}

// Answers are to be taken with Take. The channel is closed with the session.
func (b *Standby) Answers() <-chan rabbit.Delivery { return b.inbox }

// Take reads an answer; nil if it is none to this watch.
func (b *Standby) Take(d rabbit.Delivery) (*wire.Standing, error) {
	if d.Type != wire.TypeStanding {
		return nil, d.Ack()
	}
	s, err := wire.DecodeStanding(d.Body)
	if ackErr := d.Ack(); err == nil {
		err = ackErr
	}
	if err != nil || s.Speaker != b.speaker || s.Owner != b.owner {
		return nil, err
	}
	return &s, nil
}
