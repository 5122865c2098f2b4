package simulation

import (
	"slices"
	"time"

	"routesync/state"
)

// change is one change of a route that waits to be sent.
type change struct {
	key      state.Key
	attrs    state.Attrs
	words    string // that attrs were given in: to exaBGP they are what attributes are
	withdraw bool
	by       *process // the helper that gave it; nil for anybody else
	at       time.Time
	up       bool // the session was up then
}

// valued is the change as a peer gets it.
func (c *change) valued() *change {
	v := *c
	v.attrs = valueOf(c.attrs)
	return &v
}

// adjRIBOut is exaBGP 4.2's for one neighbor (rib/outgoing.py, rib/cache.py).
// What waits is filed by attributes, and sent in the order in which the
// attributes were first seen: so two changes of one route can come to the peer
// in the wrong order, if they are not a change and its withdrawal.
type adjRIBOut struct {
	seen    map[state.Key]state.Attrs
	words   map[state.Key]string // of seen
	order   []state.Key          // of seen
	groups  []*group
	newNLRI map[state.Key]*change
	sending [][]*change // UPDATEs of the batch that is being sent
}

type group struct {
	words   string
	changes []*change // at most one a key
}

func newAdjRIBOut() *adjRIBOut {
	return &adjRIBOut{seen: map[state.Key]state.Attrs{}, words: map[state.Key]string{}, newNLRI: map[state.Key]*change{}}
}

func (r *adjRIBOut) group(words string) *group {
	for _, g := range r.groups {
		if g.words == words {
			return g
		}
	}
	g := &group{words: words}
	r.groups = append(r.groups, g)
	return g
}

func (g *group) drop(k state.Key) {
	g.changes = slices.DeleteFunc(g.changes, func(c *change) bool { return c.key == k })
}

// add is add_to_rib: what the table has already is not sent again.
func (r *adjRIBOut) add(c *change, force bool) {
	if c.words == "" {
		c.words = words(c.attrs)
	}
	if given, there := r.words[c.key]; there && !c.withdraw && given == c.words && !force {
		return
	}
	if before := r.newNLRI[c.key]; before != nil && c.withdraw {
		r.group(before.words).drop(c.key)
	}
	g := r.group(c.words)
	g.drop(c.key)
	g.changes = append(g.changes, c)
	r.newNLRI[c.key] = c
	_, there := r.seen[c.key]
	switch {
	case c.withdraw:
		delete(r.seen, c.key)
		delete(r.words, c.key)
		r.order = slices.DeleteFunc(r.order, func(k state.Key) bool { return k == c.key })
	case !there:
		r.order = append(r.order, c.key)
		fallthrough
	default:
		r.seen[c.key], r.words[c.key] = c.attrs, c.words
	}
}

// resend files all that the table has.
func (r *adjRIBOut) resend() {
	for _, k := range slices.Clone(r.order) {
		r.add(&change{key: k, attrs: r.seen[k], words: r.words[k]}, true)
	}
}

// reset forgets what waits.
func (r *adjRIBOut) reset() {
	r.groups, r.sending = nil, nil
	clear(r.newNLRI)
}

// pending tells whether something waits to be sent.
func (r *adjRIBOut) pending() bool { return len(r.sending) > 0 || len(r.newNLRI) > 0 }

// unsent is the change of a key that waits, nil if none does.
func (r *adjRIBOut) unsent(k state.Key) *change {
	if c := r.newNLRI[k]; c != nil {
		return c
	}
	for _, update := range r.sending {
		for _, c := range update {
			if c.key == k {
				return c
			}
		}
	}
	return nil
}

// begin starts a batch of all that waits: IPv4 unicast with equal attributes
// goes in one UPDATE, everything else by itself.
func (r *adjRIBOut) begin() {
	for _, g := range r.groups {
		var v4 []*change
		for _, c := range g.changes {
			if c.key.Family == state.IPv4Unicast {
				v4 = append(v4, c)
			} else {
				r.sending = append(r.sending, []*change{c})
			}
		}
		if len(v4) > 0 {
			r.sending = append(r.sending, v4)
		}
	}
	r.groups = nil
	clear(r.newNLRI)
}
