package exabgp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"routesync/state"
)

// RIBEntry is a route that exaBGP holds for a peer: what it was asked to
// announce, not what it sent.
type RIBEntry struct {
	Seen
	Peer netip.Addr
	Key  state.Key
}

// FamilyError says that a route is of a family that routesync can't name.
type FamilyError struct {
	Peer   netip.Addr
	Family string // in exaBGP's words
}

func (e *FamilyError) Error() string {
	return fmt.Sprintf("a route to %s is of family %q, which routesync can't name", e.Peer, e.Family)
}

// ShowRIBOf is [ShowRIB] for one neighbor. What it prints may be of others too:
// exaBGP looks for the address in the neighbor's name (reactor/api/command/rib.py).
func ShowRIBOf(peer netip.Addr) string { return fmt.Sprintf("show adj-rib out %s extensive", peer) }

// ParseRIB reads a line of the body of [ShowRIB], e.g. "neighbor 192.0.2.2
// local-ip … family-allowed in-open ipv4 unicast 10.0.0.0/24 next-hop
// 192.0.2.1 med 1". Its error is a [*FamilyError] if only the family is
// foreign.
func (d Dialect) ParseRIB(line string) (RIBEntry, error) {
	var e RIBEntry
	words := strings.Fields(line)
	var err error
	if len(words) < 2 || words[0] != "neighbor" {
		return e, fmt.Errorf("rib line %q names no neighbor", line)
	}
	if e.Peer, err = netip.ParseAddr(words[1]); err != nil {
		return e, fmt.Errorf("rib line %q: %q is not an address", line, words[1])
	}
	// The neighbor's name is pairs of a keyword and a value (bgp/neighbor.py,
	// name); then come the family and the route.
	words = words[2:]
	pairs := []string{"local-ip", "local-as", "peer-as", "router-id", "family-allowed"}
	for len(words) >= 2 && slices.Contains(pairs, words[0]) {
		words = words[2:]
	}
	if d.grammar == grammar34 && len(words) > 0 { // which leaves out the family
		words = slices.Concat(unicastOf(words[0]), words)
	}
	if len(words) < 3 {
		return e, fmt.Errorf("rib line %q has no route", line)
	}
	family := words[0] + " " + words[1]
	f, err := state.ParseFamily(family)
	if err != nil {
		return e, &FamilyError{Peer: e.Peer, Family: family}
	}
	e.Key, e.Seen, err = d.routeInText(f, words[2:])
	if err != nil {
		return e, fmt.Errorf("rib line %q: %w", line, err)
	}
	return e, nil
}

// unicastOf is the family of a route that begins with word.
func unicastOf(word string) []string {
	switch prefix, err := netip.ParsePrefix(word); {
	case err != nil:
		return []string{"not", "unicast"}
	case prefix.Addr().Is6():
		return []string{"ipv6", "unicast"}
	}
	return []string{"ipv4", "unicast"}
}

// ReceivedEntry is a route that exaBGP holds from a peer.
type ReceivedEntry struct {
	Peer  netip.Addr
	Key   state.AnyKey
	Attrs state.SeenAttrs
}

// ParseReceived reads a line of the body of [ShowReceived], which has the form
// of [ShowRIB]'s. Its error is a [*FamilyError] if the route is of a family
// that can't be read from text, or does not read as one of its family.
func (d Dialect) ParseReceived(line string) (ReceivedEntry, error) {
	e, err := d.ParseRIB(line)
	var foreign *FamilyError
	switch {
	case errors.As(err, &foreign):
		foreign.Family = Printable(foreign.Family)
		return ReceivedEntry{}, foreign
	case err != nil && e.Peer.IsValid():
		return ReceivedEntry{}, &FamilyError{Peer: e.Peer, Family: "a form that can't be read"}
	case err != nil:
		return ReceivedEntry{}, err
	}
	return ReceivedEntry{Peer: e.Peer, Key: e.Key.Any(), Attrs: e.Seen.Comparable()}, nil
}

// seenInText reads attributes as exaBGP prints them (attributes.py,
// _generate_text).
func (d Dialect) seenInText(f state.Family, words []string) Seen {
	g := newGather()
	g.flow = f.IsFlow()
	for len(words) > 0 {
		name := words[0]
		n := 1
		for n < len(words) && !isKeyword(words[n]) {
			n++
		}
		values := words[1:n]
		words = words[n:]
		read := false
		if name == string(state.ASPath) && d.segmented() {
			read = g.segments(values)
		} else {
			read = g.fromText(state.Name(name), values)
		}
		if !read {
			g.lose("%s", strings.Join(append([]string{name}, values...), " "))
		}
	}
	return g.seen()
}

func isKeyword(word string) bool {
	return slices.Contains(state.Names(), state.Name(word)) || slices.Contains([]string{"name", "pmsi", "bgp-ls", "error"}, word)
}

func (g *gather) fromText(name state.Name, words []string) bool {
	plain := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "[" || w == "]" })
	switch name {
	case state.AtomicAggregate:
		g.values[name] = nil
		return len(words) == 0
	case state.ASPath:
		return g.pathText(plain)
	case state.Aggregator:
		g.add(name, strings.Trim(strings.Join(words, ""), "()"))
		return true
	case state.PrefixSID:
		return g.sidText(plain)
	case state.ExtendedCommunity:
		if g.flow {
			plain = flowCommunities(plain)
		}
	case state.Raw:
		if len(plain) != 3 {
			return false
		}
		code, flags, data, err := rawFields(plain[0], plain[1], plain[2])
		if err != nil {
			return false
		}
		g.raw(code, flags, data)
		return true
	}
	if !slices.Contains(state.Names(), name) || len(plain) == 0 {
		return false
	}
	g.add(name, plain...)
	return true
}

// sidText reads "300" or "300, ( 800000,100 ), ( 1000000,5000 )".
func (g *gather) sidText(words []string) bool {
	text := strings.ReplaceAll(strings.Join(words, ""), ")", ")\x00")
	for i, part := range strings.Split(strings.ReplaceAll(text, "(", "\x00("), "\x00") {
		if part = strings.Trim(part, ","); part != "" {
			g.add(state.PrefixSID, part)
		} else if i == 0 {
			return false
		}
	}
	return true
}
