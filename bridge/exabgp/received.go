package exabgp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"routesync/state"
)

// Reached are routes of one family with the same attributes, as a peer
// announced them.
type Reached struct {
	Attrs state.SeenAttrs
	Keys  []state.AnyKey
}

// receive reads a received UPDATE. Every family is read, and what comes from
// the peer has no character that is not printable. A withdraw carries
// attributes on some families, which mean nothing (RFC 4760 §4).
func (u *Update) receive(attrs map[string]json.RawMessage, announce map[string]map[string][]nlri, withdraw map[string][]nlri) {
	for _, family := range slices.Sorted(maps.Keys(withdraw)) {
		for _, n := range withdraw[family] {
			k, _, _ := n.identify(family)
			u.Lost = append(u.Lost, k)
		}
	}
	for _, family := range slices.Sorted(maps.Keys(announce)) {
		for _, hop := range slices.Sorted(maps.Keys(announce[family])) {
			u.reach(family, seenInEvent(attrs, hop), announce[family][hop])
		}
	}
}

// reach groups NLRI by what they say besides what identifies them, such as a
// label.
func (u *Update) reach(family string, seen Seen, list []nlri) {
	place := map[string]int{}
	for _, n := range list {
		k, more, named := n.identify(family)
		id := strings.Join(more, "\n")
		i, known := place[id]
		if !known {
			i = len(u.Reached)
			place[id] = i
			with := Seen{Attrs: seen.Attrs, Unknown: slices.Concat(seen.Unknown, more)}
			if named {
				with = seen.labelled(more)
			}
			u.Reached = append(u.Reached, Reached{Attrs: with.Comparable()})
		}
		u.Reached[i].Keys = append(u.Reached[i].Keys, k)
	}
}

// Comparable is the set as a value.
func (s Seen) Comparable() state.SeenAttrs {
	lines := make([]string, len(s.Unknown))
	for i, text := range s.Unknown {
		lines[i] = Printable(text)
	}
	return state.SeenAttrs{Attrs: s.Attrs, Unknown: strings.Join(lines, "\n")}
}

// identify names an NLRI among all families, and returns what else it says:
// its labels if it has a name of state's, or else words of exaBGP. Bits behind
// the length of a prefix are of no consequence (RFC 4271 §4.3), though exaBGP
// shows them.
func (n nlri) identify(family string) (k state.AnyKey, more []string, named bool) {
	if f, err := state.ParseFamily(family); err == nil {
		if p, err := netip.ParsePrefix(n.prefix); err == nil {
			n.prefix = p.Masked().String()
		}
		if k, err := n.key(f); err == nil {
			return k.Any(), n.labels, true
		}
	}
	id, more := identity(n.text)
	return state.AnyKey{Family: Printable(family), ID: Printable(id)}, more, false
}

// plain reads an NLRI that is nothing but a prefix, as exaBGP writes it
// (nlri/inet.py, json): they come by the hundred thousand.
func (n *nlri) plain() bool {
	rest, ok := strings.CutPrefix(n.text, `{ "nlri": "`)
	prefix, ok2 := strings.CutSuffix(rest, `" }`)
	if !ok || !ok2 || strings.Trim(prefix, "0123456789abcdef:./") != "" {
		return false
	}
	n.prefix = prefix
	return true
}

// identity is what tells an NLRI from others of its family, out of exaBGP's
// JSON of it: without what an announce and its withdraw may differ in. What
// that says is more.
func identity(text string) (id string, more []string) {
	members, err := objectMembers(text)
	if err != nil {
		return compact(text), nil
	}
	code, _ := members.get("code")
	if parsed, ok := members.get("parsed"); ok && parsed == "true" {
		members = members.without("raw")
	}
	// A label is no part of the route (RFC 8277 §2, RFC 4364 §4.3.4, RFC 7432
	// §7); "string" and the next hop are added by exaBGP.
	members = members.without("string", "next-hop", "nexthop")
	apart := []string{"label"}
	switch code {
	case "2": // RFC 7432 §7.2
		apart = append(apart, "esi")
	case "5": // RFC 9136 §3.1
		apart = append(apart, "esi", "gateway")
	}
	for _, name := range apart {
		if value, ok := members.get(name); ok {
			more = append(more, name+" "+value)
		}
	}
	members = members.without(apart...)
	if id, ok := members.get("path-information"); ok && id == `"0.0.0.0"` {
		members = members.without("path-information") // none, see parseKey
	}
	if words, ok := members.prefixWords(); ok {
		return words, more
	}
	slices.SortStableFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	var b strings.Builder
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(m.name) // a string is always encodable
		fmt.Fprintf(&b, "%s:%s", name, m.value)
	}
	return "{" + b.String() + "}", more
}

// member is one of a JSON object, its value compact. Names may repeat, and all
// of them count.
type member struct{ name, value string }

type memberList []member

func objectMembers(text string) (memberList, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("nlri %q is no object", text)
	}
	var members memberList
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		members = append(members, member{fmt.Sprint(name), compact(string(value))})
	}
	return members, nil
}

func compact(text string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(text)) != nil {
		return text
	}
	return b.String()
}

func (l memberList) get(name string) (string, bool) {
	i := slices.IndexFunc(l, func(m member) bool { return m.name == name })
	if i < 0 {
		return "", false
	}
	return l[i].value, true
}

func (l memberList) without(names ...string) memberList {
	return slices.DeleteFunc(slices.Clone(l), func(m member) bool { return slices.Contains(names, m.name) })
}

// prefixWords is the identity of what is a prefix, with a route distinguisher
// or a path identifier, in exaBGP's words for a command.
func (l memberList) prefixWords() (string, bool) {
	values := map[string]string{}
	for _, m := range l {
		var text string
		known := m.name == "nlri" || m.name == "rd" || m.name == "path-information"
		_, twice := values[m.name]
		if !known || twice || json.Unmarshal([]byte(m.value), &text) != nil || strings.Trim(text, "0123456789abcdefABCDEFx.:/") != "" {
			return "", false
		}
		values[m.name] = text
	}
	prefix, err := netip.ParsePrefix(values["nlri"])
	if err != nil {
		return "", false
	}
	words := prefix.Masked().String()
	for _, name := range []string{"path-information", "rd"} {
		if v, ok := values[name]; ok {
			words += " " + name + " " + v
		}
	}
	return words, true
}
