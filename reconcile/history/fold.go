package history

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"routesync/state"
)

// Past is what an owner announced at one speaker, right after an entry, as far as the
// record tells.
type Past struct {
	// at is the value of each route at each peer that was ever changed; nil for none.
	at map[state.Key]map[netip.Addr]*moment
}

// moment is a route at a peer as the record has it.
type moment struct {
	value  *Value // after the entry; nil for none
	number int    // of the entry that made it so; 0: it was so before the record began
	now    *Value // as the newest entry left it
	later  bool   // another entry changed it after that
	unseen bool   // the change that made it so was never seen confirmed
	broken bool   // the next change found something else there: somebody is not on record
}

// PastsAfter is the past of each speaker right after each of some entries. What a later
// entry found before it changed something tells of routes that no earlier entry has, so
// that the record need not go back to the beginning: an entry that is damaged or missing
// matters only if one of those that are asked for is older.
func (s *Store) PastsAfter(numbers ...int) ([]map[string]*Past, error) {
	from, err := s.soundFrom(slices.Min(numbers))
	if err != nil {
		return nil, err
	}
	all := make([]map[string]*Past, len(numbers))
	for i, n := range numbers {
		if all[i], err = s.pastAfter(from, n); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// soundFrom is the first entry from which on all to a number are there, and whole.
func (s *Store) soundFrom(number int) (int, error) {
	if _, err := s.Entry(number); err != nil {
		return 0, err
	}
	for number > 1 {
		if _, err := s.Entry(number - 1); err != nil {
			break
		}
		number--
	}
	return number, nil
}

func (s *Store) pastAfter(from, number int) (map[string]*Past, error) {
	all := map[string]*Past{}
	refused := map[*PartOutcome]map[caseID]bool{}
	err := s.Each(from, func(e *Entry, p *PartOutcome, c *Change) error {
		past := all[p.Speaker]
		if past == nil {
			past = &Past{at: map[state.Key]map[netip.Addr]*moment{}}
			all[p.Speaker] = past
		}
		if refused[p] == nil {
			refused[p] = notDone(p.Outcome)
		}
		for _, peer := range c.Peers {
			if !refused[p][caseID{c.Key, peer}] {
				past.add(s.owner, e.Number, number, p.Outcome == nil, peer, c)
			}
		}
		return nil
	})
	return all, err
}

type caseID struct {
	key  state.Key
	peer netip.Addr
}

// notDone are the changes of which it was seen that they were not made.
func notDone(o *Outcome) map[caseID]bool {
	all := map[caseID]bool{}
	if o == nil {
		return all
	}
	for i := range o.Cases {
		if c := &o.Cases[i]; c.NotDone() {
			all[caseID{c.Key, c.Peer}] = true
		}
	}
	return all
}

// add takes a change of an entry into the past after another one.
func (p *Past) add(owner string, of, after int, unseen bool, peer netip.Addr, c *Change) {
	peers := p.at[c.Key]
	if peers == nil {
		peers = map[netip.Addr]*moment{}
		p.at[c.Key] = peers
	}
	before := own(owner, c.Before)
	m := peers[peer]
	if m == nil {
		m = &moment{value: before, now: before}
		peers[peer] = m
	}
	if of > after && !m.later {
		m.later, m.broken = true, !c.Gone && !alike(m.now, before)
	}
	m.now = own(owner, c.After)
	if of <= after {
		m.value, m.number, m.unseen = m.now, of, unseen
	}
}

// own is a value of an owner; nil for one of somebody else.
func own(owner string, v *Value) *Value {
	if v == nil || v.Owner != owner {
		return nil
	}
	return v
}

// alike tells whether two values are the same on the wire, and stay as long.
func alike(a, b *Value) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Attrs == b.Attrs && a.Expires == b.Expires && a.Lease == b.Lease
}

// Restored is the set that was in force after an entry, as it can be asked for now.
type Restored struct {
	Routes []state.Wanted
	// Expired are routes of it that have expired since.
	Expired []state.Key
	// Unseen are routes of which the change that made them so was never seen confirmed.
	Unseen []state.Key
	// Broken are routes that somebody changed after the entry, who is not on record:
	// whether that was before or after the next entry is not known.
	Broken []state.Key
	// Untouched is how many routes no entry has. They are left as they are.
	Untouched int
}

// Restore makes the set of a past, for a speaker with what it advertises now. Times are
// in Unix milliseconds.
func (p *Past) Restore(owner string, now *state.Advertised, at int64) Restored {
	var r Restored
	values := map[state.Key]map[netip.Addr]*Value{}
	put := func(k state.Key, peer netip.Addr, v *Value) {
		if values[k] == nil {
			values[k] = map[netip.Addr]*Value{}
		}
		values[k][peer] = v
	}
	live := map[caseID]*Value{}
	for k, adverts := range now.Routes.All() {
		for _, a := range adverts {
			if a.Owner != owner {
				continue
			}
			for _, x := range a.At {
				if x.Grade != state.Withdrawing {
					live[caseID{k, x.Peer}] = &Value{Owner: owner, Attrs: a.Attrs, Expires: a.From.Expires, Lease: a.From.Lease}
				}
			}
		}
	}
	untouched := map[state.Key]bool{}
	for id, v := range live {
		if p == nil || p.at[id.key] == nil || p.at[id.key][id.peer] == nil {
			put(id.key, id.peer, v)
			untouched[id.key] = true
		}
	}
	r.Untouched = len(untouched)
	if p != nil {
		for k, peers := range p.at {
			p.restore(k, peers, live, at, &r, put)
		}
	}
	for _, keys := range []*[]state.Key{&r.Expired, &r.Unseen, &r.Broken} {
		slices.SortFunc(*keys, state.CompareKeys)
	}
	resolve := now.Resolver()
	for k, at := range values {
		r.Routes = append(r.Routes, wanted(k, at, p.without(k), resolve)...)
	}
	slices.SortFunc(r.Routes, func(a, b state.Wanted) int {
		return cmp.Or(state.CompareKeys(a.Key, b.Key), cmp.Compare(a.Peers, b.Peers))
	})
	return r
}

func (p *Past) restore(k state.Key, peers map[netip.Addr]*moment, live map[caseID]*Value, at int64, r *Restored, put func(state.Key, netip.Addr, *Value)) {
	expired, unseen, broken := false, false, false
	for peer, m := range peers {
		is := live[caseID{k, peer}]
		over := m.now != nil && m.now.Expires != 0 && m.now.Expires <= at
		switch {
		case m.broken, !m.later && !alike(m.now, is) && !(over && is == nil):
			broken = true
		case m.unseen:
			unseen = true
		}
		switch {
		case m.value == nil:
		case m.value.Expires != 0 && m.value.Expires <= at:
			expired = true
		default:
			put(k, peer, m.value)
		}
	}
	if expired {
		r.Expired = append(r.Expired, k)
	}
	if unseen {
		r.Unseen = append(r.Unseen, k)
	}
	if broken {
		r.Broken = append(r.Broken, k)
	}
}

// without lists the peers at which a route was not.
func (p *Past) without(k state.Key) []netip.Addr {
	var peers []netip.Addr
	if p != nil {
		for peer, m := range p.at[k] {
			if m.value == nil {
				peers = append(peers, peer)
			}
		}
	}
	return peers
}

// wanted asks for the values of a route at its peers: as the file did, if that is on
// record and means no peer without the route, else peer by peer.
func wanted(k state.Key, at map[netip.Addr]*Value, without []netip.Addr, resolve func(state.Peers, state.Family) []netip.Addr) []state.Wanted {
	type group struct {
		attrs          state.Attrs
		expires, lease int64
	}
	peers := map[group][]netip.Addr{}
	for _, peer := range slices.SortedFunc(maps.Keys(at), netip.Addr.Compare) {
		v := at[peer]
		g := group{v.Attrs, v.Expires, v.Lease}
		peers[g] = append(peers[g], peer)
	}
	var all []state.Wanted
	for g, addrs := range peers {
		t := &state.Terms{Attrs: g.attrs, Expires: g.expires, Lease: g.lease}
		asked := at[addrs[0]].Asked
		if asked != nil {
			t.Tags, t.Comment = asked.Tags, asked.Comment
		}
		means := func(p state.Peers) bool {
			other := func(a netip.Addr) bool { return at[a].Asked == nil || at[a].Asked.Peers != p }
			return !slices.ContainsFunc(addrs, other) &&
				!slices.ContainsFunc(resolve(p, k.Family), func(a netip.Addr) bool { return slices.Contains(without, a) })
		}
		switch {
		case len(peers) == 1 && asked != nil && means(asked.Peers):
			t.Peers = asked.Peers
		case !slices.Equal(addrs, resolve("", k.Family)):
			t.Peers = state.NewPeers(addrs)
		}
		all = append(all, state.Wanted{Key: k, Terms: t})
	}
	return all
}
