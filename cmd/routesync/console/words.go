package console

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// word is a word of a line, and the column that it begins at.
type word struct {
	text   string
	column int
}

// end is the column behind the word.
func (w word) end() int { return w.column + utf8.RuneCountInString(w.text) }

// split cuts a line at its blanks.
func split(line string) []word {
	var words []word
	column, start, at := 1, 0, -1 // at: byte where the open word begins, -1 for none
	for i, r := range line {
		if r == ' ' || r == '\t' {
			if at >= 0 {
				words = append(words, word{line[at:i], start})
				at = -1
			}
		} else if at < 0 {
			at, start = i, column
		}
		column++
	}
	if at >= 0 {
		words = append(words, word{line[at:], start})
	}
	return words
}

// comment tells whether a line says nothing.
func comment(line string) bool {
	line = strings.TrimLeft(line, " \t\r")
	return line == "" || line[0] == '#'
}

// begin lists the options that begin with a text.
func begin(text string, options []string) []string {
	var all []string
	for _, o := range options {
		if text != "" && strings.HasPrefix(o, text) {
			all = append(all, o)
		}
	}
	return all
}

// pick is the one of the options that a person means: they may leave off its
// end as long as no other begins so. It is "" if there is none, or several.
func pick(text string, options []string) string {
	if slices.Contains(options, text) {
		return text
	}
	if all := begin(text, options); len(all) == 1 {
		return all[0]
	}
	return ""
}

// choose is pick, or the fault that says what there is to choose from.
func choose(w word, what string, options []string) (string, []Fault) {
	if s := pick(w.text, options); s != "" {
		return s, nil
	}
	return "", []Fault{{w.column, fmt.Sprintf("%q is no %s", w.text, what), "there are " + strings.Join(options, ", ")}}
}
