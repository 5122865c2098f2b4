package routefile

import (
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

const (
	noAliases     = "anchors and aliases (& and *) are not part of the format"
	noAliasesHint = "write the value out, or put what routes share under defaults; a value that starts with & or * must be in quotes"
)

// plain checks the whole tree for what the format has no use for: anchors,
// aliases and tags. Without aliases a file can't be larger than its bytes.
func (p *parser) plain(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode:
		p.fault(n, 1+len(n.Value), noAliases, noAliasesHint)
	case n.Anchor != "":
		p.fault(n, 1+len(n.Anchor), noAliases, noAliasesHint)
	case n.Style&yaml.TaggedStyle != 0:
		p.fault(n, len(n.Tag), fmt.Sprintf("tags such as %s are not part of the format", n.Tag), "leave it out: a value means its text")
	}
	for _, c := range n.Content {
		p.plain(c)
	}
}

// pairs yields the keys and values of a mapping. A key that is there twice, or
// is no word, is reported and not yielded.
func (p *parser) pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(*yaml.Node, *yaml.Node) bool) {
		var many map[string]*yaml.Node // only where comparing each with each would be slow
		if len(n.Content) > 64 {
			many = map[string]*yaml.Node{}
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode {
				hint := ""
				if strings.Contains(p.src.line(key.Line), "{{") {
					hint = "this looks like a template; fill it in first"
				}
				p.faultAt(key, "a key must be a word", hint)
				continue
			}
			if isMerge(key) {
				p.faultAt(key, "merge keys (<<) are not part of the format", "put what routes share under defaults")
				continue
			}
			if first := firstOf(n, i, many); first != nil {
				p.faultAt(key, fmt.Sprintf("%s is given twice; the first is in line %d", key.Value, first.Line), "")
				continue
			}
			if !yield(key, n.Content[i+1]) {
				return
			}
		}
	}
}

// firstOf is the key before the one at i that is equal to it.
func firstOf(n *yaml.Node, i int, many map[string]*yaml.Node) *yaml.Node {
	key := n.Content[i]
	if many != nil {
		if first, ok := many[key.Value]; ok {
			return first
		}
		many[key.Value] = key
		return nil
	}
	for j := 0; j < i; j += 2 {
		if k := n.Content[j]; k.Kind == yaml.ScalarNode && k.Value == key.Value {
			return k
		}
	}
	return nil
}

func isMerge(key *yaml.Node) bool { return key.Value == "<<" && key.Style == 0 }

// isNull tells YAML's null from the word in quotes.
func isNull(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Style&^yaml.FlowStyle != 0 {
		return false
	}
	switch n.Value {
	case "", "~", "null", "Null", "NULL":
		return true
	}
	return false
}

// text is the text of a single value; false if n is none, which is reported.
// what names the value in messages.
func (p *parser) text(n *yaml.Node, what string) (string, bool) {
	switch {
	case n.Kind == yaml.AliasNode: // reported already
		return "", false
	case n.Kind != yaml.ScalarNode:
		p.faultAt(n, fmt.Sprintf("%s takes one value, not a %s", what, kindWord(n)), "")
		return "", false
	case isNull(n):
		p.faultAt(n, fmt.Sprintf("%s has no value", what), "")
		return "", false
	case n.Value == "":
		p.faultAt(n, fmt.Sprintf("%s is an empty string", what), "")
		return "", false
	}
	return n.Value, true
}

// list is the items of a list that has some; false if n is none, which is
// reported. example is a list for the hint.
func (p *parser) list(n *yaml.Node, what, example string) ([]*yaml.Node, bool) {
	hint := "write " + example
	switch {
	case n.Kind == yaml.AliasNode:
		return nil, false
	case isNull(n):
		p.faultAt(n, fmt.Sprintf("%s has no value", what), hint)
		return nil, false
	case n.Kind != yaml.SequenceNode:
		p.faultAt(n, fmt.Sprintf("%s must be a list, not a %s", what, kindWord(n)), hint)
		return nil, false
	case len(n.Content) == 0:
		p.faultAt(n, fmt.Sprintf("%s is an empty list", what), hint)
		return nil, false
	}
	return n.Content, true
}

// words reads a list of words that no two may be equal.
func (p *parser) words(items []*yaml.Node, what string, check func(string) error) ([]string, bool) {
	words, good := make([]string, 0, len(items)), true
	seen := map[string]bool{}
	for _, item := range items {
		word, ok := p.text(item, what)
		if !ok {
			good = false
			continue
		}
		if err := check(word); err != nil {
			p.faultErr(item, err)
			good = false
			continue
		}
		if seen[word] {
			p.faultAt(item, fmt.Sprintf("%s %s is listed twice", what, word), "")
			good = false
			continue
		}
		seen[word] = true
		words = append(words, word)
	}
	return words, good
}

func kindWord(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "list"
	case yaml.MappingNode:
		return "mapping"
	}
	return "single value"
}

// fault reports a fault at a node, about width of its characters.
func (p *parser) fault(n *yaml.Node, width int, msg, hint string) {
	p.faults = append(p.faults, p.src.fault(n.Line, n.Column, width, msg, hint))
}

// faultAt reports a fault about a node.
func (p *parser) faultAt(n *yaml.Node, msg, hint string) {
	p.fault(n, p.extent(n), msg, hint)
}

// faultErr reports what is wrong with the value of a node.
func (p *parser) faultErr(n *yaml.Node, err error) {
	if f, ok := err.(*state.Fault); ok { // they come unwrapped
		p.faultAt(n, f.Msg, f.Hint)
		return
	}
	p.faultAt(n, err.Error(), "")
}

// extent is how many characters of its line a node takes, as far as that is
// easily known.
func (p *parser) extent(n *yaml.Node) int {
	line := p.src.line(n.Line)
	if len(line) > 4096 {
		return 1 // with many faults in one long line, the search would take hours
	}
	start := 0
	for i := 1; i < n.Column && start < len(line); i++ {
		_, size := utf8.DecodeRuneInString(line[start:])
		start += size
	}
	rest := line[start:]
	switch {
	case n.Kind != yaml.ScalarNode:
		return 1
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 && rest != "":
		if end := strings.IndexByte(rest[1:], rest[0]); end >= 0 {
			return utf8.RuneCountInString(rest[:end+2])
		}
		return utf8.RuneCountInString(rest)
	case strings.HasPrefix(rest, n.Value):
		return utf8.RuneCountInString(n.Value)
	}
	return 1
}
