package routefile

import (
	"bytes"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// node is what yaml.v3 makes of a plain item, whose first line is said to be one.
func (it *plainItem) node(line int) *yaml.Node {
	prefix := &yaml.Node{Kind: yaml.ScalarNode, Value: string(it.word), Line: line, Column: it.column}
	if it.form == entryItem {
		return prefix
	}
	column := it.indent + 2 + 1
	n := &yaml.Node{Kind: yaml.MappingNode, Line: line, Column: column}
	add := func(key string, column int, value *yaml.Node) {
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key, Line: line, Column: column}, value)
	}
	add("prefix", it.column-len(prefixKey), prefix)
	if it.form == blockItem {
		for text := range bytes.Lines(it.rest) {
			line++
			key, value, _ := plainPair(bytes.TrimRight(text[it.indent+2:], "\r\n"))
			add(string(key), column, valueNode(value, line, column+len(key)+2))
		}
		return n
	}
	n.Style = yaml.FlowStyle
	column = it.column + len(it.word)
	for rest := it.rest; len(rest) > 0; {
		rest = rest[len(", "):]
		column += len(", ")
		pair := rest[:flowPair(rest)]
		key, value, _ := plainPair(pair)
		add(string(key), column, valueNode(value, line, column+len(key)+2))
		rest = rest[len(pair):]
		column += utf8.RuneCount(pair)
	}
	return n
}

// valueNode is a plain value that stands in a column.
func valueNode(value []byte, line, column int) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: line, Column: column}
	kind, inside := plainValue(value)
	switch kind {
	case plainList:
		n.Kind, n.Style = yaml.SequenceNode, yaml.FlowStyle
		column++
		for word := range bytes.SplitSeq(inside, []byte(", ")) {
			if len(word) > 0 {
				n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: string(word), Line: line, Column: column})
			}
			column += len(word) + 2
		}
		return n
	case plainQuoted:
		n.Style = yaml.DoubleQuotedStyle
		if value[0] == '\'' {
			n.Style = yaml.SingleQuotedStyle
		}
	}
	n.Value = string(inside)
	return n
}

// sameNode tells whether two nodes say the same in the same place.
func sameNode(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Style != b.Style || a.Value != b.Value || a.Anchor != b.Anchor ||
		a.Line != b.Line || a.Column != b.Column || len(a.Content) != len(b.Content) {
		return false
	}
	for i := range a.Content {
		if !sameNode(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}
