package bridge

import (
	"slices"
	"time"

	"routesync/state"
)

// What a session fell of need not be what was new in it: it may have been replaced
// or withdrawn before the fall, or have passed too soon. As long as it stays, it
// shows, for the session falls again. If it goes, that the session lives on without
// the accused means nothing. So it is tried once more, when all else is proven.

// accusal is a route that is accused.
type accusal struct {
	value
	// beside is how long before the fall that was sent of which the session may
	// have fallen in its place, for it has passed; 0 if there was nothing.
	beside   time.Duration
	doubtful bool // that is gone
}

// accuse notes that a session fell when one alone was new.
func (d *suspicion) accuse(v value, now time.Time) {
	a := accusal{value: v, doubtful: now.Sub(d.left) < d.last()}
	for _, at := range d.passed {
		if ago := now.Sub(at); ago < d.last() {
			a.beside = max(a.beside, ago)
		}
	}
	d.accused = append(d.accused, a)
}

// begins forgets what was in the session before.
func (d *suspicion) begins() { d.others, d.left = nil, time.Time{} }

// goes notes that a value leaves the table of a peer, see [suspicion.goes].
func (c *core) goes(k state.Key, s *slot) {
	if s.aside {
		return // it is not in the session
	}
	since := c.now
	if s.peer.up {
		since = s.peer.since
	}
	s.peer.doubts.goes(k, since, c.now)
}

// goes notes that a value is replaced or withdrawn of which the session may have
// fallen, or fall yet. since is when that began. Of what it has outlived by now it
// has not fallen before.
func (d *suspicion) goes(k state.Key, since, now time.Time) {
	if at, fresh := d.fresh.at[k]; fresh {
		d.left = later(d.left, at)
	}
	at, passed := d.passed[k]
	if !passed {
		return
	}
	d.left = later(d.left, at)
	delete(d.passed, k)
	lived := time.Duration(0)
	if !at.Before(since) {
		lived = now.Sub(at)
	}
	for i := range d.accused {
		if a := &d.accused[i]; lived <= a.beside {
			a.doubtful = true
		}
	}
}

// retry has one of the accused tried again, once and by itself, and tells whether
// there was one to try.
func (d *suspicion) retry() bool {
	i := slices.IndexFunc(d.accused, func(a accusal) bool { return a.doubtful && !d.retried[a.value] })
	if i < 0 {
		return false
	}
	if d.retried == nil {
		d.retried = map[value]bool{}
	}
	v := d.accused[i].value
	d.retried[v] = true
	d.accused = slices.Delete(d.accused, i, i+1)
	d.parts = append(d.parts, []value{v})
	return true
}
