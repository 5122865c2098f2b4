package exabgp

import (
	"fmt"
	"net/netip"
	"slices"

	"routesync/state"
)

// maxSplit bounds the routes that the word split may make of a line.
const maxSplit = 1 << 16

// settings are the keywords of one statement with their values.
type settings struct {
	given  map[string]word // each keyword where it stands first
	values map[state.Name][]string
	// bad is set once a value was reported, so that nothing is said of what
	// depends on it.
	bad    bool
	pathID uint32
	split  int
	rd     string
}

func newSettings() *settings {
	return &settings{given: map[string]word{}, values: map[state.Name][]string{}}
}

// unicast reads a statement on routes by prefix: route or attributes.
func (p *parser) unicast(first word) {
	switch {
	case first.is("attributes", "attribute"):
		p.next++
		p.bulk(first)
	case first.is("route"):
		p.next++
		p.route()
	case p.begins(first):
		p.route()
	default:
		p.fault(first, quoted(first.text)+" begins no statement", "behind a ; comes route or attributes")
		p.next++
		p.skip(func(w word) bool { return w.mark == ';' })
	}
}

// route reads "PREFIX next-hop ADDRESS ..." or "PREFIX { next-hop ADDRESS; ... }".
func (p *parser) route() {
	at, found := p.value("prefix")
	if !found {
		p.missing("%s has no prefix", "write it as 192.0.2.0/24 or 2001:db8::/32")
	}
	s := newSettings()
	k := keywords{
		left: func() []string { return s.left(append(familyWords(), "path-information", "split")...) },
		read: func(w word) bool { return p.setting(s, w) },
	}
	if p.mark('{') {
		p.block(k)
	} else {
		k.close = p.closing()
		p.inline(k)
	}
	if !found {
		return
	}
	prefix, err := parsePrefix(at.text)
	if err != nil {
		p.faultErr(at, err)
	}
	attrs, ok := p.attrs(s)
	if err != nil {
		return
	}
	for _, one := range p.divide(prefix, s) {
		key, known := p.key(s, at, one)
		if !known || !p.check(s, at, key, attrs, ok) {
			return
		}
		p.add(at, Route{key, attrs})
	}
}

// divide is what the word split makes of a prefix.
func (p *parser) divide(prefix netip.Prefix, s *settings) []netip.Prefix {
	at, there := s.given["split"]
	if !there || s.split == 0 {
		return []netip.Prefix{prefix}
	}
	size := s.split - prefix.Bits()
	switch {
	case s.split > prefix.Addr().BitLen():
		p.fault(at, fmt.Sprintf("split /%d is longer than an address", s.split), "")
		return nil
	case size < 0: // exaBGP would leave the prefix as it is
		p.fault(at, fmt.Sprintf("split /%d is shorter than %s", s.split, prefix), "")
		return nil
	case size > 16 || p.splits+1<<size > maxSplit:
		p.fault(at, fmt.Sprintf("split makes more than %d routes", maxSplit), "make several commands of it")
		return nil
	}
	p.splits += 1 << size
	parts := make([]netip.Prefix, 1<<size)
	for i := range parts {
		parts[i] = netip.PrefixFrom(subnet(prefix.Addr(), s.split, i), s.split)
	}
	return parts
}

// subnet is the i-th network of a length from a on.
func subnet(a netip.Addr, bits, i int) netip.Addr {
	raw := a.AsSlice()
	for bit := bits - 1; i > 0; bit-- {
		raw[bit/8] |= byte(i&1) << (7 - bit%8)
		i >>= 1
	}
	sub, _ := netip.AddrFromSlice(raw)
	return sub
}

// bulk reads "next-hop ADDRESS ... nlri PREFIX PREFIX ...".
func (p *parser) bulk(first word) {
	s := newSettings()
	p.inline(keywords{
		left: func() []string { return append(s.left(familyWords()...), "nlri") },
		read: func(w word) bool { return p.setting(s, w) },
		end:  "nlri",
	})
	for _, name := range []string{"path-information", "split"} {
		if w, there := s.given[name]; there { // exaBGP skips them (static/__init__.py, attributes)
			p.fault(w, name+" can't stand before nlri", "write a route statement for each prefix")
			s.bad = true
		}
	}
	attrs, ok := p.attrs(s)
	if w, there := p.peek(); !there || !w.is("nlri") {
		p.fault(first, first.text+" is not followed by nlri", "write nlri and the prefixes behind the attributes")
		return
	}
	p.next++
	var family state.Family
	for n := 0; ; n++ {
		if n > 0 {
			p.want("prefix", p.closing()...)
		}
		w, there := p.look("prefix")
		switch {
		case there && isKeywordHere(w):
			p.fault(w, w.text+" stands behind nlri", "write it before nlri")
			p.skip(func(w word) bool { return w.mark == ';' })
			return
		case (!there || w.mark == ';') && n == 0:
			p.missing("%s is followed by no prefix", "")
			return
		case !there || w.mark == ';':
			return
		}
		p.next++
		prefix, err := parsePrefix(w.text)
		if err != nil {
			p.faultErr(w, err)
			continue
		}
		key, known := p.key(s, w, prefix)
		if !known {
			ok = false
			continue
		}
		switch {
		case family == 0:
			family = key.Family
			ok = p.check(s, first, key, attrs, ok)
		case family != key.Family: // exaBGP sends all as what the last is
			p.fault(w, fmt.Sprintf("%s is of another family than the prefixes before", prefix), "write a statement for each family")
		case ok && family.HasLabel(): // labels and prefix must fit together
			ok = p.check(s, w, key, attrs, ok)
		}
		if ok {
			p.add(w, Route{key, attrs})
		}
	}
}

// attrs makes the attributes of a statement; false if they are at fault.
func (p *parser) attrs(s *settings) (state.Attrs, bool) {
	if s.bad {
		return state.Attrs{}, false
	}
	attrs, err := state.NewAttrs(s.values)
	if err != nil { // each of them is good
		first := word{}
		for _, w := range s.given {
			if first.col == 0 || w.col < first.col {
				first = w
			}
		}
		p.faultErr(first, err)
	}
	return attrs, err == nil
}

// check reports what does not go with a key: a next hop that is missing or of
// another family, a label that is missing. A withdrawal needs neither. Where
// the attributes are not known, it looks at the next hop alone; true if all is
// known and good.
func (p *parser) check(s *settings, at word, key state.Key, attrs state.Attrs, known bool) bool {
	if !known {
		values := s.values[state.NextHop]
		if _, given := s.given[string(state.NextHop)]; given && len(values) == 0 {
			return false // it was reported
		}
		var err error
		if attrs, err = state.NewAttrs(map[state.Name][]string{state.NextHop: values}); len(values) > 0 && err != nil {
			return false
		}
	}
	err := state.CheckNextHop(key, attrs)
	switch {
	case attrs.NextHop() == "" && p.order.Withdraw:
	case attrs.NextHop() == "" && err != nil:
		// exaBGP announces it from "attributes", and then can't pack it.
		hint := "add next-hop ADDRESS"
		if key.Family.HasPrefix() {
			hint += ", or next-hop self"
		}
		p.fault(at, key.String()+" has no next-hop", hint)
		return false
	case key.Family.IsFlow() && p.order.Withdraw:
	case err != nil:
		if hop, given := s.given[string(state.NextHop)]; given {
			at = hop
		}
		p.faultErr(at, err)
		return false
	}
	if known && !p.order.Withdraw {
		if err := state.CheckRoute(key, attrs); err != nil {
			_, labelled := s.given[string(state.Label)]
			if rd, given := s.given["rd"]; given && !labelled {
				at = rd
			}
			p.faultErr(at, err)
			return false
		}
	}
	return known
}

// left lists the keywords that a statement can still take, attributes first.
func (s *settings) left(others ...string) []string {
	var left []string
	for _, name := range state.Names() {
		left = append(left, string(name))
	}
	left = append(left, others...)
	return slices.DeleteFunc(left, func(name string) bool {
		_, there := s.given[name]
		return there && name != string(state.Raw)
	})
}
