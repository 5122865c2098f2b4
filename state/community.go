package state

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
)

// communityNames are the well-known communities that exaBGP has words for
// (RFC 1997, RFC 3765, RFC 7999).
func communityNames() map[uint32]string {
	return map[uint32]string{
		0xFFFFFF01: "no-export",
		0xFFFFFF02: "no-advertise",
		0xFFFFFF03: "no-export-subconfed",
		0xFFFFFF04: "nopeer",
		0xFFFF029A: "blackhole",
	}
}

func parseCommunity(v string) (string, error) {
	low := strings.ToLower(v)
	if low == "no-peer" {
		low = "nopeer"
	}
	for n, name := range communityNames() {
		if name == low {
			return FormatCommunity(n), nil
		}
	}
	high, rest, found := strings.Cut(v, ":")
	if !found {
		n, ok := parseNumber(v, math.MaxUint32)
		if !ok {
			return "", &Fault{
				Msg:  fmt.Sprintf("community %q is not known", v),
				Hint: "write it as 65000:1, or no-export, no-advertise, no-export-subconfed, nopeer, blackhole",
			}
		}
		return FormatCommunity(uint32(n)), nil
	}
	h, ok1 := parseDecimal(high, math.MaxUint16)
	l, ok2 := parseDecimal(rest, math.MaxUint16)
	if !ok1 || !ok2 {
		return "", &Fault{Msg: fmt.Sprintf("community %q: both halves must be numbers in 0..65535", v), Hint: "an AS over 65535 needs a large-community"}
	}
	return FormatCommunity(uint32(h<<16 | l)), nil
}

// FormatCommunity gives a community its canonical text: the well-known name,
// or "high:low".
func FormatCommunity(n uint32) string {
	if name, ok := communityNames()[n]; ok {
		return name
	}
	return fmt.Sprintf("%d:%d", n>>16, n&0xffff)
}

func parseLargeCommunity(v string) (string, error) {
	parts := strings.Split(v, ":")
	fault := &Fault{Msg: fmt.Sprintf("large-community %q is not three numbers in 0..4294967295", v), Hint: "write it as 65000:1:2"}
	if len(parts) != 3 {
		return "", fault
	}
	for _, p := range parts {
		if _, ok := parseDecimal(p, math.MaxUint32); !ok {
			return "", fault
		}
	}
	return v, nil
}

// parseExtendedCommunity reads exaBGP's spellings and returns the canonical
// one of [FormatExtendedCommunity].
func parseExtendedCommunity(v string) (string, error) {
	raw, err := extendedCommunity(v)
	if err != nil {
		return "", &Fault{Msg: fmt.Sprintf("extended-community %q %v", v, err),
			Hint: "write it as target:65000:1, origin:192.0.2.1:1, redirect:65000:1, bandwidth:65000:1000000 or 0x and 16 hex digits"}
	}
	if why := poisonous(raw); why != "" {
		return "", &Fault{Msg: fmt.Sprintf("extended-community %q %s", v, why)}
	}
	return FormatExtendedCommunity(raw), nil
}

// poisonous tells why exaBGP 4.2 can't decode an extended community: it would
// send it, fail to read its own message, and reset the session, again at every
// reconnect. It looks at 4 bits of the type only.
func poisonous(raw [8]byte) string {
	switch kind := [2]byte{raw[0] & 0x0f, raw[1]}; kind {
	case [2]byte{0x00, 0x06}: // a traffic rate, in floating point
		if binary.BigEndian.Uint32(raw[4:])&0x7f800000 == 0x7f800000 {
			return "has a rate that is no number"
		}
	case [2]byte{0x02, 0x08}:
		return "is a redirect to a 4-byte AS, which exaBGP 4.2 can't send"
	case [2]byte{0x06, 0x00}: // MAC mobility: exaBGP reports another value than it sends
		if raw[0] != 0x06 || raw[2] > 1 || raw[3] != 0 {
			return "is a MAC mobility with bits set that mean nothing"
		}
	}
	return ""
}

// extendedCommunity encodes one extended community (RFC 4360, RFC 5668).
func extendedCommunity(v string) (raw [8]byte, err error) {
	low := strings.ToLower(v)
	if digits, ok := strings.CutPrefix(low, "0x"); ok {
		b, err := hex.DecodeString(digits)
		if err != nil || len(b) != 8 {
			return raw, fmt.Errorf("is not 16 hex digits")
		}
		return [8]byte(b), nil
	}
	if low == "redirect-to-nexthop" {
		return [8]byte{0x08, 0x00}, nil
	}
	parts := strings.Split(low, ":")
	if len(parts) == 2 {
		parts = append([]string{"target"}, parts...)
	}
	word, fields := parts[0], parts[1:]
	switch word {
	case "target", "target4":
		return administered(0x02, word == "target4", fields)
	case "origin", "origin4":
		return administered(0x03, word == "origin4", fields)
	case "redirect":
		if len(fields) != 2 {
			return raw, fmt.Errorf("does not have 2 fields")
		}
		raw, err = administered(0x08, false, fields)
		raw[0] |= 0x80
		if err == nil && raw[0] != 0x80 {
			return raw, fmt.Errorf("has an AS over 65535 or an address")
		}
		return raw, err
	case "l2info":
		return l2info(fields)
	case "bandwidth":
		return bandwidth(fields)
	}
	return raw, fmt.Errorf("is of no known type")
}

// administered encodes a global and a local administrator; the type follows
// from the global one: 2-byte AS, IPv4 address, or 4-byte AS.
func administered(subtype byte, wide bool, fields []string) (raw [8]byte, err error) {
	if len(fields) != 2 {
		return raw, fmt.Errorf("does not have 2 fields")
	}
	raw[1] = subtype
	if a, err := netip.ParseAddr(fields[0]); err == nil && a.Is4() && !wide {
		n, ok := parseDecimal(fields[1], math.MaxUint16)
		if !ok {
			return raw, fmt.Errorf("has a number after the address that is not in 0..65535")
		}
		raw[0] = 0x01
		copy(raw[2:], a.AsSlice())
		binary.BigEndian.PutUint16(raw[6:], uint16(n))
		return raw, nil
	}
	digits, marked := strings.CutSuffix(fields[0], "l")
	as, ok := parseDecimal(digits, math.MaxUint32)
	if !ok {
		return raw, fmt.Errorf("has no AS number in 0..4294967295 and no ipv4 address")
	}
	if wide || marked || as > math.MaxUint16 {
		n, ok := parseDecimal(fields[1], math.MaxUint16)
		if !ok {
			return raw, fmt.Errorf("has a number after a 4-byte AS that is not in 0..65535")
		}
		raw[0] = 0x02
		binary.BigEndian.PutUint32(raw[2:], uint32(as))
		binary.BigEndian.PutUint16(raw[6:], uint16(n))
		return raw, nil
	}
	n, ok := parseDecimal(fields[1], math.MaxUint32)
	if !ok {
		return raw, fmt.Errorf("has a number after the AS that is not in 0..4294967295")
	}
	binary.BigEndian.PutUint16(raw[2:], uint16(as))
	binary.BigEndian.PutUint32(raw[4:], uint32(n))
	return raw, nil
}

func l2info(fields []string) (raw [8]byte, err error) {
	if len(fields) != 4 {
		return raw, fmt.Errorf("does not have 4 fields")
	}
	raw[0], raw[1] = 0x80, 0x0a
	var n [4]uint64
	for i, limit := range []uint64{math.MaxUint8, math.MaxUint8, math.MaxUint16, math.MaxUint16} {
		var ok bool
		if n[i], ok = parseDecimal(fields[i], limit); !ok {
			return raw, fmt.Errorf("has field %d over %d", i+1, limit)
		}
	}
	raw[2], raw[3] = byte(n[0]), byte(n[1])
	binary.BigEndian.PutUint16(raw[4:], uint16(n[2]))
	binary.BigEndian.PutUint16(raw[6:], uint16(n[3]))
	return raw, nil
}

// bandwidth is the link bandwidth in bytes a second (draft-ietf-idr-link-bandwidth).
func bandwidth(fields []string) (raw [8]byte, err error) {
	if len(fields) != 2 {
		return raw, fmt.Errorf("does not have 2 fields")
	}
	as, ok1 := parseDecimal(fields[0], math.MaxUint16)
	rate, ok2 := parseDecimal(fields[1], 1<<40)
	if !ok1 || !ok2 {
		return raw, fmt.Errorf("is not a 2-byte AS and a rate in bytes a second")
	}
	if uint64(float32(rate)) != rate {
		return raw, fmt.Errorf("has a rate that 32-bit floating point can't hold exactly; the nearest is %d", uint64(float32(rate)))
	}
	raw[0], raw[1] = 0x40, 0x04
	binary.BigEndian.PutUint16(raw[2:], uint16(as))
	binary.BigEndian.PutUint32(raw[4:], math.Float32bits(float32(rate)))
	return raw, nil
}

// FormatExtendedCommunity gives an extended community its canonical text: the
// spelling that parses to the same 8 bytes, or hex where there is none.
func FormatExtendedCommunity(raw [8]byte) string {
	for _, text := range spellings(raw) {
		if back, err := extendedCommunity(text); err == nil && back == raw {
			return text
		}
	}
	return "0x" + hex.EncodeToString(raw[:])
}

func spellings(raw [8]byte) []string {
	words := map[byte]string{0x02: "target", 0x03: "origin"}
	u16 := func(i int) string { return strconv.Itoa(int(binary.BigEndian.Uint16(raw[i:]))) }
	u32 := func(i int) string { return strconv.FormatUint(uint64(binary.BigEndian.Uint32(raw[i:])), 10) }
	switch word := words[raw[1]]; {
	case raw[0] == 0x00 && word != "":
		return []string{word + ":" + u16(2) + ":" + u32(4)}
	case raw[0] == 0x01 && word != "":
		return []string{word + ":" + netip.AddrFrom4([4]byte(raw[2:6])).String() + ":" + u16(6)}
	case raw[0] == 0x02 && word != "":
		return []string{word + ":" + u32(2) + ":" + u16(6), word + "4:" + u32(2) + ":" + u16(6)}
	case raw[0] == 0x80 && raw[1] == 0x08:
		return []string{"redirect:" + u16(2) + ":" + u32(4)}
	case raw[0] == 0x80 && raw[1] == 0x0a:
		return []string{fmt.Sprintf("l2info:%d:%d:%s:%s", raw[2], raw[3], u16(4), u16(6))}
	case raw == [8]byte{0x08}:
		return []string{"redirect-to-nexthop"}
	case raw[0] == 0x40 && raw[1] == 0x04:
		rate := math.Float32frombits(binary.BigEndian.Uint32(raw[4:]))
		if rate >= 0 && rate <= 1<<40 {
			return []string{"bandwidth:" + u16(2) + ":" + strconv.FormatUint(uint64(rate), 10)}
		}
	}
	return nil
}

// ExtendedCommunityBytes is the wire form of a canonical extended community.
func ExtendedCommunityBytes(text string) ([8]byte, error) { return extendedCommunity(text) }
