package routefile

import (
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// remark is a comment, and where it stands.
type remark struct {
	text         string // with its #
	line, column int    // column counts characters
	alone        bool   // nothing but a comment is in its line
}

// extent is a part of the text in which # begins no comment.
type textExtent struct{ from, to int } // offsets

// remarks finds the comments of a text. yaml.v3 has them at its nodes too, but
// not all of them, and not always at the node where they stand.
func (s *source) remarks(root *yaml.Node) []remark {
	var quoted []textExtent
	s.quoted(root, 0, &quoted)
	slices.SortFunc(quoted, func(a, b textExtent) int { return a.from - b.from })
	var all []remark
	for n := range s.starts {
		line := s.line(n + 1)
		for i := range len(line) {
			if line[i] != '#' || i > 0 && line[i-1] != ' ' && line[i-1] != '\t' {
				continue
			}
			at := s.starts[n] + i
			for len(quoted) > 0 && quoted[0].to <= at {
				quoted = quoted[1:]
			}
			if len(quoted) > 0 && quoted[0].from <= at {
				continue
			}
			before := strings.TrimSpace(line[:i])
			all = append(all, remark{
				text: strings.TrimRight(line[i:], " \t"), line: n + 1, column: 1 + utf8.RuneCountInString(line[:i]),
				// Between a dash and its item, the comment is about the item.
				alone: strings.Trim(before, "- ") == "" || before == "...",
			})
			break
		}
	}
	return all
}

// quoted lists where the text of scalars in quotes and of block scalars is.
// indent is the column of the key or the list that a scalar belongs to.
func (s *source) quoted(n *yaml.Node, indent int, out *[]textExtent) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			s.quoted(n.Content[i], n.Content[i].Column, out)
			s.quoted(n.Content[i+1], n.Content[i].Column, out)
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			s.quoted(item, n.Column, out)
		}
	case yaml.ScalarNode:
		from := s.offset(n.Line, n.Column)
		switch {
		case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
			if n.Line == len(s.starts) {
				return
			}
			// The line with the sign may end in a comment.
			*out = append(*out, textExtent{s.starts[n.Line], s.blockEnd(n.Line, indent)})
		case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
			*out = append(*out, textExtent{from, s.quoteEnd(from)})
		}
	}
}

// offset is where a place is in the text.
func (s *source) offset(line, column int) int {
	at := s.starts[line-1]
	for range column - 1 {
		_, size := utf8.DecodeRuneInString(s.text[at:])
		at += size
	}
	return at
}

// blockEnd is where the lines behind a line end that are indented more than a
// column.
func (s *source) blockEnd(line, indent int) int {
	for n := line; n < len(s.starts); n++ {
		text := s.line(n + 1)
		trimmed := strings.TrimLeft(text, " ")
		if trimmed != "" && len(text)-len(trimmed) < indent {
			return s.starts[n]
		}
	}
	return len(s.text)
}

// quoteEnd is where the quoted text ends that begins at an offset.
func (s *source) quoteEnd(from int) int {
	quote := s.text[from]
	for i := from + 1; i < len(s.text); i++ {
		switch {
		case quote == '"' && s.text[i] == '\\':
			i++
		case s.text[i] != quote:
		case quote == '\'' && strings.HasPrefix(s.text[i+1:], "'"):
			i++
		default:
			return i + 1
		}
	}
	return len(s.text)
}
