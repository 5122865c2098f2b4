package routefile

import (
	"bytes"
	"unicode/utf8"
)

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
