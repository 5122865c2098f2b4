package exabgp

import (
	"fmt"
	"slices"
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
	var inner []string
	good := true
	for {
		w, ok := p.look(what, words...)
		if !ok || endsList(w) {
			p.fault(open, open.text+" is not closed", "")
			return nil, false
		}
		p.next++
		switch w.mark {
		case ')', ']':
			return inner, good
		case 0:
			inner, words = append(inner, w.text), nil
		default:
			p.fault(w, fmt.Sprintf("a %s inside %s", w.text, open.text), "put blanks between the words")
			good = false
		}
	}
}

// prefixSID reads "[ INDEX ]" or "[ INDEX, [ ( BASE,RANGE ), ( BASE,RANGE ) ] ]"
// (configuration/static/mpls.py, prefix_sid).
func (p *parser) prefixSID(kw word, plain func(word) bool, one func(word, string) bool) bool {
	open, ok := p.look("", "[")
	if !ok || !p.mark('[') {
		p.noValue(kw)
		return false
	}
	good, depth := true, 1
	for depth > 0 {
		w, ok := p.look("label index")
		if !ok || endsList(w) {
			p.fault(open, "[ is not closed", "")
			return false
		}
		p.next++
		switch w.mark {
		case ',':
		case '[':
			depth++
		case ']':
			depth--
		case '(':
			base, ok1 := p.value("label")
			comma := p.mark(',')
			size, ok2 := p.value("label")
			if !ok1 || !comma || !ok2 || !p.mark(')') {
				p.fault(w, "an srgb that is not ( BASE,RANGE )", "")
				p.skip(endsList)
				return false
			}
			good = one(w, "("+base.text+","+size.text+")") && good
		case ')':
			p.fault(w, "a ) that closes nothing", "")
			good = false
		default:
			good = plain(w) && good
		}
	}
	return good
}

// raw reads "[ 0xCODE 0xFLAG 0xDATA ]". What it says of an attribute with a
// keyword that is rendered raw is that keyword's value.
func (p *parser) raw(s *settings, kw word) {
	open, ok := p.look("", "[")
	if !ok || !p.mark('[') {
		p.noValue(kw)
		s.bad = true
		return
	}
	fields, ok := p.enclosed(open, "0x and hex digits")
	if !ok {
		s.bad = true
		return
	}
	hex := func(w string) bool { return strings.HasPrefix(w, "0x") }
	text := strings.ToLower(strings.Join(fields, " "))
	if fields = strings.Fields(text); len(fields) == 3 && !slices.ContainsFunc(fields, func(w string) bool { return !hex(w) }) {
		code, flags, data, err := rawFields(fields[0], fields[1], fields[2])
		if name, values, known := keywordValue(code, data); err == nil && known && flags == 0xc0 {
			if p.once(s, string(name), kw) {
				p.store(s, open, name, values)
			}
			return
		}
	}
	if _, err := state.Raw.Canonical(text); err != nil {
		p.faultErr(open, err)
		s.bad = true
		return
	}
	if p.once(s, "attribute "+fields[0], kw) {
		s.values[state.Raw] = append(s.values[state.Raw], text)
	}
}

// expectedOf says what the value of an attribute is: words that it can be, and
// what else.
func expectedOf(name state.Name) (what string, words []string) {
	switch name {
	case state.Origin:
		return "", []string{"igp", "egp", "incomplete"}
	case state.ASPath:
		return "as", nil
	case state.NextHop:
		return "address", []string{"self"}
	case state.Community:
		return "community", []string{"no-export", "no-advertise", "no-export-subconfed", "nopeer", "blackhole"}
	case state.OriginatorID, state.ClusterList:
		return "address", nil
	case state.PrefixSIDSRv6:
		return "address", []string{"ipv6", "vpn", "l3vpn"}
	case state.Aggregator:
		return "as:address", nil
	case state.LargeCommunity, state.ExtendedCommunity:
		return string(name), nil
	}
	return "number", nil
}

// example is how an attribute is written whose value is no word and no list.
func example(name state.Name) string {
	switch name {
	case state.Raw:
		return "write attribute [ 0x63 0xc0 0x0102 ]"
	case state.PrefixSID:
		return "write bgp-prefix-sid [ 300 ] or bgp-prefix-sid [ 300, [ ( 800000,100 ) ] ]"
	case state.PrefixSIDSRv6:
		return "write bgp-prefix-sid-srv6 ( l3vpn 2001:db8::1 )"
	case state.ASPath:
		return "write as-path [ 65000 65001 ( 65002 65003 ) ]"
	}
	return ""
}
