package main

import (
	"slices"
	"strings"
	"sync"
	"time"

	"routesync/bridge/wire"
)

// obstacles are what keeps a speaker, or some of its routes, from the file, for status.
// The loop of the speaker notes them, and its client asks.
type obstacles struct {
	mu  sync.Mutex
	all []wire.Condition // by name, in order
}

// Note is for [reconcile.Notes].
func (n *obstacles) Note(name, text, do string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i, there := slices.BinarySearchFunc(n.all, name, func(x wire.Condition, name string) int { return strings.Compare(x.Name, name) })
	switch {
	case text == "" && there:
		n.all = slices.Delete(slices.Clone(n.all), i, i+1)
	case text == "":
	case there:
		n.all = slices.Clone(n.all) // who has the old ones compares them
		n.all[i] = *newHold(name, time.UnixMilli(n.all[i].Since), text, do)
	default:
		n.all = slices.Insert(slices.Clone(n.all), i, *newHold(name, time.Now(), text, do))
	}
}

// with are they, and one more if there is one.
func (n *obstacles) with(hold *wire.Condition) []wire.Condition {
	n.mu.Lock()
	defer n.mu.Unlock()
	if hold == nil {
		return n.all
	}
	return append([]wire.Condition{*hold}, n.all...)
}
