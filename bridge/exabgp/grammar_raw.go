package exabgp

import (
	"slices"
	"strings"

	"routesync/state"
)

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
