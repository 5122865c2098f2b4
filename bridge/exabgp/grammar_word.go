package exabgp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"
)

// word is a word of a command, or one of the marks [](),;{}.
type word struct {
	text     string
	col, end int  // the columns of its first character and behind its last
	mark     byte // 0 for a word
	quoted   bool
	bad      bool // it was reported already
}

// is tells whether w is one of the words given. They are in small letters, and
// so must be w (reactor/api/__init__.py, text).
func (w word) is(words ...string) bool {
	return w.mark == 0 && !w.quoted && slices.Contains(words, w.text)
}

func (w word) looksLikePrefix() bool {
	addr, _, slash := strings.Cut(w.text, "/")
	_, err := netip.ParseAddr(addr)
	return w.mark == 0 && (slash || err == nil)
}

const marks = "[](),;{}"

// lexer cuts a line into words as exaBGP does (configuration/core/format.py):
// marks stand for themselves, with or without blanks around them, and quotes
// hold a word together. What exaBGP would make something else of is a fault:
// escapes, a quote inside a word, a comment inside a statement.
type lexer struct {
	rest   string
	col    int
	words  []word
	faults SyntaxErrors
}

func lex(line string) ([]word, SyntaxErrors) {
	l := lexer{rest: line, col: 1}
	for l.rest != "" {
		switch c := l.rest[0]; {
		case strings.IndexByte(" \t\r", c) >= 0:
			l.skip(1)
		case c == '#':
			l.comment()
			return l.words, l.faults
		case strings.IndexByte(marks, c) >= 0:
			l.words = append(l.words, word{text: l.rest[:1], col: l.col, end: l.col + 1, mark: c})
			l.skip(1)
		case c == '"', c == '\'':
			l.quote(c)
		default:
			l.word()
		}
	}
	return l.words, l.faults
}

// skip goes n bytes ahead; columns are characters.
func (l *lexer) skip(n int) {
	l.col += utf8.RuneCountInString(l.rest[:n])
	l.rest = l.rest[n:]
}

func (l *lexer) fault(col int, msg, hint string) {
	l.faults = append(l.faults, &SyntaxError{col, msg, hint})
}

func (l *lexer) word() {
	n := strings.IndexAny(l.rest, " \t\r#\"'"+marks)
	if n < 0 {
		n = len(l.rest)
	}
	w := word{text: l.rest[:n], col: l.col}
	w.bad = l.unreadable(w.text, l.col)
	l.skip(n)
	if l.rest != "" && (l.rest[0] == '"' || l.rest[0] == '\'') {
		l.fault(l.col, "a quote inside a word", "put blanks between the words")
		w.bad = true
	}
	w.end = l.col
	l.words = append(l.words, w)
}

func (l *lexer) quote(c byte) {
	w := word{col: l.col, quoted: true}
	n := strings.IndexByte(l.rest[1:], c)
	switch {
	case n < 0:
		l.fault(l.col, "a quote that is not closed", "")
		w.text, w.bad = l.rest[1:], true
		l.skip(len(l.rest))
	case n == 0:
		// exaBGP takes it for the end of the statement.
		l.fault(l.col, "there is nothing between the quotes", "")
		w.bad = true
		l.skip(2)
	default:
		w.text = l.rest[1 : 1+n]
		w.bad = l.unreadable(w.text, l.col+1)
		if i := strings.IndexAny(w.text, " \t\r#\"'"+marks); i >= 0 && !w.bad {
			l.fault(l.col, fmt.Sprintf("the quoted %q is not one word", w.text), "no value of a route has blanks or marks in it")
			w.bad = true
		}
		l.skip(n + 2)
		if l.rest != "" && strings.IndexByte(" \t\r"+marks, l.rest[0]) < 0 {
			l.fault(l.col, "a word begins right behind a quote", "put a blank between them")
			w.bad = true
		}
	}
	w.end = l.col
	l.words = append(l.words, w)
}

// comment ends the line. Inside a statement exaBGP drops the statement too.
func (l *lexer) comment() {
	if len(l.words) == 0 {
		l.words = append(l.words, word{text: "#", col: l.col, end: l.col + 1})
		return
	}
	if last := l.words[len(l.words)-1]; last.mark != ';' && last.mark != '}' {
		l.fault(l.col, "a comment inside a statement, which exaBGP refuses", "put a ; before the #")
	}
}

// unreadable reports the first character of a word that exaBGP can't read as
// itself.
func (l *lexer) unreadable(text string, col int) bool {
	for _, r := range text {
		switch {
		case r == '\\':
			l.fault(col, `a \ is the beginning of an escape to exaBGP`, "write the character itself")
			return true
		case r < ' ', r == '\x7f':
			l.fault(col, fmt.Sprintf("the character %q can't stand in a command", r), "")
			return true
		case r > '~':
			l.fault(col, fmt.Sprintf("the character %q is not ASCII", r), "exaBGP reads nothing else; type it anew")
			return true
		}
		col++
	}
	return false
}

// peek is the next word; false if there is none.
func (p *parser) peek() (word, bool) {
	if p.next >= len(p.words) {
		return word{}, false
	}
	return p.words[p.next], true
}

// want notes what could stand here, if this is where the words end.
func (p *parser) want(what string, words ...string) {
	if p.next >= len(p.words) && p.wanted == nil {
		p.wanted = &wanted{what, words}
	}
}

// look is peek where what could stand is known.
func (p *parser) look(what string, words ...string) (word, bool) {
	p.want(what, words...)
	return p.peek()
}

// take is the next word, and goes past it.
func (p *parser) take(what string, words ...string) (word, bool) {
	w, ok := p.look(what, words...)
	if ok {
		p.next++
	}
	return w, ok
}

// before is the word read last; there must be one.
func (p *parser) before() word { return p.words[p.next-1] }

// mark goes past a mark if it is next.
func (p *parser) mark(m byte) bool {
	w, ok := p.peek()
	if ok && w.mark == m {
		p.next++
		return true
	}
	return false
}

// skip goes to the next word for which stop holds, or to the end.
func (p *parser) skip(stop func(word) bool) {
	for {
		w, ok := p.peek()
		if !ok || stop(w) {
			return
		}
		p.next++
	}
}
