package state

import (
	"fmt"
	"net/netip"
	"slices"
)

// Grade says how far a route has come at one peer.
type Grade uint8

const (
	// Accepted: exaBGP answered for the command and holds the route; whether
	// the peer got it is not known yet.
	Accepted Grade = iota + 1
	// Held: the peer's session is down; exaBGP sends the route when it is up.
	Held
	// Unsent: exaBGP does not send the route though the session is up, or it is
	// one that does not say whether it does; the reason says which.
	Unsent
	// Sent: exaBGP reported an UPDATE with this route written to this peer in
	// the current session.
	Sent
	// Withdrawing: exaBGP was told to withdraw the route, and the peer still
	// has it as far as is known.
	Withdrawing
)

func gradeWords() []string { return []string{"", "accepted", "held", "unsent", "sent", "withdrawing"} }

func (g Grade) String() string {
	if words := gradeWords(); int(g) < len(words) {
		return words[g]
	}
	return fmt.Sprintf("grade %d", uint8(g))
}

// ParseGrade reads what [Grade.String] writes.
func ParseGrade(text string) (Grade, error) {
	if i := slices.Index(gradeWords(), text); i > 0 {
		return Grade(i), nil
	}
	return 0, fmt.Errorf("grade %q is not known", text)
}

// At is a route's grade at one peer.
type At struct {
	Peer   netip.Addr
	Grade  Grade
	Reason string // why Unsent
}

// Advert is one value of a route, as one owner announced it, at the peers that
// it was announced to. The peers are in order.
type Advert struct {
	Attrs Attrs
	// Owner is who announced it; "" is nobody that the bridge knows of: the
	// speaker's own configuration, or a command typed behind the bridge's back.
	Owner string
	// From is who gave a route by hand, and how long it stays; zero for most.
	From Provenance
	At   []At
}

// Stands tells whether the route is at some peer and was not told to go.
func (a *Advert) Stands() bool {
	return slices.ContainsFunc(a.At, func(at At) bool { return at.Grade != Withdrawing })
}

// Provenance is where a route comes from, and how long it stays. Times are in
// Unix milliseconds.
type Provenance struct {
	By      string // who gave a route by hand: "alice on noc1 (console)"; "" for one of a file
	At      int64  // when it was given by hand
	Expires int64  // when the bridge withdraws it by itself; 0 for never
	// Lease is for how many milliseconds its commander may be silent until the
	// bridge withdraws it; 0 for ever.
	Lease int64
}

// Refusal is a change that the bridge or exaBGP would not take.
type Refusal struct {
	Key    Key
	Owner  string
	Attrs  Attrs // what was asked for; the zero Attrs for a withdrawal
	Peers  Peers
	Reason string
}

// Contest is a route that two owners ask for at the same peer. The holder was
// first, and keeps it.
type Contest struct {
	Key           Key
	Owner, Holder string // who asks for it, and who has it
}

// Neighbor is a peer as the speaker has it.
type Neighbor struct {
	Addr            netip.Addr
	LocalAS, PeerAS uint32
	Tags            []string // that the speaker's configuration gives it
	Up              bool
	Since           int64    // of Up or of down, in Unix milliseconds; 0 if not known
	Families        []Family // that the speaker's configuration offers
	// Lacks says what the speaker's configuration of this peer is short of,
	// each with the line to add.
	Lacks []string
	// Self is what it got for next-hop self in this session: the address in
	// IPv4 families, and that in IPv6 families, of those that were sent.
	Self []netip.Addr
	// Received is how many routes the peer announces; nil if that is not known.
	Received *int
}

// Advertised is what a speaker's bridge confirms. Nothing may be withdrawn on
// its word unless it is Complete.
type Advertised struct {
	Speaker  string
	Complete bool
	Peers    []Neighbor // in the order of their addresses
	Routes   Table
	Refused  []Refusal
	// Contests are what commanders last said of routes that they can't have,
	// the first [MaxContests] of each owner.
	Contests []Contest
}

// MaxContests bounds the contests that one owner tells of.
const MaxContests = 100

// Contested lists the contests whose holder still has the route: one that has
// given it up does not keep it from anybody.
func (a *Advertised) Contested() []Contest {
	var all []Contest
	for _, c := range a.Contests {
		held := slices.ContainsFunc(a.Routes.Get(c.Key), func(x Advert) bool { return x.Owner == c.Holder })
		if held && c.Owner != c.Holder {
			all = append(all, c)
		}
	}
	return all
}

// ContestsOf lists the routes of an owner that another asks for too.
func (a *Advertised) ContestsOf(holder string) []Contest {
	return slices.DeleteFunc(a.Contested(), func(c Contest) bool { return c.Holder != holder })
}

// Grade returns the grade of a route with these attributes, announced by
// owner, at peer; false if there is no such route there.
func (a *Advertised) Grade(k Key, attrs Attrs, owner string, peer netip.Addr) (At, bool) {
	return GradeIn(a.Routes.Get(k), attrs, owner, peer)
}

// GradeIn is [Advertised.Grade] among what is advertised of a key.
func GradeIn(adverts []Advert, attrs Attrs, owner string, peer netip.Addr) (At, bool) {
	for _, advert := range adverts {
		if advert.Owner != owner || advert.Attrs != attrs {
			continue
		}
		for _, at := range advert.At {
			if at.Peer == peer {
				return at, true
			}
		}
	}
	return At{}, false
}

// Resolve lists the addresses that p means for routes of a family, in order.
// Every peer of the speaker, and those of an AS or a tag, are every one whose
// session is configured for the family. An address is meant as it stands: if
// the speaker can't send the route there, that has to be said.
func (a *Advertised) Resolve(p Peers, f Family) []netip.Addr {
	if p.All() {
		return a.offering(f, func(*Neighbor) bool { return true })
	}
	list := p.Selectors()
	addrs := p.Addrs()
	if len(addrs) == len(list) {
		return addrs
	}
	list = list[len(addrs):] // addresses come first
	addrs = append(addrs, a.offering(f, func(n *Neighbor) bool {
		return slices.ContainsFunc(list, func(s Selector) bool { return s.has(n) })
	})...)
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs)
}

// Resolver is [Advertised.Resolve] for many routes: most of a large file are for
// the same few peers. What it returns must not be changed.
func (a *Advertised) Resolver() func(Peers, Family) []netip.Addr {
	type question struct {
		peers  Peers
		family Family
	}
	known := map[question][]netip.Addr{}
	var last question
	var answer []netip.Addr
	return func(p Peers, f Family) []netip.Addr {
		q := question{p, f}
		if q == last && len(known) > 0 {
			return answer
		}
		addrs, there := known[q]
		if !there {
			addrs = a.Resolve(p, f)
			known[q] = addrs
		}
		last, answer = q, addrs
		return addrs
	}
}

// offering lists the neighbors whose session is configured for a family.
func (a *Advertised) offering(f Family, which func(*Neighbor) bool) []netip.Addr {
	var addrs []netip.Addr
	for i := range a.Peers {
		if n := &a.Peers[i]; slices.Contains(n.Families, f) && which(n) {
			addrs = append(addrs, n.Addr)
		}
	}
	return addrs
}
