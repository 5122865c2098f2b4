package routefile

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

// parser reads one file, and adds what is in it to the load.
type parser struct {
	*load
	src   *source
	scope *scope   // of the top of the file
	chain []string // the files that lead here, this one last
}

func fileKeys() []string {
	return []string{"version", "owner", "speakers", "guard", "include", "defaults", "groups", "routes", "flows", "vpls"}
}

// asking lists the keys under which routes are asked for.
func asking() []string { return []string{"routes", "flows", "vpls", "groups", "include"} }

// included tells whether another file includes this one.
func (p *parser) included() bool { return len(p.chain) > 1 }

// file reads the top of the file.
func (p *parser) file(root *yaml.Node) {
	if root.Kind != yaml.MappingNode {
		p.plain(root)
		p.faultAt(root, fmt.Sprintf("the file must be a mapping with version, owner, speakers and routes, not a %s", kindWord(root)), "")
		return
	}
	if !p.version(root) {
		return // what the rest means, another version says
	}
	p.plain(root)
	values := map[string]*yaml.Node{}
	for key, value := range p.pairs(root) {
		values[key.Value] = value
		p.topKey(key)
	}
	p.require(root, values)
	p.readOwner(values["owner"])
	p.readSpeakers(values["speakers"])
	p.readGuard(values["guard"])
	if n := values["defaults"]; n != nil {
		p.readDefaults(p.scope, n)
	}
	p.readRoutes(p.scope, values["routes"])
	p.readFlows(p.scope, values["flows"])
	p.readVPLSs(p.scope, values["vpls"])
	p.readGroups(p.scope, values["groups"], "")
	p.readInclude(values["include"])
}

// require reports the keys that must be there and are not.
func (p *parser) require(root *yaml.Node, values map[string]*yaml.Node) {
	for _, required := range []struct {
		key, hint string
		first     bool // only in the file that is not included
	}{
		{"version", "write version: 1", false},
		{"owner", "write owner: and a name for whom this file speaks; it never touches routes of another owner", true},
		{"speakers", "write speakers: [edge1], with the names that the bridges have", true},
	} {
		if values[required.key] == nil && !(required.first && p.included()) {
			p.fault(root, 1, required.key+" is missing", required.hint)
		}
	}
	for _, key := range asking() {
		if values[key] != nil {
			return
		}
	}
	p.fault(root, 1, "routes is missing", "an empty set is written routes: []")
}

func (p *parser) readOwner(n *yaml.Node) {
	if n == nil {
		return
	}
	owner := p.owner(n)
	switch first := p.header.Owner; {
	case !p.included():
		p.header.Owner = owner
	case owner != "" && first != "" && owner != first:
		p.faultAt(n, fmt.Sprintf("owner %s is not that of %s, which is %s", owner, p.chain[0], first), "leave it out; the first file says whose routes these are")
	}
}

func (p *parser) readSpeakers(n *yaml.Node) {
	if n == nil {
		return
	}
	items, ok := p.list(n, "speakers", "a list of names, [edge1]")
	if !ok {
		return
	}
	speakers, ok := p.words(items, "speaker", func(s string) error { return checkName("speaker", s) })
	switch first := p.header.Speakers; {
	case !p.included():
		p.header.Speakers = speakers
	case ok && first != nil && !slices.Equal(slices.Sorted(slices.Values(speakers)), slices.Sorted(slices.Values(first))):
		p.faultAt(n, fmt.Sprintf("speakers are not those of %s", p.chain[0]), "leave them out; the first file says where it applies")
	}
}

// version tells whether the file is of version 1, as far as it says.
func (p *parser) version(root *yaml.Node) bool {
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Value != "version" || value.Kind == yaml.AliasNode {
			continue
		}
		text, ok := p.text(value, "version")
		if !ok {
			return false
		}
		if text != "1" {
			p.faultAt(value, fmt.Sprintf("version %q is not one that this routesync reads", text), "write version: 1, or use a newer routesync")
			return false
		}
		break
	}
	return true
}

// topKey reports a key that the top of the file does not have.
func (p *parser) topKey(key *yaml.Node) {
	for _, k := range fileKeys() {
		if k == key.Value {
			return
		}
	}
	if _, ok := p.names[key.Value]; ok || key.Value == "peers" || key.Value == "tags" {
		p.faultAt(key, fmt.Sprintf("%s can't stand at the top of the file", key.Value), "put it in a route, or under defaults for all of them")
		return
	}
	for _, k := range routeKeys() {
		if k == key.Value {
			p.faultAt(key, fmt.Sprintf("%s can't stand at the top of the file", key.Value), "put it in a route, under routes")
			return
		}
	}
	p.unknown(key, "the file", fileKeys())
}

// unknown reports a key that place does not have.
func (p *parser) unknown(key *yaml.Node, place string, known []string) {
	hint := ""
	if meant := suggest(key.Value, known); meant != "" {
		hint = "did you mean " + meant + "?"
	}
	p.faultAt(key, fmt.Sprintf("%q is not a key of %s", key.Value, place), hint)
}

func (p *parser) owner(n *yaml.Node) string {
	owner, ok := p.text(n, "owner")
	if !ok {
		return ""
	}
	if err := checkName("owner", owner); err != nil {
		p.faultErr(n, err)
	}
	if state.ReservedOwner(owner) {
		p.faultAt(n, fmt.Sprintf("owner %q is taken: it stands for routes that come in by another way", owner), "choose another name")
	}
	return owner
}

// checkName tells whose name breaks the rule.
func checkName(what, name string) error {
	err := state.CheckName(name)
	if fault, ok := err.(*state.Fault); ok {
		return &state.Fault{Msg: what + " " + fault.Msg, Hint: fault.Hint}
	}
	return err
}
