package history

import (
	"fmt"
	"net/netip"
	"slices"

	"routesync/state"
)

// Setting is a change of a route that is on record, and where.
type Setting struct {
	Entry *Entry
	Part  *PartOutcome
	Change
}

// Settings are the last changes of some routes at some peers.
type Settings struct {
	of    map[state.Key][]Setting // of each key, the newest first
	asked map[state.Key][]netip.Addr
}

// At is the last change of a route at a peer; false if none is on record. The zero
// Addr is any peer.
func (s *Settings) At(k state.Key, peer netip.Addr) (Setting, bool) {
	if s == nil {
		return Setting{}, false
	}
	for _, x := range s.of[k] {
		if !peer.IsValid() || slices.Contains(x.Peers, peer) {
			return x, true
		}
	}
	return Setting{}, false
}

// Tags are those that a route was last announced with at a peer; false if that is not
// on record.
func (s *Settings) Tags(k state.Key, peer netip.Addr) ([]string, bool) {
	x, ok := s.At(k, peer)
	if !ok || x.After == nil || x.After.Asked == nil {
		return nil, false
	}
	return x.After.Asked.Tags, true
}

// Last finds the last change of the routes that some changes are about, at a speaker.
// It reads from the newest entry back, until it has found all, or there is no more. A
// damaged entry ends it: what is older may be overtaken by what that says.
func (s *Store) Last(speaker string, changes []state.Change) (*Settings, error) {
	out := &Settings{of: map[state.Key][]Setting{}, asked: map[state.Key][]netip.Addr{}}
	for i := range changes {
		c := &changes[i]
		out.asked[c.Key] = append(out.asked[c.Key], c.Peers...)
	}
	numbers, err := s.Numbers()
	if err != nil {
		return out, err
	}
	for _, n := range slices.Backward(numbers) {
		if len(out.asked) == 0 {
			return out, nil
		}
		e, err := s.Entry(n)
		if err != nil {
			return out, err
		}
		for i := range slices.Backward(e.Parts) {
			p := &e.Parts[i]
			if p.Speaker != speaker {
				continue
			}
			var found []Setting
			refused := notDone(p.Outcome)
			err := s.Changes(n, &p.Part, func(c *Change) error {
				if _, asked := out.asked[c.Key]; !asked {
					return nil
				}
				if x := c.less(refused); len(x.Peers) > 0 {
					found = append(found, Setting{e, p, x})
				}
				return nil
			})
			if err != nil {
				return out, err
			}
			out.take(found)
		}
	}
	return out, nil
}

// less is the change at the peers where it was not seen to be refused.
func (c *Change) less(refused map[caseID]bool) Change {
	x := *c
	if len(refused) > 0 {
		x.Peers = slices.DeleteFunc(slices.Clone(c.Peers), func(a netip.Addr) bool { return refused[caseID{c.Key, a}] })
	}
	return x
}

// take takes what was found in a part. What is known of all its peers is not asked for
// any more.
func (s *Settings) take(found []Setting) {
	for _, x := range found {
		asked, still := s.asked[x.Key]
		s.of[x.Key] = append(s.of[x.Key], x)
		asked = slices.DeleteFunc(slices.Clone(asked), func(a netip.Addr) bool { return slices.Contains(x.Peers, a) })
		switch {
		case !still:
		case len(asked) == 0:
			delete(s.asked, x.Key)
		default:
			s.asked[x.Key] = asked
		}
	}
}

// Each gives f every change that is on record from an entry on, in the order in which
// they were sent, with the entry and the part that it is of.
func (s *Store) Each(from int, f func(*Entry, *PartOutcome, *Change) error) error {
	numbers, err := s.Numbers()
	if err != nil {
		return err
	}
	for len(numbers) > 0 && numbers[0] < from {
		numbers = numbers[1:]
	}
	for i, n := range numbers {
		if i > 0 && n != numbers[i-1]+1 {
			return &DamagedError{s.entryDir(numbers[i-1] + 1), fmt.Errorf("it is missing, and %d is there", n)}
		}
		e, err := s.Entry(n)
		if err != nil {
			return err
		}
		for i := range e.Parts {
			p := &e.Parts[i]
			if err := s.Changes(n, &p.Part, func(c *Change) error { return f(e, p, c) }); err != nil {
				return err
			}
		}
	}
	return nil
}
