package rabbit

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Names that callers publish to.
const (
	// CommandExchange routes by the name of the speaker.
	CommandExchange = "rs.cmd"
	// EventExchange routes by dotted topics.
	EventExchange = "rs.evt"
	// DeadQueue holds what could not be read or delivered. Nothing takes it out.
	DeadQueue = "rs.dead"
)

const (
	deadExchange = "rs.dlx"
	lockPrefix   = "rs.lock."
)

// CommandQueue is the queue that holds the commands for a speaker.
func CommandQueue(speaker string) string { return "rs.cmd." + speaker }

// RequestQueue is the queue that a speaker's bridge answers requests from. It
// exists while the bridge is connected: a mandatory message to it tells.
func RequestQueue(speaker string) string { return "rs.rpc." + speaker }

// CommandKey is what routes to that queue in [CommandExchange]: by it come requests
// that only who may command can make. No speaker's name has a slash in it.
func CommandKey(speaker string) string { return "rpc/" + speaker }

const (
	commandsMax     = 10_000
	commandBytesMax = 256 << 20
	deadMax         = 10_000
	requestsMax     = 1_000
	eventsMax       = 10_000
	// eventBytesMax is for received routes: 1,000,000 of them take a tenth.
	eventBytesMax = 128 << 20
	// deliveriesMax is how often a command can be on its way to a bridge that dies
	// before it becomes a dead letter. Without a limit a requeued message of
	// a quorum queue goes to the back, behind later ones
	// (https://www.rabbitmq.com/docs/quorum-queues#repeated-requeues).
	deliveriesMax = 20
)

// queue is what is to be declared.
type queue struct {
	name                           string // "": the broker makes one up
	durable, exclusive, autoDelete bool
	args                           amqp.Table
}

func (q queue) declare(ch *amqp.Channel) (name string, err error) {
	made, err := ch.QueueDeclare(q.name, q.durable, q.autoDelete, q.exclusive, false, q.args)
	return made.Name, err
}

func (q queue) make(ch *amqp.Channel) error {
	_, err := q.declare(ch)
	return err
}

// find fails if there is no queue of this name; of what kind it is does not matter.
func (q queue) find(ch *amqp.Channel) error {
	_, err := ch.QueueDeclarePassive(q.name, q.durable, q.autoDelete, q.exclusive, false, q.args)
	return err
}

// commandQueue holds commands in their order for one reader at a time. When it is
// full it refuses, because a queue that drops its oldest message still confirms the
// newest (https://www.rabbitmq.com/docs/maxlength#overflow-behaviour).
func (s *Session) commandQueue(speaker string) queue {
	args := amqp.Table{
		amqp.QueueTypeArg:            s.queueType,
		amqp.SingleActiveConsumerArg: true,
		"x-max-length":               int64(commandsMax),
		"x-max-length-bytes":         int64(commandBytesMax),
		"x-overflow":                 "reject-publish",
		"x-dead-letter-exchange":     deadExchange,
		"x-dead-letter-routing-key":  "cmd." + speaker,
	}
	if s.queueType == Quorum {
		args["x-delivery-limit"] = int64(deliveriesMax)
		args["x-dead-letter-strategy"] = "at-least-once"
	}
	return queue{name: CommandQueue(speaker), durable: true, args: args}
}

func (s *Session) deadLetterQueue() queue {
	return queue{name: DeadQueue, durable: true, args: amqp.Table{
		amqp.QueueTypeArg: s.queueType,
		"x-max-length":    int64(deadMax),
	}}
}

func requestQueue(speaker string) queue {
	return queue{name: RequestQueue(speaker), exclusive: true, autoDelete: true, args: amqp.Table{
		"x-max-length": int64(requestsMax),
		"x-overflow":   "reject-publish",
	}}
}

// eventQueue drops its oldest events for a reader that does not keep up.
func eventQueue() queue {
	return queue{exclusive: true, autoDelete: true, args: amqp.Table{
		"x-max-length":       int64(eventsMax),
		"x-max-length-bytes": int64(eventBytesMax),
		"x-overflow":         "drop-head",
	}}
}

// DeclareSpeaker makes sure that commands for a speaker are kept from now on,
// whether or not its bridge runs. Both ends call it.
func (s *Session) DeclareSpeaker(ctx context.Context, speaker string) error {
	dead, commands := s.deadLetterQueue(), s.commandQueue(speaker)
	for _, step := range []func() error{
		func() error { return s.ensureExchange(ctx, deadExchange, amqp.ExchangeTopic) },
		func() error { return s.ensureQueue(ctx, dead) },
		func() error { return s.bindQueue(ctx, dead.name, deadExchange, "#") },
		func() error { return s.ensureExchange(ctx, CommandExchange, amqp.ExchangeDirect) },
		func() error { return s.ensureQueue(ctx, commands) },
		func() error { return s.bindQueue(ctx, commands.name, CommandExchange, speaker) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// BindCommands has commands come to a speaker's bridge, whose session this is: those
// that are answered at once to its queue of requests, the others to that which keeps
// them, if it is there. They come by [CommandExchange]: to the default exchange, which
// leads to every queue, whoever only looks may write too.
func (s *Session) BindCommands(ctx context.Context, speaker string) error {
	if err := s.ensureExchange(ctx, CommandExchange, amqp.ExchangeDirect); err != nil {
		return err
	}
	for _, to := range []struct{ queue, key string }{{CommandQueue(speaker), speaker}, {RequestQueue(speaker), CommandKey(speaker)}} {
		err := s.once(ctx, func(ch *amqp.Channel) error {
			return ch.QueueBind(to.queue, to.key, CommandExchange, false, nil)
		})
		if err != nil && replyCode(err) != amqp.NotFound {
			return fmt.Errorf("bind queue %q to %q: %w", to.queue, CommandExchange, s.denied(err, Write, Read))
		}
	}
	return nil
}

// DeclareEvents makes sure that events can be published.
func (s *Session) DeclareEvents(ctx context.Context) error {
	return s.ensureExchange(ctx, EventExchange, amqp.ExchangeTopic)
}

// Lock takes a name that one session at a time can hold, in all of the vhost. It is
// held until Unlock or the end of the session: the broker gives it to others as
// soon as our connection closes, and after three heartbeats if that fell silent. Who
// must be certain to be alone needs more than this: a holder can be cut off, or
// sleep, and not know yet. A lock that is held by this session is taken again.
func (s *Session) Lock(ctx context.Context, name string) error {
	q := queue{name: lockPrefix + name, exclusive: true, autoDelete: true}
	err := s.once(ctx, func(ch *amqp.Channel) error {
		_, err := q.declare(ch)
		return err
	})
	if replyCode(err) == amqp.ResourceLocked {
		return fmt.Errorf("lock %q: %w", name, ErrLocked)
	}
	if err != nil {
		return fmt.Errorf("lock %q: %w", name, s.denied(err, Configure, Configure))
	}
	return nil
}

// Unlock gives a lock back.
func (s *Session) Unlock(ctx context.Context, name string) error {
	err := s.once(ctx, func(ch *amqp.Channel) error {
		_, err := ch.QueueDelete(lockPrefix+name, false, false, false)
		return err
	})
	if replyCode(err) == amqp.ResourceLocked {
		return fmt.Errorf("unlock %q: %w", name, ErrLocked)
	}
	if err != nil {
		return fmt.Errorf("unlock %q: %w", name, err)
	}
	return nil
}

// once makes a request on a channel of its own, because the broker answers one
// that it refuses by closing the channel.
func (s *Session) once(ctx context.Context, request func(*amqp.Channel) error) error {
	return s.do(ctx, func() error {
		ch, err := s.con.conn.Channel()
		if err != nil {
			return fmt.Errorf("open channel: %w", err)
		}
		err = request(ch)
		_ = ch.Close() // it fails with its connection, and that is watched
		return err
	})
}

func (s *Session) ensureExchange(ctx context.Context, name, kind string) error {
	_, err := s.ensure(ctx, name,
		func(ch *amqp.Channel) error {
			return ch.ExchangeDeclarePassive(name, kind, true, false, false, false, nil)
		},
		func() error {
			return s.once(ctx, func(ch *amqp.Channel) error {
				return ch.ExchangeDeclare(name, kind, true, false, false, false, nil)
			})
		})
	if err != nil {
		return fmt.Errorf("declare exchange %q: %w", name, s.denied(err, Configure, Configure))
	}
	return nil
}

func (s *Session) ensureQueue(ctx context.Context, q queue) error {
	_, err := s.ensure(ctx, q.name, q.find, func() error {
		return s.once(ctx, q.make)
	})
	switch code := replyCode(err); {
	case err == nil:
		return nil
	case code == amqp.ResourceLocked:
		return fmt.Errorf("declare queue %q: %w", q.name, ErrLocked)
	case q.args[amqp.QueueTypeArg] == Quorum && saysUnsupported(code):
		return fmt.Errorf("declare quorum queue %q: %w (a broker without quorum queues needs --queue-type classic)", q.name, err)
	}
	// One with a dead letter exchange needs to write to that.
	return fmt.Errorf("declare queue %q: %w", q.name, s.denied(err, Configure, Write))
}

// saysUnsupported tells whether brokers answer so to a type of queue that they do
// not have; the standard gives them no code of its own for that.
func saysUnsupported(code int) bool {
	switch code {
	case amqp.PreconditionFailed, amqp.NotImplemented, amqp.InternalError, amqp.NotAllowed, amqp.CommandInvalid, amqp.SyntaxError:
		return true
	}
	return false
}

// ensure makes use of what exists under a name, and declares it only if nothing
// does: so an operator can make it otherwise, and keep us from making anything.
// made tells that it was declared.
func (s *Session) ensure(ctx context.Context, name string, passive func(*amqp.Channel) error, active func() error) (made bool, err error) {
	err = s.once(ctx, passive)
	if err == nil || replyCode(err) != amqp.NotFound {
		return false, err
	}
	err = active()
	switch replyCode(err) {
	case amqp.PreconditionFailed, amqp.AccessRefused:
		// Somebody else was faster, or it is not for us to declare.
		if s.once(ctx, passive) == nil {
			s.log.Debug("used as found, could not be declared", "name", name, "error", err)
			return false, nil
		}
	}
	return err == nil, err
}

// bindQueue binds. Binding twice does no harm, so nothing need be looked up, and
// nothing could be: AMQP cannot ask for a binding.
func (s *Session) bindQueue(ctx context.Context, name, exchange, key string) error {
	err := s.once(ctx, func(ch *amqp.Channel) error {
		return ch.QueueBind(name, key, exchange, false, nil)
	})
	if replyCode(err) == amqp.AccessRefused {
		// Whoever declared them has bound them; if not, the first message says so.
		s.log.Debug("may not bind, so this is left to others",
			"queue", name, "exchange", exchange, "key", key, "error", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("bind queue %q to %q: %w", name, exchange, err)
	}
	return nil
}

// declareOwn declares a queue of this session alone, and returns its name.
func (s *Session) declareOwn(ctx context.Context, q queue) (name string, err error) {
	err = s.once(ctx, func(ch *amqp.Channel) error {
		name, err = q.declare(ch)
		return err
	})
	switch {
	case err == nil:
		return name, nil
	case replyCode(err) == amqp.ResourceLocked:
		return "", fmt.Errorf("declare queue %q: %w", q.name, ErrLocked)
	case q.name == "":
		return "", fmt.Errorf("declare a queue: %w", s.denied(err, Configure, Write))
	}
	return "", fmt.Errorf("declare queue %q: %w", q.name, s.denied(err, Configure, Write))
}
