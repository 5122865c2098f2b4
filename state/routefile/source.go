package routefile

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"routesync/state"
)

// source is the text of a file, and finds its lines.
type source struct {
	name string
	text string
	rank int // among the files of a load: in which order faults are told
	// starts has the offset of each line.
	starts []int
	// skeleton is what text is instead of the whole of the file; nil if it is that.
	skeleton *skeleton
	// blank is what to write where nothing stands; "" is as in a file with routes.
	blank string
	// what it is called where it is about all of it; "" is the file.
	what string
}

// newSource takes the bytes of a file. A byte order mark at the start is no
// part of the text: columns count from after it, as editors show them.
func newSource(name string, data []byte) *source { return textSource(name, string(unmarked(data))) }

// unmarked is the text of a file: its bytes behind a byte order mark.
func unmarked(data []byte) []byte { return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) }

func textSource(name, text string) *source {
	s := &source{name: name, text: text}
	s.starts = make([]int, 1, 1+strings.Count(s.text, "\n"))
	for i := range len(s.text) {
		if s.text[i] == '\n' {
			s.starts = append(s.starts, i+1)
		}
	}
	return s
}

// line is the text of a line without its end; lines count from 1.
func (s *source) line(n int) string {
	if n < 1 || n > len(s.starts) {
		return ""
	}
	end := len(s.text)
	if n < len(s.starts) {
		end = s.starts[n]
	}
	return strings.TrimRight(s.text[s.starts[n-1]:end], "\r\n")
}

// place is the line and column of an offset.
func (s *source) place(offset int) (line, column int) {
	line = sort.SearchInts(s.starts, offset+1)
	return line, 1 + utf8.RuneCountInString(s.text[s.starts[line-1]:offset])
}

// fault makes an [Error] about width characters.
func (s *source) fault(line, column, width int, msg, hint string) *Error {
	return &Error{
		Pos:   state.Position{File: s.name, Line: int32(line), Column: int32(column)},
		Msg:   msg,
		Hint:  hint,
		Line:  s.line(line),
		Width: max(width, 1),
		rank:  s.rank,
	}
}

// unended finds a last line without an end. What was cut there can be valid and
// mean something else: 10.0.0.0/16 becomes 10.0.0.0/1.
func (s *source) unended() *Error {
	if strings.HasSuffix(s.text, "\n") {
		return nil
	}
	last := len(s.starts)
	column := 1 + utf8.RuneCountInString(s.line(last))
	return s.fault(last, column, 1, "the file ends in the middle of a line", "end the last line; a file that was cut looks like this")
}

// unreadable finds the characters that a text file does not have, at most one
// a line. YAML stops at some of them without a position, takes others for ends
// of lines, and shows none of them to a person.
func (s *source) unreadable() []*Error {
	var faults []*Error
	lineEnd := 0 // of the line that the last fault is in
	add := func(offset int, msg, hint string) {
		if offset < lineEnd {
			return
		}
		line, column := s.place(offset)
		f := s.fault(line, column, 1, msg, hint)
		f.Line = strings.ToValidUTF8(f.Line, string(unicode.ReplacementChar))
		faults = append(faults, f)
		lineEnd = len(s.text)
		if line < len(s.starts) {
			lineEnd = s.starts[line]
		}
	}
	for i := 0; i < len(s.text); {
		if c := s.text[i]; c >= ' ' && c < 0x7f || c == '\n' || c == '\t' {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s.text[i:])
		switch {
		case r == '\r' && strings.HasPrefix(s.text[i+1:], "\n"):
		case r == '\r':
			add(i, "a carriage return without a line feed", "end lines with a line feed")
		case r == utf8.RuneError && size == 1:
			add(i, fmt.Sprintf("byte 0x%02x is not UTF-8", s.text[i]), "save the file as UTF-8")
		case r == 0:
			add(i, "a NUL byte", "the file is not text, or was not written to its end")
		case invisible(r):
			add(i, fmt.Sprintf("character U+%04X can't be seen and may not stand here", r), "delete it")
		}
		i += size
	}
	return faults
}

// invisible tells control characters, foreign ends of lines, byte order marks
// and what turns the direction of writing: each makes a line look like another.
func invisible(r rune) bool {
	switch {
	case unicode.IsControl(r), r == 0x2028, r == 0x2029, r == 0xfeff, r == 0xfffe, r == 0xffff:
		return true
	}
	return unicode.Is(unicode.Bidi_Control, r)
}
