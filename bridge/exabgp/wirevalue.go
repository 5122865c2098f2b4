package exabgp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"routesync/state"
)

// The type codes of the attributes that are rendered raw.
const (
	codeExtendedCommunity = 0x10
	codeLargeCommunity    = 0x20
	codePrefixSID         = 0x28
)

// The TLV types of BGP Prefix-SID: RFC 8669 §3.1 and §3.2, RFC 9252 §2, and two
// that exaBGP took from drafts (bgp/message/update/attribute/sr).
const (
	tlvLabelIndex = 1
	tlvIPv6SID    = 2
	tlvSRGB       = 3
	tlvVPNSID     = 4
	tlvL3VPNSID   = 5
)

// wireValue encodes an attribute's canonical values as exaBGP would.
func wireValue(name state.Name, values []string) (code byte, data []byte) {
	switch name {
	case state.ExtendedCommunity:
		for _, v := range values {
			raw, _ := state.ExtendedCommunityBytes(v) // canonical values encode
			data = append(data, raw[:]...)
		}
		return codeExtendedCommunity, data
	case state.LargeCommunity:
		for _, v := range values {
			for part := range strings.SplitSeq(v, ":") {
				n, _ := strconv.ParseUint(part, 10, 32)
				data = binary.BigEndian.AppendUint32(data, uint32(n))
			}
		}
		return codeLargeCommunity, data
	case state.PrefixSID:
		index, _ := strconv.ParseUint(values[0], 10, 32)
		data = append(data, tlvLabelIndex, 0, 7, 0, 0, 0)
		data = binary.BigEndian.AppendUint32(data, uint32(index))
		if ranges := values[1:]; len(ranges) > 0 {
			data = append(data, tlvSRGB)
			data = binary.BigEndian.AppendUint16(data, uint16(2+6*len(ranges)))
			data = append(data, 0, 0)
			for _, r := range ranges {
				base, size, _ := strings.Cut(strings.Trim(r, "()"), ",")
				data = append(data, uint24(base)...)
				data = append(data, uint24(size)...)
			}
		}
	case state.PrefixSIDSRv6:
		word, text, _ := strings.Cut(values[0], " ")
		addr, _ := netip.ParseAddr(text)
		sid := addr.As16()
		switch word {
		case "ipv6":
			data = slices.Concat([]byte{tlvIPv6SID, 0, 19, 0, 0, 0}, sid[:])
		case "vpn":
			data = slices.Concat([]byte{tlvVPNSID, 0, 19, 0, 0, 0}, sid[:])
		case "l3vpn":
			data = slices.Concat([]byte{tlvL3VPNSID, 0, 21, 0}, sid[:], []byte{0, 0xff, 0xff, 0})
		}
	}
	return codePrefixSID, data
}

func uint24(text string) []byte {
	n, _ := strconv.ParseUint(text, 10, 24)
	return binary.BigEndian.AppendUint32(nil, uint32(n))[1:]
}

// keywordValue turns a raw attribute that has a keyword of its own into the
// keyword's values; false if it is not exactly what wireValue makes of some
// values.
func keywordValue(code byte, data []byte) (name state.Name, values []string, ok bool) {
	switch code {
	case codeExtendedCommunity:
		if len(data) == 0 || len(data)%8 != 0 {
			return "", nil, false
		}
		for c := range slices.Chunk(data, 8) {
			values = append(values, state.FormatExtendedCommunity([8]byte(c)))
		}
		return state.ExtendedCommunity, values, true
	case codeLargeCommunity:
		if len(data) == 0 || len(data)%12 != 0 {
			return "", nil, false
		}
		for c := range slices.Chunk(data, 12) {
			n := func(i int) uint32 { return binary.BigEndian.Uint32(c[i:]) }
			values = append(values, fmt.Sprintf("%d:%d:%d", n(0), n(4), n(8)))
		}
		return state.LargeCommunity, values, true
	case codePrefixSID:
		name, values = prefixSID(data)
		if name == "" {
			return "", nil, false
		}
		_, back := wireValue(name, values)
		return name, values, slices.Equal(back, data)
	}
	return "", nil, false
}

func prefixSID(data []byte) (state.Name, []string) {
	sid := func(word string, at int) (state.Name, []string) {
		return state.PrefixSIDSRv6, []string{word + " " + netip.AddrFrom16([16]byte(data[at:])).String()}
	}
	switch {
	case len(data) == 22 && data[0] == tlvIPv6SID:
		return sid("ipv6", 6)
	case len(data) == 22 && data[0] == tlvVPNSID:
		return sid("vpn", 6)
	case len(data) == 24 && data[0] == tlvL3VPNSID:
		return sid("l3vpn", 4)
	case len(data) < 10 || data[0] != tlvLabelIndex:
		return "", nil
	}
	values := []string{strconv.FormatUint(uint64(binary.BigEndian.Uint32(data[6:])), 10)}
	if rest := data[10:]; len(rest) > 5 {
		for r := range slices.Chunk(rest[5:], 6) {
			if len(r) < 6 {
				return "", nil
			}
			n := func(i int) uint32 { return uint32(r[i])<<16 | uint32(r[i+1])<<8 | uint32(r[i+2]) }
			values = append(values, fmt.Sprintf("(%d,%d)", n(0), n(3)))
		}
	}
	return state.PrefixSID, values
}
