package routefile

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

func groupKeys() []string {
	return []string{"name", "defaults", "peers", "tags", "routes", "flows", "vpls", "groups"}
}

// readGroups reads a list of groups. within is the name of the group that they
// are in, "" for none.
func (p *parser) readGroups(outer *scope, n *yaml.Node, within string) {
	names := map[string]int{}
	for _, item := range p.mappings(n, "groups", "group", "- name: ddos") {
		p.readGroup(outer, item, within, names)
	}
}

// readGroup reads one group.
func (p *parser) readGroup(outer *scope, item *yaml.Node, within string, names map[string]int) {
	values := map[string]*yaml.Node{}
	some := false
	for key, value := range p.pairs(item) {
		values[key.Value] = value
		switch known := slices.Contains(groupKeys(), key.Value); {
		case key.Value == "groups" && within != "":
			p.faultAt(key, fmt.Sprintf("groups can't stand in a group of the group %s", within), "groups are nested once")
			return
		case known:
			some = some || slices.Contains(asking(), key.Value)
		case p.names[key.Value] != "" && key.Value != "label":
			p.faultAt(key, fmt.Sprintf("%s can't stand in a group", key.Value), "put it under defaults of the group")
		case slices.Contains(ownKeys(), key.Value), key.Value == "label":
			p.faultAt(key, fmt.Sprintf("%s can't stand in a group", key.Value), "put it in a route, under routes of the group")
		case slices.Contains(fileKeys(), key.Value):
			p.faultAt(key, fmt.Sprintf("%s can't stand in a group", key.Value), "it stands at the top of the file; check the indentation")
		default:
			p.unknown(key, "a group", groupKeys())
		}
	}
	name := p.groupName(item, values["name"], names)
	if !some {
		p.fault(item, 1, "a group has no routes", "give it routes, flows, vpls or groups; an empty set is written routes: []")
	}
	s := outer.inner()
	if n := values["defaults"]; n != nil {
		p.readDefaults(s, n)
	}
	if n := values["peers"]; n != nil {
		peers, ok := p.readPeers(n)
		s.peers, s.badPeers = peers, !ok
		if key := keyOf(values["defaults"], "peers"); key != nil {
			p.faultAt(n, fmt.Sprintf("a group has peers twice: here and under its defaults, in line %d", key.Line), "keep one of them")
		}
	}
	if n := values["tags"]; n != nil {
		s.marks = append(p.readTags(n), s.marks...)
	}
	p.readRoutes(s, values["routes"])
	p.readFlows(s, values["flows"])
	p.readVPLSs(s, values["vpls"])
	p.readGroups(s, values["groups"], name)
}

func (p *parser) groupName(item, n *yaml.Node, names map[string]int) string {
	const unnamed = "above"
	if n == nil {
		p.fault(item, 1, "a group has no name", "give it name: and a word")
		return unnamed
	}
	name, ok := p.text(n, "name")
	if !ok {
		return unnamed
	}
	if err := state.CheckTag(name); err != nil {
		p.faultAt(n, fmt.Sprintf("name %q is no word", name), "a name of a group has only A-Z a-z 0-9 . _ : -")
	}
	if line, there := names[name]; there {
		p.faultAt(n, fmt.Sprintf("group %s is there twice; the first is in line %d", name, line), "make one group of the two")
	} else {
		names[name] = n.Line
	}
	return name
}

// keyOf finds a key of a mapping.
func keyOf(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i]
		}
	}
	return nil
}

// mappings is the mappings of a list such as groups; the others are reported. n
// may be nil.
func (p *parser) mappings(n *yaml.Node, list, one, begin string) []*yaml.Node {
	switch {
	case n == nil || n.Kind == yaml.AliasNode:
		return nil
	case isNull(n):
		p.faultAt(n, list+" has no value", fmt.Sprintf("an empty set is written %s: []", list))
		return nil
	case n.Kind != yaml.SequenceNode:
		p.faultAt(n, fmt.Sprintf("%s must be a list, not a %s", list, kindWord(n)),
			fmt.Sprintf("each %s starts with %q; an empty set is written %s: []", one, begin, list))
		return nil
	}
	items := make([]*yaml.Node, 0, len(n.Content))
	for _, item := range n.Content {
		switch {
		case item.Kind == yaml.MappingNode:
			items = append(items, item)
		case item.Kind == yaml.AliasNode:
		case isNull(item):
			p.faultAt(item, fmt.Sprintf("a %s has no value", one), "write "+begin)
		default:
			p.faultAt(item, fmt.Sprintf("a %s must be a mapping, not a %s", one, kindWord(item)), "write "+begin)
		}
	}
	return items
}
