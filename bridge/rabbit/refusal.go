package rabbit

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// denial is how RabbitMQ refuses for lack of a permission. Newer ones begin with
// the permission; older ones leave it to the reader to know what was asked for.
var denial = regexp.MustCompile(`(?:(configure|write|read) )?access to ((?:queue|exchange|topic) '.*?'(?: in exchange '.*?')?) in vhost '(.*?)' refused for user '(.*?)'`)

// madeUp are the names that the broker gives to queues: another one each time.
var madeUp = regexp.MustCompile(`amq\.gen-[^']*`)

// denied makes an error name the permission that is missing, if that is what it
// is about; queue and exchange are those for what was asked for.
func (s *Session) denied(err error, queue, exchange string) error {
	var refusal *amqp.Error
	if !errors.As(err, &refusal) || refusal.Code != amqp.AccessRefused {
		return err
	}
	m := denial.FindStringSubmatch(refusal.Reason)
	if m == nil {
		return err
	}
	d := &DeniedError{Permission: m[1], Resource: madeUp.ReplaceAllString(m[2], "amq.gen-*"), Vhost: m[3], User: m[4], err: err}
	switch {
	case d.Permission != "":
	case strings.HasPrefix(d.Resource, "queue"):
		d.Permission = queue
	default:
		d.Permission = exchange
	}
	if s.needs != (Permissions{}) {
		d.Grant = s.needs.grant(d.Vhost, d.User)
	}
	return d
}

// refusal says what an attempt to connect is refused for.
func refusal(err error) error {
	var answer *amqp.Error
	if !errors.As(err, &answer) {
		return err
	}
	switch {
	case strings.Contains(answer.Reason, "limit") && (answer.Code == amqp.NotAllowed || answer.Code == amqp.ResourceError):
		return fmt.Errorf("%w: %w", ErrLimit, err)
	case answer.Code == amqp.AccessRefused:
		return fmt.Errorf("%w: %w", ErrLogin, err)
	case answer.Code == amqp.NotAllowed && strings.Contains(answer.Reason, "not found"):
		return fmt.Errorf("%w: %w", ErrNoVhost, err)
	case answer.Code == amqp.NotAllowed:
		return fmt.Errorf("%w: %w", ErrVhost, err)
	}
	return err
}

// ending is the end of a connection or channel as an error.
func (s *Session) ending(err *amqp.Error) error {
	if err.Code == amqp.AccessRefused { // to publish is denied in this way; all else has an answer of its own
		return s.denied(err, Write, Write)
	}
	return ending(err)
}

// ending is the same where it has to do with no permission. The library gives up
// a connection that brings it a message with headers that it does not take, such
// as tables more than 32 deep, and marks it in no other way.
func ending(err *amqp.Error) error {
	switch {
	case !err.Server && err.Code == amqp.FrameError && err.Reason == amqp.ErrSyntax.Error():
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	case err.Code == amqp.InternalError:
		return fmt.Errorf("%w: %w", ErrInternal, err)
	case err.Code == amqp.PreconditionFailed && strings.Contains(err.Reason, "message size"):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	return err
}
