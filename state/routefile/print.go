package routefile

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

const (
	indentStep = 2
	maxFlow    = 100 // columns of what stands in braces or brackets
)

// printer writes a formatted file.
type printer struct{ bytes.Buffer }

// printFile writes a file.
func printFile(header []string, top *container) []byte {
	r := &printer{}
	r.comments(header, 0)
	r.container(top, 0, false)
	return r.Bytes()
}

// comments writes comments, each in a line of its own.
func (r *printer) comments(lines []string, indent int) {
	for _, line := range lines {
		if line != "" {
			r.indent(indent)
		}
		r.WriteString(line + "\n")
	}
}

func (r *printer) indent(n int) { r.WriteString(strings.Repeat(" ", n)) }

// container writes a container that is not in braces or brackets. opened tells
// that the indentation of the first line, and a dash, are there already.
func (r *printer) container(c *container, indent int, opened bool) {
	for i, u := range c.units {
		if !opened || i > 0 {
			if u.blank {
				r.WriteByte('\n')
			}
			r.comments(u.head, indent)
			r.indent(indent)
		}
		if u.key != nil {
			r.WriteString(scalar(u.key, false) + ":")
			r.value(u, indent)
			continue
		}
		r.WriteByte('-')
		if u.inner != nil && !u.inner.flow {
			r.WriteByte(' ')
			r.container(u.inner, indent+indentStep, true)
			continue
		}
		r.value(u, indent)
	}
	r.comments(c.foot, indent)
}

// value writes what is behind a key or a dash, and ends the line.
func (r *printer) value(u *unit, indent int) {
	tail := u.tail
	switch {
	case u.inner == nil:
		r.WriteString(" " + scalar(u.value, false))
	case u.inner.flow:
		r.WriteString(" " + u.inner.inline())
		tail = append(tail, u.inner.tails()...)
	}
	if len(tail) > 0 {
		r.WriteString("  " + strings.Join(tail, "  "))
	}
	r.WriteByte('\n')
	if u.inner != nil && !u.inner.flow {
		r.container(u.inner, indent+indentStep, false)
	}
}

// inline is a container in braces or brackets.
func (c *container) inline() string {
	parts := make([]string, len(c.units))
	for i, u := range c.units {
		if u.key != nil {
			parts[i] = scalar(u.key, true) + ": "
		}
		if u.inner != nil {
			parts[i] += u.inner.inline()
		} else {
			parts[i] += scalar(u.value, true)
		}
	}
	text := strings.Join(parts, ", ")
	switch {
	case c.node.Kind == yaml.SequenceNode:
		return "[" + text + "]"
	case text == "":
		return "{}"
	}
	return "{ " + text + " }"
}

// scalar is a value as it is written: in quotes only where YAML, or a reader
// that knows numbers, would take it for something else without.
func scalar(n *yaml.Node, flow bool) string {
	text := n.Value
	quoted := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch {
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
		return escaped(text)
	case mustQuote(text, flow), quoted && !isString(text):
		if strings.ContainsAny(text, `"\`) {
			return "'" + strings.ReplaceAll(text, "'", "''") + "'"
		}
		return `"` + text + `"`
	}
	return text
}

// mustQuote tells text that YAML would not read as that text.
func mustQuote(text string, flow bool) bool {
	if text == "" || text != strings.TrimSpace(text) || strings.Contains(text, ": ") || strings.Contains(text, " #") || strings.HasSuffix(text, ":") {
		return true
	}
	switch c := text[0]; {
	case strings.IndexByte(",[]{}#&*!|>'\"%@`?", c) >= 0, c == ':' && flow, c == '-' && (len(text) == 1 || text[1] == ' ' || strings.HasPrefix(text, "---")):
		return true
	case strings.HasPrefix(text, "...") || text == "<<" || text == "=":
		return true
	}
	return flow && strings.ContainsAny(text, ",[]{}")
}

// isString tells text that every reader of YAML takes for text.
func isString(text string) bool {
	n := yaml.Node{Kind: yaml.ScalarNode, Value: text}
	return n.ShortTag() == "!!str"
}

// escaped is text in double quotes, with escapes for what can't be seen.
func escaped(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
