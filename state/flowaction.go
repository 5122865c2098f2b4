package state

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// maxRate is the highest rate limit that exaBGP sends (flow/parser.py).
const maxRate = 1_000_000_000_000

// FlowAction reads one action of a flow route, a statement of exaBGP's "then",
// as the attribute that it stands for: discard, rate-limit N, redirect AS:N,
// redirect IP, redirect-to-nexthop, redirect-to-nexthop-ietf IP, copy IP, mark
// N, action sample|terminal|sample-terminal (RFC 8955 §7), or community,
// large-community, extended-community and values. Those of several actions are
// put together in one list. accept stands for no attribute: attr is "".
//
// redirect IP and copy IP stand for a next hop besides, which [FlowNextHop]
// tells. Its errors are [*Fault].
func FlowAction(name string, values []string) (attr Name, canonical []string, err error) {
	switch attr := Name(name); attr {
	case Community, LargeCommunity, ExtendedCommunity:
		if len(values) == 0 {
			return "", nil, &Fault{Msg: fmt.Sprintf("%s has no value", name)}
		}
		for _, v := range values {
			c, err := attr.Canonical(v)
			if err != nil {
				return "", nil, err
			}
			canonical = append(canonical, c)
		}
		return attr, canonical, nil
	}
	takes := 1
	if slices.Contains([]string{"accept", "discard", "redirect-to-nexthop"}, name) {
		takes = 0
	}
	if len(values) != takes {
		return "", nil, &Fault{Msg: fmt.Sprintf("flow action %s takes %d values, not %d", name, takes, len(values))}
	}
	value := ""
	if takes > 0 {
		value = values[0]
	}
	if name == "accept" {
		return "", nil, nil
	}
	raw, err := flowAction(name, value)
	if err != nil {
		return "", nil, err
	}
	return ExtendedCommunity, []string{FormatExtendedCommunity(raw)}, nil
}

// FlowActionNames lists the names of the actions.
func FlowActionNames() []string {
	return []string{
		"accept", "discard", "rate-limit", "redirect", "redirect-to-nexthop", "redirect-to-nexthop-ietf", "copy", "mark", "action",
		string(Community), string(LargeCommunity), string(ExtendedCommunity),
	}
}

// FlowNextHop is the next hop that a flow action names: that of redirect IP and
// of copy IP; false for any other.
func FlowNextHop(name string, values []string) (netip.Addr, bool) {
	if (name != "redirect" && name != "copy") || len(values) != 1 {
		return netip.Addr{}, false
	}
	a, err := parseAddr(values[0])
	return a, err == nil
}

// flowAction is the extended community of an action.
func flowAction(name, value string) (raw [8]byte, err error) {
	bad := func(format string, args ...any) error {
		return &Fault{Msg: fmt.Sprintf("flow action %s %q ", name, value) + fmt.Sprintf(format, args...)}
	}
	switch name {
	case "discard":
		return rateLimit(0), nil
	case "rate-limit":
		n, ok := parseDecimal(value, maxRate)
		if !ok {
			return raw, bad("is no rate in bytes a second up to %d", uint64(maxRate))
		}
		if nearest := uint64(float32(n)); nearest != n {
			return raw, bad("is a rate that 32-bit floating point can't hold exactly; the nearest is %d", nearest)
		}
		return rateLimit(float32(n)), nil
	case "redirect":
		if _, isHop := FlowNextHop(name, []string{value}); isHop {
			return [8]byte{0x08}, nil
		}
		raw, err := extendedCommunity("redirect:" + value)
		if err != nil {
			return raw, bad("%v", err)
		}
		return raw, nil
	case "redirect-to-nexthop":
		return [8]byte{0x08}, nil
	case "copy":
		if _, ok := FlowNextHop(name, []string{value}); !ok {
			return raw, bad("is not an address")
		}
		return [8]byte{0x08, 7: 1}, nil
	case "redirect-to-nexthop-ietf":
		a, err := parseAddr(value)
		if err != nil || !a.Is4() {
			return raw, bad("is not an ipv4 address")
		}
		raw = [8]byte{0x01, 0x0c}
		copy(raw[2:], a.AsSlice())
		return raw, nil
	case "mark":
		n, ok := parseDecimal(value, 1<<6-1)
		if !ok {
			return raw, bad("is no dscp in 0..63")
		}
		return [8]byte{0x80, 0x09, 7: byte(n)}, nil
	case "action":
		bits, ok := map[string]byte{"terminal": 1, "sample": 2, "sample-terminal": 3}[value]
		if !ok {
			return raw, bad("is none of sample, terminal, sample-terminal")
		}
		return [8]byte{0x80, 0x07, 7: bits}, nil
	}
	return raw, &Fault{Msg: fmt.Sprintf("%q is no action of a flow route", name)}
}

func rateLimit(rate float32) (raw [8]byte) {
	raw[0], raw[1] = 0x80, 0x06
	binary.BigEndian.PutUint32(raw[4:], math.Float32bits(rate))
	return raw
}

// FlowActionOf is the action that an extended community stands for, in
// exaBGP's words: "rate-limit 9600"; "" for one that is no action, or says more
// than the words would.
func FlowActionOf(raw [8]byte) string {
	var name, value string
	switch [2]byte(raw[:2]) {
	case [2]byte{0x80, 0x06}:
		rate := math.Float32frombits(binary.BigEndian.Uint32(raw[4:]))
		if !(rate >= 0 && rate <= maxRate) {
			return ""
		}
		name, value = "rate-limit", strconv.FormatUint(uint64(rate), 10)
	case [2]byte{0x80, 0x07}:
		name, value = "action", []string{"", "terminal", "sample", "sample-terminal"}[raw[7]&3]
	case [2]byte{0x80, 0x08}:
		name, value = "redirect", strings.TrimPrefix(FormatExtendedCommunity(raw), "redirect:")
	case [2]byte{0x80, 0x09}:
		name, value = "mark", strconv.Itoa(int(raw[7]))
	case [2]byte{0x08, 0x00}:
		if raw == [8]byte{0x08, 7: 1} {
			return "copy-to-nexthop" // copy needs the next hop, which is not in here
		}
		name = "redirect-to-nexthop"
	case [2]byte{0x01, 0x0c}:
		name, value = "redirect-to-nexthop-ietf", netip.AddrFrom4([4]byte(raw[2:6])).String()
	default:
		return ""
	}
	if back, err := flowAction(name, value); err != nil || back != raw {
		return ""
	}
	return strings.TrimSuffix(name+" "+value, " ")
}
