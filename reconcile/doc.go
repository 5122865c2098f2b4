// Package reconcile decides and sequences: it compares what a file asks for
// with what a speaker confirms, and sends the difference until there is none.
//
// Its invariants:
//
//   - Nothing is sent before both sets are known complete.
//   - The next difference is computed from what the bridge confirms, never from
//     what was sent, and only when everything sent before was answered.
//   - What was refused is not sent again until the file changes, the bridge
//     begins anew, or time passes.
//   - What is asked for is what is in force now: a route starts and expires
//     without a save.
//   - A plan that a guard refuses is not sent, nor any part of it, and the file that
//     leads to it is not in force.
//   - A file that can't be read or is invalid changes nothing.
package reconcile

import (
	"context"

	"routesync/state"
)

// Source is the state of one speaker over one connection. It belongs to one
// goroutine.
type Source interface {
	// Advertised is the set as of the last Await, valid until the next.
	Advertised() *state.Advertised
	// Await returns nil when the state may have changed or wake is signalled,
	// the error of ctx when that ends, and another error when the connection
	// is of no use any more.
	Await(ctx context.Context, wake <-chan struct{}) error
}

// Speaker is a source that can be commanded.
type Speaker interface {
	Source
	// Settled tells whether everything that was sent was answered, and more
	// may be sent.
	Settled() bool
	// Touched are the keys of which what is advertised may have become something
	// else since it was asked last, in any order; all is any key.
	Touched() (keys []state.Key, all bool)
	// Epoch is another one when what was sent before, and not answered, is
	// lost: it may not have been tried at all.
	Epoch() int64
	// Declare says of which file the set is that is sent from now on.
	Declare(r state.Revision)
	// Left tells how many changes the last plan has, whether they may be sent or not.
	Left(n int)
	// Send gives the speaker changes; what becomes of them shows in Advertised.
	Send(ctx context.Context, changes []state.Change) error
	// Overrides are what people gave the speaker to lift guards with, for the owner.
	Overrides() []state.Override
	// CarriedOut tells that the plans were carried out that overrides are for.
	CarriedOut([]state.Override)
	// Contest tells the others which routes of theirs are asked for.
	Contest(ctx context.Context, contests []state.Contest) error
}

// Observe waits until the speaker's set is complete.
func Observe(ctx context.Context, source Source) error {
	for !source.Advertised().Complete {
		if err := source.Await(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}
