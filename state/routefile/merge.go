package routefile

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sort"

	"routesync/state"
)

// span is lines that are the same as before, and how far down they moved.
type span struct{ from, to, moved int32 }

// addSpan adds the lines of a part, which are behind those of the others.
func addSpan(spans []span, p *part) []span {
	s := span{int32(p.was.line), int32(p.was.line + p.was.lines), int32(p.line - p.was.line)}
	if n := len(spans); n > 0 && spans[n-1].to == s.from && spans[n-1].moved == s.moved {
		spans[n-1].to = s.to
		return spans
	}
	return append(spans, s)
}

func unmoved(spans map[string][]span) bool {
	for _, of := range spans {
		if slices.ContainsFunc(of, func(s span) bool { return s.moved != 0 }) {
			return false
		}
	}
	return true
}

// keeper tells which routes are kept.
type keeper struct {
	spans map[string][]span // by file
	file  string
	of    []span // of the file
	last  int    // that was asked for
}

// moved is how far the line moved that a route is in; false if it is not kept.
func (k *keeper) moved(at *state.Position) (int32, bool) {
	if at.File != k.file {
		k.file, k.of, k.last = at.File, k.spans[at.File], 0
	}
	if k.last >= len(k.of) || at.Line < k.of[k.last].from || at.Line >= k.of[k.last].to {
		i := sort.Search(len(k.of), func(i int) bool { return k.of[i].to > at.Line })
		if i == len(k.of) || at.Line < k.of[i].from {
			return 0, false
		}
		k.last = i
	}
	return k.of[k.last].moved, true
}

// merge puts the routes of old that are in spans, of which there are kept, and the
// fresh ones in one order, as both are. Of the places in it where a route has the
// key of the one before, meet are those that were not so in old.
func merge(old []state.Wanted, spans map[string][]span, kept int, fresh []state.Wanted) (all []state.Wanted, meet []int) {
	if kept > 0 && kept == len(old) && len(fresh) == 0 && unmoved(spans) {
		return old, nil
	}
	if kept == 0 {
		for i := 1; i < len(fresh); i++ {
			if fresh[i].Key == fresh[i-1].Key {
				meet = append(meet, i)
			}
		}
		return fresh, meet
	}
	k := keeper{spans: spans}
	all = make([]state.Wanted, 0, kept+len(fresh))
	for i := range fresh {
		n := before(old, fresh[i].Key)
		all = k.append(all, old[:n])
		old = old[n:]
		if n := len(all); n > 0 && all[n-1].Key == fresh[i].Key {
			meet = append(meet, n)
		}
		all = append(all, fresh[i])
	}
	return k.append(all, old), meet
}

// append appends the routes that are kept.
func (k *keeper) append(all, old []state.Wanted) []state.Wanted {
	for i := 0; i < len(old); {
		from := i
		for i < len(old) && k.keeps(&old[i]) {
			i++
		}
		n := len(all)
		all = append(all, old[from:i]...) // many at once
		k.move(all[n:])
		for i < len(old) && !k.keeps(&old[i]) {
			i++
		}
	}
	return all
}

func (k *keeper) keeps(w *state.Wanted) bool {
	_, is := k.moved(&w.Pos)
	return is
}

// move gives routes the lines that they have now.
func (k *keeper) move(routes []state.Wanted) {
	for i := range routes {
		by, _ := k.moved(&routes[i].Pos)
		if by != 0 {
			routes[i].Pos.Line += by
		}
	}
}

// before is how many routes in order have a key that is not behind one. It looks
// at those in front first, as the next is often near.
func before(routes []state.Wanted, key state.Key) int {
	most := 1
	for most <= len(routes) && state.CompareKeys(routes[most-1].Key, key) <= 0 {
		most *= 2
	}
	from := most / 2
	return from + sort.Search(min(most, len(routes)+1)-1-from, func(i int) bool {
		return state.CompareKeys(routes[from+i].Key, key) > 0
	})
}

// apart puts routes of one key in order, and tells whether none of them is there
// twice. meet are places where a route has the key of the one before, in order.
func (l *load) apart(routes []state.Wanted, meet []int) bool {
	done := 0
	for _, i := range meet {
		if i < done {
			continue
		}
		from := i - 1
		for from > 0 && routes[from-1].Key == routes[i].Key {
			from--
		}
		for done = i + 1; done < len(routes) && routes[done].Key == routes[i].Key; done++ {
		}
		l.oneKey(routes[from:done])
	}
	return len(l.faults) == 0
}

// sorted is routes in the order of their keys, and those of one key as they are.
// Most are told apart by their first bytes.
func sorted(routes []state.Wanted) []state.Wanted {
	if slices.IsSortedFunc(routes, func(a, b state.Wanted) int { return state.CompareKeys(a.Key, b.Key) }) {
		return routes
	}
	type place struct {
		begin  uint64 // of the NLRI
		family state.Family
		from   int32
	}
	places := make([]place, len(routes))
	for i := range routes {
		places[i] = place{beginning(routes[i].Key.NLRI), routes[i].Key.Family, int32(i)}
	}
	slices.SortFunc(places, func(a, b place) int {
		switch {
		case a.family != b.family:
			return cmp.Compare(a.family, b.family)
		case a.begin != b.begin:
			return cmp.Compare(a.begin, b.begin)
		}
		return cmp.Or(state.CompareKeys(routes[a.from].Key, routes[b.from].Key), cmp.Compare(a.from, b.from))
	})
	inOrder := make([]state.Wanted, len(routes))
	for i, p := range places {
		inOrder[i] = routes[p.from]
	}
	return inOrder
}

// beginning is the first eight bytes as a number, which is in their order.
func beginning(nlri string) uint64 {
	var b [8]byte
	copy(b[:], nlri)
	return binary.BigEndian.Uint64(b[:])
}
