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
	byKey := func(a, b state.Wanted) int { return state.CompareKeys(a.Key, b.Key) }
	if !slices.IsSortedFunc(l.routes, byKey) {
		slices.SortStableFunc(l.routes, byKey)
	}
	for i := 0; i < len(l.routes); {
		j := i + 1
		for j < len(l.routes) && l.routes[j].Key == l.routes[i].Key {
			j++
		}
		if j-i > 1 {
			l.twice(l.routes[i:j])
			slices.SortStableFunc(l.routes[i:j], func(a, b state.Wanted) int { return cmp.Compare(a.Peers, b.Peers) })
		}
		i = j
	}
	if l.routes == nil {
		return []state.Wanted{}
	}
	return l.routes
}

// twice reports among routes of one key, in the order of the files, those that
// are for a peer that has one already, as far as that can be told without the
// speaker.
func (l *load) twice(same []state.Wanted) {
	for i := range same {
		w := &same[i]
		n := slices.IndexFunc(same[:i], func(first state.Wanted) bool { return first.Peers.Overlap(w.Peers) })
		if n < 0 {
			continue
		}
		whose := ""
		for _, s := range w.Peers.Selectors() {
			if slices.Contains(same[n].Peers.Selectors(), s) {
				whose = " for peer " + s.String()
				break
			}
		}
		l.faults = append(l.faults, l.sources[w.Pos.File].fault(w.Pos.Line, w.Pos.Column, l.width(w),
			fmt.Sprintf("%s is given twice%s; the first is in %s", w.Key, whose, lineIn(w.Pos.File, same[n].Pos)),
			"keep one of them, or give them different peers"))
	}
}

// width is how many characters of its line a route's prefix takes.
func (l *load) width(w *state.Wanted) int {
	line := []rune(l.sources[w.Pos.File].line(w.Pos.Line))
	if p := w.Key.Prefix(); p.IsValid() && w.Pos.Column <= len(line) && strings.HasPrefix(string(line[w.Pos.Column-1:]), p.String()) {
		return len(p.String())
	}
	return 1
}
