package routefile

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// unit is what a line of the formatted file can begin with: an item of a list,
// or a key with its value. Comments belong to units.
type unit struct {
	key   *yaml.Node // nil for an item
	value *yaml.Node
	inner *container // of the value, if that is a list or a mapping
	in    *container // where it stands

	line, column int
	blank        bool     // a blank line stands before it, or before its head
	head         []string // the comments above it; "" is a blank line
	tail         []string // the comments at the end of its line
}

// container is a list or a mapping.
type container struct {
	node  *yaml.Node
	place place
	owner *unit // nil for the file
	units []*unit
	foot  []string // the comments behind the last unit
	last  *unit    // that of the text, before they were put in order
	flow  bool     // it is to be written in braces or brackets
}

// layout puts the comments of a file where they belong.
type layout struct {
	src    *source
	units  []*unit // all of them, in the order of the text
	header []string
}

// layOut writes a file.
func layOut(src *source, root *yaml.Node, remarks []remark) []byte {
	l := &layout{src: src}
	top := l.contain(root, atFile, nil)
	l.distribute(top, remarks)
	l.takeHeader()
	canonical(top)
	top.settle(0)
	return printFile(l.header, top)
}

// contain makes the units of a node.
func (l *layout) contain(n *yaml.Node, at place, owner *unit) *container {
	c := &container{node: n, place: at, owner: owner}
	add := func(u *unit, inside place) {
		u.in = c
		c.units, l.units, c.last = append(c.units, u), append(l.units, u), u
		if u.value.Kind != yaml.ScalarNode {
			u.inner = l.contain(u.value, inside, u)
		}
	}
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			add(&unit{key: key, value: value, line: key.Line, column: key.Column}, at.under(key.Value))
		}
		return c
	}
	for _, item := range n.Content {
		u := &unit{value: item, line: item.Line, column: item.Column}
		if n.Style&yaml.FlowStyle == 0 {
			u.column = n.Column // of the dash
		}
		add(u, at.item())
	}
	return c
}

// distribute gives each comment to a unit or to the end of a container.
func (l *layout) distribute(top *container, remarks []remark) {
	next := 0 // the first unit that begins below the comment
	for i, r := range remarks {
		for next < len(l.units) && l.units[next].line <= r.line {
			next++
		}
		if !r.alone && next > 0 {
			u := l.units[next-1]
			u.tail = append(u.tail, r.text)
			continue
		}
		gap := l.blankLine(r.line - 1)
		c := l.footOf(top, r, next)
		if c != nil {
			c.foot = appendRemark(c.foot, r.text, gap)
			continue
		}
		u := l.units[next]
		if len(u.head) == 0 {
			u.blank = gap
			gap = false
		}
		u.head = appendRemark(u.head, r.text, gap)
		if i+1 == len(remarks) || remarks[i+1].line >= u.line {
			if l.blankLine(r.line + 1) {
				u.head = append(u.head, "")
			}
		}
	}
	for _, u := range l.units {
		if len(u.head) == 0 {
			u.blank = l.blankLine(u.line - 1)
		}
		if n := len(u.tail); n > 1 { // several ends of lines have become one
			u.head, u.tail = append(u.head, u.tail[:n-1]...), u.tail[n-1:]
		}
	}
}

func appendRemark(list []string, text string, gap bool) []string {
	if gap {
		list = append(list, "")
	}
	return append(list, text)
}

func (l *layout) blankLine(n int) bool {
	return n >= 1 && n <= len(l.src.starts) && strings.TrimSpace(l.src.line(n)) == "" && n < len(l.src.starts)
}

// footOf is the container that a comment in a line of its own is the end of:
// it is indented as deep as what is above, and deeper than what is below. nil
// is none: it is about the unit below.
func (l *layout) footOf(top *container, r remark, next int) *container {
	if next < len(l.units) && (r.column <= l.units[next].column || next == 0) {
		return nil
	}
	if next == 0 {
		return top
	}
	for u := l.units[next-1]; u != nil; u = u.in.owner {
		if u.in.node.Style&yaml.FlowStyle != 0 || u.column > r.column {
			continue
		}
		if next < len(l.units) && l.units[next].in == u.in {
			return nil
		}
		return u.in
	}
	if next < len(l.units) {
		return nil
	}
	return top
}

// takeHeader takes off the first unit the comments that are about the file:
// those above a blank line, and what editors look for.
func (l *layout) takeHeader() {
	if len(l.units) == 0 {
		return
	}
	first := l.units[0]
	end := 1 + slices.Index(first.head, "")
	if i := slices.IndexFunc(first.head, func(s string) bool { return strings.Contains(s, "yaml-language-server:") }); i >= end {
		end = i + 1
	}
	for i, line := range first.head {
		if line == "" {
			end = max(end, i+1)
		}
	}
	l.header, first.head, first.blank = first.head[:end], first.head[end:], false
}

// settle decides what is written in braces and brackets: what was, has no
// comment inside, and fits into a line. indent is the column where it begins.
func (c *container) settle(indent int) {
	c.flow = false
	if c.node.Style&yaml.FlowStyle != 0 && !c.place.spread() && !c.commented() || len(c.units) == 0 {
		c.setFlow()
		lead := indent
		if c.owner != nil && c.owner.key != nil {
			lead += len(c.owner.key.Value) + 2
		}
		if lead+len([]rune(c.inline())) <= maxFlow || len(c.units) == 0 {
			return
		}
		c.flow = false
	}
	if u := c.owner; u != nil && u.key == nil {
		// A dash and the first line of its item share a line: what is above
		// either of them is above both.
		u.head = slices.Concat(u.head, u.tail, c.units[0].head)
		u.tail, c.units[0].head = nil, nil
	}
	for _, u := range c.units {
		if u.inner != nil {
			u.inner.settle(indent + indentStep)
		}
	}
}

func (c *container) setFlow() {
	c.flow = true
	for _, u := range c.units {
		if u.inner != nil {
			u.inner.setFlow()
		}
	}
}

// commented tells whether comments stand inside: at the end of the last line
// they may stand behind.
func (c *container) commented() bool {
	if len(c.foot) > 0 {
		return true
	}
	for _, u := range c.units {
		last := u == c.last
		if len(u.head) > 0 || len(u.tail) > 0 && !(last && u.inner == nil) || u.inner != nil && (!last && len(u.inner.tails()) > 0 || u.inner.commented()) {
			return true
		}
	}
	return false
}

// tails are the ends of lines of a container in braces or brackets.
func (c *container) tails() []string {
	var all []string
	for _, u := range c.units {
		all = append(all, u.tail...)
		if u.inner != nil {
			all = append(all, u.inner.tails()...)
		}
	}
	return all
}
