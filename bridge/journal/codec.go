package journal

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
	"slices"
	"strings"

	"routesync/state"
)

// The versions of a record. The second has a provenance in every claim, the
// third a lease in every provenance, the fourth a value and whether it is leaving
// in every claim, the fifth whether it is set aside, the sixth with which launch
// it was given; each is written only where there is one. What is in a version
// never changes: a journal that can't be read makes every route of the files a
// foreign one.
const (
	recordVersion = 1
	recordByHand  = 2
	recordLeased  = 3
	recordValued  = 4
	recordAside   = 5
	recordLaunch  = 6
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// versionFor is the first version that can say what claims do.
func versionFor(claims []Claim) byte {
	version := byte(recordVersion)
	for _, c := range claims {
		switch {
		case c.Launch != 0:
			return recordLaunch
		case c.Aside:
			version = recordAside
		case version >= recordAside:
		case c.Value != "" || c.Leaving:
			version = recordValued
		case c.From.Lease != 0:
			version = max(version, recordLeased)
		case c.From != state.Provenance{}:
			version = max(version, recordByHand)
		}
	}
	return version
}

// encodeKey puts keys in the order of [state.CompareKeys].
func encodeKey(k state.Key) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(k.NLRI)), uint32(k.Family)), k.NLRI...)
}

func decodeKey(b []byte) (state.Key, error) {
	if len(b) < 4 {
		return state.Key{}, fmt.Errorf("key %x is shorter than a family", b)
	}
	return state.Key{Family: state.Family(binary.BigEndian.Uint32(b)), NLRI: string(b[4:])}, nil
}

func compareClaims(a, b Claim) int {
	return cmp.Or(strings.Compare(a.Owner, b.Owner), cmp.Compare(a.From.At, b.From.At),
		strings.Compare(a.From.By, b.From.By), cmp.Compare(a.From.Expires, b.From.Expires),
		cmp.Compare(a.From.Lease, b.From.Lease), strings.Compare(a.Value, b.Value),
		compareBools(a.Leaving, b.Leaving), compareBools(a.Aside, b.Aside),
		cmp.Compare(a.Launch, b.Launch), compareBools(a.Spelled, b.Spelled))
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// canonical is claims in the order of their owners, provenances and values, each
// once, the peers in order.
func canonical(claims []Claim) []Claim {
	sorted := slices.Clone(claims)
	slices.SortStableFunc(sorted, compareClaims)
	var out []Claim
	for _, c := range sorted {
		if n := len(out); n > 0 && compareClaims(out[n-1], c) == 0 {
			out[n-1].Peers = append(out[n-1].Peers, c.Peers...)
			continue
		}
		c.Peers = append([]netip.Addr(nil), c.Peers...)
		out = append(out, c)
	}
	for i := range out {
		slices.SortFunc(out[i].Peers, netip.Addr.Compare)
		out[i].Peers = slices.Compact(out[i].Peers)
	}
	return out
}

// inOrder tells whether addresses are in order, each once.
func inOrder(peers []netip.Addr) bool {
	for i := 1; i < len(peers); i++ {
		if peers[i-1].Compare(peers[i]) >= 0 {
			return false
		}
	}
	return true
}

// encodeClaims is the value of a record; key is what [encodeKey] made.
func encodeClaims(key []byte, claims []Claim) ([]byte, error) {
	if len(claims) != 1 || !inOrder(claims[0].Peers) {
		claims = canonical(claims)
	}
	version := versionFor(claims)
	b := binary.AppendUvarint(append(make([]byte, 0, 96), version), uint64(len(claims)))
	for _, c := range claims {
		b = appendText(b, c.Owner)
		if version >= recordByHand {
			b = appendText(b, c.From.By)
			b = binary.AppendVarint(b, c.From.At)
			b = binary.AppendVarint(b, c.From.Expires)
		}
		if version >= recordLeased {
			b = binary.AppendVarint(b, c.From.Lease)
		}
		if version >= recordValued {
			b = appendText(b, c.Value)
			b = append(b, flag(c.Leaving))
		}
		if version >= recordAside {
			b = append(b, flag(c.Aside))
		}
		if version >= recordLaunch {
			b = binary.AppendUvarint(b, c.Launch<<1|uint64(flag(c.Spelled)))
		}
		b = binary.AppendUvarint(b, uint64(len(c.Peers)))
		for _, p := range c.Peers {
			if !p.IsValid() || p.Zone() != "" {
				return nil, fmt.Errorf("peer %q of owner %q is no plain address", p, c.Owner)
			}
			b = appendAddr(b, p)
		}
	}
	return binary.BigEndian.AppendUint32(b, checksum(key, b)), nil
}

func appendAddr(b []byte, a netip.Addr) []byte {
	if a.Is4() {
		four := a.As4()
		return append(append(b, 4), four[:]...)
	}
	sixteen := a.As16()
	return append(append(b, 16), sixteen[:]...)
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// decoder reads records, of which most say the same of other keys: those share
// their claims.
type decoder struct {
	last   []byte // the record before, without its checksum
	claims []Claim
	known  map[string][]Claim
}

func (d *decoder) claimsOf(key, value []byte) ([]Claim, error) {
	body := len(value) - 4
	if body < 1 || storedChecksum(value) != checksum(key, value[:body]) {
		return decodeClaims(key, value) // says what is wrong
	}
	if bytes.Equal(value[:body], d.last) {
		return d.claims, nil
	}
	claims, known := d.known[string(value[:body])]
	if !known {
		var err error
		if claims, err = decodeClaims(key, value); err != nil {
			return nil, err
		}
		if d.known == nil {
			d.known = map[string][]Claim{}
		}
		d.known[string(value[:body])] = claims
	}
	d.last, d.claims = value[:body], claims
	return claims, nil
}

// decodeClaims reads exactly what [encodeClaims] writes.
func decodeClaims(key, value []byte) ([]Claim, error) {
	if len(value) < 1 || value[0] < recordVersion || value[0] > recordLaunch {
		return nil, fmt.Errorf("record is not of version %d to %d", recordVersion, recordLaunch)
	}
	body := len(value) - 4
	if body < 1 || storedChecksum(value) != checksum(key, value[:body]) {
		return nil, errors.New("checksum of the record is wrong")
	}
	r := reader{b: value[1:body]}
	n := r.count(2)
	if n == 0 {
		r.fail("no owners")
	}
	claims := make([]Claim, 0, n)
	for range n {
		c := Claim{Owner: string(r.take(r.count(1)))}
		if value[0] >= recordByHand {
			c.From = state.Provenance{By: string(r.take(r.count(1))), At: r.number(), Expires: r.number()}
		}
		if value[0] >= recordLeased {
			c.From.Lease = r.number()
		}
		if value[0] >= recordValued {
			c.Value, c.Leaving = string(r.take(r.count(1))), r.flag()
		}
		if value[0] >= recordAside {
			c.Aside = r.flag()
		}
		if value[0] >= recordLaunch {
			launch := r.unsigned()
			c.Launch, c.Spelled = launch>>1, launch&1 == 1
			if c.Spelled && c.Launch == 0 {
				r.fail("words of no launch")
			}
		}
		if i := len(claims); i > 0 && compareClaims(claims[i-1], c) >= 0 {
			r.fail("claims out of order")
		}
		for range r.count(5) {
			c.Peers = append(c.Peers, r.peer(c.Peers))
		}
		claims = append(claims, c)
	}
	if len(r.b) > 0 {
		r.fail("bytes after the last claim")
	}
	if versionFor(claims) != value[0] {
		r.fail("an earlier version can say the same")
	}
	if r.err != nil {
		return nil, r.err
	}
	return claims, nil
}

func checksum(key, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, body)
}

// storedChecksum is the checksum that stands at the end of a record; 0 for one
// that is too short to have it.
func storedChecksum(value []byte) uint32 {
	if len(value) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(value[len(value)-4:])
}

// reader takes values off b; after the first fault it yields zeros.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("record: %s", what)
	}
	r.b = nil
}

// count reads a number of things that take at least size bytes each, so that
// no number can ask for more memory than the record is long.
func (r *reader) count(size int) int {
	n := r.unsigned()
	if n > uint64(len(r.b)/size) {
		r.fail("number is larger than what follows")
		return 0
	}
	return int(n)
}

// unsigned reads a number that is not negative.
func (r *reader) unsigned() uint64 {
	n, used := binary.Uvarint(r.b)
	if used <= 0 || (used > 1 && r.b[used-1] == 0) {
		r.fail("number is cut or not in its shortest form")
		return 0
	}
	r.b = r.b[used:]
	return n
}

// number reads a signed number.
func (r *reader) number() int64 {
	n, used := binary.Varint(r.b)
	if used <= 0 || (used > 1 && r.b[used-1] == 0) {
		r.fail("number is cut or not in its shortest form")
		return 0
	}
	r.b = r.b[used:]
	return n
}

func (r *reader) flag() bool {
	b := r.take(1)
	if len(b) == 0 || b[0] > 1 {
		r.fail("flag is neither 0 nor 1")
		return false
	}
	return b[0] == 1
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.fail("cut short")
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// peer reads an address that comes after those before it.
func (r *reader) peer(before []netip.Addr) netip.Addr {
	size := r.take(1)
	if len(size) == 0 || (size[0] != 4 && size[0] != 16) {
		r.fail("address is of neither 4 nor 16 bytes")
		return netip.Addr{}
	}
	addr, ok := netip.AddrFromSlice(r.take(int(size[0])))
	if !ok {
		r.fail("address is cut short")
		return netip.Addr{}
	}
	if n := len(before); n > 0 && before[n-1].Compare(addr) >= 0 {
		r.fail("peers out of order")
	}
	return addr
}
