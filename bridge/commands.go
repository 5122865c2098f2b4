package bridge

import (
	"slices"

	"routesync/bridge/exabgp"
	"routesync/state"
)

// launch puts the operations that have started into commands: announces before
// withdraws, those of equal attributes and peers together.
func (c *core) launch() {
	for len(c.start) > 0 {
		c.launchStarted()
	}
}

// commandClass is what operations must have in common to go into one command.
type commandClass struct {
	family   state.Family
	withdraw bool
	spelled  bool
	aside    bool
	attrs    state.Attrs
}

// commandGroup is operations of one class at the same peers.
type commandGroup struct {
	commandClass
	at  []*peer
	ops []*op
}

func (c *core) launchStarted() {
	started := c.start
	c.start = nil
	started = c.stillTo(started)
	c.launches.begin(started)
	c.out.claims = slices.Grow(c.out.claims, len(started))
	type name struct {
		commandClass
		peers state.Peers
	}
	var order []*commandGroup
	groups := map[name]*commandGroup{}
	var last *commandGroup // most operations go with the one before
	for _, o := range started {
		for _, part := range c.parts(o) {
			is := commandClass{o.key.Family, o.withdraw, o.spelled, o.aside != nil, part.attrs}
			if last == nil || last.commandClass != is || !slices.Equal(last.at, part.peers) {
				of := name{is, state.NewPeers(addrsOf(part.peers))}
				if last = groups[of]; last == nil {
					last = &commandGroup{commandClass: is, at: slices.Clone(part.peers)}
					groups[of], order = last, append(order, last)
				}
			}
			last.ops = append(last.ops, o)
		}
		c.claim(o.key)
	}
	slices.SortStableFunc(order, func(a, b *commandGroup) int { return rank(a.withdraw) - rank(b.withdraw) })
	for _, g := range order {
		if g.aside {
			c.planAside(g.attrs, g.at, g.ops)
			continue
		}
		for _, x := range c.commands(g.withdraw, g.attrs, g.at, g.ops) {
			c.windows.add(x)
		}
	}
}

// stillTo takes out of operations the peers that have gone since they began,
// and ends those of which nothing remains.
func (c *core) stillTo(started []*op) []*op {
	return slices.DeleteFunc(started, func(o *op) bool {
		o.targets = slices.DeleteFunc(o.targets, func(p *peer) bool {
			return !has(c.peers, p) || o.withdraw && c.table.find(o.key, p) == nil || o.aside != nil && p.up
		})
		if len(o.targets) > 0 {
			return false
		}
		o.commands = 1
		c.commandDone(o)
		return true
	})
}

func rank(withdraw bool) int {
	if withdraw {
		return 1
	}
	return 0
}

type part struct {
	attrs state.Attrs
	peers []*peer
}

// parts splits an operation by the attributes that its command must name: a
// withdraw repeats those of the announce at each peer, so that exaBGP files
// both in the same place. What it returns holds until the next call.
func (c *core) parts(o *op) []part {
	if !o.withdraw {
		c.part[0] = part{o.attrs, o.targets}
		return c.part[:]
	}
	if len(o.targets) == 1 {
		c.part[0] = part{c.table.find(o.key, o.targets[0]).attrs, o.targets}
		return c.part[:]
	}
	var parts []part
	for _, p := range o.targets {
		attrs := c.table.find(o.key, p).attrs
		i := slices.IndexFunc(parts, func(x part) bool { return x.attrs == attrs })
		if i < 0 {
			parts = append(parts, part{attrs: attrs})
			i = len(parts) - 1
		}
		parts[i].peers = append(parts[i].peers, p)
	}
	return parts
}

// commands renders operations that share everything but their keys, in the order
// in which exaBGP sorts what it sends.
func (c *core) commands(withdraw bool, attrs state.Attrs, at []*peer, ops []*op) []*exchange {
	slices.SortFunc(ops, func(a, b *op) int { return exabgp.CompareSent(a.key, b.key) })
	keys := make([]state.Key, len(ops))
	for i, o := range ops {
		keys[i] = o.key
	}
	// Always by name: without, exaBGP takes every neighbor that it has by now,
	// and a new one is not known here until it was asked for.
	addrs := addrsOf(at)
	render := c.dialect.Announce
	switch {
	case withdraw:
		render = c.dialect.Withdraw
	case len(ops) > 0 && ops[0].spelled:
		render = c.dialect.AnnounceSpelled
	}
	var out []*exchange
	find := finder(ops)
	for _, cmd := range render(addrs, attrs, keys) {
		x := &exchange{line: cmd.Line, withdraw: withdraw, attrs: attrs, at: at, ops: make([]*op, len(cmd.Keys))}
		for i, k := range cmd.Keys {
			o := find(k)
			o.commands++
			x.ops[i] = o
		}
		if x.aside() {
			x.guard = c.dialect.Reset(at[0].Addr)
		}
		out = append(out, x)
	}
	return out
}

// finder finds operations by their keys, at once those that are asked for in their
// order. Each key is there once, for one change of it is under way at most.
func finder(ops []*op) func(state.Key) *op {
	next := 0
	var byKey map[state.Key]*op
	return func(k state.Key) *op {
		if next < len(ops) && ops[next].key == k {
			next++
			return ops[next-1]
		}
		if byKey == nil {
			byKey = make(map[state.Key]*op, len(ops))
			for _, o := range ops {
				byKey[o.key] = o
			}
		}
		return byKey[k]
	}
}
