package bridge

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"routesync/bridge/journal"
	"routesync/state"
)

// quarantine are the routes that a session falls of. They are not announced to
// that peer again as they are, not by another bridge or under another exaBGP
// either. One leaves it when the route is announced with other attributes.
type quarantine map[ward]journal.Quarantined

// ward is whose route is in quarantine: of two owners who ask for the same, each
// may have a value of its own that the session falls of.
type ward struct {
	place
	owner string
}

func newQuarantine(all []journal.Quarantined) quarantine {
	q := quarantine{}
	for _, x := range all {
		q[ward{place{x.Key, x.Peer}, x.Owner}] = x
	}
	return q
}

// objection says why an announce must not be done at a peer, "" if it may.
func (q quarantine) objection(o *op, peer netip.Addr) string {
	if x, ok := q[ward{place{o.key, peer}, o.owner}]; ok && x.Value == o.attrs.Canonical() {
		return x.Reason
	}
	return ""
}

// ban puts a route into quarantine of which the session of its peer fell, and
// takes it out of the advertised set: it was set aside.
func (c *core) ban(k state.Key, s *slot, falls int, reason string) {
	p, attrs := s.peer, s.attrs
	x := journal.Quarantined{
		Peer: p.Addr, Key: k, Owner: s.owner, Value: attrs.Canonical(), At: c.now.UnixMilli(),
		Reason: fmt.Sprintf("quarantined: the session to %s fell %d times after it was sent (%s); change the route to have it tried again", p.Addr, falls, reason),
	}
	c.banned[ward{place{k, p.Addr}, s.owner}] = x
	c.out.banned = append(c.out.banned, x)
	c.table.drop(k, p)
	c.claim(k)
	c.say(x, attrs)
}

// say refuses a route, with all peers that it is quarantined for.
func (c *core) say(x journal.Quarantined, attrs state.Attrs) {
	var at []netip.Addr
	var reasons []string
	for _, p := range c.peers {
		if y, ok := c.banned[ward{place{x.Key, p.Addr}, x.Owner}]; ok && y.Value == x.Value {
			at, reasons = append(at, p.Addr), append(reasons, y.Reason)
		}
	}
	c.refuse(&op{key: x.Key, attrs: attrs, claimant: claimant{owner: x.Owner}}, at, reasons)
}

// sayBanned refuses what was quarantined in a life before: its owner may not ask
// for it again at once. What exaBGP has taken with other attributes by now, when
// nobody heard of it, has left.
func (c *core) sayBanned() {
	all := slices.SortedFunc(maps.Values(c.banned), func(a, b journal.Quarantined) int {
		return cmp.Or(state.CompareKeys(a.Key, b.Key), a.Peer.Compare(b.Peer), cmp.Compare(a.Owner, b.Owner))
	})
	for _, x := range all {
		p := c.findPeer(x.Peer)
		if p == nil {
			continue
		}
		if s := c.table.find(x.Key, p); s != nil && s.owner == x.Owner && s.asked().Canonical() != x.Value {
			c.lift(x.Key, x.Peer, x.Owner)
		} else if attrs, err := state.ParseCanonical(x.Value); err == nil {
			c.say(x, attrs)
		}
	}
}

// lift takes an owner's route out of quarantine that exaBGP has taken with other
// attributes.
func (c *core) lift(k state.Key, peer netip.Addr, owner string) {
	at := ward{place{k, peer}, owner}
	if x, ok := c.banned[at]; ok {
		delete(c.banned, at)
		c.out.banned = append(c.out.banned, journal.Quarantined{Peer: x.Peer, Key: x.Key, Owner: owner})
	}
}
