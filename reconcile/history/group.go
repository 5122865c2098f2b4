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

// grouped puts changes together, in the order in which they begin, and counts them.
func grouped(owner string, changes []state.Change, gone func(*state.Change) bool) (iter.Seq2[Change, []state.Key], Tally) {
	var order []class
	keys := map[class][]state.Key{}
	var tally Tally
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
		if keys[is] == nil {
			order = append(order, is)
		}
		keys[is] = append(keys[is], c.Key)
	}
	for _, is := range order {
		one := is.change(owner)
		for range keys[is] {
			tally.Add(&one)
		}
	}
	return func(yield func(Change, []state.Key) bool) {
		for _, is := range order {
			if !yield(is.change(owner), keys[is]) {
				return
			}
		}
	}, tally
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
