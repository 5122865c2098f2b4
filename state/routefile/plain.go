package routefile

import (
	"bytes"
	"net/netip"
)

// plainItem is an item of a list that is written in one of the few ways that are
// read without YAML:
//
//   - prefix: 192.0.2.0/24
//     key: value
//   - { prefix: 192.0.2.0/24, key: value }
//
// or, where the list is of prefixes,
//
//   - 192.0.2.0/24
//
// A key is with its value in one line. The line of the prefix may end in a comment.
// After the item come any number of blank lines and lines of comment, and then the
// end, or a line that begins no further right than the dash. To YAML such an item is
// closed: whatever came before it in its list, and however many of them there are,
// what follows means the same.
type plainItem struct {
	form   plainForm
	indent int // of the dash, in characters
	column int // of the prefix in its line, from 1
	prefix netip.Prefix
	word   []byte // the prefix as it is written
	rest   []byte // the other keys, as they are written
	keys   int    // how many lines they take
	from   int    // offset of its first line
	end    int    // offset of what follows it
	lines  int    // that it takes, with blank lines and comments
}

type plainForm int

const (
	blockItem plainForm = iota
	flowItem            // in braces
	entryItem           // a prefix alone
)

const prefixKey = "prefix: "

// readPlain reads the item at an offset, which is the start of a line; false if
// it is not a plain one. like is another plain item, or the zero one: most items
// have the rest of the one before.
func readPlain(text []byte, at int, like *plainItem) (it plainItem, ok bool) {
	it.from = at
	for at < len(text) && text[at] == ' ' {
		at++
	}
	it.indent = at - it.from
	if at+2 >= len(text) || text[at] != '-' || text[at+1] != ' ' {
		return it, false
	}
	at += 2
	switch text[at] {
	case '{':
		it.form = flowItem
		if at++; at < len(text) && text[at] == ' ' {
			at++
		}
		fallthrough
	case prefixKey[0]:
		if !bytes.HasPrefix(text[at:], []byte(prefixKey)) {
			return it, false
		}
		at += len(prefixKey)
	default:
		it.form = entryItem
	}
	it.column = at - it.from + 1
	from := at
	for at < len(text) && isPrefixByte(text[at]) {
		at++
	}
	it.word = text[from:at]
	if it.prefix, ok = plainPrefix(it.word); !ok {
		return it, false
	}
	if it.form == flowItem {
		if at, ok = it.readFlow(text, at, like); !ok {
			return it, false
		}
	}
	if at, ok = lineTail(text, at); !ok {
		return it, false
	}
	if it.form == blockItem {
		if at, ok = it.readKeys(text, at, like); !ok {
			return it, false
		}
	}
	it.end, it.lines, ok = closed(text, at, it.indent)
	it.lines += 1 + it.keys
	return it, ok
}

// lineTail is the offset of the line after the one at an offset; false if there is
// anything more in that than blanks or, behind them, a comment.
func lineTail(text []byte, from int) (next int, ok bool) {
	at := from
	for at < len(text) && text[at] == ' ' {
		at++
	}
	switch {
	case at == len(text):
		return 0, false
	case text[at] == '#' && at == from:
		return 0, false
	}
	rest, next := lineFrom(text, at)
	return next, next > 0 && (len(rest) == 0 || rest[0] == '#' && plainText(rest))
}

// lineFrom is the text from an offset to the end of the line, and the offset of the
// next line; that is 0 if the line has no end. YAML and the whole way take both ends
// of lines for one, and a carriage return elsewhere is no plain text.
func lineFrom(text []byte, at int) (line []byte, next int) {
	length := bytes.IndexByte(text[at:], '\n')
	if length < 0 {
		return nil, 0
	}
	next = at + length + 1
	if length > 0 && text[next-2] == '\r' {
		length--
	}
	return text[at : at+length], next
}

// readKeys reads the keys that follow in lines of their own, and returns where
// they end.
func (it *plainItem) readKeys(text []byte, from int, like *plainItem) (end int, ok bool) {
	at := from
	if like.form == blockItem && like.indent == it.indent && bytes.HasPrefix(text[at:], like.rest) {
		at += len(like.rest)
		it.keys = like.keys
	}
	for {
		line, next, is := it.keyLine(text, at)
		if !is {
			it.rest = text[from:at]
			return at, true
		}
		if _, _, plain := plainPair(line); !plain {
			return 0, false
		}
		at = next
		it.keys++
	}
}

// readFlow reads the keys that follow in braces, each behind a comma, and returns
// where the braces end.
func (it *plainItem) readFlow(text []byte, from int, like *plainItem) (end int, ok bool) {
	at := from
	if known := from + len(like.rest); like.form == flowItem && known < len(text) && (text[known] == ' ' || text[known] == '}') && bytes.HasPrefix(text[at:], like.rest) {
		at = known
	}
	for bytes.HasPrefix(text[at:], []byte(", ")) {
		size := flowPair(text[at+2:])
		if size == 0 {
			return 0, false
		}
		at += 2 + size
	}
	it.rest = text[from:at]
	if at < len(text) && text[at] == ' ' {
		at++
	}
	return at + 1, at < len(text) && text[at] == '}'
}

// keyLine is the line at an offset without its indentation, if that is the one of
// a key of the item, and the next line; nil if the line has no end.
func (it *plainItem) keyLine(text []byte, at int) (line []byte, next int, is bool) {
	want := it.indent + 2
	if at+want >= len(text) {
		return nil, 0, false
	}
	for _, c := range text[at : at+want] {
		if c != ' ' {
			return nil, 0, false
		}
	}
	if c := text[at+want]; c < 'a' || c > 'z' {
		return nil, 0, false
	}
	line, next = lineFrom(text, at+want)
	return line, next, true
}

// closed passes blank lines and comments behind an item, and tells whether the
// item is closed by what follows: where it ends with them, and how many they are.
// A line further right could go on with the last value.
func closed(text []byte, at, indent int) (end, lines int, ok bool) {
	for at < len(text) {
		i := at
		for i < len(text) && text[i] == ' ' {
			i++
		}
		if i == len(text) {
			return 0, 0, false // a line without an end
		}
		switch c := text[i]; {
		case c == '\n', c == '\r', c == '#':
			line, next := lineFrom(text, i)
			if next == 0 || !plainText(line) {
				return 0, 0, false
			}
			at = next
		case c < ' ': // a tab, or no text at all
			return 0, 0, false
		default:
			return at, lines, i-at <= indent
		}
		lines++
	}
	return at, lines, true
}
