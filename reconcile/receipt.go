package reconcile

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"

	"routesync/state"
)

// receipt is changes that were sent together, and how far they are.
type receipt struct {
	id      int
	changes []state.Change

	begun     bool
	left      []int32 // of the changes, those that were not seen at all of their peers
	peers     []PeerCount
	done      []int // of each peer, how many of those not left were seen
	overtaken map[state.Key]bool
	over      []Unconfirmed // those not left that were overtaken
	looked    time.Time     // zero if it was not yet
	told      counts        // as of the last look
}

// counts is how many changes at peers are in each standing.
type counts map[Standing]int

// look looks how far the changes are, and tells whether that is worth telling:
// nothing is pending any more, or a peer has them all.
func (s *receipt) look(in *inspector, now time.Time) (changed bool) {
	s.begin()
	seen, all := slices.Clone(s.done), counts{}
	still := s.left[:0]
	s.each(in.set, func(i int32, adverts []state.Advert) {
		over := len(s.changes[i].Peers) > 0
		for _, peer := range s.changes[i].Peers {
			standing, _ := in.at(s, i, peer, adverts)
			if standing == "" {
				seen[s.peer(peer)]++
				continue
			}
			all[standing]++
			over = over && standing.over()
		}
		if !over {
			still = append(still, i)
			return
		}
		for _, peer := range s.changes[i].Peers {
			if standing, _ := in.at(s, i, peer, adverts); standing == "" {
				s.done[s.peer(peer)]++
			} else {
				s.over = append(s.over, Unconfirmed{Key: s.changes[i].Key, Peer: peer, State: standing})
			}
		}
	})
	s.left = still
	for i := range s.peers {
		p := &s.peers[i]
		if p.Confirmed = seen[i]; p.Confirmed < p.Changes {
			p.When = time.Time{}
		} else if p.When.IsZero() {
			p.When, changed = now, true
		}
	}
	changed = changed || len(s.left) == 0 || all[StandsPending] == 0 && (s.looked.IsZero() || !maps.Equal(all, s.told))
	s.looked, s.told = now, all
	return changed
}

// confirming is what was seen by the last look.
func (s *receipt) confirming(in *inspector) Confirming {
	return Confirming{ID: s.id, At: s.looked, Final: len(s.left) == 0, Peers: slices.Clone(s.peers), Open: s.cases(in)}
}

// begin counts what there is to see.
func (s *receipt) begin() {
	if s.begun {
		return
	}
	s.begun = true
	total := map[netip.Addr]int{}
	s.left = make([]int32, len(s.changes))
	for i := range s.changes {
		s.left[i] = int32(i)
		for _, peer := range s.changes[i].Peers {
			total[peer]++
		}
	}
	for _, peer := range slices.SortedFunc(maps.Keys(total), netip.Addr.Compare) {
		s.peers = append(s.peers, PeerCount{Peer: peer, Changes: total[peer]})
	}
	s.done = make([]int, len(s.peers))
}

func (s *receipt) peer(a netip.Addr) int {
	i, _ := slices.BinarySearchFunc(s.peers, a, func(p PeerCount, a netip.Addr) int { return p.Peer.Compare(a) })
	return i
}

// each gives f what is left, with what is advertised of its key. If that is much, it
// is faster to walk all that is advertised than to look each up.
func (s *receipt) each(set *state.Advertised, f func(int32, []state.Advert)) {
	rest := s.left
	if float64(len(rest)) < float64(set.Routes.Len())/16 {
		for _, i := range rest {
			f(i, set.Routes.Get(s.changes[i].Key))
		}
		return
	}
	for k, adverts := range set.Routes.All() {
		for len(rest) > 0 {
			c := state.CompareKeys(s.changes[rest[0]].Key, k)
			if c > 0 {
				break
			}
			if c == 0 {
				f(rest[0], adverts)
			} else {
				f(rest[0], nil)
			}
			rest = rest[1:]
		}
	}
	for _, i := range rest {
		f(i, nil)
	}
}

// cases names what is not confirmed.
func (s *receipt) cases(in *inspector) []Unconfirmed {
	all := slices.Clone(s.over)
	s.each(in.set, func(i int32, adverts []state.Advert) {
		c := &s.changes[i]
		for _, peer := range c.Peers {
			if standing, reason := in.at(s, i, peer, adverts); standing != "" {
				all = append(all, Unconfirmed{c.Key, peer, standing, reason})
			}
		}
		if len(c.Peers) == 0 {
			standing, reason := in.not(s, i, netip.Addr{}, adverts)
			all = append(all, Unconfirmed{Key: c.Key, State: standing, Reason: reason})
		}
	})
	slices.SortStableFunc(all, func(a, b Unconfirmed) int {
		return cmp.Or(state.CompareKeys(a.Key, b.Key), a.Peer.Compare(b.Peer))
	})
	return all
}

// overtake notes that the routes of some changes are sent anew.
func (s *receipt) overtake(changes []state.Change) {
	for i := range changes {
		k := changes[i].Key
		if len(s.find(k)) == 0 {
			continue
		}
		if s.overtaken == nil {
			s.overtaken = map[state.Key]bool{}
		}
		s.overtaken[k] = true
	}
}

// has tells whether a change is one that was sent, and is still to be seen.
func (s *receipt) has(c *state.Change) bool {
	if s.overtaken[c.Key] {
		return false
	}
	for _, i := range s.find(c.Key) {
		if x := &s.changes[i]; x.SameAs(c) && sameTerms(x, c) {
			return true
		}
	}
	return false
}

// sameTerms tells whether what two changes ask for stays as long.
func sameTerms(a, b *state.Change) bool {
	return a.Wanted == nil || a.Wanted.Expires == b.Wanted.Expires && a.Wanted.Lease == b.Wanted.Lease
}

// find lists what is left of a key.
func (s *receipt) find(k state.Key) []int32 {
	s.begin()
	at, _ := slices.BinarySearchFunc(s.left, k, func(i int32, k state.Key) int { return state.CompareKeys(s.changes[i].Key, k) })
	n := at
	for n < len(s.left) && s.changes[s.left[n]].Key == k {
		n++
	}
	return s.left[at:n]
}

// inspector tells what is seen of changes.
type inspector struct {
	set      *state.Advertised
	owner    string
	refusals map[state.Key][]state.Refusal
}

// at is the standing of a change at a peer; "" if it is confirmed.
func (in *inspector) at(s *receipt, i int32, peer netip.Addr, adverts []state.Advert) (Standing, string) {
	c := &s.changes[i]
	own, attrs := in.own(adverts, peer)
	if c.Wanted == nil {
		if own == nil {
			return "", ""
		}
		if own.Grade != state.Withdrawing {
			return in.not(s, i, peer, adverts)
		}
		return StandsPending, ""
	}
	asIs := own != nil && attrs.Attrs == c.Wanted.Attrs && attrs.From.Expires == c.Wanted.Expires && attrs.From.Lease == c.Wanted.Lease
	switch {
	case !asIs:
		return in.not(s, i, peer, adverts)
	case own.Grade == state.Sent:
		return "", ""
	case own.Grade == state.Held:
		return StandsHeld, own.Reason
	case own.Grade == state.Unsent:
		return StandsUnsent, own.Reason
	case own.Grade == state.Withdrawing:
		return in.not(s, i, peer, adverts)
	}
	return StandsPending, own.Reason
}

// not is why a change is not there.
func (in *inspector) not(s *receipt, i int32, peer netip.Addr, adverts []state.Advert) (Standing, string) {
	c := &s.changes[i]
	if s.overtaken[c.Key] {
		return StandsOvertaken, ""
	}
	for _, r := range in.refused(c.Key) {
		if r.Attrs == c.After() {
			return StandsRefused, r.Reason
		}
	}
	switch {
	case len(c.Peers) == 0:
		return StandsNowhere, "the speaker has no peer with the family"
	case c.Wanted != nil && foreignAt(adverts, in.owner, peer):
		return StandsForeign, ""
	}
	return StandsPending, ""
}

// own is what the owner has at a peer.
func (in *inspector) own(adverts []state.Advert, peer netip.Addr) (*state.At, *state.Advert) {
	for i := range adverts {
		if adverts[i].Owner != in.owner {
			continue
		}
		for j := range adverts[i].At {
			if adverts[i].At[j].Peer == peer {
				return &adverts[i].At[j], &adverts[i]
			}
		}
	}
	return nil, nil
}

func (in *inspector) refused(k state.Key) []state.Refusal {
	if in.refusals == nil {
		in.refusals = map[state.Key][]state.Refusal{}
		for _, r := range in.set.Refused {
			if r.Owner == in.owner {
				in.refusals[r.Key] = append(in.refusals[r.Key], r)
			}
		}
	}
	return in.refusals[k]
}
