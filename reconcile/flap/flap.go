// Package flap holds routes that change too often, before the damping of others
// does (RFC 2439): that would keep them from much of the Internet, and for longer.
//
// It is pure: whoever has a [Governor] tells it the time. Its invariants:
//
//   - What counts is a change that stuck: one that was refused, or got lost with its
//     connection, is not seen by any peer, and is tried again as often as it takes.
//   - Nothing is held for longer than the time in which changes are counted.
//   - One route is held, and the others go on.
package flap

import (
	"hash/maphash"
	"slices"
	"time"

	"routesync/state"
)

// Governor counts the changes of the routes of one speaker. The zero Governor has
// counted none. It belongs to one goroutine.
type Governor struct {
	waves  []wave           // that stuck, the oldest first
	counts map[uint64]int32 // in how many of them a route is
	seed   maphash.Seed
	sent   []state.Change // of which it is not known yet whether they stuck, in the order of a plan
	at     time.Time      // when they were sent
}

// wave is the routes that changed at one time, each by a hash of its key: there may
// be a million of them. That two routes share one matters to a route alone that is
// about to be held.
type wave struct {
	at   time.Time
	keys []uint64
}

// Held is a route that changed too often.
type Held struct {
	Key     state.Key
	Changes int       // in the time in which they are counted
	Until   time.Time // it may change again
}

// Sent takes note of changes that were sent, in the order of a plan.
func (g *Governor) Sent(changes []state.Change, now time.Time) { g.sent, g.at = changes, now }

// Settle is told the plan that was made when all that was sent had been answered, or
// had got lost: what is still to be done as before did not stick.
func (g *Governor) Settle(plan []state.Change) {
	g.count(g.at, len(g.sent), func(note func(state.Key)) {
		n := 0
		for i := range g.sent {
			c := &g.sent[i]
			plan, n = state.Seek(plan, c.Key)
			again := func(p state.Change) bool { return p.SameAs(c) }
			if !slices.ContainsFunc(plan[:n], again) && c.Seen() {
				note(c.Key)
			}
		}
	})
	g.sent = nil
}

// Note counts a change of each key at a time, which is not before that of the last
// ones. Keys that are the same follow each other.
func (g *Governor) Note(keys []state.Key, at time.Time) {
	g.count(at, len(keys), func(note func(state.Key)) {
		for _, k := range keys {
			note(k)
		}
	})
}

// count makes a wave of the keys that each notes, of which there are so many at most.
func (g *Governor) count(at time.Time, most int, each func(note func(state.Key))) {
	if most == 0 {
		return
	}
	if g.counts == nil {
		g.counts, g.seed = make(map[uint64]int32, most), maphash.MakeSeed()
	}
	w := wave{at, make([]uint64, 0, most)}
	var last state.Key
	each(func(k state.Key) {
		if k == last {
			return
		}
		last = k
		hash := maphash.Comparable(g.seed, k)
		w.keys = append(w.keys, hash)
		g.counts[hash]++
	})
	if len(w.keys) > 0 {
		g.waves = append(g.waves, w)
	}
}

// Part takes out of changes, which are in the order of a plan, those of routes that
// changed as often as they may in a time, or more often; with most 0 there is no
// bound, and nothing is counted any more. It leaves changes as it is.
func (g *Governor) Part(changes []state.Change, most int, within time.Duration, now time.Time) (free []state.Change, held []Held) {
	if most <= 0 {
		*g = Governor{}
		return changes, nil
	}
	g.forget(now.Add(-within))
	if len(g.waves) < most {
		return changes, nil
	}
	var last state.Key
	for i := range changes {
		if k := changes[i].Key; k != last && int(g.counts[maphash.Comparable(g.seed, k)]) >= most {
			held = append(held, Held{Key: k})
		}
		last = changes[i].Key
	}
	if len(held) == 0 {
		return changes, nil
	}
	g.date(held, most, within)
	free = make([]state.Change, 0, len(changes))
	rest := held
	for i := range changes {
		for len(rest) > 0 && state.CompareKeys(rest[0].Key, changes[i].Key) < 0 {
			rest = rest[1:]
		}
		if len(rest) == 0 || rest[0].Key != changes[i].Key {
			free = append(free, changes[i])
		}
	}
	return free, held
}

// date finds out how often the routes changed, and until when they are held: when
// so many of their changes count no more that one less than the limit is left.
func (g *Governor) date(held []Held, most int, within time.Duration) {
	at := map[uint64][]time.Time{}
	for _, h := range held {
		at[maphash.Comparable(g.seed, h.Key)] = nil
	}
	for _, w := range g.waves {
		for _, hash := range w.keys {
			if times, is := at[hash]; is {
				at[hash] = append(times, w.at)
			}
		}
	}
	for i := range held {
		times := at[maphash.Comparable(g.seed, held[i].Key)]
		held[i].Changes = len(times)
		held[i].Until = times[len(times)-most].Add(within)
	}
}

// forget drops what was at a time or before.
func (g *Governor) forget(before time.Time) {
	n := 0
	for n < len(g.waves) && !g.waves[n].at.After(before) {
		for _, hash := range g.waves[n].keys {
			if g.counts[hash]--; g.counts[hash] == 0 {
				delete(g.counts, hash)
			}
		}
		n++
	}
	g.waves = slices.Delete(g.waves, 0, n)
	if len(g.waves) == 0 {
		g.waves, g.counts = nil, nil // a map keeps the room that it had
	}
}
