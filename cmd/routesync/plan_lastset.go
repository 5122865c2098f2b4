package main

import (
	"net/netip"

	"routesync/reconcile/history"
	"routesync/state"
)

// settings tell of the last change of a route at a peer that is on record; false if
// none is.
type settings interface {
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

// lastSet is who set the route last at all peers of a change; nil if that is not on
// record, or was at different times.
func (s speakerPlan) lastSet(c state.Change) *lastSetJSON {
	if s.set == nil || c.Op() != state.Withdraw {
		return nil
	}
	var last history.Setting
	for _, peer := range c.Peers {
		x, ok := s.set.At(c.Key, peer)
		if !ok || x.After == nil || x.After.Attrs != c.Before() || last.Entry != nil && last.Entry.Number != x.Entry.Number {
			return nil
		}
		last = x
	}
	e := last.Entry
	if e == nil {
		return nil
	}
	return &lastSetJSON{e.Number, momentJSON(last.Part.At), e.Who.String(), e.Verb, e.Commit}
}
