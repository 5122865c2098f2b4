package exabgp

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"routesync/state"
)

// nlri is one NLRI of an event: an object, or with exabgp.api.compact a plain
// string.
type nlri struct {
	prefix, pathID, rd string
	labels             []string
	flow               string         // what exaBGP prints of a flow specification
	vpls               [4]json.Number // endpoint, base, offset, size
	text               string
}

func (n *nlri) UnmarshalJSON(b []byte) error {
	n.text = string(b)
	if n.plain() {
		return nil
	}
	if json.Unmarshal(b, &n.prefix) == nil {
		return nil
	}
	var object struct {
		NLRI                         string      `json:"nlri"`
		Path                         string      `json:"path-information"`
		RD                           string      `json:"rd"`
		Label                        [][]uint64  `json:"label"`
		String                       string      `json:"string"`
		Endpoint, Base, Offset, Size json.Number // of VPLS
	}
	// Another family's object need not have these; its text is kept.
	_ = json.Unmarshal(b, &object)
	n.prefix, n.pathID, n.rd, n.flow = object.NLRI, object.Path, object.RD, object.String
	n.vpls = [4]json.Number{object.Endpoint, object.Base, object.Offset, object.Size}
	for _, l := range object.Label {
		if len(l) > 0 { // a raw label may come after it
			n.labels = append(n.labels, strconv.FormatUint(l[0], 10))
		}
	}
	return nil
}

func (n *nlri) key(f state.Family) (state.Key, error) {
	switch {
	case f.IsFlow():
		// The other fields are not exact: tcp-flags [ =syn =ack ] and
		// =syn+ack are one in them (nlri/flow.py, json).
		k, rest, err := flowInText(f, n.flow)
		if err == nil && len(rest) > 0 && rest[0] != "next-hop" {
			err = fmt.Errorf("%q is no part of it", rest[0])
		}
		return k, err
	case f == state.L2VPNVPLS:
		var fields [4]uint32
		for i, number := range n.vpls {
			v, err := strconv.ParseUint(number.String(), 10, 32)
			if err != nil {
				return state.Key{}, fmt.Errorf("the vpls lacks a number: %w", err)
			}
			fields[i] = uint32(v)
		}
		return state.VPLSKey(n.rd, fields[0], fields[1], fields[2], fields[3])
	}
	return parseKey(f, n.prefix, n.rd, n.pathID)
}

// parseKey reads a prefix as exaBGP writes it, which is more than a person may
// write: it prints ::ffff:192.0.2.0/120 for an IPv6 prefix.
func parseKey(f state.Family, prefix, rd, pathID string) (state.Key, error) {
	p, err := netip.ParsePrefix(prefix)
	if err != nil {
		return state.Key{}, fmt.Errorf("nlri %q is not a prefix", prefix)
	}
	var id uint32
	if pathID != "" {
		if id, err = state.ParsePathID(pathID); err != nil {
			return state.Key{}, err
		}
	}
	if f != state.IPv4Unicast {
		return state.PrefixKey(f, p, rd, id)
	}
	// Multicast ranges too, which it sends in this family.
	k := state.UnicastKey(p, id)
	switch {
	case p.Masked() != p:
		return k, fmt.Errorf("nlri %q has host bits set", prefix)
	case k.Family != f:
		return k, fmt.Errorf("nlri %q is not of family %s", prefix, f)
	}
	return k, nil
}

// flowInText reads "flow destination-ipv4 10.0.0.1/32 protocol =udp rd 1:1" and
// returns the words after it (nlri/flow.py, extensive).
func flowInText(f state.Family, text string) (k state.Key, rest []string, err error) {
	// Numbers without a name of their own come with words.
	text = strings.NewReplacer("unknown protocol type ", "", "unknown icmp type type ", "").Replace(text)
	words := strings.Fields(text)
	if len(words) == 0 || words[0] != "flow" {
		return k, nil, errors.New("it is no flow")
	}
	components, rest := state.ParseComponents(words[1:])
	rd := ""
	if len(rest) > 1 && rest[0] == "rd" {
		rd, rest = rest[1], rest[2:]
	}
	if k, err = state.FlowKey(rd, components); err == nil && k.Family != f {
		err = fmt.Errorf("%q is not of family %s", k, f)
	}
	return k, rest, err
}

// routeInText reads a route as a table lists it, without its family: what
// identifies it, and the attributes.
func (d Dialect) routeInText(f state.Family, words []string) (k state.Key, seen Seen, err error) {
	var labels, rest []string
	switch {
	case f.IsFlow():
		k, rest, err = flowInText(f, strings.Join(words, " "))
	case f == state.L2VPNVPLS:
		const length = 11 // vpls rd 1:1 endpoint 1 base 1 offset 1 size 1
		if len(words) < length {
			return k, seen, errors.New("the vpls is cut short")
		}
		rest = words[length:]
		k, err = state.ParseKey(f, strings.Join(words[:length], " "))
	default:
		rest = words[1:]
		if d.grammar == grammar60 && f.HasLabel() { // "label 16 (257)", the second with the bits behind it
			rest = slices.DeleteFunc(slices.Clone(rest), func(w string) bool { return strings.HasPrefix(w, "(") && strings.HasSuffix(w, ")") })
		}
		pathID := cutValue(&rest, "path-information")
		labels = strings.Fields(cutValue(&rest, "label"))
		rd := cutValue(&rest, "rd")
		k, err = parseKey(f, words[0], rd, pathID)
	}
	if err != nil {
		return k, seen, err
	}
	return k, d.seenInText(f, rest).labelled(labels), nil
}

// cutValue takes a keyword and its value, a word or a list, out of words; ""
// if it is not there.
func cutValue(words *[]string, keyword string) string {
	i := slices.Index(*words, keyword)
	if i < 0 || i+1 >= len(*words) {
		return ""
	}
	begin, end := i+1, i+2
	after := end
	if (*words)[begin] == "[" {
		n := slices.Index((*words)[begin:], "]")
		if n < 0 {
			return ""
		}
		begin, end = begin+1, begin+n
		after = end + 1
	}
	value := strings.Join((*words)[begin:end], " ")
	*words = slices.Delete(slices.Clone(*words), i, after)
	return value
}

// CompareSent orders keys as exaBGP does those of its table that it is to send with
// the same attributes: by family, prefix length and address (nlri/inet.py, index).
// It sorts them before it packs them (update/__init__.py, messages), each compare
// packs both, and what is in order by then takes it 10 % less time in all.
func CompareSent(a, b state.Key) int {
	if a.Family == b.Family && a.Family.HasPrefix() {
		if x, y := a.Bits(), b.Bits(); x != y {
			return cmp.Compare(x, y)
		}
	}
	return state.CompareKeys(a, b)
}
