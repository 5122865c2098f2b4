package guard

import (
	"net/netip"
	"slices"

	"routesync/state"
)

// bogons finds prefixes that may not be announced, by the first byte that they have.
type bogons struct {
	below [2][256][]bogon // IPv4, IPv6; the longest first
}

type bogon struct {
	prefix netip.Prefix
	name   string // "" for one of a file
	exact  bool
	lifted bool
}

// newBogons are those that a policy does not allow: of [state.ReservedPrefixes] and its own.
func newBogons(p *state.Policy) *bogons {
	b := &bogons{}
	for _, r := range state.ReservedPrefixes() {
		for _, prefix := range r.Prefixes {
			b.add(bogon{prefix, r.Name, r.Exact, slices.Contains(p.Allow, r.Name)})
		}
	}
	for _, prefix := range p.Never {
		b.add(bogon{prefix: prefix})
	}
	for i := range b.below {
		for _, list := range b.below[i] {
			slices.SortStableFunc(list, func(x, y bogon) int { return y.prefix.Bits() - x.prefix.Bits() })
		}
	}
	return b
}

// place is the IP version of an address, from 0, and its first byte.
func place(a netip.Addr) (version int, first byte) {
	if a.Is4() {
		return 0, a.As4()[0]
	}
	return 1, a.As16()[0]
}

func (b *bogons) add(x bogon) {
	version, first := place(x.prefix.Addr())
	n := 1
	if x.prefix.Bits() < 8 && !x.exact {
		n = 1 << (8 - x.prefix.Bits())
	}
	for i := int(first); i < int(first)+n; i++ {
		b.below[version][i] = append(b.below[version][i], x)
	}
}

// find is the prefix that keeps one from being announced, and the name of what it
// is of, "" if a file has it. Of what the default list has, the longest decides; what
// a file has can't be allowed.
func (b *bogons) find(p netip.Prefix) (within netip.Prefix, name string, found bool) {
	decided := false
	version, first := place(p.Addr())
	for _, x := range b.below[version][first] {
		if x.exact && x.prefix != p || x.prefix.Bits() > p.Bits() || !x.prefix.Contains(p.Addr()) {
			continue
		}
		switch {
		case x.name == "":
			return x.prefix, "", true
		case decided:
		case x.lifted:
			decided = true
		default:
			decided = true
			within, name, found = x.prefix, x.name, true
		}
	}
	return within, name, found
}
