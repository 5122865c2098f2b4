package rig

import (
	"bufio"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Recorded from BIRD 2.0.12.
const (
	allRoutes = "1007-Table master4:\n" +
		" 10.9.0.0/16          blackhole [s4 2026-03-01 13:24:42.521260] * (200)\n" +
		"1008-\tType: static univ\n" +
		"1007-10.0.0.0/24          unreachable [edge1 2026-03-01 13:24:42.718275 from 127.0.0.1] * (100) [AS65000i]\n" +
		"1008-\tType: BGP univ\n" +
		"1012-\tBGP.origin: IGP\n" +
		" \tBGP.as_path: \n" +
		" \tBGP.next_hop: 127.0.0.1\n" +
		" \tBGP.med: 10\n" +
		" \tBGP.community: (65000,1) (65000,2)\n" +
		" \tBGP.large_community: (1, 2, 3)\n" +
		"1007-                     unicast [edge2 2026-03-01 13:24:43.000001 from 127.0.0.9] (100) [AS65009i]\n" +
		" \tvia 192.0.2.1 on eth0\n" +
		"1008-\tType: BGP univ\n" +
		"1012-\tBGP.next_hop: 192.0.2.1\n" +
		"1007-\n" +
		" Table master6:\n" +
		" 2001:db8::/32        unreachable [edge1 2026-03-01 13:24:42.718269 from 127.0.0.1] * (100) [AS65000i]\n" +
		"1008-\tType: BGP univ\n" +
		"1012-\tBGP.next_hop: 2001:db8::1 fe80::1\n" +
		"0000 \n"

	counts = "1007-3 of 4 routes for 3 networks in table master4\n" +
		" 2 of 2 routes for 2 networks in table master6\n" +
		"0014 Total: 5 of 6 routes for 5 networks in 2 tables\n"

	oneCount = "1007-1 of 1 routes for 1 networks in table master4\n0000 \n"

	sessionUp = "2002-Name       Proto      Table      State  Since         Info\n" +
		"1002-edge1      BGP        ---        up     2026-03-01 13:24:42.677385  Established   \n" +
		"1006-  BGP state:          Established\n" +
		"     Neighbor address: 127.0.0.1\n" +
		"   Channel ipv4\n" +
		"     Routes:         2 imported, 0 exported, 2 preferred\n" +
		"     Route change stats:     received   rejected   filtered    ignored   accepted\n" +
		"       Import updates:              2          0          0          0          2\n" +
		"       Import withdraws:            1          0        ---          0          0\n" +
		"   Channel ipv6\n" +
		"     Routes:         1 imported, 0 exported, 1 preferred\n" +
		"       Import updates:             40          0          0          0          2\n" +
		"       Import withdraws:            0          0        ---          0          0\n" +
		" \n0000 \n"

	sessionDown = "2002-Name       Proto      Table      State  Since         Info\n" +
		"1002-edge1      BGP        ---        start  2026-03-01 13:21:11.882267  Passive       Socket: Connection closed\n" +
		"1006-  BGP state:          Passive\n" +
		"     Last error:       Socket: Connection closed\n" +
		"   Channel ipv4\n" +
		"     State:          DOWN\n" +
		" \n0000 \n"
)

func lines(t *testing.T, answer string) []birdLine {
	t.Helper()
	got, err := readBird(bufio.NewReader(strings.NewReader(answer)))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestParseRoutes(t *testing.T) {
	got, err := parseRoutes(lines(t, allRoutes))
	if err != nil {
		t.Fatal(err)
	}
	at := func(second, micro int) time.Time {
		return time.Date(2026, 3, 1, 13, 24, second, micro*1000, time.Local)
	}
	want := []Route{
		{Prefix: netip.MustParsePrefix("10.9.0.0/16"), Since: at(42, 521260), Attributes: map[string]string{}},
		{
			Prefix: netip.MustParsePrefix("10.0.0.0/24"), Since: at(42, 718275), NextHop: netip.MustParseAddr("127.0.0.1"),
			Attributes: map[string]string{
				"BGP.origin": "IGP", "BGP.as_path": "", "BGP.next_hop": "127.0.0.1", "BGP.med": "10",
				"BGP.community": "(65000,1) (65000,2)", "BGP.large_community": "(1, 2, 3)",
			},
		},
		{
			Prefix: netip.MustParsePrefix("10.0.0.0/24"), Since: at(43, 1), NextHop: netip.MustParseAddr("192.0.2.1"),
			Attributes: map[string]string{"BGP.next_hop": "192.0.2.1"},
		},
		{
			Prefix: netip.MustParsePrefix("2001:db8::/32"), Since: at(42, 718269), NextHop: netip.MustParseAddr("2001:db8::1"),
			Attributes: map[string]string{"BGP.next_hop": "2001:db8::1 fe80::1"},
		},
	}
	exact := cmp.Options{
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	}
	if diff := cmp.Diff(want, got, exact); diff != "" {
		t.Error(diff)
	}
}

func TestParseRoutesRefuses(t *testing.T) {
	for name, answer := range map[string]string{
		"no prefix":      "1007-nothing unreachable [e 2026-03-01 13:24:42 from ::1]\n0000 \n",
		"no source":      "1007-10.0.0.0/8 unreachable\n0000 \n",
		"no time":        "1007-10.0.0.0/8 unreachable [e never ever from ::1]\n0000 \n",
		"no route yet":   "1012-\tBGP.med: 1\n0000 \n",
		"no colon":       "1007-10.0.0.0/8 x [e 2026-03-01 13:24:42 from ::1]\n1012-\tBGP.med\n0000 \n",
		"wrong next hop": "1007-10.0.0.0/8 x [e 2026-03-01 13:24:42 from ::1]\n1012-\tBGP.next_hop: x\n0000 \n",
	} {
		if got, err := parseRoutes(lines(t, answer)); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestParseCount(t *testing.T) {
	for answer, want := range map[string]int{counts: 5, oneCount: 1} {
		got, err := parseCount(lines(t, answer))
		if err != nil || got != want {
			t.Errorf("%q: %d, %v", answer, got, err)
		}
	}
	if got, err := parseCount(lines(t, "0000 \n")); err == nil {
		t.Errorf("a count of nothing: %d", got)
	}
}

func TestParseSession(t *testing.T) {
	for answer, want := range map[string]session{
		sessionUp:   {state: "Established", counters: Counters{Updates: 42, Withdraws: 1}, moved: 4, held: 3},
		sessionDown: {state: "Passive", err: "Socket: Connection closed"},
	} {
		got, err := parseSession(lines(t, answer))
		if err != nil || got != want {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	}
	if got, err := parseSession(lines(t, oneCount)); err == nil {
		t.Errorf("a session where there is none: %+v", got)
	}
	if got := (Counters{5, 2}).Sub(Counters{4, 2}); got != (Counters{1, 0}) {
		t.Error(got)
	}
}

func TestReadBird(t *testing.T) {
	if got := plain(lines(t, counts)); got != "3 of 4 routes for 3 networks in table master4\n"+
		"2 of 2 routes for 2 networks in table master6\nTotal: 5 of 6 routes for 5 networks in 2 tables\n" {
		t.Errorf("%q", got)
	}
	if got := plain(lines(t, oneCount)); got != "1 of 1 routes for 1 networks in table master4\n" {
		t.Errorf("%q", got)
	}
	for _, answer := range []string{"", "1007-cut", "1007-no end\n", "what\n", "abcd-\n", "12345\n"} {
		if got, err := readBird(bufio.NewReader(strings.NewReader(answer))); err == nil {
			t.Errorf("%q: %v", answer, got)
		}
	}
}

func TestSameInstant(t *testing.T) {
	now := time.Now()
	if r := (Route{Since: now}); !r.SameInstant(Route{Since: now.Add(40 * time.Microsecond)}) || r.SameInstant(Route{Since: now.Add(-time.Second)}) {
		t.Error("an instant is not told from another")
	}
}
