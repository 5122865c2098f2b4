package routefile

import (
	"bytes"
	"net/netip"
	"unicode/utf8"
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
	case text[at] == '\n':
		return at + 1, true
	case text[at] != '#' || at == from:
		return 0, false
	}
	length := bytes.IndexByte(text[at:], '\n')
	return at + length + 1, length >= 0 && plainText(text[at:at+length])
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
		line, is := it.keyLine(text, at)
		if !is {
			it.rest = text[from:at]
			return at, true
		}
		if _, _, plain := plainPair(line); !plain {
			return 0, false
		}
		at += it.indent + 2 + len(line) + 1
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

// plainPair splits a line in a key and a value; false if they are not plain.
func plainPair(line []byte) (key, value []byte, ok bool) {
	n := keySize(line)
	if n == 0 {
		return nil, nil, false
	}
	key, value = line[:n], line[n+len(": "):]
	kind, _ := plainValue(value)
	return key, value, kind != notPlain
}

// keySize is the length of the key that a text begins with; 0 if it begins with
// none, or nothing comes behind it.
func keySize(text []byte) int {
	n := 0
	for n < len(text) && (text[n] >= 'a' && text[n] <= 'z' || text[n] == '-' && n > 0) {
		n++
	}
	if n+2 >= len(text) || text[n] != ':' || text[n+1] != ' ' {
		return 0
	}
	return n
}

// flowPair is the length of the key and the value that a text in braces begins
// with; 0 if they are not plain. Words have fewer characters there.
func flowPair(text []byte) int {
	n := keySize(text)
	if n == 0 {
		return 0
	}
	n += len(": ")
	value := text[n:]
	size := 0
	switch c := value[0]; c {
	case '[':
		size = bytes.IndexByte(value, ']') + 1
	case '"', '\'':
		size = bytes.IndexByte(value[1:], c) + 2
		if size == 1 {
			return 0
		}
	case '~':
		size = 1
	default:
		for size < len(value) && value[size] != ',' && value[size] != '}' && value[size] != '\n' {
			size++
		}
		if size > 0 && value[size-1] == ' ' { // in front of the brace
			size--
		}
		if !plainWords(value[:size]) {
			return 0
		}
	}
	if kind, _ := plainValue(value[:size]); kind == notPlain {
		return 0
	}
	return n + size
}

// valueKind is how a value is written.
type valueKind int

const (
	notPlain valueKind = iota
	plainWord
	plainQuoted // in either quotes, with none in it and no escape
	plainList   // of words, in brackets
)

// plainValue tells how a value is written; what is in the brackets or the quotes
// is inside.
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

// isPrefixByte tells what a prefix is written with.
func isPrefixByte(c byte) bool { return isHex(c) || c == '.' || c == ':' || c == '/' }

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
