package guard

import (
	"net/netip"
	"slices"

	"routesync/state"
	"routesync/state/rpki"
)

// Case is a plan, and what it is judged by. It is not changed.
type Case struct {
	Desired    *state.Desired // what is asked for now
	Advertised *state.Advertised
	Plan       *state.Plan // from one to the other
	Now        int64       // in Unix milliseconds
	// Tags are those that a route was announced with at a peer, for routes that no
	// file has any more; false if they are not known. It may be nil.
	Tags func(state.Key, netip.Addr) ([]string, bool)
	// Imagined: the peers are no speaker's, so their ASes are not known, and nothing
	// is sent by the plan.
	Imagined bool
	// VRPs is the file that [state.RPKI] names. nil is one that was not read.
	VRPs *rpki.File
	// Changed is how often a route changed within the time of [state.Flap]; nil if
	// none that changed so often is known, or if routes are held one by one (see
	// reconcile/flap). Uncounted is why it can't be told.
	Changed   func(state.Key) int
	Uncounted error
}

// fate is what a plan does about one key of the owner: where it was, and where it
// will be.
type fate struct {
	key     state.Key
	wanted  []state.Wanted
	before  bool         // it is at some peer, and was not told to go
	after   bool         // it will be
	peers   []netip.Addr // where it is, in no order
	leaving []netip.Addr // of them, those that it goes from
	// adverts are what is advertised of a key that is not changed; peers and leaving
	// are those of one that is.
	adverts []state.Advert
}

// gone tells whether the route goes altogether.
func (f *fate) gone() bool { return f.before && !f.after }

// fates gives each key that the owner has, or will have, in order. What is given is
// valid until the next.
func (c *Case) fates(each func(*fate)) {
	changes := c.Plan.Changes
	var f fate
	c.Desired.Join(c.Advertised, func(key state.Key, wanted []state.Wanted, adverts []state.Advert) {
		n := 0
		for n < len(changes) && changes[n].Key == key {
			n++
		}
		f = fate{key: key, wanted: wanted, peers: f.peers[:0], leaving: f.leaving[:0]}
		if n == 0 {
			f.before = slices.ContainsFunc(adverts, func(a state.Advert) bool { return a.Owner == c.Plan.Owner && a.Stands() })
			f.after, f.adverts = f.before, adverts
		} else {
			c.change(&f, adverts, changes[:n])
			changes = changes[n:]
		}
		if f.before || f.after {
			each(&f)
		}
	})
}

// change finds the fate of a key that is changed.
func (c *Case) change(f *fate, adverts []state.Advert, changes []state.Change) {
	for i := range adverts {
		if adverts[i].Owner != c.Plan.Owner {
			continue
		}
		for _, at := range adverts[i].At {
			if at.Grade != state.Withdrawing {
				f.peers = append(f.peers, at.Peer)
			}
		}
	}
	announced := false
	for i := range changes {
		x := &changes[i]
		switch {
		case x.Op() != state.Withdraw:
			announced = true
		case c.expired(x.Advert): // as if it was gone
			f.peers = slices.DeleteFunc(f.peers, func(p netip.Addr) bool { return slices.Contains(x.Peers, p) })
		default:
			f.leaving = append(f.leaving, x.Peers...)
		}
	}
	f.before = len(f.peers) > 0
	f.leaving = slices.DeleteFunc(f.leaving, func(p netip.Addr) bool { return !slices.Contains(f.peers, p) })
	f.after = announced || len(f.leaving) < len(f.peers)
}

// expired tells whether a route goes because its time has come: the bridge
// withdraws it whatever a guard says.
func (c *Case) expired(a *state.Advert) bool { return a.From.Expires != 0 && a.From.Expires <= c.Now }

// tags are those of a route. What the file says is known; what is gone from it, only
// [Case.Tags] knows.
func (c *Case) tags(f *fate) ([]string, bool) {
	var tags []string
	for i := range f.wanted {
		for _, t := range f.wanted[i].Tags {
			if !slices.Contains(tags, t) {
				tags = append(tags, t)
			}
		}
	}
	if len(f.wanted) > 0 || c.Tags == nil {
		return tags, len(f.wanted) > 0
	}
	known := true
	for _, p := range f.peers {
		more, ok := c.Tags(f.key, p)
		known = known && ok
		for _, t := range more {
			if !slices.Contains(tags, t) {
				tags = append(tags, t)
			}
		}
	}
	return tags, known && len(f.peers) > 0
}
