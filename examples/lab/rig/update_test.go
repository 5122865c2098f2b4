package rig

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What BIRD 2.0 wrote to a dump while exaBGP 4.2 talked to it.
const (
	dumpedUp    = "6b07bfb90010000500000018 0000fde80000fde900000001 7f0000017f000009 00050006"
	dumpedRoute = "6b07bfb90010000400000051 0000fde80000fde900000001 7f0000017f000009 ffffffffffffffffffffffffffffffff003d02" +
		"00000022 40010100 4002060201 0000fde8 400304c0000201 80040400000005 c00804fde80001 180a0000"
	dumpedEnd = "6b07bfb9001000040000002b 0000fde80000fde900000001 7f0000017f000009 ffffffffffffffffffffffffffffffff0017 02 0000 0000"
)

func octets(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNextRecord(t *testing.T) {
	dump := octets(t, dumpedUp+dumpedRoute+dumpedEnd)
	up, rest, err := nextRecord(dump)
	if err != nil || up.from != 5 || up.to != stateEstablished || up.message != nil {
		t.Fatalf("%+v, %v", up, err)
	}
	one, rest, err := nextRecord(rest)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range rest {
		if r, left, err := nextRecord(rest[:cut]); r != nil || len(left) != cut || err != nil {
			t.Fatalf("of a record cut at %d: %+v, %v", cut, r, err)
		}
	}
	u, err := parseUpdate(one.message)
	want := &update{
		announced: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")},
		path:      "origin igp as-path [65000] next-hop 192.0.2.1 med 5 community [65000:1]",
	}
	if diff := cmp.Diff(want, u, cmp.AllowUnexported(update{}), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" || err != nil {
		t.Errorf("(-want +got):\n%s%v", diff, err)
	}
	last, rest, err := nextRecord(rest)
	if err != nil || len(rest) > 0 {
		t.Fatalf("%d octets left, %v", len(rest), err)
	}
	if u, err := parseUpdate(last.message); err != nil || !u.endOfRIB || len(u.announced)+len(u.withdrawn) > 0 {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestParseUpdate(t *testing.T) {
	const head = "ffffffffffffffffffffffffffffffff0000 02"
	for name, c := range map[string]struct {
		message string
		want    string
	}{
		"IPv4 withdrawn":    {"0004 180a0001 0000", "- 10.0.1.0/24"},
		"IPv6 announced":    {"0000 002b 40010100 800e24 0002 01 10 20010db8000000000000000000000001 00 3020010db80001 3020010db80002 00", "+ 2001:db8:1::/48 + 2001:db8:2::/48 + ::/0 origin igp next-hop 2001:db8::1"},
		"IPv6 withdrawn":    {"0000 000d 800f0a 0002 01 3020010db80001", "- 2001:db8:1::/48"},
		"IPv6 end-of-rib":   {"0000 0006 800f03 0002 01", "end-of-rib"},
		"large community":   {"0000 0013 40010102 e0200c 0000fde8 00000001 00000002 08 0a", "+ 10.0.0.0/8 origin incomplete large-community [65000:1:2]"},
		"unknown attribute": {"0000 0005 e06302 0102 08 0a", "+ 10.0.0.0/8 attribute 99 0102"},
		"a family unseen":   {"0000 0006 800f03 0001 80", "error: routes of AFI 1, SAFI 128, which are not recorded"},
		"cut short":         {"0000 0004 400101", "error: it is cut short"},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := parseUpdate(octets(t, head+c.message))
			got := ""
			if err != nil {
				got = "error: " + err.Error()
			} else {
				var words []string
				for _, p := range u.withdrawn {
					words = append(words, "- "+p.String())
				}
				for _, p := range u.announced {
					words = append(words, "+ "+p.String())
				}
				if u.endOfRIB {
					words = append(words, "end-of-rib")
				}
				if u.path != "" {
					words = append(words, u.path)
				}
				got = strings.Join(words, " ")
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func FuzzRecord(f *testing.F) {
	for _, s := range []string{dumpedUp, dumpedRoute, dumpedEnd} {
		f.Add(octets(f, s))
	}
	f.Fuzz(func(_ *testing.T, dump []byte) {
		for {
			r, rest, err := nextRecord(dump)
			if r == nil || err != nil {
				return
			}
			if r.message != nil {
				_, _ = parseUpdate(r.message)
			}
			dump = rest
		}
	})
}
