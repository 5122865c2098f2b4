package state

import (
	"fmt"
	"strings"
)

// A plain key is one of a unicast prefix without a path identifier: the address
// and the prefix length are all of it.
func (k Key) plain() bool {
	switch k.Family {
	case IPv4Unicast:
		return len(k.NLRI) == 4+1
	case IPv6Unicast:
		return len(k.NLRI) == 16+1
	}
	return false
}

// PackKeys writes keys of one family as BGP does, in their order: of each the
// prefix length in one byte, and the fewest bytes that hold the prefix
// (RFC 4271 §4.3). It returns nil if they are not all plain unicast prefixes of
// one family, without path identifiers.
func PackKeys(keys []Key) []byte {
	size := 0
	for _, k := range keys {
		if !k.plain() || k.Family != keys[0].Family {
			return nil
		}
		size += 1 + prefixBytes(k.NLRI[len(k.NLRI)-1])
	}
	b := make([]byte, 0, size)
	for _, k := range keys {
		length := k.NLRI[len(k.NLRI)-1]
		b = append(b, length)
		b = append(b, k.NLRI[:prefixBytes(length)]...)
	}
	return b
}

// prefixBytes is how many bytes hold a prefix of a length.
func prefixBytes(length byte) int { return (int(length) + 7) / 8 }

// UnpackKeys reads exactly what [PackKeys] wrote of keys of a family. The keys
// share one piece of memory.
func UnpackKeys(f Family, packed []byte) ([]Key, error) {
	addr := 4
	switch f {
	case IPv4Unicast:
	case IPv6Unicast:
		addr = 16
	default:
		return nil, fmt.Errorf("prefixes of family %s are not packed", f)
	}
	n := 0
	for rest := packed; len(rest) > 0; n++ {
		length := rest[0]
		size := 1 + prefixBytes(length)
		switch {
		case int(length) > 8*addr:
			return nil, fmt.Errorf("packed prefix %d of family %s has length %d", n+1, f, length)
		case size > len(rest):
			return nil, fmt.Errorf("packed prefix %d of family %s is cut short", n+1, f)
		case length%8 != 0 && rest[size-1]<<(length%8) != 0:
			return nil, fmt.Errorf("packed prefix %d of family %s has host bits set", n+1, f)
		}
		rest = rest[size:]
	}
	var all strings.Builder
	all.Grow(n * (addr + 1))
	var zeros [16]byte
	for rest := packed; len(rest) > 0; {
		size := prefixBytes(rest[0])
		all.Write(rest[1 : 1+size])
		all.Write(zeros[:addr-size])
		all.WriteByte(rest[0])
		rest = rest[1+size:]
	}
	keys, nlri := make([]Key, n), all.String()
	for i := range keys {
		keys[i] = Key{Family: f, NLRI: nlri[i*(addr+1) : (i+1)*(addr+1)]}
	}
	return keys, nil
}
