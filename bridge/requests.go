package bridge

import (
	"context"
	"errors"
	"fmt"
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
	m := rabbit.Message{
		Key: rabbit.RequestQueue(q.speaker), Type: wire.TypeRequest, ReplyTo: q.queue,
		ID: requestID(), Body: body, Mandatory: true, Expiration: answerPatience,
	}
	if commanding(r) {
		m.Exchange, m.Key = rabbit.CommandExchange, rabbit.CommandKey(q.speaker)
	}
	err = q.publish(ctx, m)
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

// commanding tells whether a request is one that only who may command can make.
func commanding(r wire.Request) bool {
	return r.Kind == wire.RequestLease || r.Kind == wire.RequestAlive
}

var errNotEntitled = errors.New("whoever sent it need not have the right to command")

// mayCommand is the error of a message that commands and did not come by the exchange
// for that. Whoever asks a bridge for its state may write to the default exchange,
// which leads to every queue; the broker says which way a message came.
func mayCommand(d *rabbit.Delivery) error {
	if d.Exchange == rabbit.CommandExchange {
		return nil
	}
	return fmt.Errorf("%w: it came by exchange %q, and not by %s", errNotEntitled, d.Exchange, rabbit.CommandExchange)
}
