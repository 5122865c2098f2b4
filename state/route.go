package state

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Peers names the peers that a route is for: "" is every peer of the speaker,
// otherwise addresses in order, joined by commas. It is comparable.
type Peers string

// NewPeers is the canonical list of the addresses given; none means every
// peer.
func NewPeers(addrs []netip.Addr) Peers {
	sorted := slices.Clone(addrs)
	slices.SortFunc(sorted, netip.Addr.Compare)
	sorted = slices.Compact(sorted)
	words := make([]string, len(sorted))
	for i, a := range sorted {
		words[i] = a.String()
	}
	return Peers(strings.Join(words, ","))
}

// ParsePeer reads the address of a peer.
func ParsePeer(text string) (netip.Addr, error) {
	a, err := parseAddr(text)
	if err != nil {
		return a, &Fault{Msg: fmt.Sprintf("peer %v", err), Hint: "write the neighbor's address as exaBGP's configuration has it"}
	}
	return a, nil
}

// All tells whether p stands for every peer of the speaker.
func (p Peers) All() bool { return p == "" }

// Addrs lists the addresses in order; nil for every peer.
func (p Peers) Addrs() []netip.Addr {
	if p.All() {
		return nil
	}
	var addrs []netip.Addr
	for word := range strings.SplitSeq(string(p), ",") {
		if a, err := netip.ParseAddr(word); err == nil {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// Overlap tells whether some peer can be in both.
func (p Peers) Overlap(q Peers) bool {
	if p.All() || q.All() {
		return true
	}
	qs := q.Addrs()
	return slices.ContainsFunc(p.Addrs(), func(a netip.Addr) bool { return slices.Contains(qs, a) })
}

// Position is where in a file something stands; Line and Column count from 1.
type Position struct {
	File         string
	Line, Column int
}

func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Wanted is one route that a file asks for. Times are in Unix milliseconds.
type Wanted struct {
	Key     Key
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
	Pos   Position
}

// ends tells whether a route that is advertised ends as it is asked for.
func (w *Wanted) ends(p Provenance) bool { return w.Expires == p.Expires && w.Lease == p.Lease }

// Desired is the set that a file asks for. No two of its routes have the same
// key for the same peer, and they are in the order of [CompareKeys].
type Desired struct {
	Owner    string
	Speakers []string
	Routes   []Wanted
}

// Find returns the route that is asked for at a peer, nil if none is. The zero
// Addr is any peer.
func (d *Desired) Find(k Key, peer netip.Addr) *Wanted {
	i, found := slices.BinarySearchFunc(d.Routes, k, func(w Wanted, k Key) int { return CompareKeys(w.Key, k) })
	for ; found && i < len(d.Routes) && d.Routes[i].Key == k; i++ {
		w := &d.Routes[i]
		if !peer.IsValid() || w.Peers.All() || slices.Contains(w.Peers.Addrs(), peer) {
			return w
		}
	}
	return nil
}
