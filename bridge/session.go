package bridge

import (
	"context"
	"time"

	"routesync/bridge/journal"
	"routesync/bridge/rabbit"
)

// Session is what the two ends of the wire need of a session with the broker,
// see [rabbit.Session].
type Session interface {
	Context() context.Context
	DeclareEvents(ctx context.Context) error
	DeclareSpeaker(ctx context.Context, speaker string) error
	Commands(ctx context.Context, speaker string) (<-chan rabbit.Delivery, error)
	Requests(ctx context.Context, speaker string) (<-chan rabbit.Delivery, error)
	BindCommands(ctx context.Context, speaker string) error
	Subscribe(ctx context.Context, keys ...string) (queue string, events <-chan rabbit.Delivery, err error)
	Bind(ctx context.Context, queue, key string) error
	Publish(ctx context.Context, msgs ...rabbit.Message) error
	Offer(ctx context.Context, msgs ...rabbit.Message) error
	Alarm() (reason string, changed <-chan struct{})
	Answers(ctx context.Context, queue string) error
	Unfit(ctx context.Context, speaker string) ([]string, error)
}

// Broker gives work one session after the other, see [rabbit.Broker.Run].
type Broker interface {
	Run(ctx context.Context, work func(ctx context.Context, s Session) error) error
}

// RabbitMQ is the broker of every bridge that runs.
type RabbitMQ struct{ *rabbit.Broker }

// Run is of [Broker].
func (b RabbitMQ) Run(ctx context.Context, work func(context.Context, Session) error) error {
	return b.Broker.Run(ctx, func(ctx context.Context, s *rabbit.Session) error { return work(ctx, s) })
}

// Journal is what outlives a bridge, see [journal.Journal].
type Journal interface {
	Load() (journal.Memory, error)
	Begin(boot string) error
	SetEpoch(epoch int64) error
	Keep(entries []journal.Entry, proof *journal.Proof) error
	Replayed() error
	PutOwners(owners []journal.Owner) error
	Try(owner string, entries []journal.Entry) error
	Sync() error
	Lost() error
	Renew(ctx context.Context, now time.Time) error
	Replace(entries []journal.Entry) error
	Quarantine(all []journal.Quarantined) error
}
