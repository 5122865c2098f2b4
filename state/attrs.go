package state

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// maxAttrBytes bounds the path attributes of one route so that an UPDATE with
// them and one NLRI stays within 4,096 bytes (RFC 4271 §4.1): exaBGP takes a
// longer one, and then loses the session when it packs it.
const maxAttrBytes = 3800

// maxLabels bounds a label stack: a change of it has to be told to exaBGP in the
// 64 bits that an address has to spare.
const maxLabels = 3

// Attrs is the set of path attributes of a route, next hop and [Label]
// included. It is canonical, so two sets are equal if and only if they are ==.
// What BGP means when an attribute is absent is not in it: "origin igp" and
// "local-preference 100" are the same as neither.
type Attrs struct {
	// text has a line for each attribute in the order of [Names]: the name, a
	// blank and the canonical values joined by tabs.
	text string
}

// NewAttrs makes the canonical set of the values given. Values need not be
// canonical; an attribute that is a flag has an empty list. Its errors are
// [*Fault].
func NewAttrs(values map[Name][]string) (Attrs, error) {
	for name := range values {
		if _, ok := kindOf(name); !ok {
			return Attrs{}, &Fault{Msg: fmt.Sprintf("attribute %q is not known", string(name))}
		}
	}
	var lines []string
	size := 0
	for _, k := range kinds() {
		given, ok := values[k.name]
		if !ok {
			continue
		}
		canonical, err := k.canonical(given)
		if err != nil {
			return Attrs{}, err
		}
		if isDefault(k.name, canonical) {
			continue
		}
		size += k.bytes(canonical)
		lines = append(lines, strings.TrimRight(string(k.name)+" "+strings.Join(canonical, "\t"), " "))
	}
	if size > maxAttrBytes {
		return Attrs{}, &Fault{Msg: fmt.Sprintf("the attributes take %d bytes on the wire; a route may have %d", size, maxAttrBytes)}
	}
	if len(values[PrefixSID]) > 0 && len(values[PrefixSIDSRv6]) > 0 {
		return Attrs{}, &Fault{Msg: "bgp-prefix-sid and bgp-prefix-sid-srv6 are one attribute; a route may have one of them"}
	}
	return Attrs{strings.Join(lines, "\n")}, nil
}

// bytes bounds the bytes of the attribute on the wire.
func (k kind) bytes(canonical []string) int {
	n := 4
	for _, v := range canonical {
		n += k.weight(v)
	}
	return n
}

// size bounds the bytes that the set takes on the wire.
func (a Attrs) size() int {
	size := 0
	for name, values := range a.All() {
		k, _ := kindOf(name)
		size += k.bytes(values)
	}
	return size
}

func isDefault(name Name, canonical []string) bool {
	switch name {
	case Origin:
		return canonical[0] == "igp"
	case LocalPreference:
		return canonical[0] == "100" // what exaBGP fills in on iBGP; on eBGP it sends none
	}
	return false
}

func (k kind) canonical(given []string) ([]string, error) {
	switch {
	case k.shape == flag && len(given) > 0:
		return nil, &Fault{Msg: fmt.Sprintf("%s takes no value", k.name)}
	case k.shape == flag:
		return nil, nil
	case len(given) == 0:
		return nil, &Fault{Msg: fmt.Sprintf("%s is empty", k.name), Hint: "leave it out"}
	case k.shape == single && len(given) > 1:
		return nil, &Fault{Msg: fmt.Sprintf("%s takes one value, not %d", k.name, len(given))}
	}
	values := make([]string, 0, len(given))
	for _, v := range given {
		c, err := k.value(v)
		if err != nil {
			return nil, err
		}
		values = append(values, c)
	}
	if k.shape == set {
		slices.SortFunc(values, compareValues)
		values = slices.Compact(values)
	}
	return values, whole(k.name, values)
}

// whole checks what can't be seen in one value.
func whole(name Name, values []string) error {
	isGroup := func(v string) bool { return v[0] == '(' }
	switch name {
	case ASPath:
		if i := slices.IndexFunc(values, isGroup); i >= 0 && i != len(values)-1 {
			return &Fault{Msg: "as-path has something after its as set", Hint: "exaBGP sends one as set, and sends it last; write it last"}
		}
		if len(values) > 255 {
			return &Fault{Msg: fmt.Sprintf("as-path has %d members; a segment holds 255", len(values))}
		}
	case PrefixSID:
		if isGroup(values[0]) || slices.ContainsFunc(values[1:], func(v string) bool { return !isGroup(v) }) {
			return &Fault{Msg: "bgp-prefix-sid is not one label index and then (BASE,RANGE) pairs"}
		}
	case Label:
		if len(values) > maxLabels {
			return &Fault{Msg: fmt.Sprintf("a label stack of %d; a route may have %d", len(values), maxLabels)}
		}
		for _, v := range values[:len(values)-1] {
			// In front of another label, exaBGP 4.2 takes these two for the end
			// of the stack (inet.py, unpack_nlri).
			if v == "0" || v == "524288" {
				return &Fault{Msg: fmt.Sprintf("label %s can only be the last of the stack", v)}
			}
		}
	case Raw:
		for i := 1; i < len(values); i++ {
			if values[i][:4] == values[i-1][:4] {
				return &Fault{Msg: fmt.Sprintf("attribute %s is given twice", values[i][:4])}
			}
		}
	}
	return nil
}

// compareValues sorts numbers as numbers, field by field, and words after
// them.
func compareValues(a, b string) int {
	as, bs := strings.Split(a, ":"), strings.Split(b, ":")
	for i := range min(len(as), len(bs)) {
		na, oka := parseDecimal(as[i], 1<<63)
		nb, okb := parseDecimal(bs[i], 1<<63)
		var c int
		switch {
		case oka && okb:
			c = cmp.Compare(na, nb)
		case oka:
			c = -1
		case okb:
			c = 1
		default:
			c = cmp.Compare(as[i], bs[i])
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(len(as), len(bs)), cmp.Compare(a, b))
}

// All yields each attribute with its canonical values, in the order of
// [Names].
func (a Attrs) All() iter.Seq2[Name, []string] {
	return func(yield func(Name, []string) bool) {
		for line := range strings.SplitSeq(a.text, "\n") {
			if line == "" {
				return
			}
			name, values, some := strings.Cut(line, " ")
			var list []string
			if some {
				list = strings.Split(values, "\t")
			}
			if !yield(Name(name), list) {
				return
			}
		}
	}
}

// Get returns the canonical values of one attribute and whether it is there.
func (a Attrs) Get(name Name) ([]string, bool) {
	for n, v := range a.All() {
		if n == name {
			return v, true
		}
	}
	return nil, false
}

// NextHop is the next hop as text: an address, "self", or "" for none.
func (a Attrs) NextHop() string {
	if v, ok := a.Get(NextHop); ok {
		return v[0]
	}
	return ""
}

// With returns the set with one attribute replaced, or removed if values is
// nil.
func (a Attrs) With(name Name, values []string) (Attrs, error) {
	m := map[Name][]string{}
	for n, v := range a.All() {
		m[n] = v
	}
	delete(m, name)
	if values != nil {
		m[name] = values
	}
	return NewAttrs(m)
}

// Canonical is the set as text that [ParseCanonical] reads: equal sets have
// equal texts, and only the empty set the empty one.
func (a Attrs) Canonical() string { return a.text }

// ParseCanonical reads what [Attrs.Canonical] wrote. A text that another
// release wrote, and this one would not, is an error: a [*Fault].
func ParseCanonical(text string) (Attrs, error) {
	values := map[Name][]string{}
	for name, list := range (Attrs{text}).All() {
		values[name] = list
	}
	a, err := NewAttrs(values)
	if err == nil && a.text != text {
		err = &Fault{Msg: fmt.Sprintf("%q is not written as %q is", text, a.text)}
	}
	if err != nil {
		return Attrs{}, err
	}
	return a, nil
}

// String is the set on one line for people: the next hop first, then the
// others, lists of several values in brackets.
func (a Attrs) String() string {
	var first, rest []string
	for n, v := range a.All() {
		word := strings.TrimSuffix(string(n)+" "+FormatValues(v), " ")
		if n == NextHop {
			first = append(first, word)
		} else {
			rest = append(rest, word)
		}
	}
	return strings.Join(append(first, rest...), " ")
}

// FormatValues writes an attribute's values for people.
func FormatValues(values []string) string {
	switch len(values) {
	case 0:
		return ""
	case 1:
		return values[0]
	}
	return "[" + strings.Join(values, " ") + "]"
}
