package exabgp

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"routesync/state"
)

// Order is one announce or withdraw of routes, read from the text that exaBGP
// 4.2's API takes.
type Order struct {
	Withdraw  bool
	Neighbors []Selector // none: every neighbor
	// Routes are in the order of the text, and no key is there twice. What is
	// announced keeps the rule of [state.CheckRoute]. The attributes of a
	// withdrawal are those that it names, often none.
	Routes  []Route
	Expires Expiry
}

// Route is a route with its attributes.
type Route struct {
	Key   state.Key
	Attrs state.Attrs
}

// Expiry is when an announced route is to be withdrawn again: some time after,
// or at a time. At most one of the two is set.
type Expiry struct {
	After time.Duration
	At    time.Time
}

// IsZero tells that nothing was said.
func (e Expiry) IsZero() bool { return e.After == 0 && e.At.IsZero() }

// ParseCommand reads one command on routes in the grammar of exaBGP 4.2's API,
// all of it or nothing. One command is one order. It refuses what exaBGP would
// answer with error, would not answer at all, or would take in another sense
// than is written: a keyword that is there twice, words that it skips, values
// that it cuts. Its error is [SyntaxErrors] or a [*NotARouteError].
//
// In a few places it takes what is written and exaBGP does not: "withdraw
// attribute" for "withdraw attributes", AS numbers in dots (RFC 5396), all
// actions of a flow on one line, and not the first alone, target:ADDRESS:N and
// origin:ADDRESS:N with the type of an address (RFC 4360 §3.2).
func ParseCommand(line string) ([]Order, error) { return parse(line, written) }

// ParseTyped reads what [ParseCommand] does, and the short forms of a console:
// the word route may be left out, + and - stand for announce and withdraw, and
// an announce may end in "expires 10m" or "expires 2026-12-01T00:00:00Z".
func ParseTyped(line string) ([]Order, error) { return parse(line, typed) }

// SplitBody lists the commands in the body of a message, one a line. Blank
// lines and comments are left out.
func SplitBody(body []byte) []string {
	var lines []string
	for line := range bytes.Lines(body) {
		text := strings.TrimRight(string(line), "\r\n")
		if word := strings.TrimLeft(text, " \t"); word != "" && word[0] != '#' {
			lines = append(lines, text)
		}
	}
	return lines
}

// dialect is who wrote a command.
type dialect uint8

const (
	written dialect = iota // a program, in exaBGP's grammar
	typed                  // an operator, with the short forms
)

// parser goes through the words of one line. What is at fault is noted, and
// parsing goes on behind it.
type parser struct {
	dialect dialect
	words   []word
	next    int // index of the word to read
	faults  SyntaxErrors
	// foreign is set if the command is about something else than routes.
	foreign *NotARouteError
	// wanted is what could follow where the words ended.
	wanted *wanted

	order   Order
	expires word              // the keyword, if the line ends in it
	places  map[state.Key]int // which of the order's routes it is
	splits  int               // routes that splits made so far
	// alone is the last keyword that may have several values and was given one,
	// and aloneEnd the index behind it.
	alone    word
	aloneEnd int
}

// wanted is what could stand at a place: some words, or a value of a kind.
type wanted struct {
	what  string
	words []string
}

func parse(line string, d dialect) ([]Order, error) {
	words, faults := lex(line)
	p := parser{dialect: d, words: words, faults: faults}
	p.command()
	if p.foreign != nil {
		return nil, p.foreign
	}
	if len(p.faults) > 0 {
		p.faults.sort()
		return nil, p.faults
	}
	return []Order{p.order}, nil
}

// command reads a whole line.
func (p *parser) command() {
	if len(p.words) == 0 && len(p.faults) > 0 {
		return
	}
	p.expiry()
	p.order.Neighbors = p.selectors()
	if !p.verb() {
		return
	}
	w, ok := p.look(p.short(), p.kinds()...)
	switch {
	case !ok:
		p.missing("%s is not told what", "write "+p.before().text+" route PREFIX ...")
	case w.is("flow"):
		p.next++
		p.statements(p.flow, "", "route")
	case w.is("vpls"):
		p.statements(p.vpls, "", "vpls")
	case p.begins(w):
		p.statements(p.unicast, p.short(), "route", "attributes")
	case w.is("watchdog"), !p.order.Withdraw && w.is("eor", "route-refresh", "operational"):
		p.foreign = &NotARouteError{Column: p.before().col, Command: p.before().text + " " + w.text}
	default:
		p.fault(w, quoted(w.text)+" is no kind of route", "write one of "+strings.Join(p.kinds(), ", "))
	}
}

// verb reads announce or withdraw; false if there is nothing to read behind
// it.
func (p *parser) verb() bool {
	verbs := []string{"announce", "withdraw"}
	if len(p.order.Neighbors) == 0 {
		verbs = append(verbs, "neighbor")
	}
	w, ok := p.take("", verbs...)
	switch {
	case !ok && len(p.words) == 0:
		p.faults = append(p.faults, &SyntaxError{Column: 1, Msg: "the line is empty", Hint: "write announce route PREFIX next-hop ADDRESS"})
		return false
	case !ok:
		p.missing("%s is followed by no command", "write announce or withdraw")
		return false
	case w.is("announce"), w.is("+") && p.dialect == typed:
	case w.is("withdraw"), w.is("-") && p.dialect == typed:
		p.order.Withdraw = true
		if p.expires.text != "" {
			p.fault(p.expires, "a withdrawal can't expire", "")
		}
	default:
		p.noVerb(w)
		return false
	}
	return true
}

// noVerb says what is wrong with a word that stands for announce or withdraw.
func (p *parser) noVerb(w word) {
	if !slices.Contains(foreignCommands(), w.text) || w.mark != 0 {
		p.fault(w, quoted(w.text)+" is no command", p.verbHint(w.text))
		return
	}
	name := w.text
	if sub, ok := p.peek(); ok && slices.Contains([]string{"show", "flush", "clear"}, name) {
		name += " " + sub.text
	}
	p.foreign = &NotARouteError{Column: w.col, Command: name}
}

// verbHint says what to write instead of a word. An operator may not leave off the
// end of announce or withdraw: what changes routes is to be meant.
func (p *parser) verbHint(text string) string {
	const verbs = "write announce or withdraw"
	if strings.ToLower(text) != text {
		return verbs + ", in small letters"
	}
	if p.dialect == typed {
		for sign, verb := range map[string]string{"+": "announce", "-": "withdraw"} {
			switch {
			case strings.HasPrefix(text, sign):
				return "put a blank behind the " + sign
			case strings.HasPrefix(verb, text):
				return "write " + verb + " in full, or " + sign
			}
		}
	}
	if meant := near(text, []string{"announce", "withdraw", "neighbor"}); meant != "" {
		return "did you mean " + meant + "?"
	}
	return verbs
}

// kinds are the words that may follow announce or withdraw.
func (p *parser) kinds() []string { return append([]string{"route", "attributes"}, familyKinds()...) }

// short is what may stand for the word route and its prefix.
func (p *parser) short() string {
	if p.dialect == typed {
		return "prefix"
	}
	return ""
}

// begins tells whether a statement on routes by prefix begins with w.
func (p *parser) begins(w word) bool {
	return w.is("route", "attributes", "attribute") || p.dialect == typed && w.looksLikePrefix()
}

// statements reads one statement and those that follow it, each after a
// semicolon or a block. What and words can begin one.
func (p *parser) statements(read func(first word), what string, words ...string) {
	for n := 0; ; n++ {
		if n == 0 {
			p.want(what, words...)
		} else {
			p.want(what, slices.Concat(words, p.closing())...)
		}
		w, ok := p.peek()
		switch {
		case !ok && n == 0:
			p.missing("%s is followed by nothing", "")
			return
		case !ok:
			return
		}
		if w.mark == ';' {
			p.fault(w, "a statement is empty", "leave the ; out")
			p.next++
			continue
		}
		read(w)
		if p.before().mark != '}' {
			p.mark(';')
		}
	}
}

// add appends a route; one that is there already must be the same.
func (p *parser) add(at word, r Route) {
	first, there := p.places[r.Key]
	if !there {
		if p.places == nil {
			p.places = map[state.Key]int{}
		}
		p.places[r.Key] = len(p.order.Routes)
		p.order.Routes = append(p.order.Routes, r)
		return
	}
	if p.order.Routes[first].Attrs != r.Attrs {
		p.fault(at, r.Key.String()+" is given twice, with different attributes", "keep one of them")
	}
}
