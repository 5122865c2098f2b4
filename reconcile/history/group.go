package history

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"

	"routesync/state"
)

func sortCases(all []Case) {
	slices.SortFunc(all, func(a, b Case) int {
		return cmp.Or(state.CompareKeys(a.Key, b.Key), a.Peer.Compare(b.Peer))
	})
}

// class is what changes must have in common to be told together. The routes of a
// large file share their terms, and those of a speaker what is advertised of them.
type class struct {
	family state.Family
	peers  state.Peers
	terms  *state.Terms
	advert bool
	owner  string
	attrs  state.Attrs
	from   state.Provenance
	gone   bool
}

// classed is the changes of a class: where they are among all, in runs, for there may be
// a million of them, and most often they follow each other.
type classed struct {
	class
	runs []run
	n    int
}

// run is changes from one up to another, which is not in it.
type run struct{ from, to int32 }

// grouped puts changes together, in the order in which they begin, and counts them.
// What it yields has [maxKeys] keys at most, which are only good until the next.
func grouped(owner string, changes []state.Change, gone func(*state.Change) bool) (iter.Seq2[Change, []state.Key], Tally) {
	groups := classify(changes, gone)
	var tally Tally
	for i := range groups {
		one := groups[i].change(owner)
		for range groups[i].n {
			tally.Add(&one)
		}
	}
	return func(yield func(Change, []state.Key) bool) {
		var keys []state.Key
		for i := range groups {
			g := &groups[i]
			one, left := g.change(owner), g.n
			for _, r := range g.runs {
				for j := r.from; j < r.to; j++ {
					keys = append(keys, changes[j].Key)
					if left--; len(keys) < maxKeys && left > 0 {
						continue
					}
					if !yield(one, keys) {
						return
					}
					keys = keys[:0]
				}
			}
		}
	}, tally
}

func classify(changes []state.Change, gone func(*state.Change) bool) []classed {
	var groups []classed
	at := map[class]int{}
	var lastPeers []netip.Addr
	var peers state.Peers
	for i := range changes {
		c := &changes[i]
		if i == 0 || !slices.Equal(c.Peers, lastPeers) {
			lastPeers, peers = c.Peers, state.NewPeers(c.Peers)
		}
		is := class{family: c.Key.Family, peers: peers, gone: gone != nil && gone(c)}
		if c.Wanted != nil {
			is.terms = c.Wanted.Terms
		}
		if c.Advert != nil {
			is.advert, is.owner, is.attrs, is.from = true, c.Advert.Owner, c.Advert.Attrs, c.Advert.From
		}
		to, known := at[is]
		if !known {
			to = len(groups)
			at[is], groups = to, append(groups, classed{class: is})
		}
		g := &groups[to]
		g.n++
		if last := len(g.runs) - 1; last >= 0 && g.runs[last].to == int32(i) {
			g.runs[last].to++
		} else {
			g.runs = append(g.runs, run{int32(i), int32(i) + 1})
		}
	}
	return groups
}

// change is what the class does to each of its keys.
func (c *class) change(owner string) Change {
	out := Change{Peers: c.peers.Addrs(), Gone: c.gone}
	if c.advert {
		out.Before = &Value{Owner: c.owner, Attrs: c.attrs, Expires: c.from.Expires, Lease: c.from.Lease, By: c.from.By, At: c.from.At}
	}
	if t := c.terms; t != nil {
		out.After = &Value{Owner: owner, Attrs: t.Attrs, Expires: t.Expires, Lease: t.Lease, Asked: &Asked{t.Peers, t.Tags, t.Comment}}
	}
	return out
}
