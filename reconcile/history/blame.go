package history

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"routesync/state"
)

// Found is all that is on record of some routes at one speaker.
type Found struct {
	Speaker string
	Keys    []state.Key             // in order
	Of      map[state.Key][]Setting // the newest first
	Missed  []Setting               // parts before which something is not on record, the newest first
}

// Find finds all changes of the routes that match tells, of each speaker, in the order
// of their names. Of a damaged entry there is nothing; its error is in damaged.
func (s *Store) Find(match func(state.Key) bool) (all []*Found, damaged []error, err error) {
	numbers, err := s.Numbers()
	if err != nil {
		return nil, nil, err
	}
	at := func(speaker string) *Found {
		i, there := slices.BinarySearchFunc(all, speaker, func(f *Found, name string) int { return strings.Compare(f.Speaker, name) })
		if !there {
			all = slices.Insert(all, i, &Found{Speaker: speaker, Of: map[state.Key][]Setting{}})
		}
		return all[i]
	}
	for _, n := range slices.Backward(numbers) {
		e, err := s.Entry(n)
		if err != nil {
			damaged = append(damaged, err)
			continue
		}
		for i := range slices.Backward(e.Parts) {
			p := &e.Parts[i]
			f := at(p.Speaker)
			var found []Setting
			if err := s.Changes(n, &p.Part, func(c *Change) error {
				if match(c.Key) {
					found = append(found, Setting{e, p, *c})
				}
				return nil
			}); err != nil {
				damaged = append(damaged, err)
				continue
			}
			for _, x := range found {
				f.Of[x.Key] = append(f.Of[x.Key], x)
			}
			if p.Missed > 0 {
				f.Missed = append(f.Missed, Setting{Entry: e, Part: p})
			}
		}
	}
	for _, f := range all {
		for k := range f.Of {
			f.Keys = append(f.Keys, k)
		}
		slices.SortFunc(f.Keys, state.CompareKeys)
	}
	return all, damaged, nil
}

// Difference is what separates two pasts of one speaker: the changes that lead from one
// to the other, in the order of their keys. Either may be nil.
func Difference(from, to *Past) []Change {
	keys := map[state.Key]bool{}
	for _, p := range []*Past{from, to} {
		if p != nil {
			for k := range p.at {
				keys[k] = true
			}
		}
	}
	var all []Change
	for k := range keys {
		all = append(all, differenceOf(k, from, to)...)
	}
	slices.SortFunc(all, func(a, b Change) int {
		if c := state.CompareKeys(a.Key, b.Key); c != 0 {
			return c
		}
		return a.Peers[0].Compare(b.Peers[0])
	})
	return all
}

func differenceOf(k state.Key, from, to *Past) []Change {
	peers := map[netip.Addr]bool{}
	value := func(p *Past, a netip.Addr) *Value {
		if p == nil || p.at[k] == nil || p.at[k][a] == nil {
			return nil
		}
		return p.at[k][a].value
	}
	for _, p := range []*Past{from, to} {
		if p != nil {
			for a := range p.at[k] {
				peers[a] = true
			}
		}
	}
	var all []Change
	for _, a := range slices.SortedFunc(maps.Keys(peers), netip.Addr.Compare) {
		was, is := value(from, a), value(to, a)
		if alike(was, is) {
			continue
		}
		i := slices.IndexFunc(all, func(c Change) bool { return alike(c.Before, was) && alike(c.After, is) })
		if i < 0 {
			all = append(all, Change{Key: k, Before: was, After: is})
			i = len(all) - 1
		}
		all[i].Peers = append(all[i].Peers, a)
	}
	return all
}
