package state

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParsePrefix(t *testing.T) {
	for _, good := range []string{"0.0.0.0/0", "10.0.0.0/8", "192.0.2.1/32", "::/0", "2001:db8::/32", "2001:db8::1/128"} {
		if p, err := ParsePrefix(good); err != nil || p.String() != good {
			t.Errorf("%s: %s, %v", good, p, err)
		}
	}
	for _, c := range []struct{ text, msg, hint string }{
		{"10.0.0.1/24", "prefix 10.0.0.1/24 has host bits set", "the network is 10.0.0.0/24, the host route 10.0.0.1/32"},
		{"2001:db8::1/32", "prefix 2001:db8::1/32 has host bits set", "the network is 2001:db8::/32, the host route 2001:db8::1/128"},
		{"10.0.300.0/24", `"10.0.300.0/24" is not a prefix: "10.0.300.0" is not an ip address`, ""},
		{"192.0.2.1", `prefix "192.0.2.1" has no length`, "write 192.0.2.1/32 for the host route"},
		{"2001:db8::1", `prefix "2001:db8::1" has no length`, "write 2001:db8::1/128 for the host route"},
		{"fe80::1%eth0", `"fe80::1%eth0" is not a prefix`, "write it as 192.0.2.0/24 or 2001:db8::/32"},
		{"default", `"default" is not a prefix`, "write it as 192.0.2.0/24 or 2001:db8::/32"},
		{"10.0.0.0/33", `prefix "10.0.0.0/33": length "33" is not in 0..32`, ""},
		{"10.0.0.0/08", `prefix "10.0.0.0/08": length "08" is not in 0..32`, ""},
		{"10.0.0.0/", `prefix "10.0.0.0/": length "" is not in 0..32`, ""},
		{"10.0.0.0/-1", `prefix "10.0.0.0/-1": length "-1" is not in 0..32`, ""},
		{"10.0.0.0/8/8", `prefix "10.0.0.0/8/8": length "8/8" is not in 0..32`, ""},
		{"10.0.0.0/255.0.0.0", `prefix "10.0.0.0/255.0.0.0": length "255.0.0.0" is not in 0..32`, ""},
		{"10.0/16", `"10.0/16" is not a prefix: "10.0" is not an ip address`, ""},
		{"10.010.0.0/16", `"10.010.0.0/16" is not a prefix: "10.010.0.0" is not an ip address`, ""},
		{"::ffff:10.0.0.0/104", `"::ffff:10.0.0.0/104" is not a prefix: address "::ffff:10.0.0.0" is ipv4 in ipv6; write 10.0.0.0`, ""},
		{"fe80::%eth0/64", `"fe80::%eth0/64" is not a prefix: address "fe80::%eth0" has a zone`, ""},
		{" 10.0.0.0/8", `" 10.0.0.0/8" is not a prefix: " 10.0.0.0" is not an ip address`, ""},
		{"224.0.0.0/4", "prefix 224.0.0.0/4 is a multicast range, not unicast", ""},
		{"", `"" is not a prefix`, "write it as 192.0.2.0/24 or 2001:db8::/32"},
	} {
		_, err := ParsePrefix(c.text)
		var fault *Fault
		if !errors.As(err, &fault) || fault.Msg != c.msg || fault.Hint != c.hint {
			t.Errorf("%q: %#v", c.text, err)
		}
	}
}

// genKey draws unicast keys, many of them close to each other.
func genKey(t *rapid.T) Key {
	size := rapid.SampledFrom([]int{4, 16}).Draw(t, "size")
	b := make([]byte, size)
	b[0], b[size-1] = rapid.ByteRange(0, 2).Draw(t, "first"), rapid.Byte().Draw(t, "last")
	if size == 16 {
		b[0] = 0x20 // not in ::/80, where IPv4 hides
	}
	addr, _ := netip.AddrFromSlice(b)
	p, _ := addr.Prefix(rapid.IntRange(0, addr.BitLen()).Draw(t, "bits"))
	return UnicastKey(p, rapid.OneOf(rapid.Just(uint32(0)), rapid.Uint32()).Draw(t, "path"))
}

func TestKeyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := genKey(t)
		back, err := ParseKey(k.Family, k.String())
		if err != nil || back != k {
			t.Fatalf("%q comes back as %q, %v", k, back, err)
		}
		if UnicastKey(k.Prefix(), k.PathID()) != k {
			t.Fatalf("%q is not of its prefix %s and path %d", k, k.Prefix(), k.PathID())
		}
	})
}

func TestParseKeyRefuses(t *testing.T) {
	for _, text := range []string{"", "10.0.0.0/8 ", "10.0.0.0/8 path 7", "10.0.0.0/8 path-information", "10.0.0.0/8 path-information x", "10.0.0.1/8", "2001:db8::/32"} {
		if k, err := ParseKey(IPv4Unicast, text); err == nil {
			t.Errorf("%q: accepted as %q", text, k)
		}
	}
}

func TestKeyOrder(t *testing.T) {
	want := strings.Split("0.0.0.0/0|9.0.0.0/8|10.0.0.0/8|10.0.0.0/8 path-information 1|10.0.0.0/8 path-information 256|10.0.0.0/9|10.0.0.0/32|10.0.0.1/32|10.1.0.0/16|::/0|2001:db8::/32|2001:db8::/33", "|")
	var keys []Key
	for _, text := range want {
		f := IPv4Unicast
		if strings.Contains(text, ":") {
			f = IPv6Unicast
		}
		k, err := ParseKey(f, text)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	slices.Reverse(keys)
	slices.SortFunc(keys, CompareKeys)
	for i, k := range keys {
		if k.String() != want[i] {
			t.Errorf("place %d: %s, want %s", i, k, want[i])
		}
	}
}

func TestPathIDs(t *testing.T) {
	for text, want := range map[string]uint32{"0": 0, "7": 7, "4294967295": 1<<32 - 1, "0.0.1.0": 256, "255.255.255.255": 1<<32 - 1} {
		if got, err := ParsePathID(text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "4294967296", "-1", "07", "1.2.3", "1.2.3.400", "::1", "x"} {
		if got, err := ParsePathID(text); err == nil {
			t.Errorf("%q: accepted as %d", text, got)
		}
	}
}

func TestFamilyRoundTrip(t *testing.T) {
	for _, f := range []Family{IPv4Unicast, IPv6Unicast} {
		if back, err := ParseFamily(f.String()); err != nil || back != f {
			t.Errorf("%s: %v, %v", f, back, err)
		}
	}
	if f, err := ParseFamily("ipv4 flow"); err == nil {
		t.Errorf("ipv4 flow: accepted as %v", f)
	}
}
