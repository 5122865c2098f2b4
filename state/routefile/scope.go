package routefile

import (
	"fmt"
	"maps"
	"slices"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

// scope is what the routes of a file or of a group have unless they say
// otherwise.
type scope struct {
	attrs  map[state.Name][]string
	places map[state.Name]state.Position // where attrs were given
	// bad are the attributes whose default is at fault. It is reported there,
	// and nothing is said about the routes that would have it.
	bad      map[state.Name]bool
	peers    state.Peers
	badPeers bool
	tags     []string
	marks    []string // the tags of the groups, which every route has besides
	// built has the attribute sets made so far by the text that they were made
	// of: most routes of a large file have one of a few.
	built map[string]state.Attrs
}

func newScope() *scope {
	return &scope{
		attrs: map[state.Name][]string{}, places: map[state.Name]state.Position{}, bad: map[state.Name]bool{},
		built: map[string]state.Attrs{},
	}
}

// inner is a scope that begins as s is.
func (s *scope) inner() *scope {
	c := *s
	return &c
}

// has tells whether an attribute has a default, good or bad.
func (s *scope) has(name state.Name) bool {
	_, ok := s.attrs[name]
	return ok || s.bad[name]
}

// readDefaults puts the defaults of a file or a group over those outside.
func (p *parser) readDefaults(s *scope, n *yaml.Node) {
	s.attrs, s.places, s.bad = maps.Clone(s.attrs), maps.Clone(s.places), maps.Clone(s.bad)
	s.built = map[string]state.Attrs{}
	if n.Kind != yaml.MappingNode {
		if isNull(n) {
			p.faultAt(n, "defaults has no value", "leave it out")
		} else if n.Kind != yaml.AliasNode {
			p.faultAt(n, fmt.Sprintf("defaults must be a mapping, not a %s", kindWord(n)), "write defaults: { next-hop: 192.0.2.1 }")
		}
		s.bad[state.NextHop] = true // nobody knows whether it would have held one
		return
	}
	before := len(s.bad)
	for key, value := range p.pairs(n) {
		switch {
		case key.Value == "peers":
			peers, ok := p.readPeers(value)
			s.peers, s.badPeers = peers, !ok
		case key.Value == "tags":
			s.tags = p.readTags(value)
		case slices.Contains(ownKeys(), key.Value):
			p.faultAt(key, fmt.Sprintf("%s can't stand in defaults", key.Value), "it is a route's own; put it in the route")
		default:
			p.defaultAttr(s, key, value)
		}
	}
	if len(s.bad) > before {
		return
	}
	if _, err := state.NewAttrs(s.attrs); err != nil {
		p.faultErr(n, err)
		for name := range s.attrs {
			s.bad[name] = true
		}
	}
}

func (p *parser) defaultAttr(s *scope, key, n *yaml.Node) {
	name, ok := p.attrName(key, "defaults")
	if !ok {
		return
	}
	if isNull(n) && n.Value != "" && s.has(name) { // a default of outside
		delete(s.attrs, name)
		delete(s.bad, name)
		return
	}
	set, ok := p.setting(name, key, n)
	switch {
	case !ok || !p.valid(&set):
		s.bad[name] = true
	case set.removed:
		delete(s.attrs, name)
		delete(s.bad, name)
	default:
		delete(s.bad, name)
		s.attrs[name], s.places[name] = set.texts(), p.position(n)
	}
}

func (p *parser) position(n *yaml.Node) state.Position {
	return state.Position{File: p.src.name, Line: int32(p.src.skeleton.lineOf(n.Line)), Column: int32(n.Column)}
}

// line is how a place is called in a message about this file.
func (p *parser) line(at state.Position) string { return lineIn(p.src.name, at) }

// lineIn is how a place is called in a message about a file.
func lineIn(file string, at state.Position) string {
	if at.File == file {
		return fmt.Sprintf("line %d", at.Line)
	}
	return fmt.Sprintf("%s:%d", at.File, at.Line)
}
