package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// traced is where RabbitMQ's firehose puts a copy of every message that is
// published, once it is on (https://www.rabbitmq.com/docs/firehose).
const traced = "amq.rabbitmq.trace"

// listening counts the messages that are published at the broker, to any exchange.
type listening struct {
	bench *bench
	conn  *amqp.Connection
	done  chan passed
}

// passed is what was published.
type passed struct {
	messages, largest int
	of                map[string]int // by the type that a message says it has
}

// kinds are the types of the messages, with how many there were.
func (p passed) kinds() string {
	if p.messages == 0 {
		return "no message"
	}
	var all []string
	for _, kind := range slices.Sorted(maps.Keys(p.of)) {
		all = append(all, fmt.Sprintf("%d %s", p.of[kind], kind))
	}
	return strings.Join(all, ", ")
}

func (b *bench) listen(ctx context.Context) (_ *listening, err error) {
	if _, err := b.broker.Ctl(ctx, "trace_on"); err != nil {
		return nil, err
	}
	l := &listening{bench: b, done: make(chan passed, 1)}
	if l.conn, err = amqp.Dial(b.broker.URL); err != nil {
		return nil, fmt.Errorf("listen at the broker: %w", err)
	}
	messages, err := l.subscribe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen at the broker: %w", err), l.conn.Close())
	}
	go func() { // ends with the connection
		p := passed{of: make(map[string]int)}
		for m := range messages {
			p.messages++
			p.largest = max(p.largest, len(m.Body))
			kind := "of no type"
			if properties, ok := m.Headers["properties"].(amqp.Table); ok && properties["type"] != nil {
				kind = fmt.Sprint(properties["type"])
			}
			p.of[kind]++
		}
		l.done <- p
	}()
	return l, nil
}

func (l *listening) subscribe() (<-chan amqp.Delivery, error) {
	ch, err := l.conn.Channel()
	if err != nil {
		return nil, err
	}
	q, err := ch.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		return nil, err
	}
	if err := ch.QueueBind(q.Name, "publish.#", traced, false, nil); err != nil {
		return nil, err
	}
	return ch.Consume(q.Name, "", true, true, false, false, nil)
}

// stop ends it, and says what has passed.
func (l *listening) stop(ctx context.Context) (passed, error) {
	err := l.conn.Close()
	p := <-l.done
	_, err2 := l.bench.broker.Ctl(ctx, "trace_off")
	return p, errors.Join(err, err2)
}
