package routefile

import (
	"fmt"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"

	"routesync/state"
	"routesync/state/expect"
)

// ParseExpectations reads a file that says what must and what must not be announced
// behind a plan; name stands for it in positions. The error holds every fault, as
// that of [Load] does.
func ParseExpectations(name string, data []byte) ([]expect.Expectation, error) {
	l := newLoad(nil)
	src := l.source(name, data)
	if src == nil {
		return nil, join(l.faults)
	}
	src.blank = "write version: 1, and must-announce, must-not-announce or tags"
	root, fault := src.document()
	if fault != nil {
		return nil, fault
	}
	p := &expectations{parser: &parser{load: l, src: src}}
	p.file(root)
	if f := src.unended(); f != nil {
		l.faults = append(l.faults, f)
	}
	if err := join(l.faults); err != nil {
		return nil, err
	}
	return p.all, nil
}

// expectations reads a file of them.
type expectations struct {
	*parser
	all []expect.Expectation
}

func (p *expectations) file(root *yaml.Node) {
	known := []string{"version", "must-announce", "must-not-announce", "tags"}
	if root.Kind != yaml.MappingNode {
		p.faultAt(root, fmt.Sprintf("the file must be a mapping with version, must-announce, must-not-announce and tags, not a %s", kindWord(root)), "")
		return
	}
	if !p.version(root) {
		return
	}
	p.plain(root)
	version := false
	for key, n := range p.pairs(root) {
		switch key.Value {
		case "version":
			version = true
		case "must-announce":
			p.prefixes(n, key.Value, expect.Announced)
		case "must-not-announce":
			p.prefixes(n, key.Value, expect.NotAnnounced)
		case "tags":
			p.tags(n)
		default:
			p.unknown(key, "a file of expectations", known)
		}
	}
	if !version {
		p.fault(root, 1, "version is missing", "write version: 1")
	}
	if len(p.all) == 0 && len(p.faults) == 0 {
		p.fault(root, 1, "nothing is expected here, so any plan is as expected", "give it must-announce, must-not-announce or tags")
	}
}

// prefixes reads a list of prefixes, or of mappings with one or more of them.
func (p *expectations) prefixes(n *yaml.Node, what string, kind expect.Kind) {
	items, ok := p.list(n, what, "a list of prefixes, [192.0.2.0/24]")
	if !ok {
		return
	}
	for _, item := range items {
		if item.Kind != yaml.MappingNode {
			p.prefix(item, what, expect.Expectation{Kind: kind})
			continue
		}
		e := expect.Expectation{Kind: kind}
		var named []*yaml.Node
		for key, n := range p.pairs(item) {
			switch key.Value {
			case "prefix":
				named = append(named, n)
			case "prefixes":
				if list, ok := p.list(n, "prefixes", "a list of prefixes, [192.0.2.0/24]"); ok {
					named = append(named, list...)
				}
			case "match":
				e.Match = p.match(n)
			case "speakers":
				e.Speakers = p.speakers(n)
			default:
				p.unknown(key, what, []string{"prefix", "prefixes", "match", "speakers"})
			}
		}
		if len(named) == 0 {
			p.faultAt(item, what+" has an item without a prefix", "give it prefix: 192.0.2.0/24, or prefixes with a list")
		}
		for _, n := range named {
			p.prefix(n, what, e)
		}
	}
}

// prefix adds an expectation about a prefix that a node holds.
func (p *expectations) prefix(n *yaml.Node, what string, e expect.Expectation) {
	text, ok := p.text(n, "a prefix of "+what)
	if !ok {
		return
	}
	prefix, err := state.ParsePrefix(text)
	if err != nil {
		p.faultErr(n, err)
		return
	}
	e.Prefix = prefix
	p.add(n, e)
}

func (p *expectations) add(n *yaml.Node, e expect.Expectation) {
	e.Pos = p.position(n)
	p.all = append(p.all, e)
}

func (p *expectations) match(n *yaml.Node) expect.Match {
	text, ok := p.text(n, "match")
	i := slices.Index(expect.Matches(), text)
	if ok && i < 0 {
		p.faultAt(n, fmt.Sprintf("match %q is none of exact, or-longer, or-shorter", text), "or-longer is the prefix and all inside it, or-shorter the prefix and all that it is inside of")
	}
	return expect.Match(max(i, 0))
}

func (p *expectations) speakers(n *yaml.Node) []string {
	items, ok := p.list(n, "speakers", "a list of names, [edge1]")
	if !ok {
		return nil
	}
	names, _ := p.words(items, "speaker", func(s string) error { return checkName("speaker", s) })
	return names
}

// tags reads how many routes of each tag there have to be.
func (p *expectations) tags(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		p.faultAt(n, fmt.Sprintf("tags must be a mapping of tags and numbers, not a %s", kindWord(n)), "write tags: { ddos: 3 }")
		return
	}
	for key, n := range p.pairs(n) {
		if err := state.CheckTag(key.Value); err != nil {
			p.faultErr(key, err)
			continue
		}
		e := expect.Expectation{Kind: expect.Tagged, Tag: key.Value}
		least := n
		if n.Kind == yaml.MappingNode {
			least = nil
			for key, n := range p.pairs(n) {
				switch key.Value {
				case "at-least":
					least = n
				case "speakers":
					e.Speakers = p.speakers(n)
				default:
					p.unknown(key, "a tag", []string{"at-least", "speakers"})
				}
			}
		}
		if least == nil {
			p.faultAt(n, "tag "+e.Tag+" has no number", "write at-least: 3")
			continue
		}
		text, ok := p.text(least, "tag "+e.Tag)
		if !ok {
			continue
		}
		count, err := strconv.ParseUint(text, 10, 31)
		if err != nil || count == 0 || text[0] == '0' || text[0] == '+' {
			p.faultAt(least, fmt.Sprintf("tag %s: %q is not a number in 1..2147483647", e.Tag, text), "write how many routes with the tag there have to be")
			continue
		}
		e.Least = int(count)
		p.add(key, e)
	}
}
