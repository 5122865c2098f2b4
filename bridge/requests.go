package bridge

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
)

// requests are put to a speaker's bridge over one session with the broker, and
// show whether there is a bridge.
type requests struct {
	publish func(context.Context, ...rabbit.Message) error
	log     *slog.Logger
	speaker string
	queue   string      // where the answers go
	absent  atomic.Bool // no bridge was there at the last request
}

// Absent tells whether the last request found no bridge; any goroutine may ask.
func (q *requests) Absent() bool { return q.absent.Load() }

// put makes a request. That no bridge is there is no error; that the broker takes
// no messages is a [rabbit.BlockedError].
func (q *requests) put(ctx context.Context, r wire.Request) error {
	body, err := wire.EncodeRequest(r)
	if err != nil {
		return err
	}
	err = q.publish(ctx, rabbit.Message{
		Key: rabbit.RequestQueue(q.speaker), Type: wire.TypeRequest, ReplyTo: q.queue,
		ID: requestID(), Body: body, Mandatory: true, Expiration: answerPatience,
	})
	if errors.Is(err, rabbit.ErrNoRoute) {
		if !q.absent.Swap(true) {
			q.log.Warn("the bridge is not there; waiting for it", "queue", rabbit.RequestQueue(q.speaker))
		}
		return nil
	}
	if err == nil && q.absent.Swap(false) {
		q.log.Info("the bridge is there")
	}
	return err
}
