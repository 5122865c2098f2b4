package bridge

import (
	"slices"

	"routesync/state"
)

// launch puts the operations that have started into commands: announces before
// withdraws, those of equal attributes and peers together.
func (c *core) launch() {
	for len(c.start) > 0 {
		c.launchStarted()
	}
}

func (c *core) launchStarted() {
	started := c.start
	c.start = nil
	started = c.stillTo(started)
	type class struct {
		family   state.Family
		withdraw bool
		spelled  bool
		attrs    state.Attrs
		peers    state.Peers
		aside    bool
	}
	type group struct {
		at  []*peer
		ops []*op
	}
	var order []class
	groups := map[class]*group{}
	c.launches.begin(started)
	for _, o := range started {
		for _, part := range c.parts(o) {
			g := class{o.key.Family, o.withdraw, o.spelled, part.attrs, state.NewPeers(addrsOf(part.peers)), o.aside != nil}
			if groups[g] == nil {
				order = append(order, g)
				groups[g] = &group{at: part.peers}
			}
			groups[g].ops = append(groups[g].ops, o)
		}
		c.claim(o.key)
	}
	slices.SortStableFunc(order, func(a, b class) int { return rank(a.withdraw) - rank(b.withdraw) })
	for _, g := range order {
		if g.aside {
			c.planAside(g.attrs, groups[g].at, groups[g].ops)
			continue
		}
		for _, x := range c.commands(g.withdraw, g.attrs, groups[g].at, groups[g].ops) {
			c.windows.add(x)
		}
	}
}

// stillTo takes out of operations the peers that have gone since they began,
// and ends those of which nothing remains.
func (c *core) stillTo(started []*op) []*op {
	return slices.DeleteFunc(started, func(o *op) bool {
		o.targets = slices.DeleteFunc(o.targets, func(p *peer) bool {
			return c.findPeer(p.Addr) != p || o.withdraw && c.table.find(o.key, p) == nil || o.aside != nil && p.up
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
// both in the same place.
func (c *core) parts(o *op) []part {
	if !o.withdraw {
		return []part{{o.attrs, o.targets}}
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

// commands renders operations that share everything but their keys.
func (c *core) commands(withdraw bool, attrs state.Attrs, at []*peer, ops []*op) []*exchange {
	byKey := make(map[state.Key]*op, len(ops))
	keys := make([]state.Key, len(ops))
	for i, o := range ops {
		keys[i], byKey[o.key] = o.key, o
	}
	slices.SortFunc(keys, state.CompareKeys)
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
	for _, cmd := range render(addrs, attrs, keys) {
		x := &exchange{line: cmd.Line, withdraw: withdraw, attrs: attrs, at: at}
		for _, k := range cmd.Keys {
			x.ops = append(x.ops, byKey[k])
			byKey[k].commands++
		}
		if x.aside() {
			x.guard = c.dialect.Reset(at[0].Addr)
		}
		out = append(out, x)
	}
	return out
}
