package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"time"

	"routesync/reconcile/history"
	"routesync/state"
)

// past tells who changed a route last at a peer; false if that is not on record. The
// record is that of this host.
type past interface {
	At(state.Key, netip.Addr) (history.Setting, bool)
}

// recall finds who set the routes that the plans change or withdraw. That there is no
// record, or that it can't be read, keeps nobody from a plan.
func (p plans) recall(w *world, g *globalFlags) {
	dir, err := g.historyPlace(w.getenv)
	if err != nil || dir == "" {
		return
	}
	store, err := history.Open(dir, p.desired.Owner)
	if err != nil {
		return
	}
	for i := range p.speakers {
		s := &p.speakers[i]
		var there []state.Change
		for _, c := range s.Changes {
			if c.Advert != nil {
				there = append(there, c)
			}
		}
		if len(there) == 0 || s.file != "" {
			continue
		}
		settings, err := store.Last(s.speaker, there)
		if err != nil { // what was found before that is right
			w.log.Warn("the history can't be read to its beginning", "reason", err)
		}
		s.past = settings
	}
}

// lastSet is the last change on record of a route that is advertised, and whether it
// is as that left it.
func (s speakerPlan) lastSet(c state.Change) (set history.Setting, same, known bool) {
	if s.past == nil || c.Advert == nil {
		return set, false, false
	}
	same = true
	for _, peer := range c.Peers {
		x, ok := s.past.At(c.Key, peer)
		if !ok {
			return set, false, false
		}
		same = same && x.After != nil && x.After.Attrs == c.Before()
		if !known || x.Entry.Number > set.Entry.Number {
			set, known = x, true
		}
	}
	return set, same, known
}

// lastSetText says who set a route last; "" if that is not known.
func (s speakerPlan) lastSetText(c state.Change) string {
	set, same, known := s.lastSet(c)
	if !known {
		return ""
	}
	text := fmt.Sprintf("last set by %s, %s", cmp.Or(set.Entry.Who.User, set.Entry.Who.Host), set.Entry.At.UTC().Format(time.DateOnly))
	if commit := set.Entry.Commit; commit != "" {
		text += ", " + commit[:min(12, len(commit))]
	}
	if !same {
		text += ", and moved since"
	}
	return text
}

// lastSetJSON is the last change of a route that is on record.
type lastSetJSON struct {
	Entry  int    `json:"entry"` // of the history
	At     string `json:"at"`
	By     string `json:"by"`
	Verb   string `json:"verb"`
	Commit string `json:"commit,omitempty"`
	Moved  bool   `json:"moved"` // it is not as that left it
}

func (s speakerPlan) lastSetJSON(c state.Change) *lastSetJSON {
	set, same, known := s.lastSet(c)
	if !known {
		return nil
	}
	return &lastSetJSON{set.Entry.Number, timeJSON(set.Entry.At.UnixMilli()), set.Entry.Who.String(), set.Entry.Verb, set.Entry.Commit, !same}
}
