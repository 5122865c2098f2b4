package table

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
)

// lengths are how many prefixes of each length the Internet's routing table has,
// as it is in the test data of github.com/gaissmai/bart (MIT): 1,062,046 of them.
var (
	lengths4 = map[int]int{
		8: 16, 9: 13, 10: 38, 11: 103, 12: 299, 13: 581, 14: 1203, 15: 2100, 16: 13490, 17: 8235, 18: 13798, 19: 24870,
		20: 42611, 21: 50750, 22: 108623, 23: 96510, 24: 537698, 25: 20, 26: 3, 27: 11, 28: 18, 29: 17, 30: 3, 31: 3, 32: 886,
	}
	lengths6 = map[int]int{
		16: 1, 19: 1, 20: 16, 21: 3, 22: 7, 23: 8, 24: 30, 25: 8, 26: 15, 27: 20, 28: 193, 29: 4371, 30: 650, 31: 284, 32: 22548,
		33: 2926, 34: 2603, 35: 1043, 36: 5996, 37: 880, 38: 1617, 39: 1377, 40: 13418, 41: 903, 42: 2301, 43: 1001, 44: 14365,
		45: 1553, 46: 3039, 47: 3153, 48: 75488, 49: 11, 50: 3, 52: 1, 55: 1, 56: 24, 58: 20, 60: 2, 64: 184, 112: 2, 122: 1,
		124: 4, 125: 9, 126: 19, 127: 42, 128: 6,
	}
)

// Generate makes up a table with the lengths of the Internet's: the same one each
// time, in order, IPv4 first. All is global unicast; nothing is twice.
func Generate() []netip.Prefix {
	draws := rand.New(rand.NewPCG(1, 1))
	seen := make(map[netip.Prefix]bool, 1<<20)
	var v4, v6 []netip.Prefix
	for _, family := range []struct {
		lengths map[int]int
		into    *[]netip.Prefix
		draw    func(*rand.Rand) netip.Addr
	}{{lengths4, &v4, draw4}, {lengths6, &v6, draw6}} {
		for bits := range 129 { // in order, or it would be another table each time
			for left := family.lengths[bits]; left > 0; {
				p := netip.PrefixFrom(family.draw(draws), bits).Masked()
				if special(p) || seen[p] {
					continue
				}
				seen[p] = true
				*family.into = append(*family.into, p)
				left--
			}
		}
		slices.SortFunc(*family.into, comparePrefixes)
	}
	return append(v4, v6...)
}

func draw4(draws *rand.Rand) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, draws.Uint32())))
}

// draw6 draws from 2000::/3 (RFC 4291 §2.4).
func draw6(draws *rand.Rand) netip.Addr {
	b := binary.BigEndian.AppendUint64(nil, draws.Uint64()&^(7<<61)|1<<61)
	return netip.AddrFrom16([16]byte(binary.BigEndian.AppendUint64(b, draws.Uint64())))
}

func comparePrefixes(a, b netip.Prefix) int {
	if c := a.Addr().Compare(b.Addr()); c != 0 {
		return c
	}
	return a.Bits() - b.Bits()
}

// reserved is what is not routed (RFC 6890, RFC 5737, RFC 3849), and so is free
// for what a test adds.
var reserved = func() (all []netip.Prefix) {
	for _, text := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3", "2001::/23", "2001:db8::/32", "2002::/16",
	} {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}()

func special(p netip.Prefix) bool {
	return slices.ContainsFunc(reserved, p.Overlaps)
}
