package state

import (
	"encoding/binary"
	"fmt"
	"math"
)

// vplsLength is that of a VPLS key's NLRI: route distinguisher, VE ID, VE
// block offset, VE block size and label base (RFC 4761 §3.2.2), the last in 4
// bytes.
const vplsLength = 8 + 2 + 2 + 2 + 4

// VPLSKey is the key of a VPLS route, in exaBGP's words: endpoint is the VE
// ID, base the first label of the block, offset and size are the block's. All
// of them are the identity: exaBGP holds routes that differ in any of them to
// be different (vpls.py, pack_nlri), and RFC 4761 names no part that is not.
// Its errors are [*Fault].
func VPLSKey(rd string, endpoint, base, offset, size uint32) (Key, error) {
	d, err := distinguish(L2VPNVPLS, rd)
	if err != nil {
		return Key{}, err
	}
	for _, field := range []struct {
		name  string
		value uint32
	}{{"endpoint", endpoint}, {"offset", offset}, {"size", size}} {
		if field.value > math.MaxUint16 {
			return Key{}, &Fault{Msg: fmt.Sprintf("vpls %s %d is not in 0..%d", field.name, field.value, math.MaxUint16)}
		}
	}
	if base > maxLabel || base+size > maxLabel {
		return Key{}, &Fault{Msg: fmt.Sprintf("vpls labels from base %d to base and size %d are not in 0..%d", base, uint64(base)+uint64(size), maxLabel)}
	}
	b := binary.BigEndian.AppendUint16(d, uint16(endpoint))
	b = binary.BigEndian.AppendUint16(b, uint16(offset))
	b = binary.BigEndian.AppendUint16(b, uint16(size))
	b = binary.BigEndian.AppendUint32(b, base)
	return Key{Family: L2VPNVPLS, NLRI: string(b)}, nil
}

// VPLS is what [VPLSKey] made the key of; false for a key of another family.
func (k Key) VPLS() (endpoint, base, offset, size uint32, ok bool) {
	if k.Family != L2VPNVPLS || len(k.NLRI) != vplsLength {
		return 0, 0, 0, 0, false
	}
	b := []byte(k.NLRI)
	short := func(at int) uint32 { return uint32(binary.BigEndian.Uint16(b[at:])) }
	return short(8), binary.BigEndian.Uint32(b[14:]), short(10), short(12), true
}

func (k Key) vplsString() string {
	endpoint, base, offset, size, _ := k.VPLS()
	return fmt.Sprintf("vpls rd %s endpoint %d base %d offset %d size %d", k.RD(), endpoint, base, offset, size)
}

func parseVPLSKey(words []string) (Key, error) {
	if words[0] != "vpls" {
		return Key{}, fmt.Errorf("it is no vpls")
	}
	words = words[1:]
	rd := takeWord("rd", &words)
	var numbers [4]uint32
	for i, name := range []string{"endpoint", "base", "offset", "size"} {
		n, ok := parseDecimal(takeWord(name, &words), math.MaxUint32)
		if !ok {
			return Key{}, fmt.Errorf("%s is missing or no number", name)
		}
		numbers[i] = uint32(n)
	}
	if len(words) > 0 {
		return Key{}, fmt.Errorf("%q is too much", words[0])
	}
	return VPLSKey(rd, numbers[0], numbers[1], numbers[2], numbers[3])
}
