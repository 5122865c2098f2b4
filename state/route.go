package state

import (
	"fmt"
	"net/netip"
	"slices"
)

// Position is where in a file something stands; Line and Column count from 1.
// They are of 32 bits, for every route has one, and no file that is read has more.
type Position struct {
	File         string
	Line, Column int32
}

func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Wanted is one route that a file asks for. Terms is never nil.
type Wanted struct {
	Key Key
	*Terms
	Pos Position
}

// Terms are what is asked for on a route besides its key. The routes of a large
// file have few between them and share them, so they must not be changed; who
// needs others makes a copy. Equal terms need not be the same pointer. Times are
// in Unix milliseconds.
type Terms struct {
	Attrs   Attrs
	Peers   Peers
	Tags    []string
	Comment string
	// Starts and Expires bound the time in which the route is asked for, the
	// second not included; 0 is no bound.
	Starts, Expires int64
	// Lease is for how many milliseconds the route outlives the last sign of
	// life of whoever asks for it; 0 is for ever.
	Lease int64
}

// ends tells whether a route that is advertised ends as it is asked for.
func (w *Wanted) ends(p Provenance) bool { return w.Expires == p.Expires && w.Lease == p.Lease }

// Desired is the set that a file asks for. No two of its routes have the same
// key for the same peer, and they are in the order of [CompareKeys].
type Desired struct {
	Owner    string
	Speakers []string
	Routes   []Wanted
	// Revision is of the whole file, whatever of it is asked for now; whoever
	// reads the file sets it.
	Revision Revision
	// Policy is what a plan for the set may not do; nil is [DefaultPolicy].
	Policy *Policy
}

// Find returns the route that is asked for at a peer, nil if none is, or if
// only the speaker's configuration tells which. The zero Addr is any peer.
func (d *Desired) Find(k Key, peer netip.Addr) *Wanted {
	i, found := slices.BinarySearchFunc(d.Routes, k, func(w Wanted, k Key) int { return CompareKeys(w.Key, k) })
	var may []*Wanted // be for the peer, for all that is known here
	for ; found && i < len(d.Routes) && d.Routes[i].Key == k; i++ {
		w := &d.Routes[i]
		addrs := w.Peers.Addrs()
		switch {
		case !peer.IsValid() || w.Peers.All() || slices.Contains(addrs, peer):
			return w
		case len(addrs) < len(w.Peers.Selectors()):
			may = append(may, w)
		}
	}
	if len(may) == 1 {
		return may[0]
	}
	return nil
}
