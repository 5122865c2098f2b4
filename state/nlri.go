package state

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Key is the identity of a route: two routes with the same Key replace each
// other at a peer. It is comparable.
type Key struct {
	Family Family
	// NLRI is the canonical form of the family's NLRI. For the unicast
	// families: the address bytes, the prefix length in one byte, and, only
	// if there is one that is not 0, four bytes of path identifier (RFC 7911
	// §3). The order of bytes is the order in which people sort prefixes.
	NLRI string
}

// ParsePrefix reads "192.0.2.0/24" or "2001:db8::/32" strictly: one spelling
// of an address has one meaning, a length is required, and host bits are
// refused.
func ParsePrefix(text string) (netip.Prefix, error) {
	addr, length, found := strings.Cut(text, "/")
	if !found {
		if a, err := parseAddr(text); err == nil {
			return netip.Prefix{}, &Fault{
				Msg:  fmt.Sprintf("prefix %q has no length", text),
				Hint: fmt.Sprintf("write %s/%d for the host route", text, a.BitLen()),
			}
		}
		return netip.Prefix{}, &Fault{Msg: fmt.Sprintf("%q is not a prefix", text), Hint: "write it as 192.0.2.0/24 or 2001:db8::/32"}
	}
	a, err := parseAddr(addr)
	if err != nil {
		return netip.Prefix{}, &Fault{Msg: fmt.Sprintf("%q is not a prefix: %v", text, err)}
	}
	bits, ok := parseDecimal(length, 255)
	if !ok || int(bits) > a.BitLen() {
		return netip.Prefix{}, &Fault{Msg: fmt.Sprintf("prefix %q: length %q is not in 0..%d", text, length, a.BitLen())}
	}
	p := netip.PrefixFrom(a, int(bits))
	if p.Masked() != p {
		return netip.Prefix{}, &Fault{
			Msg:  fmt.Sprintf("prefix %s has host bits set", text),
			Hint: fmt.Sprintf("the network is %s, the host route %s/%d", p.Masked(), a, a.BitLen()),
		}
	}
	if a.Is4() && a.IsMulticast() {
		// exaBGP makes it a route of the family ipv4 multicast.
		return netip.Prefix{}, &Fault{Msg: fmt.Sprintf("prefix %s is a multicast range, not unicast", text)}
	}
	return p, nil
}

// UnicastKey is the key of an IPv4 or IPv6 unicast route. Path identifier 0 is
// no path identifier: exaBGP keeps the two apart in its table, but they are
// one route on the wire.
func UnicastKey(p netip.Prefix, pathID uint32) Key {
	f := IPv4Unicast
	if p.Addr().Is6() {
		f = IPv6Unicast
	}
	b := append(p.Addr().AsSlice(), byte(p.Bits()))
	if pathID != 0 {
		b = binary.BigEndian.AppendUint32(b, pathID)
	}
	return Key{Family: f, NLRI: string(b)}
}

// ParseKey reads what [Key.String] writes, in the family given.
func ParseKey(f Family, text string) (Key, error) {
	prefix, rest, more := strings.Cut(text, " ")
	p, err := ParsePrefix(prefix)
	if err != nil {
		return Key{}, err
	}
	var id uint32
	if more {
		word, number, _ := strings.Cut(rest, " ")
		if word != "path-information" {
			return Key{}, fmt.Errorf("nlri %q: %q is not path-information", text, word)
		}
		if id, err = ParsePathID(number); err != nil {
			return Key{}, err
		}
	}
	k := UnicastKey(p, id)
	if k.Family != f {
		return Key{}, fmt.Errorf("nlri %q is not of family %s", text, f)
	}
	return k, nil
}

// ParsePathID reads a path identifier as exaBGP takes it: a number or a dotted
// quad.
func ParsePathID(text string) (uint32, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Is4() {
		b := a.As4()
		return binary.BigEndian.Uint32(b[:]), nil
	}
	n, ok := parseDecimal(text, 1<<32-1)
	if !ok {
		return 0, &Fault{Msg: fmt.Sprintf("path-information %q is neither a number in 0..4294967295 nor a dotted quad", text)}
	}
	return uint32(n), nil
}

// Prefix is the prefix of a unicast route; the zero Prefix for a key that has
// none.
func (k Key) Prefix() netip.Prefix {
	n := 4
	switch k.Family {
	case IPv4Unicast:
	case IPv6Unicast:
		n = 16
	default:
		return netip.Prefix{}
	}
	if len(k.NLRI) <= n {
		return netip.Prefix{}
	}
	a, _ := netip.AddrFromSlice([]byte(k.NLRI[:n]))
	return netip.PrefixFrom(a, int(k.NLRI[n]))
}

// PathID is the path identifier of a unicast route, 0 for none.
func (k Key) PathID() uint32 {
	n := 5
	if k.Family == IPv6Unicast {
		n = 17
	}
	if len(k.NLRI) != n+4 {
		return 0
	}
	return binary.BigEndian.Uint32([]byte(k.NLRI[n:]))
}

// String is the NLRI in exaBGP's words, e.g. "192.0.2.0/24" or
// "192.0.2.0/24 path-information 7".
func (k Key) String() string {
	s := k.Prefix().String()
	if id := k.PathID(); id != 0 {
		s += " path-information " + strconv.FormatUint(uint64(id), 10)
	}
	return s
}

// CompareKeys orders keys by family, then by NLRI.
func CompareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.NLRI, b.NLRI))
}

// parseAddr takes only what has one meaning everywhere: no zone, no IPv4 in
// IPv6, no leading zeros.
func parseAddr(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%q is not an ip address", text)
	}
	if a.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("address %q has a zone", text)
	}
	if a.Is4In6() {
		return netip.Addr{}, fmt.Errorf("address %q is ipv4 in ipv6; write %s", text, a.Unmap())
	}
	return a, nil
}

// parseDecimal reads an unsigned decimal number without sign, blanks or
// leading zeros, up to limit.
func parseDecimal(text string, limit uint64) (uint64, bool) {
	if text == "" || (len(text) > 1 && text[0] == '0') || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && n <= limit
}
