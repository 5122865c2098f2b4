package bridge

import (
	"maps"
	"slices"
	"time"

	"routesync/state"
)

// fresh are the routes of exaBGP's table that are not proven at a peer, and when
// each was taken, or last sent. Of a million that are announced at once only those
// are looked at that are old enough to be. The zero fresh is empty.
type fresh struct {
	at map[state.Key]time.Time
	// generations hold each key of at, once or more: a key that was sent since it
	// came into one is in a later one too.
	generations []generation
	held        int // keys in them
}

// generation is keys that were taken, or sent, at about the same time.
type generation struct {
	from, to time.Time
	keys     []state.Key
}

// generationTime is how far the ends of a generation are apart, but for one that
// was given what is older.
const generationTime = 100 * time.Millisecond

// generationRoom is how many keys generations may hold of a few that change again
// and again.
const generationRoom = 1000

// put notes when a route was taken, or last sent.
func (f *fresh) put(k state.Key, at time.Time) {
	if f.at == nil {
		f.at = map[state.Key]time.Time{}
	}
	if old, ok := f.at[k]; ok && old.Equal(at) {
		return
	}
	f.at[k] = at
	if f.held >= 2*len(f.at)+generationRoom {
		f.sort()
		return
	}
	f.age(k, at)
}

// age puts a key into the last generation, or a new one.
func (f *fresh) age(k state.Key, at time.Time) {
	n := len(f.generations)
	if n == 0 || at.Sub(f.generations[n-1].from) > generationTime {
		f.generations = append(f.generations, generation{from: at, to: at})
		n++
	}
	g := &f.generations[n-1]
	if at.Before(g.from) {
		g.from = at
	}
	if at.After(g.to) {
		g.to = at
	}
	g.keys = append(g.keys, k)
	f.held++
}

// sort makes the generations anew, each key in one.
func (f *fresh) sort() {
	f.generations, f.held = nil, 0
	keys := slices.SortedFunc(maps.Keys(f.at), func(a, b state.Key) int { return f.at[a].Compare(f.at[b]) })
	for _, k := range keys {
		f.age(k, f.at[k])
	}
}

// older has look taken at each route of which the last was heard at least so long
// ago. It tells whether the route is fresh no more.
func (f *fresh) older(than time.Duration, now time.Time, look func(state.Key, time.Time) bool) {
	before := f.generations
	f.generations, f.held = nil, 0
	for _, g := range before {
		if now.Sub(g.from) >= than {
			g.keys = f.lookAt(g, than, now, look)
		}
		if len(g.keys) > 0 {
			f.generations = append(f.generations, g)
			f.held += len(g.keys)
		}
	}
	if len(f.at) == 0 {
		*f = fresh{} // what a large table took is not needed again
	}
}

// lookAt returns the keys of a generation that are to stay in it.
func (f *fresh) lookAt(g generation, than time.Duration, now time.Time, look func(state.Key, time.Time) bool) []state.Key {
	left := g.keys[:0]
	for _, k := range g.keys {
		at, ok := f.at[k]
		switch {
		case !ok || at.After(g.to): // or it is in a later generation
		case now.Sub(at) < than || !look(k, at):
			left = append(left, k)
		default:
			delete(f.at, k)
		}
	}
	clear(g.keys[len(left):])
	return left
}
