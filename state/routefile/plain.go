package routefile

import (
	"bytes"
	"net/netip"
	"unicode/utf8"
)

// plainItem is an item of a list that is written in the few ways that are read
// without YAML:
//
//   - prefix: 192.0.2.0/24
//     key: value
//
// or, where the list is of prefixes,
//
//   - 192.0.2.0/24
//
// Each key has one line. After the item come any number of blank lines and lines
// of comment, and then the end, or a line that begins no further right than the
// dash. To YAML such an item is closed: whatever came before it in its list, and
// however many of them there are, what follows means the same.
type plainItem struct {
	entry  bool // it is a prefix alone
	indent int  // of the dash, in characters
	prefix netip.Prefix
	word   []byte // the prefix as it is written
	rest   []byte // its lines after the first that are keys
	keys   int    // how many lines that are
	from   int    // offset of its first line
	end    int    // offset of what follows it
	lines  int    // that it takes, with blank lines and comments
}

const prefixKey = "prefix: "

// column is where the prefix stands in its line, from 1.
func (it *plainItem) column() int {
	column := it.indent + len("- ") + 1
	if !it.entry {
		column += len(prefixKey)
	}
	return column
}

// readPlain reads the item at an offset, which is the start of a line; false if
// it is not a plain one. like is another plain item, or the zero one: most items
// have the rest of the one before.
func readPlain(text []byte, at int, like *plainItem) (it plainItem, ok bool) {
	it.from = at
	for at < len(text) && text[at] == ' ' {
		at++
	}
	it.indent = at - it.from
	if at+2 > len(text) || text[at] != '-' || text[at+1] != ' ' {
		return it, false
	}
	at += 2
	it.entry = at >= len(text) || text[at] != prefixKey[0]
	if !it.entry {
		if !bytes.HasPrefix(text[at:], []byte(prefixKey)) {
			return it, false
		}
		at += len(prefixKey)
	}
	length := bytes.IndexByte(text[at:], '\n')
	if length < 0 {
		return it, false
	}
	it.word = text[at : at+length]
	if it.prefix, ok = plainPrefix(it.word); !ok {
		return it, false
	}
	at += length + 1
	if !it.entry {
		if at, ok = it.readRest(text, at, like); !ok {
			return it, false
		}
	}
	it.end, it.lines, ok = closed(text, at, it.indent)
	it.lines += 1 + it.keys
	return it, ok
}

// readRest reads the keys that follow in lines of their own, and returns where
// they end.
func (it *plainItem) readRest(text []byte, from int, like *plainItem) (end int, ok bool) {
	at := from
	if like.indent == it.indent && bytes.HasPrefix(text[at:], like.rest) {
		at += len(like.rest)
		it.keys = like.keys
	}
	for {
		line, is := it.keyLine(text, at)
		if !is {
			it.rest = text[from:at]
			return at, true
		}
		if line == nil || !plainPair(line) {
			return 0, false
		}
		at += it.indent + 2 + len(line) + 1
		it.keys++
	}
}

// keyLine is the line at an offset without its indentation, if that is the one of
// a key of the item; nil if the line has no end.
func (it *plainItem) keyLine(text []byte, at int) (line []byte, is bool) {
	want := it.indent + 2
	if at+want >= len(text) {
		return nil, false
	}
	for _, c := range text[at : at+want] {
		if c != ' ' {
			return nil, false
		}
	}
	if c := text[at+want]; c < 'a' || c > 'z' {
		return nil, false
	}
	length := bytes.IndexByte(text[at+want:], '\n')
	if length < 0 {
		return nil, true
	}
	return text[at+want : at+want+length], true
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
		case c == '\n':
			at = i + 1
		case c == '#':
			length := bytes.IndexByte(text[i:], '\n')
			if length < 0 || !plainText(text[i:i+length]) {
				return 0, 0, false
			}
			at = i + length + 1
		case c < ' ': // a tab, or no text at all
			return 0, 0, false
		default:
			return at, lines, i-at <= indent
		}
		lines++
	}
	return at, lines, true
}

// plainPair tells whether a line is a key and a value, as plainValue has it.
func plainPair(line []byte) bool {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 || colon+2 > len(line) || line[colon+1] != ' ' {
		return false
	}
	for _, c := range line[:colon] {
		if (c < 'a' || c > 'z') && c != '-' {
			return false
		}
	}
	kind, _ := plainValue(line[colon+2:])
	return kind != notPlain
}

// valueKind is how a value is written.
type valueKind int

const (
	notPlain valueKind = iota
	plainWord
	plainQuoted // in either quotes, with none in it and no escape
	plainList   // of words, in brackets
)

// plainValue tells how a value is written that takes a line to its end; what is
// in the brackets or the quotes is inside.
func plainValue(value []byte) (kind valueKind, inside []byte) {
	if len(value) == 0 || len(value) > 1000 { // YAML's keys have 1,024 characters at most
		return notPlain, nil
	}
	last := len(value) - 1
	switch first := value[0]; {
	case first == '[':
		inside = value[1:max(last, 1)]
		if last == 0 || value[last] != ']' || !plainWords(inside) {
			return notPlain, nil
		}
		return plainList, inside
	case first == '"' || first == '\'':
		inside = value[1:max(last, 1)]
		if last == 0 || value[last] != first || bytes.IndexByte(inside, first) >= 0 || bytes.IndexByte(inside, '\\') >= 0 || !plainText(inside) {
			return notPlain, nil
		}
		return plainQuoted, inside
	case !isWordByte(first) && first != '~' && first < utf8.RuneSelf, !plainText(value), value[last] == ' ', value[last] == ':',
		bytes.Contains(value, []byte(": ")), bytes.Contains(value, []byte(" #")):
		return notPlain, nil
	}
	return plainWord, value
}

// plainWords tells whether what is in brackets are words, or nothing, and between
// them a comma and a blank.
func plainWords(inside []byte) bool {
	for i, c := range inside {
		switch {
		case isWordByte(c):
		case i == 0 || i == len(inside)-1:
			return false
		case c == ' ' && (isWordByte(inside[i-1]) || inside[i-1] == ',') && isWordByte(inside[i+1]):
		case c == ',' && isWordByte(inside[i-1]) && inside[i+1] == ' ':
		case c == ':' && isWordByte(inside[i-1]) && isWordByte(inside[i+1]):
		case c == '-' && isWordByte(inside[i-1]) && isWordByte(inside[i+1]):
		default:
			return false
		}
	}
	return true
}

// isWordByte tells what is nothing but itself wherever it stands in YAML.
func isWordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '.' || c == '/' || c == '_'
}

// plainText tells whether bytes are text that can be seen, in one line and
// without a tab. What is more than ASCII must be so to YAML as well, which has
// ends of lines among the control characters.
func plainText(b []byte) bool {
	for i := 0; i < len(b); {
		if b[i] >= ' ' && b[i] < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if b[i] < utf8.RuneSelf || size == 1 || invisible(r) {
			return false
		}
		i += size
	}
	return true
}
