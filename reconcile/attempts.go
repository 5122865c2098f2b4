package reconcile

import (
	"maps"
	"time"

	"routesync/state"
)

// tryAgain is after what time a change that did not stick is sent again: what
// refused it may have gone.
const tryAgain = 30 * time.Second

// attempt identifies a change.
type attempt struct {
	op    state.Op
	key   state.Key
	after state.Attrs
	peers state.Peers
}

func identify(ch state.Change) attempt {
	return attempt{ch.Op(), ch.Key, ch.After(), state.NewPeers(ch.Peers)}
}

// attempts remembers the changes that were sent, so that one which is still
// to do when everything was answered is not sent over and over.
type attempts map[attempt]time.Time

// fresh returns the changes that were not sent lately, and notes them as sent
// now. What is no longer to do has stuck: it is forgotten, so that the same
// change is sent at once if the route drifts again.
func (a attempts) fresh(changes []state.Change, now time.Time) []state.Change {
	if len(a) == 0 {
		for _, ch := range changes {
			a[identify(ch)] = now
		}
		return changes
	}
	var todo []state.Change
	still := make(map[attempt]bool, len(changes))
	for _, ch := range changes {
		id := identify(ch)
		still[id] = true
		if last, tried := a[id]; tried && now.Sub(last) < tryAgain {
			continue
		}
		a[id] = now
		todo = append(todo, ch)
	}
	maps.DeleteFunc(a, func(id attempt, _ time.Time) bool { return !still[id] })
	return todo
}
