package console

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"routesync/bridge/exabgp"
	"routesync/state"
)

// Fault is something wrong in a line. Columns count characters, from 1.
type Fault struct {
	Column    int
	Msg, Hint string
}

// faultsOf are the faults that the parser of a command found.
func faultsOf(err error, offset int) []Fault {
	var all exabgp.SyntaxErrors
	var other *exabgp.NotARouteError
	switch {
	case errors.As(err, &all):
		faults := make([]Fault, len(all))
		for i, e := range all {
			faults[i] = Fault{offset + e.Column, e.Msg, e.Hint}
		}
		return faults
	case errors.As(err, &other):
		msg := fmt.Sprintf("%q is no announce or withdraw of routes, and is not passed on to exaBGP", other.Command)
		return []Fault{{offset + other.Column, msg, "help lists the commands"}}
	}
	return []Fault{{Column: offset + 1, Msg: err.Error()}}
}

// faultAt is the fault that a value of the line has.
func faultAt(w word, err error) Fault {
	var f *state.Fault
	if errors.As(err, &f) {
		return Fault{w.column, f.Msg, f.Hint}
	}
	return Fault{Column: w.column, Msg: err.Error()}
}

const (
	excerptBefore = 60 // characters that are shown left of the place
	excerptAfter  = 40 // and from there on
)

// pointOut says for people what is wrong with a line, with a caret under each
// place.
func pointOut(line string, faults []Fault) []string {
	var out []string
	for _, f := range faults {
		text, caret := excerpt(line, f.Column)
		out = append(out, "error: "+escape(f.Msg), "  "+text, "  "+caret)
		if f.Hint != "" {
			out = append(out, "  hint: "+escape(f.Hint))
		}
	}
	return out
}

// excerpt is the part of a line around a column, and the caret to write below.
func excerpt(line string, column int) (text, caret string) {
	runes := []rune(line)
	at := min(max(column-1, 0), len(runes))
	left, right := runes[:at], runes[at:]
	before, after := "", ""
	if len(left) > excerptBefore {
		left, before = left[len(left)-excerptBefore:], "..."
	}
	if len(right) > excerptAfter {
		right, after = right[:excerptAfter], "..."
	}
	head := before + ascii(string(left))
	return head + ascii(string(right)) + after, strings.Repeat(" ", utf8.RuneCountInString(head)) + "^"
}

// located is a fault on one line, for programs that jump to places.
func located(file string, line int, f Fault) string {
	s := fmt.Sprintf("%s:%d:%d: %s", file, line, f.Column, escape(f.Msg))
	if f.Hint != "" {
		s += " (" + escape(f.Hint) + ")"
	}
	return s
}

func hintOf(err error) string {
	var f *state.Fault
	if errors.As(err, &f) {
		return f.Hint
	}
	return ""
}
