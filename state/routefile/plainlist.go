package routefile

import (
	"bytes"
	"net/netip"
)

// readListed reads a line of a list of prefixes that has a prefix, a comment,
// both or neither; false if it has anything else.
func readListed(line []byte) (prefix netip.Prefix, column int, ok bool) {
	text, comment, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\r")), []byte("#"))
	if !plainText(comment) {
		return prefix, 0, false
	}
	word := bytes.TrimRight(text, " ")
	column = 1
	for len(word) > 0 && word[0] == ' ' {
		word = word[1:]
		column++
	}
	if len(word) == 0 {
		return prefix, 0, true
	}
	prefix, ok = plainPrefix(word)
	return prefix, column, ok
}

// cutListed is the cutter of lists of prefixes.
func cutListed(text []byte, at, stop int) part {
	p := part{kind: listLines, from: at}
	for at < stop {
		end := bytes.IndexByte(text[at:], '\n')
		if end < 0 {
			break
		}
		prefix, _, ok := readListed(text[at : at+end])
		if !ok {
			break
		}
		if prefix.IsValid() {
			p.items++
			p.nlri += nlriSize(prefix)
		}
		p.lines++
		at += end + 1
	}
	if at == p.from { // whatever it is, the rest need not be looked at
		return part{kind: otherLines, from: at, to: len(text)}
	}
	p.to = at
	return p
}

// listed makes the routes of a part of a list of prefixes.
func (c *casting) listed(s *sheet, p *part) {
	c.begin(s, p)
	line := p.line
	for text := range bytes.Lines(s.text[p.from:p.to]) {
		prefix, column, _ := readListed(text[:len(text)-1])
		if prefix.IsValid() {
			c.add(prefix, line, column)
		}
		line++
	}
}
