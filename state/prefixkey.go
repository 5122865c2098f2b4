package state

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// UnicastKey is the key of an IPv4 or IPv6 unicast route. Path identifier 0 is
// no path identifier: exaBGP keeps the two apart in its table, but they are
// one route on the wire.
func UnicastKey(p netip.Prefix, pathID uint32) Key {
	f := IPv4Unicast
	if p.Addr().Is6() {
		f = IPv6Unicast
	}
	return prefixKey(f, p, nil, pathID)
}

// PrefixKey is the key of a route of any family that has prefixes. rd is the
// route distinguisher, "" in families without one. Its errors are [*Fault].
func PrefixKey(f Family, p netip.Prefix, rd string, pathID uint32) (Key, error) {
	switch {
	case !f.HasPrefix():
		return Key{}, &Fault{Msg: fmt.Sprintf("a route of family %s is no prefix", f)}
	case !p.IsValid() || p.Addr().Is6() != f.Is6():
		return Key{}, &Fault{Msg: fmt.Sprintf("prefix %s is not of family %s", p, f)}
	case f == IPv4Unicast && p.Addr().IsMulticast():
		return Key{}, notUnicast(p)
	}
	if err := checkHostBits(p); err != nil {
		return Key{}, err
	}
	d, err := distinguish(f, rd)
	if err != nil {
		return Key{}, err
	}
	return prefixKey(f, p, d, pathID), nil
}

// AppendUnicast appends the NLRI of the key that [UnicastKey] makes of a prefix
// without a path identifier: who makes many keys can cut them from one string.
func AppendUnicast(b []byte, p netip.Prefix) []byte {
	if a := p.Addr(); a.Is4() {
		a4 := a.As4()
		b = append(b, a4[:]...)
	} else {
		a16 := a.As16()
		b = append(b, a16[:]...)
	}
	return append(b, byte(p.Bits()))
}

func prefixKey(f Family, p netip.Prefix, rd []byte, pathID uint32) Key {
	b := append(make([]byte, 0, 32), rd...) // room for any
	b = AppendUnicast(b, p)
	if pathID != 0 {
		b = binary.BigEndian.AppendUint32(b, pathID)
	}
	return Key{Family: f, NLRI: string(b)}
}

// distinguish reads the route distinguisher of a family's route; nil for a
// family without one.
func distinguish(f Family, rd string) ([]byte, error) {
	switch {
	case f.HasRD() && rd == "":
		return nil, &Fault{Msg: fmt.Sprintf("a route of family %s needs a route distinguisher", f), Hint: "give it an rd, e.g. rd 65000:1"}
	case !f.HasRD() && rd != "":
		return nil, &Fault{Msg: fmt.Sprintf("a route of family %s has no route distinguisher", f)}
	case rd == "":
		return nil, nil
	}
	d, err := parseRD(rd)
	return d[:], err
}

// parsePrefixKey takes any prefix: what a person must not ask for may still be
// there, because another speaker sends it.
func parsePrefixKey(f Family, words []string) (Key, error) {
	p, err := netip.ParsePrefix(words[0])
	if err != nil {
		return Key{}, fmt.Errorf("%q is not a prefix", words[0])
	}
	if err := checkHostBits(p); err != nil {
		return Key{}, err
	}
	words = words[1:]
	rd := takeWord("rd", &words)
	d, err := distinguish(f, rd)
	if err != nil {
		return Key{}, err
	}
	var id uint32
	if number := takeWord("path-information", &words); number != "" {
		if id, err = ParsePathID(number); err != nil {
			return Key{}, err
		}
	}
	if len(words) > 0 {
		return Key{}, fmt.Errorf("%q is not path-information", words[0])
	}
	if p.Addr().Is6() != f.Is6() {
		return Key{}, fmt.Errorf("%s is not of family %s", p, f)
	}
	return prefixKey(f, p, d, id), nil
}

// Distinguisher is the route distinguisher of a prefix, as it is on the wire; "" for
// none.
func (k Key) Distinguisher() string {
	rd, _, _ := k.split()
	return k.NLRI[:rd]
}

// split cuts the NLRI of a prefix: how long the route distinguisher and the
// address in it are; false if it is none.
func (k Key) split() (rd, addr int, ok bool) {
	if !k.Family.HasPrefix() {
		return 0, 0, false
	}
	addr = 4
	if k.Family.Is6() {
		addr = 16
	}
	if k.Family.HasRD() {
		rd = len(distinguisher{})
	}
	return rd, addr, len(k.NLRI) == rd+addr+1 || len(k.NLRI) == rd+addr+5
}
