package bridge

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"routesync/bridge/wire"
	"routesync/state"
)

// ClassicFormat is what the messages of the queue from-exabgp hold.
type ClassicFormat string

const (
	// ClassicText is a line as the old helper wrote it, "announce
	// 192.0.2.0/24", of IPv4 unicast routes only.
	ClassicText ClassicFormat = "text"
	// ClassicAll is such a line of every family, with the words of the family
	// before the route unless it is IPv4 unicast.
	ClassicAll ClassicFormat = "all"
	// ClassicJSON is an object for everything that a peer does, with all
	// attributes (see [wire.EncodeChange]).
	ClassicJSON ClassicFormat = "json"
)

// classicOut is what goes to the queue from-exabgp: changes in their order.
// As in the old system there is no word of a session that goes down: when it is
// up, the whole table comes again.
type classicOut struct {
	format  ClassicFormat // "" if nobody is served
	pending []arrival
	room    int
	held    func() int
	most    int  // routes that there were at once since nothing waited
	again   bool // more was withdrawn than there is room for
}

func (o *classicOut) add(x arrival) {
	if !o.takes(&x) {
		return
	}
	if x.kind == wire.Withdraw || len(o.pending) == 0 {
		// Nothing but its withdraw tells a reader that a route has gone, and all
		// may go while it reads.
		o.most = max(o.most, o.held()+1)
	}
	o.pending = append(o.pending, x)
	if len(o.pending) < max(o.room, changesMax) {
		return
	}
	o.pending = compacted(o.pending)
	if len(o.pending) > changesMax+max(o.most, o.held()) {
		o.pending, o.again = nil, true
	}
	o.room = 2 * len(o.pending)
}

func (o *classicOut) takes(x *arrival) bool {
	switch o.format {
	case ClassicText:
		return x.kind.Routes() && x.key.Family == state.IPv4Unicast.String()
	case ClassicAll:
		return x.kind.Routes()
	case ClassicJSON:
		return true
	}
	return false
}

// repeat begins again with the whole tables, because what was published before
// may be lost: a queue of the old system does not survive its broker.
// Withdraws and sessions that nobody was told of stay.
func (c *core) repeat() {
	o := &c.texts
	if o.format == "" {
		return
	}
	o.again = false
	o.pending = slices.DeleteFunc(compacted(o.pending), func(x arrival) bool { return x.kind != wire.Withdraw && !x.session() })
	for _, addr := range slices.SortedFunc(keysOf(c.inbound), netip.Addr.Compare) {
		in := c.inbound[addr]
		for k, attrs := range in.routes {
			if x := (arrival{kind: wire.Announce, peer: addr, key: k, attrs: attrs, at: c.now}); o.takes(&x) {
				o.pending = append(o.pending, x)
			}
		}
	}
	o.room = 2 * len(o.pending)
}

// classicBodies takes at most n messages for the queue from-exabgp.
func (c *core) classicBodies(n int) [][]byte {
	o := &c.texts
	if len(o.pending) == 0 && o.again {
		c.log.Warn("more came than the queue from-exabgp could be told; it is told the whole tables")
		c.repeat()
	}
	var out [][]byte
	n = min(n, len(o.pending))
	for _, x := range o.pending[:n] {
		body, err := o.body(&x)
		if err != nil {
			c.log.Error("encode", "error", err)
			continue
		}
		out = append(out, body)
	}
	if o.pending = o.pending[n:]; len(o.pending) == 0 {
		o.pending, o.room, o.most = nil, 0, 0
	}
	return out
}

func (o *classicOut) body(x *arrival) ([]byte, error) {
	nlri := x.key.ID
	switch {
	case o.format == ClassicJSON:
		return wire.EncodeChange(x.change())
	case o.format == ClassicText:
		nlri, _, _ = strings.Cut(nlri, " ") // without a path identifier
	case x.key.Family != state.IPv4Unicast.String():
		nlri = x.key.Family + " " + nlri
	}
	return fmt.Appendf(nil, "%s %s", x.kind, nlri), nil
}

// arrive notes what came from a peer for everybody who is to be told.
func (c *core) arrive(x arrival) {
	c.rcv.add(x)
	c.texts.add(x)
}
