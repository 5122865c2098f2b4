package routefile

import (
	"fmt"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

// defaults is what a route has unless it says otherwise.
type defaults struct {
	attrs map[state.Name][]string
	nodes map[state.Name]*yaml.Node // where attrs were given
	// bad are the attributes whose default is at fault. It is reported there,
	// and nothing is said about the routes that would have it.
	bad      map[state.Name]bool
	peers    state.Peers
	badPeers bool
	tags     []string
}

// has tells whether an attribute has a default, good or bad.
func (d *defaults) has(name state.Name) bool {
	_, ok := d.attrs[name]
	return ok || d.bad[name]
}

func (p *parser) readDefaults(n *yaml.Node) {
	d := &p.defaults
	d.attrs, d.nodes, d.bad = map[state.Name][]string{}, map[state.Name]*yaml.Node{}, map[state.Name]bool{}
	if n.Kind != yaml.MappingNode {
		if isNull(n) {
			p.faultAt(n, "defaults has no value", "leave it out")
		} else if n.Kind != yaml.AliasNode {
			p.faultAt(n, fmt.Sprintf("defaults must be a mapping, not a %s", kindWord(n)), "write defaults: { next-hop: 192.0.2.1 }")
		}
		d.bad[state.NextHop] = true // nobody knows whether it would have held one
		return
	}
	for key, value := range p.pairs(n) {
		switch key.Value {
		case "peers":
			peers, ok := p.readPeers(value)
			d.peers, d.badPeers = peers, !ok
		case "tags":
			d.tags = p.readTags(value)
		case "prefix", "prefixes", "path-information", "comment":
			p.faultAt(key, fmt.Sprintf("%s can't stand in defaults", key.Value), "it is a route's own; put it in the route")
		default:
			p.defaultAttr(key, value)
		}
	}
	if len(d.bad) > 0 {
		return
	}
	if _, err := state.NewAttrs(d.attrs); err != nil {
		p.faultErr(n, err)
		for name := range d.attrs {
			d.bad[name] = true
		}
	}
}

func (p *parser) defaultAttr(key, n *yaml.Node) {
	d := &p.defaults
	name, ok := p.attrName(key, "defaults")
	if !ok {
		return
	}
	s, ok := p.setting(name, key, n)
	switch {
	case !ok || !p.valid(&s):
		d.bad[name] = true
	case !s.removed:
		d.attrs[name], d.nodes[name] = s.texts(), n
	}
}
