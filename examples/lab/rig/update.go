package rig

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// The parts of an MRT record (RFC 6396 §2, §4.4) that BIRD writes.
const (
	mrtHeader        = 12
	mrtBGP4MP        = 16
	stateChange      = 0
	stateChangeAS4   = 5
	message          = 1
	messageAS4       = 4
	stateEstablished = 6
)

// The parts of an UPDATE (RFC 4271 §4.3, RFC 4760).
const (
	bgpHeader     = 19
	bgpUpdate     = 2
	attrOrigin    = 1
	attrASPath    = 2
	attrNextHop   = 3
	attrMED       = 4
	attrCommunity = 8
	attrReach     = 14
	attrUnreach   = 15
	attrLarge     = 32
	extendedLen   = 0x10
	afiIPv4       = 1
	safiUnicast   = 1
	safiFlow      = 133 // RFC 8955 §4
)

var errShort = errors.New("it is cut short")

// errFlow is about flows, which a tape passes over.
var errFlow = errors.New("flows are not recorded")

// record is one record of an MRT dump: a message or a change of the session.
type record struct {
	subtype  uint16
	from, to uint16 // states
	message  []byte // with BGP's header
}

// nextRecord cuts the first record off a dump. With less than one it returns
// nothing and the dump as it is.
func nextRecord(dump []byte) (*record, []byte, error) {
	if len(dump) < mrtHeader {
		return nil, dump, nil
	}
	size := int(binary.BigEndian.Uint32(dump[8:]))
	if len(dump) < mrtHeader+size {
		return nil, dump, nil
	}
	kind := binary.BigEndian.Uint16(dump[4:])
	r := &record{subtype: binary.BigEndian.Uint16(dump[6:])}
	body, rest := dump[mrtHeader:mrtHeader+size], dump[mrtHeader+size:]
	if kind != mrtBGP4MP {
		return nil, rest, fmt.Errorf("an MRT record of type %d", kind)
	}
	return r, rest, r.read(body)
}

func (r *record) read(body []byte) error {
	as := 2
	if r.subtype == messageAS4 || r.subtype == stateChangeAS4 {
		as = 4
	}
	addresses := 2*as + 2
	if len(body) < addresses+2 {
		return errShort
	}
	size := 4
	if binary.BigEndian.Uint16(body[addresses:]) != afiIPv4 {
		size = 16
	}
	head := addresses + 2 + 2*size
	if len(body) < head {
		return errShort
	}
	body = body[head:]
	switch r.subtype {
	case stateChange, stateChangeAS4:
		if len(body) < 4 {
			return errShort
		}
		r.from, r.to = binary.BigEndian.Uint16(body), binary.BigEndian.Uint16(body[2:])
	case message, messageAS4:
		if len(body) < bgpHeader {
			return errShort
		}
		r.message = body
	default:
		return fmt.Errorf("an MRT record of subtype %d", r.subtype)
	}
	return nil
}

// update is what one UPDATE says. Of a session with AS numbers of four octets:
// those of two can't be told apart, and exaBGP has the capability.
type update struct {
	announced, withdrawn []netip.Prefix
	path                 string // the attributes, in words
	endOfRIB             bool   // RFC 4724 §2
}

// parseUpdate reads a message; nil is another one than an UPDATE. A family that
// is not unicast is an error: its routes would go unseen.
func parseUpdate(message []byte) (*update, error) {
	if message[bgpHeader-1] != bgpUpdate {
		return nil, nil
	}
	body := message[bgpHeader:]
	gone, body, err := counted(body)
	if err != nil {
		return nil, err
	}
	attrs, body, err := counted(body)
	if err != nil {
		return nil, err
	}
	u := &update{endOfRIB: len(gone)+len(attrs)+len(body) == 0}
	if u.withdrawn, err = prefixes(gone, false); err != nil {
		return nil, err
	}
	if u.announced, err = prefixes(body, false); err != nil {
		return nil, err
	}
	return u, u.attributes(attrs)
}

// counted cuts what has its length in front.
func counted(b []byte) (counted, rest []byte, err error) {
	if len(b) < 2 {
		return nil, nil, errShort
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	if len(b) < n {
		return nil, nil, errShort
	}
	return b[2:n], b[n:], nil
}

// attributes reads the path attributes. What has no word of its own here stays
// in hexadecimal, so that no two paths that differ look alike.
func (u *update) attributes(b []byte) error {
	words := map[int]string{}
	for len(b) > 0 {
		code, value, rest, err := attribute(b)
		if err != nil {
			return err
		}
		b = rest
		switch code {
		case attrReach:
			hop, err := u.reach(value)
			if err != nil {
				return err
			}
			words[attrNextHop] = "next-hop " + hop
		case attrUnreach:
			if err := u.unreach(value); err != nil {
				return err
			}
		default:
			words[code] = word(code, value)
		}
	}
	var path []string
	for _, code := range slices.Sorted(maps.Keys(words)) {
		path = append(path, words[code])
	}
	u.path = strings.Join(path, " ")
	return nil
}

func attribute(b []byte) (code int, value, rest []byte, err error) {
	if len(b) < 3 {
		return 0, nil, nil, errShort
	}
	head, size := 3, int(b[2])
	if b[0]&extendedLen != 0 {
		if len(b) < 4 {
			return 0, nil, nil, errShort
		}
		head, size = 4, int(binary.BigEndian.Uint16(b[2:]))
	}
	if len(b) < head+size {
		return 0, nil, nil, errShort
	}
	return int(b[1]), b[head : head+size], b[head+size:], nil
}

// word is an attribute as exaBGP's commands have it.
func word(code int, value []byte) string {
	switch {
	case code == attrOrigin && len(value) == 1 && value[0] <= 2:
		return "origin " + []string{"igp", "egp", "incomplete"}[value[0]]
	case code == attrASPath && len(value) == 0:
		return "as-path []"
	case code == attrASPath && value[0] == 2 && len(value) == 2+4*int(value[1]): // one AS_SEQUENCE
		return "as-path [" + strings.Join(numbers(value[2:], 4, 1), " ") + "]"
	case code == attrNextHop && len(value) == 4:
		hop, _ := netip.AddrFromSlice(value)
		return "next-hop " + hop.String()
	case code == attrMED && len(value) == 4:
		return "med " + numbers(value, 4, 1)[0]
	case code == attrCommunity && len(value)%4 == 0:
		return "community [" + strings.Join(numbers(value, 2, 2), " ") + "]"
	case code == attrLarge && len(value)%12 == 0:
		return "large-community [" + strings.Join(numbers(value, 4, 3), " ") + "]"
	}
	return fmt.Sprintf("attribute %d %x", code, value)
}

// numbers reads numbers of a size, joined by colons in groups.
func numbers(b []byte, size, group int) []string {
	var all []string
	for ; len(b) > 0; b = b[size*group:] {
		var one []string
		for i := range group {
			n := b[i*size : (i+1)*size]
			if size == 2 {
				one = append(one, strconv.Itoa(int(binary.BigEndian.Uint16(n))))
			} else {
				one = append(one, strconv.FormatUint(uint64(binary.BigEndian.Uint32(n)), 10))
			}
		}
		all = append(all, strings.Join(one, ":"))
	}
	return all
}

// reach reads MP_REACH_NLRI, and returns the next hop, the first of two.
func (u *update) reach(b []byte) (string, error) {
	six, err := unicast(b)
	if errors.Is(err, errFlow) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if len(b) < 4 || len(b) < 5+int(b[3]) {
		return "", errShort
	}
	size := 4
	if b[3] >= 16 {
		size = 16
	}
	hop, _ := netip.AddrFromSlice(b[4 : 4+size])
	announced, err := prefixes(b[5+int(b[3]):], six)
	u.announced = append(u.announced, announced...)
	return hop.String(), err
}

func (u *update) unreach(b []byte) error {
	six, err := unicast(b)
	if errors.Is(err, errFlow) {
		return nil
	}
	if err != nil {
		return err
	}
	withdrawn, err := prefixes(b[3:], six)
	u.withdrawn = append(u.withdrawn, withdrawn...)
	u.endOfRIB = u.endOfRIB || len(b) == 3
	return err
}

func unicast(b []byte) (six bool, err error) {
	if len(b) < 3 {
		return false, errShort
	}
	afi, safi := binary.BigEndian.Uint16(b), b[2]
	if safi == safiFlow {
		return false, errFlow
	}
	if safi != safiUnicast || afi > 2 {
		return false, fmt.Errorf("routes of AFI %d, SAFI %d, which are not recorded", afi, safi)
	}
	return afi != afiIPv4, nil
}

// prefixes reads NLRI of unicast without add-path.
func prefixes(b []byte, six bool) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for len(b) > 0 {
		bits := int(b[0])
		size := (bits + 7) / 8
		var addr netip.Addr
		switch {
		case len(b) < 1+size, six && size > 16, !six && size > 4:
			return nil, errShort
		case six:
			var a [16]byte
			copy(a[:], b[1:1+size])
			addr = netip.AddrFrom16(a)
		default:
			var a [4]byte
			copy(a[:], b[1:1+size])
			addr = netip.AddrFrom4(a)
		}
		all = append(all, netip.PrefixFrom(addr, bits))
		b = b[1+size:]
	}
	return all, nil
}
