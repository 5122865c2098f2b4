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
// other at a peer. It is comparable. A label is no part of it (RFC 8277 §2.4).
type Key struct {
	Family Family
	// NLRI is the canonical form of the family's NLRI.
	//
	// Prefixes: the 8 bytes of the route distinguisher in families that have
	// one, the address bytes, the prefix length in one byte, and, only if there
	// is one that is not 0, four bytes of path identifier (RFC 7911 §3). The
	// order of bytes is the order in which people sort prefixes.
	//
	// Flow specifications: the text of [Key.String]. VPLS: see [VPLSKey].
	NLRI string
}

// ParsePrefix reads "192.0.2.0/24" or "2001:db8::/32" strictly: one spelling
// of an address has one meaning, a length is required, and host bits are
// refused.
func ParsePrefix(text string) (netip.Prefix, error) {
	p, err := parsePrefix(text)
	if err == nil && p.Addr().Is4() && p.Addr().IsMulticast() {
		return netip.Prefix{}, notUnicast(p)
	}
	return p, err
}

// notUnicast is the fault of an IPv4 prefix that exaBGP makes a route of the
// family ipv4 multicast.
func notUnicast(p netip.Prefix) *Fault {
	return &Fault{Msg: fmt.Sprintf("prefix %s is a multicast range, not unicast", p)}
}

func parsePrefix(text string) (netip.Prefix, error) {
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
	return p, checkHostBits(p)
}

func checkHostBits(p netip.Prefix) error {
	if p.Masked() == p {
		return nil
	}
	a := p.Addr()
	return &Fault{
		Msg:  fmt.Sprintf("prefix %s has host bits set", p),
		Hint: fmt.Sprintf("the network is %s, the host route %s/%d", p.Masked(), a, a.BitLen()),
	}
}

// ParseKey reads exactly what [Key.String] writes, in the family given. What
// people may write is for [ParsePrefix] and the constructors of keys.
func ParseKey(f Family, text string) (Key, error) {
	var k Key
	var err error
	words := strings.Split(text, " ")
	switch {
	case f.HasPrefix():
		k, err = parsePrefixKey(f, words)
	case f.IsFlow():
		k, err = parseFlowKey(words)
	case f == L2VPNVPLS:
		k, err = parseVPLSKey(words)
	default:
		return Key{}, fmt.Errorf("nlri %q is of family %s, which routesync can't name", text, f)
	}
	switch {
	case err != nil:
		return Key{}, fmt.Errorf("nlri %q of family %s: %w", text, f, err)
	case k.Family != f:
		return Key{}, fmt.Errorf("nlri %q is not of family %s", text, f)
	case k.String() != text:
		return Key{}, fmt.Errorf("nlri %q is not canonical, which is %q", text, k)
	}
	return k, nil
}

// takeWord takes a keyword and its value off the front of words; "" if they
// begin otherwise.
func takeWord(keyword string, words *[]string) string {
	w := *words
	if len(w) < 2 || w[0] != keyword {
		return ""
	}
	*words = w[2:]
	return w[1]
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

// Prefix is the prefix of the route; the zero Prefix for a key that has none.
func (k Key) Prefix() netip.Prefix {
	rd, addr, ok := k.split()
	if !ok {
		return netip.Prefix{}
	}
	a, _ := netip.AddrFromSlice([]byte(k.NLRI[rd : rd+addr]))
	return netip.PrefixFrom(a, int(k.NLRI[rd+addr]))
}

// Bits is the length of the prefix of the route, 0 for a key that has none.
func (k Key) Bits() int {
	rd, addr, ok := k.split()
	if !ok {
		return 0
	}
	return int(k.NLRI[rd+addr])
}

// PathID is the path identifier of the route, 0 for none.
func (k Key) PathID() uint32 {
	rd, addr, ok := k.split()
	if !ok || len(k.NLRI) != rd+addr+5 {
		return 0
	}
	return binary.BigEndian.Uint32([]byte(k.NLRI[rd+addr+1:]))
}

// RD is the route distinguisher of the route, "" for none.
func (k Key) RD() string {
	switch {
	case !k.Family.HasRD():
		return ""
	case k.Family.IsFlow():
		_, rd, _ := strings.Cut(k.NLRI, " rd ")
		return rd
	case len(k.NLRI) < len(distinguisher{}):
		return ""
	}
	return distinguisher([]byte(k.NLRI[:8])).String()
}

// String is the NLRI in exaBGP's words: "192.0.2.0/24", "192.0.2.0/24
// path-information 7", "10.9.0.0/24 rd 65000:1", "flow destination
// 10.0.0.1/32 protocol =udp destination-port [ =53 >1024&<2000 ]", "vpls rd
// 65000:1 endpoint 1 base 100 offset 2 size 8".
func (k Key) String() string {
	switch {
	case k.Family.IsFlow():
		return k.NLRI
	case k.Family == L2VPNVPLS:
		return k.vplsString()
	}
	s := k.Prefix().String()
	if rd := k.RD(); rd != "" {
		s += " rd " + rd
	}
	if id := k.PathID(); id != 0 {
		s += " path-information " + strconv.FormatUint(uint64(id), 10)
	}
	return s
}

// CompareKeys orders keys by family, then by NLRI.
func CompareKeys(a, b Key) int {
	if a.Family != b.Family {
		return cmp.Compare(a.Family, b.Family)
	}
	return strings.Compare(a.NLRI, b.NLRI)
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
