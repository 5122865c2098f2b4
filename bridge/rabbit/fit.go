package rabbit

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	amqp "github.com/rabbitmq/amqp091-go"
)

// RabbitMQ refuses to declare a queue that exists and is another one, and names
// the first thing in which they differ. An AMQP reply text ends at 255 bytes,
// perhaps before it says how the queue is.
var (
	inequivalent = regexp.MustCompile(`inequivalent arg '(.+?)' for queue `)
	current      = regexp.MustCompile(`but current is (?:none|(?:the value )?'(.*?)'(?: of type '(.*?)')?)$`)
)

// Unfit says in what a speaker's command queue, declared by somebody else, would
// lose commands or give them to others. AMQP can't ask for that: the broker tells
// one difference each time it refuses to declare the queue otherwise. A policy's
// part in it stays unknown.
func (s *Session) Unfit(ctx context.Context, speaker string) ([]string, error) {
	q := s.commandQueue(speaker)
	for range 4 * len(q.args) { // more than it can take

		err := s.once(ctx, q.make)
		if err == nil {
			return q.faults(), nil
		}
		if !q.adapt(err) {
			return q.faults(), s.denied(err, Configure, Write)
		}
	}
	return q.faults(), nil
}

// adapt makes a queue like the one that exists in what the broker's refusal says
// about that.
func (q *queue) adapt(err error) bool {
	var refusal *amqp.Error
	if !errors.As(err, &refusal) || refusal.Code != amqp.PreconditionFailed {
		return false
	}
	differs, is := inequivalent.FindStringSubmatch(refusal.Reason), current.FindStringSubmatch(refusal.Reason)
	if differs == nil {
		return false
	}
	name := differs[1]
	if is == nil {
		// Asked without it, the broker has fewer words to say before the value.
		_, there := q.args[name]
		delete(q.args, name)
		return there
	}
	value, kind := is[1], is[2]
	switch name {
	case "durable":
		q.durable = value == "true"
		return true
	case "auto_delete":
		q.autoDelete = value == "true"
		return true
	}
	if value == "" {
		delete(q.args, name)
		return true
	}
	q.args[name] = value
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && kind != "longstr" {
		q.args[name] = n
	}
	if kind == "bool" {
		q.args[name] = value == "true"
	}
	return true
}

// faults are what is wrong with a queue as a queue of commands.
func (q *queue) faults() []string {
	var all []string
	if ttl, ok := q.args["x-message-ttl"]; ok {
		all = append(all, fmt.Sprintf("it drops commands after %v ms (x-message-ttl)", ttl))
	}
	_, most := q.args["x-max-length"]
	_, bytes := q.args["x-max-length-bytes"]
	if how, ok := q.args["x-overflow"]; how != "reject-publish" && (most || bytes) {
		if !ok {
			how = "drop-head"
		}
		all = append(all, fmt.Sprintf("it drops commands when it is full (x-overflow %v)", how))
	}
	if alone, _ := q.args[amqp.SingleActiveConsumerArg].(bool); !alone {
		all = append(all, "it shares commands among all that consume it (no x-single-active-consumer)")
	}
	if !q.durable {
		all = append(all, "it is gone when the broker restarts (not durable)")
	}
	if q.autoDelete {
		all = append(all, "it is gone when the bridge is (auto-delete)")
	}
	return all
}
