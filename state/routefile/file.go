package routefile

import (
	"fmt"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

// parser reads one file and collects its faults.
type parser struct {
	src    *source
	faults []*Error

	defaults defaults
	routes   []state.Wanted
	// built has the attribute sets made so far by the text that they were made
	// of: most routes of a large file have one of a few.
	built    map[string]state.Attrs
	interned map[state.Attrs]state.Attrs
	recipe   []byte // of the route at hand, in the form of the keys of built
	// hops has the attribute sets that are a next hop and nothing else.
	hops map[string]state.Attrs
	// names and known are what a route may say.
	names map[string]state.Name
	known []string
}

// Parse reads the bytes of one file; name stands for it in positions. The
// error holds every fault; [Faults] lists them.
func Parse(name string, data []byte) (*state.Desired, error) {
	src := newSource(name, data)
	if len(data) > MaxSize {
		return nil, join([]*Error{src.fault(1, 1, 1, ErrTooLarge.Error(), "")})
	}
	if faults := src.unreadable(); len(faults) > 0 {
		return nil, join(faults)
	}
	root, fault := src.document()
	if fault != nil {
		return nil, join([]*Error{fault})
	}
	p := &parser{
		src:      src,
		built:    map[string]state.Attrs{},
		interned: map[state.Attrs]state.Attrs{},
		hops:     map[string]state.Attrs{},
		names:    map[string]state.Name{},
	}
	for _, n := range state.Names() {
		p.names[string(n)] = n
		p.known = append(p.known, string(n))
	}
	p.known = append(p.known, routeKeys()...)
	desired := p.file(root)
	if f := src.unended(); f != nil {
		p.faults = append(p.faults, f)
	}
	if len(p.faults) > 0 {
		return nil, join(p.faults)
	}
	return desired, nil
}

func fileKeys() []string { return []string{"version", "owner", "speakers", "defaults", "routes"} }

// file reads the top of the file.
func (p *parser) file(root *yaml.Node) *state.Desired {
	if root.Kind != yaml.MappingNode {
		p.plain(root)
		p.faultAt(root, fmt.Sprintf("the file must be a mapping with version, owner, speakers and routes, not a %s", kindWord(root)), "")
		return nil
	}
	if !p.version(root) {
		return nil // what the rest means, another version says
	}
	p.plain(root)
	values := map[string]*yaml.Node{}
	for key, value := range p.pairs(root) {
		values[key.Value] = value
		p.topKey(key)
	}
	for _, required := range []struct{ key, hint string }{
		{"version", "write version: 1"},
		{"owner", "write owner: and a name for whom this file speaks; it never touches routes of another owner"},
		{"speakers", "write speakers: [edge1], with the names that the bridges have"},
		{"routes", "an empty set is written routes: []"},
	} {
		if values[required.key] == nil {
			p.fault(root, 1, required.key+" is missing", required.hint)
		}
	}
	d := &state.Desired{}
	if n := values["owner"]; n != nil {
		d.Owner = p.owner(n)
	}
	if n := values["speakers"]; n != nil {
		if items, ok := p.list(n, "speakers", "a list of names, [edge1]"); ok {
			d.Speakers, _ = p.words(items, "speaker", func(s string) error { return checkName("speaker", s) })
		}
	}
	if n := values["defaults"]; n != nil {
		p.readDefaults(n)
	}
	if n := values["routes"]; n != nil {
		d.Routes = p.readRoutes(n)
	}
	return d
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
