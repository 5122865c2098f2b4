package bridge

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
)

// errNoLeader is a queue that does not answer: a quorum queue that has lost its
// leader, as it may when RabbitMQ is killed just after it was declared.
var errNoLeader = errors.New("the queue does not answer")

// errTaken is a second bridge of one name.
var errTaken = errors.New("another bridge answers for the speaker")

// Diagnose names what an error says of the broker, of its queues or of who
// commands; false if that is nothing that has a name.
func Diagnose(err error) (wire.Condition, bool) {
	var denied *rabbit.DeniedError
	var blocked *rabbit.BlockedError
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return wire.Condition{}, false
	case errors.As(err, &blocked):
		return blockedCondition(blocked.Reason), true
	case errors.As(err, &denied):
		return wire.Condition{
			Name: wire.Denied,
			Text: fmt.Sprintf("user %s lacks the permission %s for %s in vhost %s", denied.User, denied.Permission, denied.Resource, denied.Vhost),
			Do:   denied.Grant,
		}, true
	case errors.Is(err, errNoLeader):
		return wire.Condition{Name: wire.NoLeader, Text: err.Error(), Do: "if it stays so it has lost its leader; rabbitmqctl delete_queue loses nothing, the bridge declares it again"}, true
	}
	for _, k := range []struct {
		err       error
		name, doc string
	}{
		{rabbit.ErrLogin, wire.Login, "correct them in --amqp or ROUTESYNC_AMQP, or on the broker: rabbitmqctl add_user, rabbitmqctl change_password"},
		{rabbit.ErrNoVhost, wire.NoVhost, "correct it in --amqp or ROUTESYNC_AMQP, or make it: rabbitmqctl add_vhost"},
		{rabbit.ErrVhost, wire.Denied, "rabbitmqctl set_permissions -p VHOST USER CONFIGURE WRITE READ"},
		{rabbit.ErrLimit, wire.Limit, "end connections, or raise the limit: rabbitmqctl list_connections user name; rabbitmqctl set_user_limits, set_vhost_limits"},
		{rabbit.ErrTooLarge, wire.TooLarge, "raise max_message_size in rabbitmq.conf to 16777216 or more"},
		{rabbit.ErrRejected, wire.Backpressured, "see what is in the queue and what limits it: rabbitmqctl list_queues name messages policy arguments; the rest is sent when there is room"},
		{errTaken, wire.Taken, "give one of them a name of its own with --speaker"},
		{rabbit.ErrNoRoute, wire.NoQueue, "its bridge declares it when it connects; see the bridge's log"},
		{rabbit.ErrNoQueue, wire.NoQueue, "the bridge declares it when it connects; see its log"},
		{ErrFenced, wire.Fenced, "end one of the two"},
	} {
		if errors.Is(err, k.err) {
			return wire.Condition{Name: k.name, Text: cut(err.Error(), maxReported), Do: k.doc}, true
		}
	}
	return wire.Condition{}, false
}

// Hint is what a person can do about an error; "" if that is not known.
func Hint(err error) string {
	x, _ := Diagnose(err)
	return x.Do
}

// Final tells whether an error is about something that stays so until an
// operator acts: who is asked for an answer can give it at once.
func Final(err error) bool {
	var blocked *rabbit.BlockedError
	return rabbit.Refused(err) || errors.As(err, &blocked)
}

func blockedCondition(reason string) wire.Condition {
	var what, do []string
	for _, of := range []struct{ word, what, do string }{
		{"memory", "memory alarm", "free memory or raise the limit: rabbitmqctl set_vm_memory_high_watermark 0.6"},
		{"disk", "disk alarm", "free disk space or lower the limit: rabbitmqctl set_disk_free_limit 1GB"},
	} {
		if strings.Contains(reason, of.word) {
			what, do = append(what, of.what), append(do, of.do)
		}
	}
	if what == nil {
		what, do = []string{reason}, []string{"see rabbitmq-diagnostics alarms"}
	}
	return wire.Condition{
		Name: wire.Blocked, Do: strings.Join(do, "; "),
		Text: strings.Join(what, " and ") + " (publishing stops; routes stay as they are)",
	}
}

func unfitCondition(queue string, faults []string) wire.Condition {
	return wire.Condition{
		Name: wire.Unfit,
		Text: fmt.Sprintf("queue %s was declared by others, and is used as it is: %s", queue, strings.Join(faults, "; ")),
		Do:   fmt.Sprintf("rabbitmqctl delete_queue %s loses nothing; the bridge declares it again", queue),
	}
}
