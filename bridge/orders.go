package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
)

// orderAgain is how long an order may go unanswered until it is given again.
const orderAgain = 2 * time.Second

// Orders gives the orders of a person to bridges, over one session with the broker.
// It belongs to one goroutine.
type Orders struct {
	session Session
	queue   string
	inbox   <-chan rabbit.Delivery
}

// NewOrders makes the queue for the answers.
func NewOrders(ctx context.Context, s Session) (*Orders, error) {
	queue, inbox, err := s.Subscribe(ctx)
	if err != nil {
		return nil, err
	}
	return &Orders{session: s, queue: queue, inbox: inbox}, nil
}

// Give gives an order, again and again, until it is answered or ctx ends: its ID has
// it carried out once. Without a bridge the error is [ErrNobodyAnswers].
func (o *Orders) Give(ctx context.Context, order wire.Order) (wire.Ordered, error) {
	body, err := wire.EncodeOrder(order)
	if err != nil {
		return wire.Ordered{}, err
	}
	again := time.NewTicker(orderAgain)
	defer again.Stop()
	for {
		err := o.session.Offer(ctx, rabbit.Message{
			Exchange: rabbit.CommandExchange, Key: rabbit.CommandKey(order.Speaker), Type: wire.TypeOrder, ReplyTo: o.queue,
			ID: order.ID, Body: body, Mandatory: true, Expiration: answerPatience,
		})
		if errors.Is(err, rabbit.ErrNoRoute) {
			return wire.Ordered{}, ErrNobodyAnswers
		}
		if err != nil {
			return wire.Ordered{}, fmt.Errorf("order %s for %s: %w", order.Kind, order.Speaker, err)
		}
		answer, answered, err := o.await(ctx, &order, again.C)
		if answered || err != nil {
			return answer, err
		}
	}
}

// await waits for the answer to an order, until it is time to give it again.
func (o *Orders) await(ctx context.Context, order *wire.Order, again <-chan time.Time) (a wire.Ordered, answered bool, err error) {
	for {
		select {
		case <-ctx.Done():
			return a, false, ctx.Err()
		case <-again:
			return a, false, nil
		case d, ok := <-o.inbox:
			if !ok {
				return a, false, errors.New("the subscription to answers ended")
			}
			if err := d.Ack(); err != nil {
				return a, false, err
			}
			if d.Type != wire.TypeOrdered {
				continue
			}
			x, err := wire.DecodeOrdered(d.Body)
			if err != nil {
				return a, false, err
			}
			if x.Speaker == order.Speaker && x.ID == order.ID {
				return x, true, nil
			}
		}
	}
}
