package routefile

import "net/netip"

// plainPrefix reads a prefix as [state.ParsePrefix] does, if it is written in the
// most usual way; false does not mean that it is none.
func plainPrefix(b []byte) (netip.Prefix, bool) {
	slash := len(b) - 2
	switch {
	case len(b) < len("1::/0") || !isHex(b[0]):
		return netip.Prefix{}, false
	case b[slash] == '/':
	case b[slash-1] == '/':
		slash--
	case b[slash-2] == '/':
		slash -= 2
	default:
		return netip.Prefix{}, false
	}
	bits, ok := decimal(b[slash+1:], 128)
	if !ok {
		return netip.Prefix{}, false
	}
	addr, ok := plainIPv4(b[:slash])
	if !ok {
		addr, ok = plainIPv6(b[:slash])
	}
	p := netip.PrefixFrom(addr, bits)
	return p, ok && p.IsValid() && p.Masked() == p && (addr.Is6() || !addr.IsMulticast())
}

// plainIPv4 reads four decimal numbers.
func plainIPv4(b []byte) (netip.Addr, bool) {
	var a [4]byte
	n, from := 0, 0
	for i := 0; i <= len(b); i++ {
		if i < len(b) && b[i] != '.' {
			continue
		}
		number, ok := decimal(b[from:i], 255)
		if !ok || n == len(a) {
			return netip.Addr{}, false
		}
		a[n], from = byte(number), i+1
		n++
	}
	return netip.AddrFrom4(a), n == len(a)
}

// plainIPv6 reads groups of hex digits, with one gap or none, and no IPv4 address
// in it.
func plainIPv6(b []byte) (netip.Addr, bool) {
	var a [16]byte
	n, gap := 0, -1 // bytes so far, and how many were before the gap
	for i := 0; i < len(b); {
		from, group := i, 0
		for ; i < len(b) && i < from+4 && isHex(b[i]); i++ {
			group = group<<4 | int(hexDigit(b[i]))
		}
		if i == from || n == len(a) {
			return netip.Addr{}, false
		}
		a[n], a[n+1] = byte(group>>8), byte(group)
		n += 2
		if i == len(b) {
			break
		}
		if b[i] != ':' || i+1 == len(b) {
			return netip.Addr{}, false
		}
		i++
		if b[i] == ':' {
			if gap >= 0 {
				return netip.Addr{}, false
			}
			gap = n
			i++
		}
	}
	switch {
	case gap < 0 && n < len(a), gap >= 0 && n == len(a):
		return netip.Addr{}, false
	case gap >= 0:
		moved := copy(a[len(a)-(n-gap):], a[gap:n])
		clear(a[gap : len(a)-moved])
	}
	addr := netip.AddrFrom16(a)
	return addr, !addr.Is4In6()
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func hexDigit(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&0x0f + 9
}

// decimal reads a number without leading zeros, up to limit.
func decimal(b []byte, limit int) (int, bool) {
	if len(b) == 0 || len(b) > 3 || len(b) > 1 && b[0] == '0' {
		return 0, false
	}
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, n <= limit
}
