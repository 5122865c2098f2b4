package exabgp

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"routesync/state"
)

// Seen is a set of path attributes as exaBGP reported it.
type Seen struct {
	// Attrs is what state can hold of it, next hop included.
	Attrs state.Attrs
	// Unknown are the attributes that state can't hold, as text.
	Unknown []string
}

// labelled is s with the label of a route.
func (s Seen) labelled(labels []string) Seen {
	if len(labels) == 0 {
		return s
	}
	attrs, err := s.Attrs.With(state.Label, labels)
	if err != nil {
		unknown := append(slices.Clone(s.Unknown), "label "+strings.Join(labels, " "))
		return Seen{Attrs: s.Attrs, Unknown: unknown}
	}
	return Seen{Attrs: attrs, Unknown: s.Unknown}
}

// gather collects attribute values until they are made into a Seen.
type gather struct {
	values  map[state.Name][]string
	unknown []string
	// flow tells that the route is a flow specification: the text of its
	// extended communities is exact then ([Neighbor.Check]).
	flow bool
}

func newGather() *gather { return &gather{values: map[state.Name][]string{}} }

func (g *gather) add(name state.Name, values ...string) {
	g.values[name] = append(g.values[name], values...)
}

// raw adds an attribute by its type code.
func (g *gather) raw(code, flags byte, data []byte) {
	if name, values, ok := keywordValue(code, data); ok {
		g.add(name, values...)
		return
	}
	g.add(state.Raw, fmt.Sprintf("0x%02x 0x%02x 0x%x", code, flags, data))
}

func (g *gather) lose(format string, args ...any) {
	g.unknown = append(g.unknown, fmt.Sprintf(format, args...))
}

// seen makes the canonical set. A value that state would not take from a
// person is real all the same, so it becomes Unknown and the others stay.
func (g *gather) seen() Seen {
	attrs, err := state.NewAttrs(g.values)
	for _, name := range slices.Sorted(maps.Keys(g.values)) {
		if err == nil {
			break
		}
		if _, bad := state.NewAttrs(map[state.Name][]string{name: g.values[name]}); bad == nil {
			continue
		}
		g.lose("%s %s", name, strings.Join(g.values[name], " "))
		delete(g.values, name)
		attrs, err = state.NewAttrs(g.values)
	}
	if err != nil { // each is good, and together they are too many
		for _, name := range slices.Sorted(maps.Keys(g.values)) {
			g.lose("%s %s", name, strings.Join(g.values[name], " "))
		}
		attrs = state.Attrs{}
	}
	return Seen{Attrs: attrs, Unknown: g.unknown}
}

// seenInEvent reads the attribute block of an UPDATE and its next hop.
func seenInEvent(block map[string]json.RawMessage, hop string) Seen {
	g := newGather()
	if _, err := netip.ParseAddr(hop); err == nil {
		g.add(state.NextHop, hop)
	} else if hop != "null" && hop != "no-nexthop" {
		g.lose("next-hop %s", hop)
	}
	for _, key := range slices.Sorted(maps.Keys(block)) {
		if err := g.fromJSON(key, block[key]); err != nil {
			g.lose("%s %s", key, block[key])
		}
	}
	return g.seen()
}

func (g *gather) fromJSON(key string, value json.RawMessage) error {
	switch name := state.Name(key); name {
	case state.Origin, state.Aggregator, state.OriginatorID, state.AIGP:
		return g.text(name, value)
	case state.MED, state.LocalPreference:
		var n uint64
		if err := json.Unmarshal(value, &n); err != nil {
			return err
		}
		g.add(name, strconv.FormatUint(n, 10))
	case state.AtomicAggregate:
		g.values[name] = nil
	case state.ASPath, "as-set":
		return g.path(key, value)
	case state.Community, state.LargeCommunity:
		return g.communities(name, value)
	case state.ExtendedCommunity:
		return g.extended(value)
	case state.ClusterList:
		var list []string
		if err := json.Unmarshal(value, &list); err != nil {
			return err
		}
		g.add(name, list...)
	case state.PrefixSID:
		return g.prefixSID(value)
	case "confederation-path":
		if string(value) != "[]" {
			return fmt.Errorf("no attribute of ours")
		}
	default:
		return g.generic(key, value)
	}
	return nil
}

func (g *gather) text(name state.Name, value json.RawMessage) error {
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return err
	}
	g.add(name, text)
	return nil
}

func (g *gather) communities(name state.Name, value json.RawMessage) error {
	var list []json.RawMessage
	if err := json.Unmarshal(value, &list); err != nil {
		return err
	}
	words := make([]string, len(list))
	for i, item := range list {
		var parts []uint64
		if json.Unmarshal(item, &parts) != nil {
			if err := json.Unmarshal(item, &words[i]); err != nil {
				return err
			}
			continue
		}
		for j, n := range parts {
			if j > 0 {
				words[i] += ":"
			}
			words[i] += strconv.FormatUint(n, 10)
		}
	}
	g.add(name, words...)
	return nil
}

// extended takes the number, not the text: the text is not exact.
func (g *gather) extended(value json.RawMessage) error {
	var list []struct{ Value uint64 }
	if err := json.Unmarshal(value, &list); err != nil {
		return err
	}
	for _, item := range list {
		g.add(state.ExtendedCommunity, fmt.Sprintf("0x%016x", item.Value))
	}
	return nil
}

func (g *gather) prefixSID(value json.RawMessage) error {
	var sid map[string]json.RawMessage
	if err := json.Unmarshal(value, &sid); err != nil {
		return err
	}
	for key, word := range map[string]string{"sr-v6-sid": "ipv6", "srv6-vpn-sid": "vpn", "srv6-l3vpn-sid": "l3vpn"} {
		var addr string
		if json.Unmarshal(sid[key], &addr) == nil && len(sid) == 1 {
			g.add(state.PrefixSIDSRv6, word+" "+addr)
			return nil
		}
	}
	// TLVs that exaBGP 5.0 and newer do not decode, from behind their length.
	for key, code := range map[string]byte{"attribute-not-implemented-2": tlvIPv6SID, "attribute-not-implemented-4": tlvVPNSID} {
		var text string
		if json.Unmarshal(sid[key], &text) == nil && len(sid) == 1 {
			data, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
			name, values, ok := keywordValue(codePrefixSID, append([]byte{code, 0, byte(len(data))}, data...))
			if err != nil || !ok {
				return fmt.Errorf("it has other parts")
			}
			g.add(name, values...)
			return nil
		}
	}
	var index uint64
	if err := json.Unmarshal(sid["sr-label-index"], &index); err != nil {
		return err
	}
	var ranges [][2]uint64
	if srgb, ok := sid["sr-srgbs"]; ok {
		if err := json.Unmarshal(srgb, &ranges); err != nil {
			return err
		}
	}
	if want := 1 + min(len(ranges), 1); len(sid) != want {
		return fmt.Errorf("it has other parts")
	}
	g.add(state.PrefixSID, strconv.FormatUint(index, 10))
	for _, r := range ranges {
		g.add(state.PrefixSID, fmt.Sprintf("(%d,%d)", r[0], r[1]))
	}
	return nil
}

// generic reads "attribute-0x63-0xE0": "0x0102". The partial bit is not kept:
// exaBGP sets it on whatever it decodes and does not know, its own messages
// included (attributes.py, parse).
func (g *gather) generic(key string, value json.RawMessage) error {
	rest, ok := strings.CutPrefix(key, "attribute-0x")
	code, flags, ok2 := strings.Cut(rest, "-0x")
	var text string
	if !ok || !ok2 || json.Unmarshal(value, &text) != nil {
		return fmt.Errorf("no attribute of ours")
	}
	c, f, data, err := rawFields(code, flags, text)
	if err != nil {
		return err
	}
	g.raw(c, f&^partial, data)
	return nil
}

// partial is the flag of an attribute that some speaker on the way did not know
// (RFC 4271 §4.3).
const partial = 0x20

func rawFields(code, flags, data string) (c, f byte, d []byte, err error) {
	code64, err := strconv.ParseUint(strings.TrimPrefix(code, "0x"), 16, 8)
	if err != nil {
		return 0, 0, nil, err
	}
	flags64, err := strconv.ParseUint(strings.TrimPrefix(flags, "0x"), 16, 8)
	if err != nil {
		return 0, 0, nil, err
	}
	d, err = hex.DecodeString(strings.TrimPrefix(data, "0x"))
	return byte(code64), byte(flags64), d, err
}
