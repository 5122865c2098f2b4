package exabgp

import (
	"fmt"
	"strconv"
	"strings"

	"routesync/state"
)

// value is the next word, if it can be a value. What it is for ends the
// statement otherwise, or is a keyword.
func (p *parser) value(what string, words ...string) (word, bool) {
	w, ok := p.look(what, words...)
	if !ok || w.mark != 0 || isKeywordHere(w) {
		return w, false
	}
	p.next++
	return w, true
}

// noValue reports what stands where the value of kw is expected.
func (p *parser) noValue(kw word) {
	w, ok := p.peek()
	if !ok || endsList(w) {
		p.fault(kw, kw.text+" has no value", "")
		return
	}
	p.fault(w, fmt.Sprintf("the value of %s does not begin with %s", kw.text, w.text), example(state.Name(kw.text)))
	p.skip(endsList)
}

// scalar reads a value of one word that is no attribute.
func (p *parser) scalar(s *settings, what string, parse func(string) error) {
	kw := p.before()
	w, ok := p.value(what)
	if !ok {
		p.noValue(kw)
		s.bad = true
		return
	}
	if err := parse(w.text); err != nil {
		p.faultErr(w, err)
		s.bad = true
	}
}

// splitLength reads the value of split, "/24".
func splitLength(text string) (int, error) {
	digits, slash := strings.CutPrefix(text, "/")
	n, err := strconv.ParseUint(digits, 10, 8)
	if !slash || err != nil || digits[0] == '0' {
		return 0, &state.Fault{Msg: fmt.Sprintf("split %q is not a length", text), Hint: "write it as /24"}
	}
	return int(n), nil
}

// attribute reads the value of an attribute into s.
func (p *parser) attribute(s *settings, name state.Name, kw word) {
	if name == state.Raw {
		p.raw(s, kw)
		return
	}
	fresh := p.once(s, string(name), kw)
	values, good := p.values(name, kw)
	if !good {
		s.bad = true
	} else if fresh {
		p.store(s, kw, name, values)
	}
}

// store keeps the values of an attribute that go together.
func (p *parser) store(s *settings, at word, name state.Name, values []string) {
	if _, err := state.NewAttrs(map[state.Name][]string{name: values}); err != nil {
		p.faultErr(at, err)
		s.bad = true
		return
	}
	s.values[name] = values
}

// values reads the value of an attribute (configuration/static/parser.py).
func (p *parser) values(name state.Name, kw word) (values []string, good bool) {
	what, words := expectedOf(name)
	// one adds a value that begins at w.
	one := func(w word, text string) bool {
		if _, err := name.Canonical(text); err != nil {
			p.faultErr(w, err)
			return false
		}
		values = append(values, text)
		return !w.bad
	}
	plain := func(w word) bool {
		if w.mark != 0 {
			p.fault(w, fmt.Sprintf("a %s among the values of %s", w.text, kw.text), "put blanks between them")
			return false
		}
		return one(w, w.text)
	}
	switch name {
	case state.AtomicAggregate:
		return nil, true
	case state.Community, state.LargeCommunity, state.ExtendedCommunity, state.ClusterList, state.Label:
		good = p.list(kw, what, words, plain)
	case state.ASPath:
		good = p.list(kw, what, words, func(w word) bool {
			switch w.mark {
			case ',':
				return true
			case '(', '[':
				set, ok := p.enclosed(w, what)
				return ok && one(w, "("+strings.Join(set, " ")+")")
			}
			return plain(w)
		})
	case state.Aggregator:
		open, parens := p.peek()
		parens = parens && p.mark('(')
		w, ok := p.value(what)
		if !ok {
			p.noValue(kw)
			return nil, false
		}
		good = plain(w)
		if parens && !p.mark(')') {
			p.fault(open, "( is not closed", "")
			return nil, false
		}
	case state.PrefixSID:
		good = p.prefixSID(kw, plain, one)
	case state.PrefixSIDSRv6:
		open, ok := p.look("", "(")
		if !ok || !p.mark('(') {
			p.noValue(kw)
			return nil, false
		}
		sid, ok := p.enclosed(open, what, words...)
		good = ok && one(open, strings.Join(sid, " "))
	default:
		w, ok := p.value(what, words...)
		if !ok {
			p.noValue(kw)
			return nil, false
		}
		good = plain(w)
	}
	return values, good
}

// list reads one value, or those between brackets.
func (p *parser) list(kw word, what string, words []string, element func(w word) bool) bool {
	open, ok := p.look(what, append([]string{"["}, words...)...)
	if ok && open.mark == 0 && !isKeywordHere(open) {
		p.next++
		p.alone, p.aloneEnd = kw, p.next
		return element(open)
	}
	if !p.mark('[') {
		p.noValue(kw)
		return false
	}
	good, inside := true, words
	for {
		w, ok := p.look(what, inside...)
		if !ok || endsList(w) {
			p.fault(open, "[ is not closed", "")
			return false
		}
		p.next++
		if w.mark == ']' {
			return good
		}
		good = element(w) && good
		inside = append([]string{"]"}, words...)
	}
}

// endsList tells that a value ends before w, whether it is whole or not.
func endsList(w word) bool {
	return w.mark != 0 && strings.IndexByte(";{}", w.mark) >= 0 || isKeywordHere(w)
}

// enclosed reads the words up to the mark that closes a group. Each can be of
// the kind what, the first also one of words.
func (p *parser) enclosed(open word, what string, words ...string) ([]string, bool) {
	closing := map[byte]byte{'(': ')', '[': ']'}[open.mark]
	var inner []string
	good := true
	for {
		w, ok := p.look(what, words...)
		if !ok || endsList(w) || w.mark == ']' && w.mark != closing {
			p.fault(open, open.text+" is not closed", "")
			return nil, false
		}
		p.next++
		switch w.mark {
		case closing:
			return inner, good
		case 0:
			inner, words = append(inner, w.text), nil
		default:
			p.fault(w, fmt.Sprintf("a %s inside %s", w.text, open.text), "put blanks between the words")
			good = false
		}
	}
}
