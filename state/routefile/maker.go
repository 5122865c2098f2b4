package routefile

import (
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

// mold is what an item says of each of its prefixes. It is comparable.
type mold struct {
	keyForm
	terms *state.Terms
}

// basis is what the plain items of a list are read on. Items with the same rest
// mean the same on it.
type basis struct {
	parser *parser
	scope  *scope
	molds  map[string]*checked // by the rest of an item
}

// checked is a mold, and whether IPv4 and IPv6 routes go with it. Where there is a
// label, the length of the prefix counts as well, and it is not known beforehand.
type checked struct {
	mold
	fits [2]bool
}

// maker is what makes routes of the lines of a part: lines that are the same, of
// the same maker, are the same routes.
type maker struct {
	basis *basis // of items
	mold  mold   // of entries
}

// maxRemembered is how many different things are remembered from one reading for
// the next: without a bound, it would be all that a file ever said.
const maxRemembered = 1 << 15

// basis is that of the items of a scope: the one of the last reading, if that was
// the same.
func (s *short) basis(p *parser, of *scope) *basis {
	if b := s.byScope[of]; b != nil {
		return b
	}
	key := of.recipe()
	b := s.bases[key]
	if b == nil {
		b = s.last.bases[key]
		if b == nil {
			b = &basis{molds: map[string]*checked{}}
		}
		b.parser, b.scope = p, of
		s.bases[key] = b
	}
	s.byScope[of] = b
	return b
}

// recipe is a text that is the same only for scopes that mean the same for the
// routes in them.
func (s *scope) recipe() string {
	var b []byte
	add := func(words ...string) {
		b = binary.AppendUvarint(b, uint64(len(words)))
		for _, w := range words {
			b = append(binary.AppendUvarint(b, uint64(len(w))), w...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.attrs)) {
		add(string(name))
		add(s.attrs[name]...)
	}
	add(string(s.peers))
	add(s.tags...)
	add(s.marks...)
	return string(b)
}

// mold is what an item says.
func (b *basis) mold(it *plainItem) *checked {
	if m, there := b.molds[string(it.rest)]; there {
		return m
	}
	p := b.parser
	r := rawRoute{about: newAbout(b.scope, it.node(1))}
	if !p.readRoute(&r) {
		p.short.refused = true
		return &checked{}
	}
	attrs, built := p.attrs(&r)
	m := &checked{mold: p.mold(&r, attrs, built)}
	if p.short.refused || len(p.faults) > 0 {
		return m // this reading comes to nothing, and is not to be remembered
	}
	if len(b.molds) >= maxRemembered {
		clear(b.molds)
	}
	b.molds[string(it.rest)] = m
	return m
}

// mold is what is known of a route but for its prefixes.
func (p *parser) mold(r *rawRoute, attrs state.Attrs, built bool) mold {
	if !built || r.badKey || r.badPeers {
		p.short.refused = true
	}
	return mold{r.keyForm, p.terms(&r.about, attrs)}
}

// plainItems takes the plain items of a list of routes, of which a node is the
// first; false if it is not.
func (p *parser) plainItems(s *scope, n *yaml.Node) bool {
	run := p.src.skeleton.runAt(n)
	if run == nil || run.parts[0].kind != routeItems {
		return false
	}
	b := p.short.basis(p, s)
	for i := range run.parts {
		run.parts[i].basis = b
	}
	return true
}

// plainEntries takes the plain entries of a route's list of prefixes, of which a
// node is the first; false if it is not.
func (p *parser) plainEntries(n *yaml.Node, r *rawRoute, attrs state.Attrs, built bool) bool {
	run := p.src.skeleton.runAt(n)
	if run == nil || run.parts[0].kind != entryItems {
		return false
	}
	m := p.mold(r, attrs, built)
	for i := range run.parts {
		run.parts[i].mold = m
	}
	return true
}

// casting makes the routes of parts.
type casting struct {
	*short
	routes  []state.Wanted
	file    string
	mold    *checked
	unicast bool            // the key is nothing but a prefix
	nlri    strings.Builder // of a part, for all of its keys
	buf     []byte
}

// part makes the routes of a part of a text.
func (c *casting) part(s *sheet, p *part) {
	c.begin(s, p)
	if p.kind == entryItems {
		c.use(&checked{mold: p.mold})
	}
	var last plainItem
	line := p.line
	for at := p.from; at < p.to; at = last.end {
		it, _ := readPlain(s.text, at, &last)
		if p.kind == routeItems && (at == p.from || string(it.rest) != string(last.rest)) {
			c.use(p.basis.mold(&it))
		}
		c.add(it.prefix, line, it.column)
		line += it.lines
		last = it
	}
}

func (c *casting) begin(s *sheet, p *part) {
	c.file = s.name
	c.nlri = strings.Builder{} // the other has keys in it
	c.nlri.Grow(p.nlri)
}

// use makes what comes after a mold.
func (c *casting) use(m *checked) { c.mold, c.unicast = m, m.keyForm == keyForm{} }

// add makes a route.
func (c *casting) add(prefix netip.Prefix, line, column int) {
	if c.refused {
		return
	}
	var key state.Key
	v6 := 0
	if prefix.Addr().Is6() {
		v6 = 1
	}
	if c.unicast {
		key.Family = [2]state.Family{state.IPv4Unicast, state.IPv6Unicast}[v6]
		from := c.nlri.Len()
		c.buf = state.AppendUnicast(c.buf[:0], prefix)
		c.nlri.Write(c.buf)
		key.NLRI = c.nlri.String()[from:]
	} else {
		var err error
		if key, err = c.mold.key(prefix); err != nil {
			c.refused = true
			return
		}
	}
	if !c.mold.fits[v6] {
		if state.CheckRoute(key, c.mold.terms.Attrs) != nil {
			c.refused = true
			return
		}
		c.mold.fits[v6] = !key.Family.HasLabel()
	}
	c.routes = append(c.routes, state.Wanted{
		Key: key, Terms: c.mold.terms, Pos: state.Position{File: c.file, Line: int32(line), Column: int32(column)},
	})
}

// nlriSize is how many bytes the NLRI of a prefix takes.
func nlriSize(p netip.Prefix) int { return p.Addr().BitLen()/8 + 1 }
