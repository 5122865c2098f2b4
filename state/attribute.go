package state

import (
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Name is the keyword of a path attribute, as exaBGP 4.2's "announce route"
// spells it.
type Name string

// The attributes that a route may carry, in the order of their type codes.
const (
	Origin            Name = "origin"
	ASPath            Name = "as-path"
	NextHop           Name = "next-hop"
	MED               Name = "med"
	LocalPreference   Name = "local-preference"
	AtomicAggregate   Name = "atomic-aggregate"
	Aggregator        Name = "aggregator"
	Community         Name = "community"
	OriginatorID      Name = "originator-id"
	ClusterList       Name = "cluster-list"
	ExtendedCommunity Name = "extended-community"
	AIGP              Name = "aigp"
	LargeCommunity    Name = "large-community"
	PrefixSID         Name = "bgp-prefix-sid"
	PrefixSIDSRv6     Name = "bgp-prefix-sid-srv6"
	Raw               Name = "attribute"
	// Label is no path attribute: it is the MPLS label of the NLRI (RFC 8277
	// §2), which is here because a route keeps its identity when it changes.
	// [CheckRoute] says which routes have one.
	Label Name = "label"
)

// maxLabel is the highest MPLS label (RFC 3032 §2.1).
const maxLabel = 1<<20 - 1

// kind is how an attribute is written and what it weighs on the wire.
type kind struct {
	name  Name
	shape shape
	// value gives one value its canonical form.
	value func(string) (string, error)
	// width is the length of one canonical value on the wire, where size is not
	// there to tell.
	width int
	size  func(string) int
}

func (k kind) weight(value string) int {
	if k.size != nil {
		return k.size(value)
	}
	return k.width
}

type shape uint8

const (
	single shape = iota // one value
	flag                // no value: there or not
	list                // values in an order that means something
	set                 // values whose order and repetition mean nothing
)

// kinds is a value, made of nothing but constants: it is asked for with every
// attribute of every route.
func kinds() [17]kind {
	return [17]kind{
		{Origin, single, parseOrigin, 1, nil},
		{ASPath, list, parsePathSegment, 0, sizePathSegment},
		{NextHop, single, parseNextHop, 16, nil},
		{MED, single, parseMED, 4, nil},
		{LocalPreference, single, parseLocalPreference, 4, nil},
		{AtomicAggregate, flag, nil, 0, nil},
		{Aggregator, single, parseAggregator, 8, nil},
		{Community, set, parseCommunity, 4, nil},
		{OriginatorID, single, parseOriginatorID, 4, nil},
		{ClusterList, list, parseClusterList, 4, nil},
		{ExtendedCommunity, set, parseExtendedCommunity, 8, nil},
		{AIGP, single, parseAIGP, 11, nil},
		{LargeCommunity, set, parseLargeCommunity, 12, nil},
		{PrefixSID, list, parsePrefixSID, 10, nil},
		{PrefixSIDSRv6, single, parseSRv6, 22, nil},
		{Raw, set, parseRaw, 0, sizeRaw},
		{Label, list, parseLabel, 3, nil},
	}
}

func sizeRaw(v string) int { return len(v) / 2 }

func kindOf(n Name) (kind, bool) {
	for _, k := range kinds() {
		if k.name == n {
			return k, true
		}
	}
	return kind{}, false
}

// Names lists the path attributes in the order in which [Attrs] holds them.
// Label, which is none, is not among them; it comes last.
func Names() []Name {
	var names []Name
	for _, k := range kinds() {
		if k.name != Label {
			names = append(names, k.name)
		}
	}
	return names
}

// IsList tells whether an attribute takes several values.
func (n Name) IsList() bool {
	k, ok := kindOf(n)
	return ok && (k.shape == list || k.shape == set)
}

// IsFlag tells whether an attribute takes no value.
func (n Name) IsFlag() bool {
	k, ok := kindOf(n)
	return ok && k.shape == flag
}

// Canonical gives one value of the attribute its canonical form. Its errors
// are [*Fault].
func (n Name) Canonical(value string) (string, error) {
	k, ok := kindOf(n)
	if !ok {
		return "", &Fault{Msg: fmt.Sprintf("attribute %q is not known", string(n))}
	}
	if k.shape == flag {
		if value != "" {
			return "", &Fault{Msg: fmt.Sprintf("%s takes no value", n)}
		}
		return "", nil
	}
	return k.value(value)
}

func parseOrigin(v string) (string, error) {
	switch low := strings.ToLower(v); low {
	case "igp", "egp", "incomplete":
		return low, nil
	}
	return "", &Fault{Msg: fmt.Sprintf("origin %q is none of igp, egp, incomplete", v)}
}

func parseNextHop(v string) (string, error) {
	if strings.EqualFold(v, "self") {
		return "self", nil
	}
	a, err := parseAddr(v)
	if err != nil {
		return "", &Fault{Msg: fmt.Sprintf("next-hop: %v", err), Hint: "write an address, or self"}
	}
	if a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return "", &Fault{Msg: fmt.Sprintf("next-hop %s is no unicast address", a)}
	}
	return a.String(), nil
}

func parseMED(v string) (string, error) { return parseUint("med", math.MaxUint32, v) }
func parseLocalPreference(v string) (string, error) {
	return parseUint("local-preference", math.MaxUint32, v)
}
func parseAIGP(v string) (string, error) { return parseUint("aigp", math.MaxUint64, v) }

func parseUint(name string, limit uint64, v string) (string, error) {
	n, ok := parseNumber(v, limit)
	if !ok {
		switch digits := strings.Trim(v, "0123456789") == "" && v != ""; {
		case digits && v[0] == '0':
			return "", &Fault{Msg: fmt.Sprintf("%s %s has a leading zero, which some read as octal", name, v), Hint: "leave the zero out"}
		case digits:
			return "", &Fault{Msg: fmt.Sprintf("%s %s is over %d", name, v, limit)}
		}
		return "", &Fault{Msg: fmt.Sprintf("%s %q is not a number in 0..%d", name, v, limit)}
	}
	return strconv.FormatUint(n, 10), nil
}

// parseNumber reads decimal or 0x hexadecimal.
func parseNumber(v string, limit uint64) (uint64, bool) {
	if digits, isHex := strings.CutPrefix(strings.ToLower(v), "0x"); isHex {
		if digits == "" || strings.Trim(digits, "0123456789abcdef") != "" {
			return 0, false
		}
		n, err := strconv.ParseUint(digits, 16, 64)
		return n, err == nil && n <= limit
	}
	return parseDecimal(v, limit)
}

func parseOriginatorID(v string) (string, error) { return parseIPv4("originator-id", v) }
func parseClusterList(v string) (string, error)  { return parseIPv4("cluster-list", v) }

func parseIPv4(name, v string) (string, error) {
	a, err := parseAddr(v)
	if err != nil || !a.Is4() {
		return "", &Fault{Msg: fmt.Sprintf("%s %q is not an ipv4 address", name, v)}
	}
	return a.String(), nil
}

// ParseASN reads an AS number, plain or as "high.low" (RFC 5396).
func ParseASN(v string) (uint32, error) {
	fault := &Fault{Msg: fmt.Sprintf("as number %q is not in 1..4294967295", v)}
	high, low, dotted := strings.Cut(v, ".")
	if !dotted {
		n, ok := parseDecimal(v, math.MaxUint32)
		if !ok || n == 0 { // RFC 7607: AS 0 must not be in a path
			return 0, fault
		}
		return uint32(n), nil
	}
	h, ok1 := parseDecimal(high, math.MaxUint16)
	l, ok2 := parseDecimal(low, math.MaxUint16)
	if !ok1 || !ok2 || h<<16|l == 0 {
		return 0, fault
	}
	return uint32(h<<16 | l), nil
}

// parsePathSegment reads one AS number of an AS_SEQUENCE, or a whole AS_SET in
// parentheses.
func parsePathSegment(v string) (string, error) {
	inner, isSet := strings.CutPrefix(strings.TrimSpace(v), "(")
	if !isSet {
		n, err := ParseASN(v)
		if err != nil {
			return "", err
		}
		return strconv.FormatUint(uint64(n), 10), nil
	}
	inner, closed := strings.CutSuffix(inner, ")")
	members := strings.Fields(strings.ReplaceAll(inner, ",", " "))
	if !closed || len(members) == 0 {
		return "", &Fault{Msg: fmt.Sprintf("as set %q is not ( AS AS ... )", v)}
	}
	var asns []uint32
	for _, m := range members {
		n, err := ParseASN(m)
		if err != nil {
			return "", err
		}
		asns = append(asns, n)
	}
	slices.Sort(asns)
	asns = slices.Compact(asns)
	words := make([]string, len(asns))
	for i, n := range asns {
		words[i] = strconv.FormatUint(uint64(n), 10)
	}
	return "(" + strings.Join(words, " ") + ")", nil
}

func sizePathSegment(v string) int { return 2 + 4*(1+strings.Count(v, " ")) }

// unwrap takes off one pair of brackets; one without the other stays, and is
// no part of any value.
func unwrap(v, left, right string) string {
	v = strings.TrimSpace(v)
	if len(v) > 1 && strings.HasPrefix(v, left) && strings.HasSuffix(v, right) {
		return strings.TrimSpace(v[1 : len(v)-1])
	}
	return v
}

func parseAggregator(v string) (string, error) {
	fault := &Fault{Msg: fmt.Sprintf("aggregator %q is not AS:address", v), Hint: "write it as 65000:192.0.2.1"}
	as, addr, found := strings.Cut(unwrap(v, "(", ")"), ":")
	if !found {
		return "", fault
	}
	n, err := ParseASN(as)
	if err != nil {
		return "", err
	}
	a, err := parseAddr(addr)
	if err != nil || !a.Is4() {
		return "", fault
	}
	return fmt.Sprintf("%d:%s", n, a), nil
}

// parsePrefixSID reads one element of exaBGP's "[ INDEX, [ ( BASE,RANGE ) ] ]":
// the label index, or one (base,range) of the SRGB (RFC 8669 §3).
func parsePrefixSID(v string) (string, error) {
	inner, isRange := strings.CutPrefix(strings.TrimSpace(v), "(")
	if !isRange {
		n, ok := parseDecimal(v, math.MaxUint32)
		if !ok {
			return "", &Fault{Msg: fmt.Sprintf("label index %q is not in 0..4294967295", v)}
		}
		return strconv.FormatUint(n, 10), nil
	}
	fault := &Fault{Msg: fmt.Sprintf("srgb %q is not (BASE,RANGE) with both in 0..16777215", v)}
	inner, closed := strings.CutSuffix(inner, ")")
	base, size, two := strings.Cut(inner, ",")
	b, ok1 := parseDecimal(strings.TrimSpace(base), 1<<24-1)
	r, ok2 := parseDecimal(strings.TrimSpace(size), 1<<24-1)
	if !closed || !two || !ok1 || !ok2 {
		return "", fault
	}
	return fmt.Sprintf("(%d,%d)", b, r), nil
}

func parseSRv6(v string) (string, error) {
	words := strings.Fields(unwrap(v, "(", ")"))
	fault := &Fault{Msg: fmt.Sprintf("bgp-prefix-sid-srv6 %q is not ipv6, vpn or l3vpn and an ipv6 address", v), Hint: "write it as l3vpn 2001:db8::1"}
	if len(words) != 2 || !slices.Contains([]string{"ipv6", "vpn", "l3vpn"}, words[0]) {
		return "", fault
	}
	a, err := parseAddr(words[1])
	if err != nil || !a.Is6() {
		return "", fault
	}
	return words[0] + " " + a.String(), nil
}

// parseRaw reads "0xCODE 0xFLAG 0xDATA". Codes that have a keyword, carry
// reachability, or mean nothing outside a session are refused: a route must
// be said in one way only.
func parseRaw(v string) (string, error) {
	words := strings.Fields(unwrap(v, "[", "]"))
	fault := &Fault{Msg: fmt.Sprintf("attribute %q is not 0xCODE 0xFLAG 0xDATA in whole bytes", v), Hint: "write it as [ 0x63 0xc0 0x0102 ]"}
	if len(words) != 3 {
		return "", fault
	}
	var raw [3][]byte
	for i, w := range words {
		digits, ok := strings.CutPrefix(strings.ToLower(w), "0x")
		b, err := hex.DecodeString(digits)
		if !ok || err != nil || (i < 2 && len(b) != 1) || len(b) == 0 {
			return "", fault
		}
		raw[i] = b
	}
	code, flags := raw[0][0], raw[1][0]&^0x10 // the length decides on the extended length bit
	switch {
	case slices.Contains([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 26, 32, 40}, code):
		return "", &Fault{Msg: fmt.Sprintf("attribute 0x%02x has a keyword of its own", code), Hint: "use the keyword"}
	case slices.Contains([]byte{0, 14, 15, 17, 18, 22, 23, 25, 29, 254, 255}, code):
		return "", &Fault{Msg: fmt.Sprintf("attribute 0x%02x can't be given by hand on a unicast route", code)}
	case code == 35 && len(raw[2]) != 4: // RFC 9234 §5: routers drop the route
		return "", &Fault{Msg: "attribute 0x23 (only to customer) is not one AS number in 4 bytes"}
	case flags&0xc0 != 0xc0 || flags&0x0f != 0:
		return "", &Fault{Msg: fmt.Sprintf("attribute 0x%02x: flags %s are not those of an optional transitive attribute", code, words[1]), Hint: "use 0xc0, or 0xe0 for a partial one"}
	}
	return fmt.Sprintf("0x%02x 0x%02x 0x%s", code, flags, hex.EncodeToString(raw[2])), nil
}

func parseLabel(v string) (string, error) {
	n, ok := parseDecimal(v, maxLabel)
	if !ok {
		return "", &Fault{Msg: fmt.Sprintf("label %q is not in 0..%d", v, maxLabel)}
	}
	return strconv.FormatUint(n, 10), nil
}
