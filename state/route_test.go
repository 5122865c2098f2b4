package state

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestPeersAreCanonical(t *testing.T) {
	var addrs []netip.Addr
	for _, text := range []string{"2001:db8::1", "192.0.2.10", "192.0.2.9", "192.0.2.10"} {
		a, err := ParsePeer(text)
		if err != nil {
			t.Fatal(err)
		}
		addrs = append(addrs, a)
	}
	p := NewPeers(addrs)
	if p != "192.0.2.9,192.0.2.10,2001:db8::1" || p.All() {
		t.Errorf("%q", p)
	}
	if NewPeers(p.Addrs()) != p {
		t.Errorf("%v makes another", p.Addrs())
	}
	if all := NewPeers(nil); !all.All() || all.Addrs() != nil {
		t.Errorf("no addresses are %q", all)
	}
	for _, text := range []string{"", "edge2", "192.0.2.300", "::ffff:192.0.2.1", "fe80::1%eth0", "192.0.2.0/24"} {
		if a, err := ParsePeer(text); err == nil {
			t.Errorf("%q: accepted as %s", text, a)
		}
	}
}

func TestPeersOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) []netip.Addr {
			var addrs []netip.Addr
			for _, b := range rapid.SliceOfN(rapid.ByteRange(1, 5), 1, 3).Draw(t, label) {
				addrs = append(addrs, netip.AddrFrom4([4]byte{192, 0, 2, b}))
			}
			return addrs
		}
		a, b := draw("a"), draw("b")
		want := slices.ContainsFunc(a, func(x netip.Addr) bool { return slices.Contains(b, x) })
		p, q := NewPeers(a), NewPeers(b)
		if p.Overlap(q) != want || q.Overlap(p) != want {
			t.Fatalf("%s and %s: want %t", p, q, want)
		}
		if every := NewPeers(nil); !every.Overlap(p) || !p.Overlap(every) || !every.Overlap(every) {
			t.Fatalf("every peer and %s have none in common", p)
		}
	})
}

func TestPositionString(t *testing.T) {
	if got := (Position{"routes.yaml", 12, 14}).String(); got != "routes.yaml:12:14" {
		t.Error(got)
	}
}
