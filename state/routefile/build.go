package routefile

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

// build makes the routes that one item of the list stands for.
func (p *parser) build(r *rawRoute) {
	for i := range r.own {
		if r.own[i].name == state.NextHop {
			r.hop = &r.own[i]
		}
	}
	attrs, built := p.attrs(r)
	hop, known := attrs, built
	if !built {
		hop, known = p.nextHop(r)
	}
	for _, n := range r.prefixes {
		text, ok := p.text(n, "prefix")
		if !ok {
			continue
		}
		prefix, err := state.ParsePrefix(text)
		if err != nil {
			p.faultErr(n, err)
			continue
		}
		key := state.UnicastKey(prefix, r.pathID)
		if known {
			p.checkNextHop(r, n, key, hop)
		}
		if r.badKey || r.badPeers {
			continue // whether it is there twice can't be said
		}
		p.routes = append(p.routes, state.Wanted{
			Key: key, Attrs: attrs, Peers: r.peers, Tags: r.tags, Comment: r.comment,
			Pos: state.Position{File: p.src.name, Line: n.Line, Column: n.Column},
		})
	}
}

// attrs is the attributes of a route with the defaults; false if they could
// not be told.
func (p *parser) attrs(r *rawRoute) (state.Attrs, bool) {
	if r.badAttrs {
		for i := range r.own {
			p.validHop(r, &r.own[i])
		}
		return state.Attrs{}, false
	}
	p.recipe = appendRecipe(p.recipe[:0], r.own)
	if attrs, ok := p.built[string(p.recipe)]; ok {
		return attrs, true
	}
	good := true
	for i := range r.own {
		good = p.validHop(r, &r.own[i]) && good
	}
	merged := maps.Clone(p.defaults.attrs)
	if merged == nil {
		merged = map[state.Name][]string{}
	}
	bad := maps.Clone(p.defaults.bad)
	for i := range r.own {
		s := &r.own[i]
		delete(bad, s.name)
		if s.removed {
			delete(merged, s.name)
		} else {
			merged[s.name] = s.texts()
		}
	}
	if !good || len(bad) > 0 {
		return state.Attrs{}, false
	}
	attrs, err := state.NewAttrs(merged)
	if err != nil {
		p.faultErr(r.node, err)
		return attrs, false
	}
	attrs = p.intern(attrs)
	p.built[string(p.recipe)] = attrs
	return attrs, true
}

// validHop checks a setting, and notes it if that was the next hop and is at
// fault.
func (p *parser) validHop(r *rawRoute, s *setting) bool {
	good := p.valid(s)
	if !good && s.name == state.NextHop {
		r.badHop = true
	}
	return good
}

// intern returns the set that is equal and was there first, so that equal sets
// are compared by their pointers.
func (p *parser) intern(attrs state.Attrs) state.Attrs {
	if first, ok := p.interned[attrs]; ok {
		return first
	}
	p.interned[attrs] = attrs
	return attrs
}

// appendRecipe appends a text that is the same only for the same settings in
// the same order. Each value comes with its length: it may hold any character.
func appendRecipe(b []byte, own []setting) []byte {
	for i := range own {
		s := &own[i]
		b = append(b, s.name...)
		if s.removed {
			b = append(b, '~')
		}
		b = binary.AppendUvarint(append(b, 0), uint64(len(s.values)))
		for _, v := range s.values {
			b = append(binary.AppendUvarint(b, uint64(len(v.text))), v.text...)
		}
	}
	return b
}

// nextHop is the next hop of a route of which more is not known; false if that
// is not known either.
func (p *parser) nextHop(r *rawRoute) (state.Attrs, bool) {
	values := p.defaults.attrs[state.NextHop]
	switch {
	case r.badHop, r.hop == nil && p.defaults.bad[state.NextHop]:
		return state.Attrs{}, false
	case r.hop != nil && r.hop.removed:
		values = nil
	case r.hop != nil:
		values = r.hop.texts()
	}
	if len(values) == 0 {
		return state.Attrs{}, true
	}
	if attrs, ok := p.hops[values[0]]; ok {
		return attrs, true
	}
	attrs, err := state.NewAttrs(map[state.Name][]string{state.NextHop: values})
	if err == nil {
		p.hops[values[0]] = attrs
	}
	return attrs, err == nil
}

// checkNextHop reports a next hop that is missing or of the wrong family: at
// the next hop if the route has one for this prefix alone, else at the prefix.
func (p *parser) checkNextHop(r *rawRoute, prefix *yaml.Node, key state.Key, attrs state.Attrs) {
	err := state.CheckNextHop(key, attrs)
	if err == nil {
		return
	}
	at := prefix
	if r.hop != nil && r.single != nil && !r.hop.removed {
		at = r.hop.node
	}
	hint := ""
	switch n := p.defaults.nodes[state.NextHop]; {
	case attrs.NextHop() == "":
		hint = "give the route a next-hop, or give one under defaults"
	case r.hop == nil && n != nil:
		hint = fmt.Sprintf("it is the default of line %d; give the route its own next-hop", n.Line)
	case r.single == nil:
		hint = "make a route of its own for each family, or use next-hop: self"
	}
	p.faultAt(at, err.Error(), hint)
}

// ordered reports the routes that are there twice and returns all in order.
func (p *parser) ordered() []state.Wanted {
	byKey := func(a, b state.Wanted) int { return state.CompareKeys(a.Key, b.Key) }
	if !slices.IsSortedFunc(p.routes, byKey) {
		slices.SortStableFunc(p.routes, byKey)
	}
	for i := 0; i < len(p.routes); {
		j := i + 1
		for j < len(p.routes) && p.routes[j].Key == p.routes[i].Key {
			j++
		}
		if j-i > 1 {
			p.twice(p.routes[i:j])
			slices.SortStableFunc(p.routes[i:j], func(a, b state.Wanted) int { return cmp.Compare(a.Peers, b.Peers) })
		}
		i = j
	}
	return p.routes
}

// twice reports among routes of one key, in the order of the file, those that
// are for a peer that has one already.
func (p *parser) twice(same []state.Wanted) {
	byPeer := map[netip.Addr]int{} // the line of the first route for this peer
	every := 0                     // the line of the first route for every peer
	for i, w := range same {
		line, whose := every, ""
		if w.Peers.All() && line == 0 && i > 0 {
			line = same[0].Pos.Line
		}
		addrs := w.Peers.Addrs()
		for _, a := range addrs {
			if first, ok := byPeer[a]; ok && line == 0 {
				line, whose = first, " for peer "+a.String()
			}
		}
		if line != 0 {
			p.faults = append(p.faults, p.src.fault(w.Pos.Line, w.Pos.Column, len(w.Key.Prefix().String()),
				fmt.Sprintf("%s is given twice%s; the first is in line %d", w.Key, whose, line),
				"keep one of them, or give them different peers"))
			continue
		}
		if w.Peers.All() {
			every = w.Pos.Line
		}
		for _, a := range addrs {
			byPeer[a] = w.Pos.Line
		}
	}
}
