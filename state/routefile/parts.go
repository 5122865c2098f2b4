package routefile

import (
	"bytes"
	"cmp"
	"slices"
)

// part is some whole lines of a text: plain items of one list, one behind the
// other, or lines of any other kind.
type part struct {
	kind     partKind
	indent   int // of plain items
	from, to int // offsets
	line     int // the number of the first
	lines    int
	items    int // plain items, or the prefixes of a list
	nlri     int // bytes that their NLRI take

	// first is where the first item ends, and firstLines how many lines it has:
	// it stands for all of a run in the skeleton.
	first, firstLines int

	maker       // what made its routes
	was   *part // the part of the text before that has the same lines; nil if none has
}

type partKind int

const (
	otherLines partKind = iota
	routeItems          // each a route
	entryItems          // each a prefix
	listLines           // of a file of prefixes, which is no YAML
)

// partSize is how large a part is cut, in bytes. A part is read again for a change
// of one line of it, and all of them are looked at for any change.
const partSize = 64 << 10

// cutter cuts the part that starts at an offset, which is the start of a line. It
// goes over stop no further than to the end of an item. What it cuts depends on
// the text from there on alone; whether it is that kind of part, on the part's
// lines and on where the next one begins to have text.
type cutter func(text []byte, at, stop int) part

// cutItems is the cutter of YAML.
func cutItems(text []byte, at, stop int) part {
	p := part{from: at}
	it, plain := readPlain(text, at, &plainItem{})
	if !plain {
		for !plain && at < stop && at < len(text) {
			at = lineEnd(text, at)
			p.lines++
			it, plain = readPlain(text, at, &plainItem{})
		}
		p.to = at
		return p
	}
	p.kind, p.indent, p.first, p.firstLines = routeItems, it.indent, it.end, it.lines
	if it.form == entryItem {
		p.kind = entryItems
	}
	for plain && (it.form == entryItem) == (p.kind == entryItems) && it.indent == p.indent {
		p.items++
		p.lines += it.lines
		p.nlri += nlriSize(it.prefix)
		if at = it.end; at >= stop {
			break
		}
		it, plain = readPlain(text, at, &it)
	}
	p.to = at
	return p
}

// lineEnd is the offset of the line after the one at an offset.
func lineEnd(text []byte, at int) int {
	length := bytes.IndexByte(text[at:], '\n')
	if length < 0 {
		return len(text)
	}
	return at + length + 1
}

// cutAll cuts a text in parts. Those of the text before that are in front of what
// was changed, or behind it, are taken over. The others have about size bytes.
func cutAll(text, before []byte, were []part, size int, cut cutter) []part {
	head, tail := overlap(before, text)
	moved := len(text) - len(before)
	parts := make([]part, 0, len(were)+8)
	line, at := 1, 0
	add := func(p part) {
		p.line = line
		line += p.lines
		at = p.to
		parts = append(parts, p)
	}
	again := func(was *part, moved int) {
		p := *was
		p.from, p.to, p.first = p.from+moved, p.to+moved, p.first+moved
		p.was, p.maker = was, maker{}
		add(p)
	}
	next := 0
	for ; next < len(were) && seen(before, were[next].to) <= head; next++ {
		again(&were[next], 0)
	}
	for at < len(text) {
		// The first that is behind the change, and not behind what is cut.
		found, _ := slices.BinarySearchFunc(were[next:], max(at-moved, len(before)-tail), func(p part, from int) int {
			return cmp.Compare(p.from, from)
		})
		next += found
		if next < len(were) && were[next].from+moved == at {
			for ; next < len(were); next++ {
				again(&were[next], moved)
			}
			break
		}
		stop := at + size
		if next < len(were) && were[next].from+moved < at+2*size {
			stop = were[next].from + moved // to meet what is there
		}
		add(cut(text, at, stop))
	}
	return parts
}

// overlap is how many bytes two texts begin with alike, and how many of the others
// they end with alike. The end of a text is like one byte more.
func overlap(a, b []byte) (head, tail int) {
	const block = 4 << 10
	most := min(len(a), len(b))
	for head+block <= most && bytes.Equal(a[head:head+block], b[head:head+block]) {
		head += block
	}
	for head < most && a[head] == b[head] {
		head++
	}
	if head == len(a) && head == len(b) {
		return head + 1, 0
	}
	a, b, most = a[head:], b[head:], most-head
	for tail+block <= most && bytes.Equal(a[len(a)-tail-block:len(a)-tail], b[len(b)-tail-block:len(b)-tail]) {
		tail += block
	}
	for tail < most && a[len(a)-tail-1] == b[len(b)-tail-1] {
		tail++
	}
	return head, tail
}

// seen is the offset of what was looked at to end a part: behind the first text
// after it, or behind the end.
func seen(text []byte, to int) int {
	for to < len(text) && text[to] == ' ' {
		to++
	}
	return to + 1
}
