package routefile

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

func flowKeys() []string { return append([]string{"match", "then", "rd", "next-hop"}, aboutKeys()...) }

// rawFlow is what the keys of one flow say, before it is put together.
type rawFlow struct {
	about
	match, then *yaml.Node
	hop         *yaml.Node // the next-hop, if it has one of its own
	rd          string
	values      map[state.Name][]string
	bad         bool // something could not be read, and was reported
}

// readFlows reads a list of flows. n may be nil. What a flow does is in its
// actions alone: of defaults it has the peers and the tags, no attributes.
func (p *parser) readFlows(s *scope, n *yaml.Node) {
	for _, item := range p.mappings(n, "flows", "flow", "- match: { destination: 192.0.2.0/24 }") {
		f := rawFlow{about: newAbout(s, item), values: map[state.Name][]string{}}
		for key, value := range p.pairs(item) {
			p.flowKey(&f, key, value)
		}
		p.buildFlow(&f)
	}
}

func (p *parser) flowKey(f *rawFlow, key, n *yaml.Node) {
	switch {
	case p.aboutKey(&f.about, key, n):
	case key.Value == "match":
		f.match = n
	case key.Value == "then":
		f.then = n
	case key.Value == "rd":
		rd, ok := p.readRD(n)
		f.rd, f.bad = rd, f.bad || !ok
	case key.Value == "next-hop":
		s, ok := p.setting(state.NextHop, key, n)
		if !ok || !p.valid(&s) {
			f.bad = true
			return
		}
		f.hop = n
		p.flowHop(f, n, s.values[0].text)
	case slices.Contains(state.ComponentNames(), key.Value):
		p.faultAt(key, key.Value+" can't stand in a flow", "put it under match")
		f.bad = true
	case slices.Contains(state.FlowActionNames(), key.Value):
		p.faultAt(key, key.Value+" can't stand in a flow", "put it under then")
		f.bad = true
	default:
		p.unknown(key, "a flow", flowKeys())
		f.bad = true
	}
}

// buildFlow makes the route of a flow.
func (p *parser) buildFlow(f *rawFlow) {
	if f.match == nil {
		p.fault(f.node, 1, "a flow has no match", "to match all packets, write match: { destination: 0.0.0.0/0 }, or ::/0")
	}
	if f.then == nil {
		p.fault(f.node, 1, "a flow has no then", "to let the packets pass, write then: { accept: true }")
	}
	key, known := p.flowMatch(f)
	p.flowThen(f)
	if f.bad || !known || f.then == nil {
		return
	}
	at := f.then
	attrs, err := state.NewAttrs(f.values)
	if err == nil {
		attrs = p.intern(attrs)
		if err = state.CheckRoute(key, attrs); f.hop != nil && state.CheckNextHop(key, attrs) != nil {
			at = f.hop
		}
	}
	if err != nil {
		p.faultErr(at, err)
		return
	}
	if !f.badPeers {
		p.routes = append(p.routes, state.Wanted{Key: key, Terms: p.terms(&f.about, attrs), Pos: p.position(f.node)})
	}
}

// flowMatch is the key of a flow. The components are put together one by one,
// so that a fault has its place; prefixes come first, for they tell the family.
func (p *parser) flowMatch(f *rawFlow) (state.Key, bool) {
	n := f.match
	if n == nil {
		return state.Key{}, false
	}
	if !p.mapping(n, "match", "{ destination: 192.0.2.0/24, protocol: udp }") {
		return state.Key{}, false
	}
	type part struct {
		component state.Component
		key, node *yaml.Node
	}
	var parts []part
	good := true
	for key, value := range p.pairs(n) {
		if !isComponent(key.Value) {
			p.unknown(key, "match", state.ComponentNames())
			good = false
			continue
		}
		values, ok := p.operands(value, key.Value)
		good = good && ok
		if ok {
			parts = append(parts, part{state.Component{Name: key.Value, Values: values}, key, value})
		}
	}
	slices.SortStableFunc(parts, func(a, b part) int { return prefixFirst(a.component.Name) - prefixFirst(b.component.Name) })
	var components []state.Component
	for _, c := range parts {
		if _, err := state.FlowKey(f.rd, append(components, c.component)); err != nil {
			p.faultErr(c.node, err)
			good = false
			continue
		}
		components = append(components, c.component)
	}
	if !good || f.bad {
		return state.Key{}, false
	}
	key, err := state.FlowKey(f.rd, components)
	if err != nil {
		p.faultErr(n, err)
	}
	return key, err == nil
}

// isComponent tells a component by any name that exaBGP has for it.
func isComponent(name string) bool {
	base := strings.TrimSuffix(strings.TrimSuffix(name, "-ipv4"), "-ipv6")
	return slices.Contains(state.ComponentNames(), name) || prefixFirst(name) == 0 && slices.Contains(state.ComponentNames(), base)
}

func prefixFirst(name string) int {
	if strings.HasPrefix(name, "destination") && name != "destination-port" || strings.HasPrefix(name, "source") && name != "source-port" {
		return 0
	}
	return 1
}

// mapping tells whether a node is a mapping with something in it, and reports
// it if not.
func (p *parser) mapping(n *yaml.Node, what, example string) bool {
	hint := fmt.Sprintf("write %s: %s", what, example)
	switch {
	case n.Kind == yaml.AliasNode:
	case isNull(n):
		p.faultAt(n, what+" has no value", hint)
	case n.Kind != yaml.MappingNode:
		p.faultAt(n, fmt.Sprintf("%s must be a mapping, not a %s", what, kindWord(n)), hint)
	case len(n.Content) == 0:
		p.faultAt(n, what+" is an empty mapping", hint)
	default:
		return true
	}
	return false
}

// operands reads one value or a list of some, or exaBGP's text for a list, "[ A B
// ]".
func (p *parser) operands(n *yaml.Node, what string) ([]string, bool) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		var ok bool
		if items, ok = p.list(n, what, "a list, [53, 123]"); !ok {
			return nil, false
		}
	}
	var words []string
	good := true
	for _, item := range items {
		text, ok := p.text(item, what)
		if !ok {
			good = false
			continue
		}
		if inner, is := strings.CutPrefix(text, "["); is && len(items) == 1 {
			if inner, is = strings.CutSuffix(inner, "]"); !is || strings.TrimSpace(inner) == "" {
				p.faultAt(item, fmt.Sprintf("the brackets of %s do not match, or hold nothing", what), "")
				return nil, false
			}
			words = append(words, strings.Fields(inner)...)
			continue
		}
		if strings.ContainsAny(text, " ,\t") {
			several := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,\t", r) })
			p.faultAt(item, fmt.Sprintf("%s %q is several values in one", what, text), "write ["+strings.Join(several, ", ")+"]")
			good = false
			continue
		}
		words = append(words, text)
	}
	return words, good
}
