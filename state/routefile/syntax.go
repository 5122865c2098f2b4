package routefile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// document parses the text and returns the root of its one document; nil with
// a fault if that is not what it is.
func (s *source) document() (*yaml.Node, *Error) {
	dec := yaml.NewDecoder(strings.NewReader(s.text))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF):
		return nil, s.empty()
	case err != nil:
		return nil, s.syntax(err)
	}
	err = dec.Decode(&second)
	switch {
	case err == nil:
		return nil, s.fault(second.Line, second.Column, utf8.RuneCountInString(s.line(second.Line)),
			"a second document starts here; "+s.called()+" may have one", "delete the line with ---, or make two files")
	case !errors.Is(err, io.EOF):
		return nil, s.syntax(err)
	}
	root := doc.Content[0]
	if isNull(root) {
		return nil, s.empty()
	}
	return root, nil
}

// called is what all of the text is called.
func (s *source) called() string { return cmp.Or(s.what, "the file") }

func (s *source) empty() *Error {
	return s.fault(1, 1, 1, s.called()+" is empty", cmp.Or(s.blank, "an empty set is written with version, owner, speakers and routes: []"))
}

// syntax makes a fault of yaml.v3's error. That has a line at best, and often
// the wrong one: of what surrounds the problem, or one too low. So the text is
// parsed again a byte at a time, to see how far the parser came.
func (s *source) syntax(err error) *Error {
	r := &byteReader{text: s.text}
	dec := yaml.NewDecoder(r)
	for again := error(nil); again == nil; {
		again = dec.Decode(&yaml.Node{})
	}
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	reported := 1
	if rest, ok := strings.CutPrefix(msg, "line "); ok {
		number, text, _ := strings.Cut(rest, ": ")
		if n, err := strconv.Atoi(number); err == nil {
			reported, msg = n, text
		}
	}
	line := s.lastContent(r.n)
	for n := max(1, line-1); n <= line; n++ {
		if f := s.conflict(n); f != nil {
			return f
		}
	}
	if f := s.tab(line); f != nil {
		return f
	}
	return s.explain(msg, reported, line)
}

// explain says in words for people what the parser says of its own state.
// reported is the line that yaml.v3 has, reached the one where it stopped.
func (s *source) explain(msg string, reported, reached int) *Error {
	switch msg {
	case "mapping values are not allowed in this context":
		return s.at(reached, strings.LastIndex(s.line(reached)+" ", ": "), 1, `": " makes a key of what is before it, and a key can't stand here`,
			`text with ": " in it must be in quotes; if this is a key, check its indentation`)
	case "could not find expected ':'":
		return s.content(reported, "this is neither a key with a value nor a list item", `a key is followed by ": ", a list item starts with "- "`)
	case "did not find expected key":
		return s.content(reached, "this does not fit the lines above it", "keys of one mapping start in the same column")
	case "did not find expected '-' indicator":
		return s.content(reached, "this is not an item of the list above it", `items of one list start with "- " in the same column, and the keys of an item two columns further right`)
	case "did not find expected ',' or ']'":
		return s.opener(min(reported+1, reached), '[', "the list that starts here has no ], or lacks a comma")
	case "did not find expected ',' or '}'":
		return s.opener(min(reported+1, reached), '{', "the mapping that starts here has no }, or lacks a comma")
	case "did not find expected node content":
		return s.content(reached, "a value is missing here, or there is a bracket or a comma too many", "")
	case "found unexpected end of stream":
		return s.at(reported, strings.IndexAny(s.line(reported), `"'`), 1, "the quote that starts here is not closed", "")
	case "found character that cannot start any token":
		return s.content(reached, "a value starts with a character that YAML keeps for itself", "put the value in quotes")
	case "block sequence entries are not allowed in this context":
		return s.content(reached, "a list item can't stand here", `start the first "- " on a line of its own`)
	case "did not find expected <document start>":
		return s.content(reached, "this stands after the end of the document", "")
	}
	if name, ok := strings.CutPrefix(msg, "unknown anchor '"); ok {
		name, _, _ = strings.Cut(name, "'")
		return s.at(reached, strings.Index(s.line(reached), "*"+name), 1+len(name), noAliases, noAliasesHint)
	}
	if msg == "did not find expected alphabetic or numeric character" {
		return s.content(reached, "a value starts with * or &, which YAML keeps for itself", "put the value in quotes; for every peer, leave peers out")
	}
	for n := 1; n <= reached; n++ {
		if strings.HasPrefix(s.line(n), "%") {
			return s.content(n, "YAML directives are not part of the format", "delete the line")
		}
	}
	return s.content(reached, "this is not YAML: "+msg, "")
}

// opener is a fault at the last bracket up to a line.
func (s *source) opener(line int, bracket byte, msg string) *Error {
	for n := line; n >= 1; n-- {
		if i := strings.LastIndexByte(s.line(n), bracket); i >= 0 {
			return s.at(n, i, 1, msg, "")
		}
	}
	return s.content(line, msg, "")
}

// at is a fault at a byte offset of a line; at its first character if the
// offset is negative.
func (s *source) at(line, offset, width int, msg, hint string) *Error {
	line = min(line, len(s.starts))
	text := s.line(line)
	if offset < 0 || offset > len(text) {
		return s.content(line, msg, hint)
	}
	return s.fault(line, 1+utf8.RuneCountInString(text[:offset]), width, msg, hint)
}

// content is a fault about what a line says.
func (s *source) content(line int, msg, hint string) *Error {
	line = min(line, len(s.starts))
	text := s.line(line)
	trimmed := strings.TrimLeft(text, " \t")
	return s.fault(line, 1+len(text)-len(trimmed), utf8.RuneCountInString(strings.TrimRight(trimmed, " \t")), msg, hint)
}

// lastContent is the last line that begins before an offset and says
// something: the parser reads past blank lines and comments.
func (s *source) lastContent(offset int) int {
	line, column := s.place(max(0, offset-1))
	read := s.line(line)
	if offset < len(s.text) && column < len(read) {
		read = read[:column]
	}
	for line > 1 {
		trimmed := strings.TrimLeft(read, " ")
		if trimmed != "" && trimmed[0] != '#' {
			break
		}
		line--
		read = s.line(line)
	}
	return line
}

// tab finds a tab in the indentation of a line.
func (s *source) tab(line int) *Error {
	text := s.line(line)
	indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
	if i := strings.IndexByte(indent, '\t'); i >= 0 {
		return s.fault(line, i+1, 1, "a tab in the indentation", "indent with spaces")
	}
	return nil
}

// conflict finds what git leaves in a file when a merge failed.
func (s *source) conflict(line int) *Error {
	text := s.line(line)
	for _, mark := range []string{"<<<<<<<", "=======", ">>>>>>>"} {
		if strings.HasPrefix(text, mark) {
			return s.fault(line, 1, utf8.RuneCountInString(text), fmt.Sprintf("a merge conflict is left here (%s)", mark), "resolve it, then save again")
		}
	}
	return nil
}

// byteReader gives one byte at a time, and counts.
type byteReader struct {
	text string
	n    int
}

func (r *byteReader) Read(b []byte) (int, error) {
	if r.n == len(r.text) {
		return 0, io.EOF
	}
	n := copy(b[:1], r.text[r.n:])
	r.n += n
	return n, nil
}
