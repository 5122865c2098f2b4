package rabbit

import (
	"errors"
	"fmt"
)

// What callers branch on.
var (
	// ErrNoRoute: a mandatory message reached no queue.
	ErrNoRoute = errors.New("no queue takes the message")
	// ErrNoQueue: a queue that somebody else was to declare is not there.
	ErrNoQueue = errors.New("there is no such queue")
	// ErrRejected: the broker refused a message, as it does when a queue is full.
	ErrRejected = errors.New("the broker rejected the message")
	// ErrTooLarge: a message is larger than the broker takes.
	ErrTooLarge = errors.New("the message is larger than the broker takes")
	// ErrInternal: the broker failed at what it was asked for.
	ErrInternal = errors.New("the broker fails")
	// ErrUnreadable: a message came that no session can take.
	ErrUnreadable = errors.New("a message can't be read")
	// ErrLocked: another session holds what only one may hold.
	ErrLocked = errors.New("held by another connection")
	// ErrStop, wrapped by what work returns, ends Broker.Run.
	ErrStop = errors.New("stop")
	// ErrClosed is the cause of the end of a session that was closed, not broken.
	ErrClosed = errors.New("session closed")
)

// What an attempt to connect is refused for. No wait mends it, but an operator
// may at any time.
var (
	// ErrLogin: the broker does not know the user, or not with this password.
	ErrLogin = errors.New("the broker refuses user and password")
	// ErrNoVhost: the broker has no such vhost.
	ErrNoVhost = errors.New("the broker has no such vhost")
	// ErrVhost: the user has no permissions in the vhost at all.
	ErrVhost = errors.New("the broker does not let the user into the vhost")
	// ErrLimit: the user, the vhost or the node has as many connections as it may.
	ErrLimit = errors.New("the broker takes no more connections")
)

// Refused tells whether an error is an answer of the broker that stays the same
// until an operator changes something there.
func Refused(err error) bool {
	var denied *DeniedError
	return errors.As(err, &denied) || errors.Is(err, ErrLogin) || errors.Is(err, ErrNoVhost) ||
		errors.Is(err, ErrVhost) || errors.Is(err, ErrLimit)
}

// BlockedError says that the broker takes no messages now, and why.
type BlockedError struct{ Reason string }

func (e *BlockedError) Error() string { return "the broker takes no messages (" + e.Reason + ")" }

// The permissions of a user for a resource
// (https://www.rabbitmq.com/docs/access-control#authorisation).
const (
	Configure = "configure"
	Write     = "write"
	Read      = "read"
)

// DeniedError says which permission a user lacks.
type DeniedError struct {
	Permission string // Configure, Write or Read
	Resource   string // as the broker names it: queue 'rs.cmd.edge1'
	Vhost      string
	User       string
	// Grant is the command that gives the user what it needs; "" if that is not known.
	Grant string
	err   error
}

func (e *DeniedError) Error() string {
	return fmt.Sprintf("user %s lacks the permission %s for %s in vhost %s: %v", e.User, e.Permission, e.Resource, e.Vhost, e.err)
}

func (e *DeniedError) Unwrap() error { return e.err }
