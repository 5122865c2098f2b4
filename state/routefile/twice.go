package routefile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"routesync/state"
)

// ordered reports the routes that are there twice and returns all in order.
func (l *load) ordered() []state.Wanted {
	routes := sorted(l.routes)
	for i := 0; i < len(routes); {
		j := i + 1
		for j < len(routes) && routes[j].Key == routes[i].Key {
			j++
		}
		if j-i > 1 {
			l.oneKey(routes[i:j])
		}
		i = j
	}
	if routes == nil {
		return []state.Wanted{}
	}
	return routes
}

// oneKey reports the routes of one key that are there twice, and puts the others in
// the order of their peers.
func (l *load) oneKey(same []state.Wanted) {
	l.twice(same)
	slices.SortStableFunc(same, func(a, b state.Wanted) int { return cmp.Compare(a.Peers, b.Peers) })
}

// twice reports among routes of one key, in the order of the files, those that
// are for a peer that has one already, as far as that can be told without the
// speaker. There can be as many as the speaker has peers.
func (l *load) twice(same []state.Wanted) {
	first := map[state.Selector]int{} // that each was named by
	all := -1                         // the first for every peer
	for i := range same {
		w := &same[i]
		n, whose := all, ""
		if w.Peers.All() && i > 0 {
			n = 0
		}
		for _, s := range w.Peers.Selectors() {
			switch f, there := first[s]; {
			case !there:
				first[s] = i
			case n < 0 || f < n:
				n, whose = f, " for peer "+s.String()
			}
		}
		if w.Peers.All() && all < 0 {
			all = i
		}
		if n < 0 {
			continue
		}
		where := "; the first is in " + lineIn(w.Pos.File, same[n].Pos)
		if w.Pos == same[n].Pos {
			where = ", by two routes that have this list"
		}
		l.faults = append(l.faults, l.sources[w.Pos.File].fault(int(w.Pos.Line), int(w.Pos.Column), l.width(w),
			fmt.Sprintf("%s is given twice%s%s", w.Key, whose, where), "keep one of them, or give them different peers"))
	}
}

// width is how many characters of its line a route's prefix takes; 1 in a line
// that is too long to be looked through for each route that is in it.
func (l *load) width(w *state.Wanted) int {
	const short = 1 << 12
	line := l.sources[w.Pos.File].line(int(w.Pos.Line))
	if len(line) > short {
		return 1
	}
	letters := []rune(line)
	if p := w.Key.Prefix(); p.IsValid() && int(w.Pos.Column) <= len(letters) && strings.HasPrefix(string(letters[w.Pos.Column-1:]), p.String()) {
		return len(p.String())
	}
	return 1
}
