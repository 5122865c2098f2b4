package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"routesync/reconcile/history"
	"routesync/state"
)

// blamed is the answer of blame.
type blamed struct {
	route    accused
	owner    string
	now      int64
	Speakers []blamedSpeaker
	Unknown  []string // of all
	first    string   // where the history begins
}

// blamedSpeaker is the answer for a speaker: each route that is meant.
type blamedSpeaker struct {
	Speaker string
	asked   bool // it said what it advertises
	Routes  []blamedRoute
	Cover   string // the most specific route that covers what is meant; "" for none, or not known
}

type blamedRoute struct {
	key     state.Key
	live    []state.Advert // what is advertised
	asked   bool           // that is known
	past    []history.Setting
	unknown []string
}

// began notes where the history begins.
func (b *blamed) began(s *history.Store) {
	numbers, err := s.Numbers()
	if err != nil || len(numbers) == 0 {
		b.first = "the history is empty"
		return
	}
	b.first = fmt.Sprintf("the history begins with entry %d", numbers[0])
	if e, err := s.Entry(numbers[0]); err == nil {
		b.first += ", " + momentJSON(e.At)
	}
}

// judge puts together what is on record and what is advertised.
func (b *blamed) judge(found []*history.Found, live []observation, only []string) {
	for i := range found {
		if x := found[i]; !slices.ContainsFunc(live, func(o observation) bool { return o.speaker == x.Speaker }) {
			live = append(live, observation{speaker: x.Speaker})
		}
	}
	slices.SortFunc(live, func(a, c observation) int { return cmp.Compare(a.speaker, c.speaker) })
	for _, o := range live {
		if len(only) > 0 && !slices.Contains(only, o.speaker) {
			continue
		}
		x := &history.Found{Speaker: o.speaker}
		if i := slices.IndexFunc(found, func(f *history.Found) bool { return f.Speaker == o.speaker }); i >= 0 {
			x = found[i]
		}
		one := blamedSpeaker{Speaker: o.speaker, asked: o.advertised != nil}
		keys := slices.DeleteFunc(slices.Clone(x.Keys), func(k state.Key) bool { return !b.route.is(k) })
		one.Cover = b.covered(x)
		if o.advertised != nil {
			one.Cover = b.cover(o.advertised)
			for k := range o.advertised.Routes.All() {
				if b.route.is(k) {
					keys = append(keys, k)
				}
			}
		}
		slices.SortFunc(keys, state.CompareKeys)
		for _, k := range slices.Compact(keys) {
			r := blamedRoute{key: k, past: x.Of[k], asked: o.advertised != nil}
			if r.asked {
				r.live = o.advertised.Routes.Get(k)
			}
			r.unknown = b.unknown(&r, x.Missed)
			one.Routes = append(one.Routes, r)
		}
		b.Speakers = append(b.Speakers, one)
	}
}

// covered is what covers the route as far as is on record.
func (b *blamed) covered(f *history.Found) string {
	best, text := -1, ""
	for _, k := range f.Keys {
		if last := f.Of[k][0]; b.route.covers(k) && k.Bits() > best && last.After != nil {
			best, text = k.Bits(), fmt.Sprintf("%s, as entry %d left it", k, last.Entry.Number)
		}
	}
	return text
}

// cover names the most specific route that covers the one that is meant.
func (b *blamed) cover(set *state.Advertised) string {
	best, text := -1, ""
	for k, adverts := range set.Routes.All() {
		if b.route.covers(k) && k.Bits() > best && len(adverts) > 0 {
			best, text = k.Bits(), fmt.Sprintf("%s, announced by %s", k, whose(adverts[0]))
		}
	}
	return text
}

// unknown says what is not known of a route.
func (b *blamed) unknown(r *blamedRoute, missed []history.Setting) []string {
	var all []string
	for _, m := range missed {
		all = append(all, fmt.Sprintf("before entry %d something was sent that is not on record, from %s on", m.Entry.Number, momentJSON(m.Part.MissedSince)))
	}
	for i := range r.live {
		if a := &r.live[i]; a.Owner != b.owner {
			all = append(all, fmt.Sprintf("it is announced by %s: why is not on record here", whose(*a)))
		}
	}
	own := slices.ContainsFunc(r.live, func(a state.Advert) bool { return a.Owner == b.owner })
	if len(r.past) == 0 {
		if own {
			all = append(all, "who announced it is not on record: "+b.first+", and it was there before, or another host did it")
		}
		return all
	}
	if oldest := r.past[len(r.past)-1]; oldest.Before != nil && oldest.Before.Owner == b.owner {
		all = append(all, fmt.Sprintf("who announced it before entry %d is not on record: %s", oldest.Entry.Number, b.first))
	}
	for _, x := range r.past {
		for _, peer := range x.Peers {
			if text := b.apart(r, x, peer); text != "" && !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	for i := range r.live {
		for _, at := range r.live[i].At {
			if _, done := r.newest(at.Peer); !done && r.live[i].Owner == b.owner {
				all = append(all, fmt.Sprintf("who announced it to %s is not on record", at.Peer))
			}
		}
	}
	return all
}

// newest is the last change at a peer that was not refused; false for none.
func (r *blamedRoute) newest(peer netip.Addr) (history.Setting, bool) {
	for _, x := range r.past {
		if slices.Contains(x.Peers, peer) && !refusedAt(x, peer) {
			return x, true
		}
	}
	return history.Setting{}, false
}

// refusedAt tells whether it was seen that a change was not made at a peer.
func refusedAt(x history.Setting, peer netip.Addr) bool {
	return x.Part.Outcome != nil && slices.ContainsFunc(x.Part.Outcome.Cases, func(c history.Case) bool {
		return c.Key == x.Key && c.Peer == peer && (&c).NotDone()
	})
}

// apart says where the last change at a peer is not what is advertised there.
func (b *blamed) apart(r *blamedRoute, x history.Setting, peer netip.Addr) string {
	if newest, ok := r.newest(peer); !r.asked || !ok || newest.Part != x.Part {
		return ""
	}
	var is *state.Advert
	for i := range r.live {
		if a := &r.live[i]; a.Owner == b.owner && slices.ContainsFunc(a.At, func(at state.At) bool { return at.Peer == peer && at.Grade != state.Withdrawing }) {
			is = a
		}
	}
	n := x.Entry.Number
	switch {
	case x.After == nil && is != nil:
		return fmt.Sprintf("entry %d withdrew it from %s, and it is there: somebody who is not on record here announced it again, or the withdrawal is still to come", n, peer)
	case x.After == nil:
		return ""
	case is == nil && x.After.Expires != 0 && x.After.Expires <= b.now:
		return fmt.Sprintf("it expired at %s, and the bridge withdrew it from %s", clockText(x.After.Expires), peer)
	case is == nil && x.After.Lease != 0:
		return fmt.Sprintf("it is not at %s: its lease of %s may have ended, or somebody who is not on record here withdrew it", peer, leaseText(x.After.Lease))
	case is == nil:
		return fmt.Sprintf("entry %d announced it to %s, and it is not there: it was refused, or somebody who is not on record here withdrew it", n, peer)
	case is.Attrs != x.After.Attrs:
		return fmt.Sprintf("since entry %d it was changed at %s by somebody who is not on record here", n, peer)
	}
	return ""
}
