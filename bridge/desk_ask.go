package bridge

import (
	"context"
	"errors"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
)

// ErrNobodyAnswers says that whoever was asked is not there.
var ErrNobodyAnswers = errors.New("nobody is there to answer")

type question struct {
	queue  string
	ask    wire.Locate
	asked  bool
	answer chan wire.Located // never full; closed without an answer if nobody is there
}

// Ask asks the holder of a lease where its file has a route; queue is the
// lease's. Its error is ErrNobodyAnswers if the holder is gone.
func (d *Desk) Ask(ctx context.Context, queue string, l wire.Locate) (wire.Located, error) {
	l.ID = requestID()
	q := &question{queue: queue, ask: l, answer: make(chan wire.Located, 1)}
	d.mu.Lock()
	d.questions[l.ID] = q
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		delete(d.questions, l.ID)
		d.mu.Unlock()
	}()
	d.wake()
	select {
	case answer, ok := <-q.answer:
		if !ok {
			return answer, ErrNobodyAnswers
		}
		return answer, nil
	case <-ctx.Done():
		return wire.Located{}, ctx.Err()
	}
}

func (d *Desk) unasked() []*question {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []*question
	for _, q := range d.questions {
		if !q.asked {
			q.asked = true
			all = append(all, q)
		}
	}
	return all
}

func (d *Desk) put(ctx context.Context, s *rabbit.Session, q *question, queue string) error {
	body, err := wire.EncodeLocate(q.ask)
	if err != nil {
		return err
	}
	err = s.Offer(ctx, rabbit.Message{Key: q.queue, Type: wire.TypeLocate, ReplyTo: queue, ID: q.ask.ID, Body: body, Mandatory: true, Expiration: answerPatience})
	if errors.Is(err, rabbit.ErrNoRoute) {
		close(q.answer)
		return nil
	}
	if d.isBlocked(err) {
		return nil // nobody answers, and whoever asked does not wait for long
	}
	return err
}
