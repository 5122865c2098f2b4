package exabgp

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"routesync/state"
)

// exactOnFlow tells whether an extended community has a text at exaBGP that no
// other has. A flow route's can't be rendered as a raw attribute, and exaBGP
// compares the text (attributes.py, index), which says less than the value for
// most types that it knows (attribute/community/extended).
func exactOnFlow(canonical string) bool {
	raw, err := state.ExtendedCommunityBytes(canonical)
	if err != nil {
		return false
	}
	if state.FlowActionOf(raw) != "" {
		return true
	}
	kind := [2]byte{raw[0] & 0x0f, raw[1]}
	switch kind {
	case [2]byte{0, 2}, [2]byte{1, 2}, [2]byte{2, 2}, [2]byte{0, 3}, [2]byte{2, 3}:
		return raw[0] == kind[0] // target and origin, transitive
	}
	known := []([2]byte){
		{1, 3}, // an origin with an address is printed as one with an AS
		{0, 4}, {0, 6}, {0, 7}, {0, 8}, {2, 8}, {0, 9}, {0, 10}, {1, 12}, {3, 12}, {3, 20}, {6, 0}, {7, 2}, {8, 0}, {0, 19}, {1, 19}, {2, 19},
	}
	return !slices.Contains(known, kind) // others are printed in full
}

// flowCommunities reads extended communities as exaBGP prints them: "mark 10"
// is two words. What it can't read stays as it is, and is no value then.
func flowCommunities(words []string) []string {
	var list []string
	for len(words) > 0 {
		text, n := flowCommunity(words)
		list = append(list, text)
		words = words[n:]
	}
	return list
}

// flowCommunity reads the first of them, and tells how many words it took.
func flowCommunity(words []string) (text string, n int) {
	first := words[0]
	name, value, n := first, []string(nil), 1
	switch {
	case first == "copy-to-nexthop":
		return "0x0800000000000001", 1
	case first == "copy-to-nexthop-ietf" && len(words) >= 4: // ADDRESS (with copy)
		a, err := netip.ParseAddr(words[1])
		if err != nil || !a.Is4() {
			return first, 1
		}
		return "0x010c" + hex.EncodeToString(a.AsSlice()) + "0001", 4
	case slices.Contains([]string{"mark", "action", "redirect-to-nexthop-ietf"}, first) && len(words) >= 2:
		value, n = words[1:2], 2
	case strings.HasPrefix(first, "rate-limit:"), strings.HasPrefix(first, "redirect:"):
		var argument string
		name, argument, _ = strings.Cut(first, ":")
		value = []string{argument}
	case strings.HasPrefix(first, "origin:"):
		return originText(first), 1
	case first != "redirect-to-nexthop":
		return first, 1
	}
	_, values, err := state.FlowAction(name, value)
	if err != nil {
		return strings.Join(words[:n], " "), n
	}
	return values[0], n
}

// originText gives origin:AS:N the number for which exaBGP prints an address.
func originText(text string) string {
	as, address, found := strings.Cut(strings.TrimPrefix(text, "origin:"), ":")
	a, err := netip.ParseAddr(address)
	if !found || err != nil || !a.Is4() {
		return text
	}
	return fmt.Sprintf("origin:%s:%d", as, binary.BigEndian.Uint32(a.AsSlice()))
}
