package routefile

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

// spot is where a prefix is written: in a node, or in a list of its own.
type spot struct {
	node *yaml.Node
	src  *source
	listedPrefix
}

func (p *parser) faultSpot(s spot, msg, hint string) {
	if s.node != nil {
		p.faultAt(s.node, msg, hint)
		return
	}
	p.faults = append(p.faults, s.src.fault(s.line, s.column, len(s.prefix.String()), msg, hint))
}

func (s spot) position(p *parser) state.Position {
	if s.node != nil {
		return p.position(s.node)
	}
	return state.Position{File: s.src.name, Line: int32(s.line), Column: int32(s.column)}
}

// build makes the routes that one item of the list stands for.
func (p *parser) build(r *rawRoute) {
	attrs, built := p.attrs(r)
	hop, known := attrs, built
	if !built {
		hop, known = p.nextHop(r)
	}
	terms := p.terms(&r.about, attrs)
	add := func(at spot, prefix netip.Prefix) bool {
		if r.badKey {
			return true // what it is, and whether it is there twice, can't be said
		}
		key, err := r.key(prefix)
		if err != nil {
			p.faultSpot(at, err.Error(), "")
			return false
		}
		good := !known || p.checkNextHop(r, at, key, hop)
		if good && built {
			good = p.checkFit(at, key, attrs)
		}
		if !r.badPeers {
			p.routes = append(p.routes, state.Wanted{Key: key, Terms: terms, Pos: at.position(p)})
		}
		return good
	}
	for _, n := range r.prefixes {
		if p.plainEntries(n, r, attrs, built) {
			continue
		}
		text, ok := p.text(n, "prefix")
		if !ok {
			continue
		}
		prefix, err := state.ParsePrefix(text)
		if err != nil {
			p.faultErr(n, err)
			continue
		}
		add(spot{node: n}, prefix)
	}
	if r.listed == nil {
		return
	}
	if known && hop.NextHop() == "" {
		p.faultAt(r.from, "the prefixes of the list have no next-hop", "give the route a next-hop, or give one under defaults")
		return
	}
	if r.listed.plain != nil {
		r.listed.plain.users = append(r.listed.plain.users, p.mold(r, attrs, built))
		return
	}
	p.routes = slices.Grow(p.routes, len(r.listed.prefixes))
	for _, listed := range r.listed.prefixes {
		if !add(spot{src: r.listed.src, listedPrefix: listed}, listed.prefix) {
			return // of a long list, the others most likely are alike
		}
	}
}

// keyForm is what besides the prefix makes the key of a route.
type keyForm struct {
	rd       string
	pathID   uint32
	labelled bool
}

// key is the key of a route: with a route distinguisher it is of a VPN, with a
// label alone a labelled one, as exaBGP has it.
func (f keyForm) key(prefix netip.Prefix) (state.Key, error) {
	families := [2]state.Family{state.IPv4Labelled, state.IPv6Labelled}
	switch {
	case f.rd != "":
		families = [2]state.Family{state.IPv4VPN, state.IPv6VPN}
	case !f.labelled:
		return state.UnicastKey(prefix, f.pathID), nil
	}
	family := families[0]
	if prefix.Addr().Is6() {
		family = families[1]
	}
	return state.PrefixKey(family, prefix, f.rd, f.pathID)
}

// checkFit reports attributes that don't go with a route; false if it did.
func (p *parser) checkFit(at spot, key state.Key, attrs state.Attrs) bool {
	var err error
	if key.Family.HasLabel() {
		err = state.CheckRoute(key, attrs) // the length of the prefix counts
	} else {
		// The next hop was checked: but for it, the family says it all.
		f, there := fit{key.Family, attrs}, false
		if err, there = p.fits[f]; !there {
			err = state.CheckRoute(key, attrs)
			p.fits[f] = err
		}
	}
	if err == nil {
		return true
	}
	hint := ""
	if f, ok := err.(*state.Fault); ok {
		hint = f.Hint
	}
	p.faultSpot(at, err.Error(), hint)
	return false
}

// attrs is the attributes of a route with the defaults; false if they could
// not be told. It finds the next hop among the route's own.
func (p *parser) attrs(r *rawRoute) (state.Attrs, bool) {
	for i := range r.own {
		if r.own[i].name == state.NextHop {
			r.hop = &r.own[i]
		}
	}
	if r.badAttrs {
		for i := range r.own {
			p.validHop(r, &r.own[i])
		}
		return state.Attrs{}, false
	}
	p.recipe = appendRecipe(p.recipe[:0], r.own)
	if attrs, ok := r.scope.built[string(p.recipe)]; ok {
		return attrs, true
	}
	good := true
	for i := range r.own {
		good = p.validHop(r, &r.own[i]) && good
	}
	merged := maps.Clone(r.scope.attrs)
	if merged == nil {
		merged = map[state.Name][]string{}
	}
	bad := maps.Clone(r.scope.bad)
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
	r.scope.built[string(p.recipe)] = attrs
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
	values := r.scope.attrs[state.NextHop]
	switch {
	case r.badHop, r.hop == nil && r.scope.bad[state.NextHop]:
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
// It is false if it did.
func (p *parser) checkNextHop(r *rawRoute, prefix spot, key state.Key, attrs state.Attrs) bool {
	err := state.CheckNextHop(key, attrs)
	if err == nil {
		return true
	}
	at := prefix
	if r.hop != nil && r.single != nil && !r.hop.removed {
		at = spot{node: r.hop.node}
	}
	hint := ""
	if f, ok := err.(*state.Fault); ok && attrs.NextHop() == "self" {
		hint = f.Hint
	}
	switch place, there := r.scope.places[state.NextHop]; {
	case attrs.NextHop() == "":
		hint = "give the route a next-hop, or give one under defaults"
	case r.hop == nil && there:
		hint = fmt.Sprintf("it is the default of %s; give the route its own next-hop", p.line(place))
	case r.single == nil && hint == "":
		hint = "make a route of its own for each family, or use next-hop: self"
	}
	p.faultSpot(at, err.Error(), hint)
	return false
}
