package state

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"strings"
)

// distinguisher is a route distinguisher (RFC 4364 §4.2).
type distinguisher [8]byte

// CheckRD is the rule for the text of a route distinguisher. Its errors are
// [*Fault].
func CheckRD(text string) error {
	_, err := parseRD(text)
	return err
}

// parseRD reads a route distinguisher. The type follows from the text, as
// exaBGP has it (static/mpls.py, route_distinguisher): a 2-byte AS is of type
// 0, an address of type 1, an AS over 65535 of type 2.
func parseRD(text string) (rd distinguisher, err error) {
	fault := &Fault{
		Msg:  fmt.Sprintf("route distinguisher %q is not one", text),
		Hint: "write it as 65000:1 with a number up to 4294967295, or as 192.0.2.1:1 or 4200000000:1 with one up to 65535",
	}
	admin, number, found := strings.Cut(text, ":")
	if !found {
		return rd, fault
	}
	if a, err := netip.ParseAddr(admin); err == nil && a.Is4() {
		n, ok := parseDecimal(number, math.MaxUint16)
		if !ok {
			return rd, fault
		}
		rd[1] = 1
		copy(rd[2:], a.AsSlice())
		binary.BigEndian.PutUint16(rd[6:], uint16(n))
		return rd, nil
	}
	as, ok := parseDecimal(admin, math.MaxUint32)
	if !ok {
		return rd, fault
	}
	if as <= math.MaxUint16 {
		n, ok := parseDecimal(number, math.MaxUint32)
		if !ok {
			return rd, fault
		}
		binary.BigEndian.PutUint16(rd[2:], uint16(as))
		binary.BigEndian.PutUint32(rd[4:], uint32(n))
		return rd, nil
	}
	n, ok := parseDecimal(number, math.MaxUint16)
	if !ok {
		return rd, fault
	}
	rd[1] = 2
	binary.BigEndian.PutUint32(rd[2:], uint32(as))
	binary.BigEndian.PutUint16(rd[6:], uint16(n))
	return rd, nil
}

func (rd distinguisher) String() string {
	switch binary.BigEndian.Uint16(rd[:]) {
	case 0:
		return fmt.Sprintf("%d:%d", binary.BigEndian.Uint16(rd[2:]), binary.BigEndian.Uint32(rd[4:]))
	case 1:
		return fmt.Sprintf("%s:%d", netip.AddrFrom4([4]byte(rd[2:6])), binary.BigEndian.Uint16(rd[6:]))
	case 2:
		return fmt.Sprintf("%d:%d", binary.BigEndian.Uint32(rd[2:]), binary.BigEndian.Uint16(rd[6:]))
	}
	return "0x" + hex.EncodeToString(rd[:])
}
