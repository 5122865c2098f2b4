package rabbit

import "errors"

// What callers branch on.
var (
	// ErrNoRoute: a mandatory message reached no queue.
	ErrNoRoute = errors.New("no queue takes the message")
	// ErrNoQueue: a queue that somebody else was to declare is not there.
	ErrNoQueue = errors.New("there is no such queue")
	// ErrRejected: the broker refused a message, as it does when a queue is full.
	ErrRejected = errors.New("the broker rejected the message")
	// ErrUnreadable: a message came that no session can take.
	ErrUnreadable = errors.New("a message can't be read")
	// ErrLocked: another session holds what only one may hold.
	ErrLocked = errors.New("held by another connection")
	// ErrStop, wrapped by what work returns, ends Broker.Run.
	ErrStop = errors.New("stop")
	// ErrClosed is the cause of the end of a session that was closed, not broken.
	ErrClosed = errors.New("session closed")
)

// errRefused marks an attempt to connect that the broker answered with no.
var errRefused = errors.New("the broker refuses the connection")
