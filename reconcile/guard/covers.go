package guard

import (
	"net/netip"
	"slices"

	"routesync/state"
)

// Cover is what holds a prefix once its route has gone: the most specific route
// that stays or comes, of whatever owner, or none.
type Cover struct {
	Key   state.Key // of the route that goes altogether
	By    state.Key // the zero Key for none: it goes dark
	Owner string    // of By
}

// Dark tells whether nothing is left for the addresses.
func (c Cover) Dark() bool { return c.By == state.Key{} }

// Covers lists, in order, each prefix of which the owner's route goes altogether.
func Covers(c Case) []Cover {
	s := covering{}
	if _, _, withdraw := c.Plan.Count(); withdraw == 0 {
		return nil
	}
	c.all(func(key state.Key, adverts []state.Advert, f *fate) {
		if !key.Family.HasPrefix() {
			return
		}
		s.move(key)
		for i := range adverts {
			if a := &adverts[i]; a.Owner != c.Plan.Owner && standing(a) {
				s.push(Cover{By: key, Owner: a.Owner})
				break
			}
		}
		switch {
		case f != nil && f.after:
			s.push(Cover{By: key, Owner: c.Plan.Owner})
		case f != nil && f.gone():
			s.gone = append(s.gone, key)
		}
	})
	s.settle()
	return s.done
}

// covering walks prefixes, the less specific ones first.
type covering struct {
	family state.Family
	rd     string
	prefix netip.Prefix
	stack  []Cover     // what stays and holds prefix, the least specific first
	gone   []state.Key // of prefix: one more of its paths may be still to come
	done   []Cover
}

// move goes on to another key.
func (s *covering) move(k state.Key) {
	p, rd := k.Prefix(), k.NLRI[:rdBytes(k.Family)]
	if k.Family != s.family || rd != s.rd {
		s.settle()
		s.family, s.rd, s.prefix, s.stack = k.Family, rd, p, s.stack[:0]
		return
	}
	if p == s.prefix {
		return
	}
	s.settle()
	s.prefix = p
	for n := len(s.stack); n > 0; n-- {
		if s.stack[n-1].By.Prefix().Contains(p.Addr()) {
			break
		}
		s.stack = s.stack[:n-1]
	}
}

func (s *covering) push(c Cover) { s.stack = append(s.stack, c) }

// settle says what becomes of the routes of a prefix that go.
func (s *covering) settle() {
	for _, k := range s.gone {
		c := Cover{Key: k}
		if n := len(s.stack); n > 0 {
			c.By, c.Owner = s.stack[n-1].By, s.stack[n-1].Owner
		}
		s.done = append(s.done, c)
	}
	s.gone = slices.Delete(s.gone, 0, len(s.gone))
}
