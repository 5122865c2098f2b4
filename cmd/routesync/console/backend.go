package console

import (
	"cmp"
	"context"
	"net/netip"

	"routesync/bridge/wire"
	"routesync/state"
)

// Backend is what the console has of the speakers. Every call ends when its
// context does. An error that wraps a [state.Fault] is shown with its hint.
type Backend interface {
	// Speakers lists the speakers; the first is the current one at the start.
	Speakers() []string
	// Give hands commands to a speaker, which carries them out in order, and
	// behind those of an earlier Give. Each result comes when it is settled, in
	// any order; what was not given by the end of ctx is [wire.NotGiven]. The
	// channel has room for all of them, so that whoever reads it late holds up
	// nobody. It is closed when all are there, or ctx ended. An error means that
	// nothing was given.
	Give(ctx context.Context, speaker string, commands []wire.Command) (<-chan wire.Result, error)
	// Peers lists the peers of a speaker, in the order of their addresses.
	Peers(ctx context.Context, speaker string) ([]state.Neighbor, error)
	// Advertised is what the speaker's bridge confirms; it is the caller's.
	Advertised(ctx context.Context, speaker string) (state.Advertised, error)
	// Received lists the routes that the speaker's peers sent it and that the
	// filter takes.
	Received(ctx context.Context, speaker string, filter Filter) ([]Received, error)
	// Notices carries what comes by itself; it is never closed.
	Notices() <-chan Notice
	// Locate asks whoever keeps an owner's routes where they have this one; ok
	// is false if nobody says.
	Locate(ctx context.Context, speaker, owner string, key state.Key, peer netip.Addr) (where Place, ok bool)
}

// Place is where a route is kept.
type Place struct {
	// Text names the line of the file and who watches it, or without a line who
	// announced the route.
	Text  string
	Ended bool // whoever announced it does nothing more
	// Kept is what the file has of it, where that is known.
	Kept []state.Attrs
}

// Published is the verdict where a command went to a helper that answers
// nothing: the broker has it, and no more is known.
const Published wire.Verdict = "published"

// Received is a route as a peer sent it. It is text, for it may be of a family
// that this version can't name.
type Received struct {
	Peer                netip.Addr
	Family, NLRI, Attrs string
}

// compare orders by peer, and then as people order routes.
func (r Received) compare(other Received) int {
	p, _ := netip.ParsePrefix(r.NLRI) // what is no prefix comes first
	q, _ := netip.ParsePrefix(other.NLRI)
	return cmp.Or(r.Peer.Compare(other.Peer), cmp.Compare(r.Family, other.Family),
		p.Addr().Compare(q.Addr()), cmp.Compare(p.Bits(), q.Bits()), cmp.Compare(r.NLRI, other.NLRI))
}

// Notice is something that happened at a speaker: routes that a peer sent, or,
// without NLRI, what Text says.
type Notice struct {
	Speaker  string // "" if it concerns all
	Text     string // e.g. "session 192.0.2.1 up"
	Peer     netip.Addr
	Withdraw bool
	Family   string
	NLRI     []string
}
