package bridge

import (
	"errors"
	"net/netip"
	"slices"
	"time"
	"unique"

	"routesync/bridge/exabgp"
	"routesync/bridge/wire"
	"routesync/state"
)

// This is how the core hears of what the peers announce. It has no part in what
// is advertised: nothing here gives a command but the question for the table.

// receive takes an UPDATE that exaBGP received.
func (c *core) receive(p *peer, u *exabgp.Update) {
	in := c.inbound[p.Addr]
	if in == nil || !in.reported {
		return
	}
	if !in.up { // sessions are asked for when a bridge starts, and this is before the answer
		c.receivedUp(p, false)
	}
	for _, k := range u.Lost {
		in.withdraw(k)
		c.arrive(arrival{kind: wire.Withdraw, peer: p.Addr, key: k, at: c.now})
	}
	for _, r := range u.Reached {
		attrs := unique.Make(r.Attrs)
		for _, k := range r.Keys {
			in.announce(k, attrs)
			c.arrive(arrival{kind: wire.Announce, peer: p.Addr, key: k, attrs: attrs, at: c.now})
		}
	}
	for _, family := range u.Ended {
		c.arrive(arrival{kind: wire.EndOfRIB, peer: p.Addr, key: state.AnyKey{Family: family}, at: c.now})
	}
}

// receivedGarbled notes that something that a peer announced can't be read.
func (c *core) receivedGarbled(from netip.Addr) {
	in := c.inbound[from]
	if in == nil || !in.reported {
		return
	}
	before := in.missing()
	in.garbled++
	c.sayMissing(in, before)
}

// receiveFrom learns of the peers that there are now.
func (c *core) receiveFrom(peers []*peer, own []string) {
	for a := range c.inbound {
		if !slices.ContainsFunc(peers, func(p *peer) bool { return p.Addr == a }) {
			delete(c.inbound, a)
			c.arrive(arrival{kind: wire.Gone, peer: a, at: c.now})
		}
	}
	for _, p := range peers {
		in := c.inbound[p.Addr]
		before := "a peer that is new"
		if in == nil {
			in = &inbound{peer: p.Addr}
			in.begin(false) // whether it is up comes next
			c.inbound[p.Addr] = in
		} else {
			before = in.missing()
		}
		reported := p.Receives(own...)
		if in.reported && !reported {
			in.begin(in.up)
			c.sessionOf(in, "")
		}
		if !in.reported && reported && in.up {
			in.wonder()
		}
		in.reported, in.kept = reported, p.AdjRIBIn
		c.sayMissing(in, before)
	}
}

// receivedUp: a session has begun. fresh tells whether the event of it came, or
// it was found to be up.
func (c *core) receivedUp(p *peer, fresh bool) {
	in := c.inbound[p.Addr]
	if in == nil || in.up && !fresh {
		return
	}
	in.begin(true)
	if !fresh {
		in.wonder()
	}
	c.sessionOf(in, "")
	c.sayMissing(in, "")
}

// receivedDown: a session has ended, and all that came in it is void.
func (c *core) receivedDown(p *peer, reason string) {
	if in := c.inbound[p.Addr]; in != nil && in.up {
		in.begin(false)
		c.sessionOf(in, exabgp.Printable(reason))
	}
}

// sessionOf tells that a session has begun or ended.
func (c *core) sessionOf(in *inbound, reason string) {
	kind := wire.Down
	if in.up {
		kind = wire.Up
	}
	c.arrive(arrival{kind: kind, peer: in.peer, text: reason, at: c.now})
}

// sayMissing tells followers when a table has become whole, or is not any more.
func (c *core) sayMissing(in *inbound, before string) {
	switch now := in.missing(); {
	case now == before:
	case now == "":
		c.arrive(arrival{kind: wire.Complete, peer: in.peer, at: c.now})
	default:
		c.arrive(arrival{kind: wire.Incomplete, peer: in.peer, text: now, at: c.now})
	}
}

// askReceived has exaBGP list what it received, if there is a peer of which the
// beginning was missed. It comes last: the commands behind it wait.
func (c *core) askReceived() {
	var wanting []*inbound
	for _, in := range c.inbound {
		if in.wants() {
			wanting = append(wanting, in)
		}
	}
	if c.phase != ready || len(wanting) == 0 || c.windows.waits(exabgp.ShowReceived) {
		return
	}
	if why := c.tooLong(); why != "" {
		c.log.Warn("the received routes of before are not read", "reason", why)
		for _, in := range wanting {
			before := in.missing()
			in.barred = why
			c.sayMissing(in, before)
		}
		return
	}
	c.windows.add(&exchange{line: exabgp.ShowReceived, each: c.listReceived, ask: c.learnReceived})
}

// listReceived takes a line of the listing. It may be as long as the tables of
// all peers, so it is not kept.
func (c *core) listReceived(line string) {
	r, err := c.dialect.ParseReceived(line)
	var foreign *exabgp.FamilyError
	if errors.As(err, &foreign) {
		if in := c.inbound[foreign.Peer]; in != nil && in.wants() {
			in.unread[foreign.Family]++
		}
		return
	}
	if in := c.inbound[r.Peer]; err == nil && in != nil && in.reported {
		attrs := unique.Make(r.Attrs)
		if in.listed(r.Key, attrs) {
			c.arrive(arrival{kind: wire.Announce, peer: r.Peer, key: r.Key, attrs: attrs, at: c.now})
		}
	}
}

// learnReceived takes the end of the listing.
func (c *core) learnReceived(_ []string, ok bool) {
	if !ok {
		c.trouble("exaBGP does not show what it received; the tables of its peers are not whole")
		return
	}
	for _, a := range slices.SortedFunc(keysOf(c.inbound), netip.Addr.Compare) {
		in := c.inbound[a]
		if !in.wants() {
			continue
		}
		before := in.missing()
		in.known, in.lost = true, nil
		c.sayMissing(in, before)
		c.log.Info("exaBGP's received routes are read", "peer", a, "routes", len(in.routes))
	}
}

// receivedRoutes is how many routes there are of all peers.
func (c *core) receivedRoutes() int {
	n := 0
	for _, in := range c.inbound {
		n += len(in.routes)
	}
	return n
}

// receivedCount is how many routes a peer announces; nil if that is not known.
func (c *core) receivedCount(p *peer) *int {
	in := c.inbound[p.Addr]
	if in == nil || in.missing() != "" {
		return nil
	}
	n := len(in.routes)
	return &n
}

// followReceived takes a request of a reader of received routes; to is where
// the table goes, "" if it has that.
func (c *core) followReceived(to string) {
	c.rcv.follow(c.now)
	if to != "" && !slices.Contains(c.rcv.asked, to) {
		c.rcv.asked = append(c.rcv.asked, to)
	}
}

// forgetFollowers drops what nobody asked for lately.
func (c *core) forgetFollowers(now time.Time) {
	if c.rcv.expired(now) {
		c.rcv.close()
	}
	if c.evt.expired(now) {
		c.evt.close()
	}
}
