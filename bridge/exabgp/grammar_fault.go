package exabgp

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"routesync/state"
)

// SyntaxError is one fault of a command.
type SyntaxError struct {
	Column int // of the character that it begins at, from 1 on
	Msg    string
	Hint   string // what to write instead; "" if nobody can say
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Msg) }

// SyntaxErrors are all the faults of a command, in the order of the line.
type SyntaxErrors []*SyntaxError

func (e SyntaxErrors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives each fault to [errors.As].
func (e SyntaxErrors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}

func (e SyntaxErrors) sort() {
	slices.SortStableFunc(e, func(a, b *SyntaxError) int { return cmp.Compare(a.Column, b.Column) })
}

// NotARouteError says that a command of exaBGP's API is about something else
// than routes.
type NotARouteError struct {
	Column  int
	Command string // its words, e.g. "show neighbor"
}

func (e *NotARouteError) Error() string {
	return fmt.Sprintf("column %d: %s is no announce or withdraw of routes, and is not passed on to exaBGP", e.Column, e.Command)
}

// foreignCommands are the first words of the API's other commands: those of
// 4.2 (reactor/api/command), and those that 5.0 added.
func foreignCommands() []string {
	return []string{
		"show", "flush", "clear", "teardown", "shutdown", "restart", "reload", "reset", "version", "help", "crash", "#",
		"enable-ack", "disable-ack", "silence-ack",
	}
}

// fault notes a fault, unless something was said about the word already.
func (p *parser) fault(at word, msg, hint string) {
	if !at.bad {
		p.faults = append(p.faults, &SyntaxError{at.col, msg, hint})
	}
}

// faultErr notes what a parser of package state said of a word.
func (p *parser) faultErr(at word, err error) {
	var f *state.Fault
	if errors.As(err, &f) {
		p.fault(at, f.Msg, f.Hint)
		return
	}
	p.fault(at, err.Error(), "")
}

// missing notes that something is missing behind the word before.
func (p *parser) missing(format, hint string) {
	w := p.before()
	p.fault(w, fmt.Sprintf(format, w.text), hint)
}

// quoted is a word of the line as a message shows it.
func quoted(text string) string { return strconv.Quote(text) }
