package state

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// maxFlowBytes bounds the NLRI of a flow route, route distinguisher included.
// exaBGP 4.2 sends longer ones and then can't read its own message, because it
// takes the length apart wrongly (flow.py, unpack_nlri): the session is reset,
// again at every reconnect.
const maxFlowBytes = 255

// Component is one component of a flow specification (RFC 8955 §4.2, RFC 8956
// §3) in exaBGP's words: {"destination", ["10.0.0.0/24"]}, {"protocol",
// ["udp"]}, {"destination-port", ["=80", ">8080&<8088"]}. The values are
// alternatives; & joins what must hold together.
type Component struct {
	Name   string
	Values []string
}

// componentType is what a type of component may hold.
type componentType struct {
	id       byte
	v4, v6   string // its name in each family, "" if it has none there
	isPrefix bool
	isBits   bool   // a bitmask operand, not a numeric one
	limit    uint64 // of a value
	names    []name // for values
}

type name struct {
	word  string
	value uint64
}

func componentTypes() []componentType {
	const (
		byte1 = 1<<8 - 1
		byte2 = 1<<16 - 1
	)
	return []componentType{
		{id: 1, v4: "destination", v6: "destination", isPrefix: true},
		{id: 2, v4: "source", v6: "source", isPrefix: true},
		{id: 3, v4: "protocol", v6: "next-header", limit: byte1, names: protocolNames()},
		{id: 4, v4: "port", v6: "port", limit: byte2},
		{id: 5, v4: "destination-port", v6: "destination-port", limit: byte2},
		{id: 6, v4: "source-port", v6: "source-port", limit: byte2},
		{id: 7, v4: "icmp-type", v6: "icmp-type", limit: byte1, names: icmpTypeNames()},
		{id: 8, v4: "icmp-code", v6: "icmp-code", limit: byte1},
		{id: 9, v4: "tcp-flags", v6: "tcp-flags", limit: 1<<9 - 1, isBits: true, names: tcpFlagNames()},
		{id: 10, v4: "packet-length", v6: "packet-length", limit: byte2},
		{id: 11, v4: "dscp", limit: 1<<6 - 1},
		{id: 11, v6: "traffic-class", limit: byte1},
		{id: 12, v4: "fragment", v6: "fragment", limit: 1<<4 - 1, isBits: true, names: fragmentNames()},
		{id: 13, v6: "flow-label", limit: 1<<20 - 1},
	}
}

// componentNamed finds a type by any name that exaBGP has for it; family is
// "ipv4" or "ipv6" if the name says that.
func componentNamed(word string) (t componentType, family string, ok bool) {
	if base, tail, cut := cutLast(word, "-"); cut && (tail == "ipv4" || tail == "ipv6") && (base == "source" || base == "destination") {
		word, family = base, tail
	}
	for _, t := range componentTypes() {
		if word != "" && (t.v4 == word || t.v6 == word) {
			return t, family, true
		}
	}
	return t, "", false
}

// ComponentNames lists the names of the components, without those that only say
// a family besides.
func ComponentNames() []string {
	var names []string
	for _, t := range componentTypes() {
		for _, name := range []string{t.v4, t.v6} {
			if name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// FlowKey is the key of a flow route that matches the components; rd is its
// route distinguisher, or "". A prefix of IPv6 makes it one of IPv6: without
// one, exaBGP 4.2 makes it one of IPv4 (flow.py, add). Its errors are [*Fault].
func FlowKey(rd string, components []Component) (Key, error) {
	if len(components) == 0 {
		return Key{}, &Fault{Msg: "the flow route matches nothing in particular", Hint: "to match all packets, write destination 0.0.0.0/0 or ::/0"}
	}
	f := flowFamily(rd, components)
	if _, err := distinguish(f, rd); err != nil {
		return Key{}, err
	}
	type part struct {
		id   byte
		text string
	}
	var parts []part
	size := 0
	if rd != "" {
		size = len(distinguisher{})
	}
	for _, c := range components {
		t, n, text, err := canonicalComponent(f, c)
		if err != nil {
			return Key{}, err
		}
		if slices.ContainsFunc(parts, func(p part) bool { return p.id == t.id }) {
			return Key{}, &Fault{Msg: fmt.Sprintf("%s is given twice", t.nameIn(f)), Hint: "write all its values in one list"}
		}
		parts = append(parts, part{t.id, text})
		size += n
	}
	if size > maxFlowBytes {
		return Key{}, &Fault{Msg: fmt.Sprintf("the flow route takes %d bytes on the wire; exaBGP 4.2 can send %d", size, maxFlowBytes)}
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Compare(a.id, b.id) }) // RFC 8955 §4.2
	text := "flow"
	for _, p := range parts {
		text += " " + p.text
	}
	if rd != "" {
		d, _ := parseRD(rd)
		text += " rd " + d.String()
	}
	return Key{Family: f, NLRI: text}, nil
}

func flowFamily(rd string, components []Component) Family {
	f := IPv4Flow
	for _, c := range components {
		if t, _, ok := componentNamed(c.Name); ok && t.isPrefix && strings.Contains(strings.Join(c.Values, ""), ":") {
			f = IPv6Flow
		}
	}
	if rd != "" {
		f += safiFlowVPN - safiFlow
	}
	return f
}

func (t componentType) nameIn(f Family) string {
	if f.Is6() {
		return t.v6
	}
	return t.v4
}

// canonicalComponent gives a component its text, and its length on the wire.
func canonicalComponent(f Family, c Component) (t componentType, size int, text string, err error) {
	t, said, ok := componentNamed(c.Name)
	if !ok {
		return t, 0, "", &Fault{Msg: fmt.Sprintf("%q is no component of a flow route", c.Name)}
	}
	if len(c.Values) == 0 {
		return t, 0, "", &Fault{Msg: fmt.Sprintf("%s has no value", c.Name)}
	}
	if f.Is6() && t.v6 == "" {
		// dscp: exaBGP takes either name, and the number says which it is.
		t, _, _ = componentNamed("traffic-class")
	}
	if !f.Is6() && (t.v4 == "" || c.Name == t.v6 && t.v4 != t.v6) {
		return t, 0, "", &Fault{
			Msg:  fmt.Sprintf("%s is of ipv6, and the flow route has no ipv6 prefix", c.Name),
			Hint: "exaBGP 4.2 takes a flow route without one for ipv4: add destination ::/0 to match any address",
		}
	}
	if t.isPrefix {
		if len(c.Values) != 1 {
			return t, 0, "", &Fault{Msg: fmt.Sprintf("%s takes one prefix, not %d", c.Name, len(c.Values))}
		}
		p, err := parseFlowPrefix(c.Values[0])
		if err != nil {
			return t, 0, "", err
		}
		if p.Addr().Is6() != f.Is6() || (said != "" && (said == "ipv6") != p.Addr().Is6()) {
			return t, 0, "", &Fault{Msg: fmt.Sprintf("%s %s is not of the same family as the rest", c.Name, p)}
		}
		size = 2 + (p.Bits()+7)/8
		if f.Is6() {
			size++ // the offset
		}
		return t, size, t.nameIn(f) + " " + p.String(), nil
	}
	words := make([]string, len(c.Values))
	size = 1
	for i, v := range c.Values {
		var n int
		if words[i], n, err = t.value(v); err != nil {
			return t, 0, "", &Fault{Msg: fmt.Sprintf("%s %q %v", c.Name, v, err)}
		}
		size += n
	}
	if text = words[0]; len(words) > 1 {
		text = "[ " + strings.Join(words, " ") + " ]"
	}
	return t, size, t.nameIn(f) + " " + text, nil
}

// parseFlowPrefix takes an IPv6 prefix with exaBGP's offset behind it as long
// as that is 0: with another, exaBGP 4.2 sends more address bytes than RFC
// 8956 §3.1 has.
func parseFlowPrefix(text string) (netip.Prefix, error) {
	if prefix, offset, found := cutLast(text, "/"); found && strings.Contains(prefix, "/") && strings.Contains(prefix, ":") {
		if offset != "0" {
			return netip.Prefix{}, &Fault{Msg: fmt.Sprintf("%s: an offset that is not 0 can't be sent", text), Hint: "exaBGP 4.2 encodes it otherwise than RFC 8956"}
		}
		text = prefix
	}
	return parsePrefix(text)
}

// Components are those of a flow route, in order; nil for a key of another
// family.
func (k Key) Components() []Component {
	text, ok := strings.CutPrefix(k.NLRI, "flow ")
	if !ok || !k.Family.IsFlow() {
		return nil
	}
	list, _ := ParseComponents(strings.Fields(text))
	return list
}

// ParseComponents reads "destination 10.0.0.1/32 port [ =53 =80 ]" up to the
// first word that begins no component. It checks nothing; [FlowKey] does.
func ParseComponents(words []string) (list []Component, rest []string) {
	for len(words) > 1 {
		if _, _, ok := componentNamed(words[0]); !ok {
			break
		}
		begin, end := 1, 2
		if words[1] == "[" {
			begin, end = 2, slices.Index(words, "]")
			if end < 0 {
				break
			}
		}
		list = append(list, Component{words[0], words[begin:end:end]})
		words = words[end+begin-1:]
	}
	return list, words
}

func parseFlowKey(words []string) (Key, error) {
	if words[0] != "flow" {
		return Key{}, fmt.Errorf("it is no flow")
	}
	components, rest := ParseComponents(words[1:])
	rd := takeWord("rd", &rest)
	if len(rest) > 0 {
		return Key{}, fmt.Errorf("%q is no component", rest[0])
	}
	return FlowKey(rd, components)
}
