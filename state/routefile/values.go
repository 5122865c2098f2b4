package routefile

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

// value is one value of an attribute, and where it is written.
type value struct {
	text string
	node *yaml.Node
}

// setting is what a mapping says about one attribute.
type setting struct {
	name      state.Name
	key, node *yaml.Node
	values    []value
	removed   bool // the attribute is to be absent, whatever the defaults say
}

func (s *setting) texts() []string {
	texts := make([]string, len(s.values))
	for i, v := range s.values {
		texts[i] = v.text
	}
	return texts
}

// setting reads the values that a node gives an attribute, and checks only how
// they are written; false if that is at fault.
func (p *parser) setting(name state.Name, key, n *yaml.Node) (s setting, ok bool) {
	s = setting{name: name, key: key, node: n}
	switch {
	case n.Kind == yaml.AliasNode:
		return s, false
	case name.IsFlag():
		text, ok := p.text(n, string(name))
		if ok && text != "true" && text != "false" {
			p.faultAt(n, fmt.Sprintf("%s is true or false, not %q", name, text), "")
			return s, false
		}
		s.removed = text == "false"
		return s, ok
	case n.Kind == yaml.ScalarNode:
		text, ok := p.text(n, string(name))
		if !ok {
			return s, false
		}
		s.values, ok = p.brackets(name, n, text)
		return s, ok
	case !name.IsList():
		p.faultAt(n, fmt.Sprintf("%s takes one value, not a %s", name, kindWord(n)), "")
		return s, false
	case n.Kind != yaml.SequenceNode:
		p.faultAt(n, fmt.Sprintf("%s must be a list, not a %s", name, kindWord(n)), "")
		return s, false
	case len(n.Content) == 0:
		p.faultAt(n, fmt.Sprintf("%s is an empty list", name), "leave it out; on a route, ~ removes a default")
		return s, false
	}
	s.values, ok = p.items(name, n)
	return s, ok
}

// brackets splits exaBGP's own text for several values, "[ A B ( C D ) ]".
// Text of another form is one value.
func (p *parser) brackets(name state.Name, n *yaml.Node, text string) ([]value, bool) {
	trimmed := strings.TrimSpace(text)
	if !name.IsList() || name == state.Raw || !strings.HasPrefix(trimmed, "[") {
		return []value{{text, n}}, true
	}
	inner, closed := strings.CutSuffix(trimmed[1:], "]")
	if name == state.PrefixSID {
		inner = strings.NewReplacer("[", " ", "]", " ").Replace(inner)
	}
	words, ok := bracketWords(inner)
	if !closed || !ok || strings.ContainsAny(inner, "[]") {
		p.faultAt(n, fmt.Sprintf("the brackets of %s do not match", name), "")
		return nil, false
	}
	if len(words) == 0 {
		p.faultAt(n, fmt.Sprintf("%s is an empty list", name), "leave it out; on a route, ~ removes a default")
		return nil, false
	}
	values := make([]value, len(words))
	for i, w := range words {
		values[i] = value{w, n}
	}
	return values, true
}

// bracketWords splits at blanks and commas outside of parentheses.
func bracketWords(inner string) (words []string, ok bool) {
	depth, start := 0, -1
	flush := func(end int) {
		if start >= 0 {
			words = append(words, inner[start:end])
			start = -1
		}
	}
	for i, c := range inner {
		switch {
		case c == '(':
			if depth == 0 {
				flush(i)
				start = i
			}
			depth++
		case c == ')':
			depth--
			if depth == 0 {
				flush(i + 1)
			}
		case depth == 0 && strings.ContainsRune(" \t,", c):
			flush(i)
		case start < 0:
			start = i
		}
		if depth < 0 || depth > 1 {
			return nil, false
		}
	}
	flush(len(inner))
	return words, depth == 0
}

// items reads the values of a list.
func (p *parser) items(name state.Name, n *yaml.Node) ([]value, bool) {
	if name == state.Raw && isRawTriple(n) {
		text, ok := p.joined(n.Content, string(name))
		return []value{{text, n}}, ok
	}
	var values []value
	good := true
	for _, item := range n.Content {
		var more []value
		var ok bool
		switch {
		case item.Kind != yaml.SequenceNode:
			var text string
			text, ok = p.text(item, "an item of "+string(name))
			if name == state.ASPath && strings.HasPrefix(text, "(") && !strings.HasSuffix(text, ")") {
				p.faultAt(item, "the comma ends this item, not the as set", "write the as set as [65003, 65004] or ( 65003 65004 )")
				return nil, false // the next items are the rest of the set
			}
			more = []value{{text, item}}
		case name == state.ASPath:
			more, ok = p.asSet(item)
		case name == state.Raw:
			var text string
			text, ok = p.joined(item.Content, string(name))
			more = []value{{text, item}}
		case name == state.PrefixSID:
			more, ok = p.srgb(item)
		default:
			p.faultAt(item, fmt.Sprintf("%s can't hold a list in its list", name), "")
		}
		if ok {
			values = append(values, more...)
		}
		good = good && ok
	}
	return values, good
}

// isRawTriple tells [0x63, 0xc0, 0x0102], one attribute, from a list of such.
func isRawTriple(n *yaml.Node) bool {
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode || strings.ContainsAny(item.Value, " \t[]") {
			return false
		}
	}
	return true
}

// asSet reads the list in an as-path that is its AS_SET.
func (p *parser) asSet(n *yaml.Node) ([]value, bool) {
	if len(n.Content) == 0 {
		p.faultAt(n, "the as set is empty", "leave it out")
		return nil, false
	}
	text, ok := p.joined(n.Content, "as-path")
	return []value{{"(" + text + ")", n}}, ok
}

// srgb reads [[BASE, RANGE], ...], the second element of a bgp-prefix-sid.
func (p *parser) srgb(n *yaml.Node) ([]value, bool) {
	var values []value
	for _, pair := range n.Content {
		if pair.Kind != yaml.SequenceNode || len(pair.Content) != 2 {
			p.faultAt(pair, "the srgb of bgp-prefix-sid is not a list of pairs", "write [300, [[800000, 100]]]")
			return nil, false
		}
		base, ok1 := p.text(pair.Content[0], "the base of an srgb")
		size, ok2 := p.text(pair.Content[1], "the range of an srgb")
		if !ok1 || !ok2 {
			return nil, false
		}
		values = append(values, value{"(" + base + "," + size + ")", pair})
	}
	return values, true
}

// joined is the words of items with a blank between them.
func (p *parser) joined(items []*yaml.Node, what string) (string, bool) {
	words, good := make([]string, 0, len(items)), true
	for _, item := range items {
		word, ok := p.text(item, "an item of "+what)
		words, good = append(words, word), good && ok
	}
	return strings.Join(words, " "), good
}

// valid checks what a setting says, each value by itself and then all.
func (p *parser) valid(s *setting) bool {
	good := true
	for _, v := range s.values {
		if s.name.IsList() && s.name != state.Raw && !strings.HasPrefix(v.text, "(") && strings.ContainsAny(v.text, " ,\t") {
			words := strings.FieldsFunc(v.text, func(r rune) bool { return strings.ContainsRune(" ,\t", r) })
			p.faultAt(v.node, fmt.Sprintf("%s %q is several values in one", s.name, v.text), "write ["+strings.Join(words, ", ")+"]")
			good = false
			continue
		}
		if _, err := s.name.Canonical(v.text); err != nil {
			p.faultErr(v.node, err)
			good = false
		}
	}
	if !good || s.removed {
		return good
	}
	if _, err := state.NewAttrs(map[state.Name][]string{s.name: s.texts()}); err != nil {
		p.faultErr(s.node, err)
		return false
	}
	return true
}
