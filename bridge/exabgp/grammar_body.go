package exabgp

import (
	"fmt"
	"slices"
	"strings"

	"routesync/state"
)

// keywords are what a statement is made of.
type keywords struct {
	// left lists those that can still come.
	left func() []string
	// read goes past a keyword and its value; false if w is none.
	read func(w word) bool
	end  string // the keyword that ends the statement, if one does
	// close are the words that can follow the statement.
	close []string
}

// inline reads keywords up to the end of the statement, in any order.
func (p *parser) inline(k keywords) {
	for {
		w, ok := p.peek()
		switch {
		case !ok:
			p.want("", append(k.left(), k.close...)...)
			return
		case w.mark == ';', k.end != "" && w.is(k.end):
			return
		case w.mark == '{':
			p.fault(w, "{ can't stand here", "a route's block comes right behind its prefix, and holds all its words")
			p.next++
			p.block(k)
		case !k.read(w):
			p.unknown(w, k)
		}
	}
}

// block reads "keyword value; keyword value; }" behind its {. exaBGP skips
// what has no ; behind it, and what comes before the ; but behind a value.
func (p *parser) block(k keywords) {
	open := p.before()
	for {
		w, ok := p.peek()
		switch {
		case !ok:
			p.want("", k.left()...)
			p.fault(open, "{ is not closed", "")
			return
		case w.mark == '}':
			p.next++
			return
		case w.mark == ';':
			p.fault(w, "a statement is empty", "leave the ; out")
			p.next++
			continue
		case !k.read(w):
			p.unknown(w, k)
			p.mark(';')
			continue
		}
		if p.before().mark == '}' || p.mark(';') {
			continue
		}
		if w, ok := p.peek(); ok {
			p.fault(w, "there is no ; before "+w.text, "")
		}
	}
}

// unknown reports a word that is no keyword, and goes to the next that is one.
func (p *parser) unknown(w word, k keywords) {
	p.next++
	hint := "the words that can stand here are " + strings.Join(k.left(), ", ")
	if meant := near(w.text, k.left()); meant != "" {
		hint = "did you mean " + meant + "?"
	}
	if p.another(w) {
		hint = fmt.Sprintf("several values of %s are put in [ ]", p.alone.text)
	}
	if w.is("route", "attributes", "announce", "withdraw", "neighbor") {
		hint = "a statement ends with a ;, a command with its line"
	}
	if w.is("expires") && p.dialect == typed {
		hint = "expires and its value end the line"
	}
	if w.mark == 0 {
		p.fault(w, quoted(w.text)+" is no keyword", hint)
	} else {
		p.fault(w, w.text+" stands where a keyword is expected", "")
	}
	p.skip(endsList)
}

// another tells whether w could be one more value behind the one before it.
func (p *parser) another(w word) bool {
	if p.alone.text == "" || p.aloneEnd != p.next-1 || w.mark != 0 {
		return false
	}
	_, err := state.Name(p.alone.text).Canonical(w.text)
	return err == nil
}

// isKeywordHere tells whether w is a keyword of some statement, and so no
// value.
func isKeywordHere(w word) bool {
	if w.mark != 0 || w.quoted || w.text[0] < 'a' || w.text[0] > 'z' {
		return false
	}
	return w.is("nlri", "path-information", "split", "rd", "route-distinguisher", "label", "name", "watchdog", "withdraw", "expires") ||
		slices.Contains(state.Names(), state.Name(w.text)) ||
		w.is(flowMatches()...) || w.is(flowActions()...) || w.is(vplsNumbers()...)
}

// once notes a keyword, and reports it if it was there before: exaBGP keeps
// the first (bgp/message/update/attribute/attributes.py, add).
func (p *parser) once(s *settings, name string, w word) bool {
	first, there := s.given[name]
	if there {
		p.fault(w, fmt.Sprintf("%s is given twice; the first is at column %d", name, first.col), "keep one of them")
		s.bad = true
		return false
	}
	s.given[name] = w
	return true
}

// setting reads a keyword of a route and its value into s; false if w is none.
func (p *parser) setting(s *settings, w word) bool {
	if w.mark != 0 || w.quoted {
		return false
	}
	switch w.text {
	case "path-information":
		p.next++
		p.once(s, w.text, w)
		p.scalar(s, "path-information", func(text string) (err error) {
			s.pathID, err = state.ParsePathID(text)
			return err
		})
	case "split":
		p.next++
		p.once(s, w.text, w)
		p.scalar(s, "length", func(text string) (err error) {
			s.split, err = splitLength(text)
			return err
		})
	case "rd", "route-distinguisher":
		p.next++
		p.once(s, "rd", w)
		p.scalar(s, "route distinguisher", func(text string) error {
			if err := checkRD(text); err != nil {
				return err
			}
			s.rd = text
			return nil
		})
	case "label":
		p.next++
		p.attribute(s, state.Label, w)
	case "name", "watchdog":
		// exaBGP looks for commands in the whole line, these too
		// (reactor/api/__init__.py, text).
		p.next++
		p.fault(w, w.text+" is not for routes of the API", "leave it out")
		p.value("")
	case "withdraw":
		p.next++
		p.fault(w, "withdraw inside a route, which exaBGP's API skips", "begin the command with it")
	default:
		name := state.Name(w.text)
		if !slices.Contains(state.Names(), name) {
			return false
		}
		p.next++
		p.attribute(s, name, w)
	}
	return true
}
