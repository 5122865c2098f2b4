package main

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"routesync/reconcile/history"
	"routesync/state"
)

// lastSettings tell of the last change of a route at a peer that is on record; false if
// none is.
type lastSettings interface {
	At(state.Key, netip.Addr) (history.Setting, bool)
}

// lastSetJSON is who set a withdrawn route last, as it is advertised.
type lastSetJSON struct {
	Entry  int    `json:"entry"` // of the history
	At     string `json:"at"`
	By     string `json:"by"`
	Verb   string `json:"verb"`
	Commit string `json:"commit,omitempty"`
}

// settings are the last changes of a withdrawn route, at each of its peers; nil if one of
// them is not on record. What is advertised has to be what is on record: else somebody
// else set it.
func (s speakerPlan) settings(c state.Change) []history.Setting {
	if s.set == nil || c.Op() != state.Withdraw {
		return nil
	}
	var all []history.Setting
	for _, peer := range c.Peers {
		x, ok := s.set.At(c.Key, peer)
		if !ok || x.After == nil || x.After.Attrs != c.Before() {
			return nil
		}
		all = append(all, x)
	}
	return all
}

// lastSet is who set the route last at all peers of a change; nil if that is not on
// record, or was at different times.
func (s speakerPlan) lastSet(c state.Change) *lastSetJSON {
	all := s.settings(c)
	if len(all) == 0 || slices.ContainsFunc(all, func(x history.Setting) bool { return x.Entry.Number != all[0].Entry.Number }) {
		return nil
	}
	last := all[len(all)-1]
	e := last.Entry
	return &lastSetJSON{e.Number, momentJSON(last.Part.At), e.Who.String(), e.Verb, e.Commit}
}

// lastText is who set a withdrawn route last; "" if that is not on record.
func (s speakerPlan) lastText(c state.Change) string {
	text := ""
	for _, x := range s.settings(c) {
		one := "last set by " + printable(x.Entry.Who.String()) + ", " + x.Part.At.Format(time.DateOnly)
		if x.Entry.Commit != "" {
			one += ", " + (&gitCommit{x.Entry.Commit, x.Entry.Dirty}).short()
		}
		one += fmt.Sprintf(" (entry %d)", x.Entry.Number)
		if text != "" && text != one {
			return "last set at different times (routesync blame says more)"
		}
		text = one
	}
	return text
}
