//go:build integration

package main

import (
	"fmt"
	"strings"
	"testing"

	"routesync/examples/lab/rig"
)

// TestByHandEveryFamily: routes of every family can be typed, and are
// confirmed like any other.
func TestByHandEveryFamily(t *testing.T) {
	t.Parallel()
	s, tables := openFamilies(t)
	s.sessionsStay(func() {
		r := s.console(0,
			"announce route 10.1.0.0/24 next-hop 192.0.2.1 label 800",
			"announce route 10.2.0.0/24 rd 65000:1 next-hop 192.0.2.1 label 801 extended-community target:65000:1",
			"announce flow route { match { destination 10.3.0.1/32; protocol udp; destination-port [ =53 >1024&<2000 ]; } then { rate-limit 9600; } }",
			"announce flow route destination 10.4.0.1/32 protocol tcp discard",
			"announce flow route { match { destination 2001:db8::1/128; next-header tcp; } then { discard; } }",
		)
		if strings.Count(r.stdout, "\nsent\t")+1 != 5 {
			t.Errorf("the console answered\n%s", r.stdout)
		}
		for _, text := range []string{"10.1.0.0/24", "65000:1 10.2.0.0/24", "dst 10.3.0.1/32", "dport", "dst 10.4.0.1/32", "dst 2001:db8::1/128"} {
			s.until("the router has "+text, func() bool { return strings.Contains(tables(), text) })
		}
		s.put()
		s.expect(0, "status", "by hand", "10.2.0.0/24 rd 65000:1")
		// The router has no VPLS: exaBGP takes the route and can't send it.
		r = s.console(5, "announce vpls endpoint 5 base 10702 offset 1 size 8 rd 192.168.201.1:123 next-hop 192.0.2.1")
		if !strings.Contains(r.stdout, "did not negotiate l2vpn vpls") {
			t.Errorf("the console answered\n%s", r.stdout)
		}
		s.must(s.stage.speaker.KillBridge(s.ctx)) // it finds them again, and whose they are
		s.expect(0, "status", "by hand", "10.2.0.0/24 rd 65000:1")
		r = s.console(0,
			"withdraw route 10.1.0.0/24 label 800", "withdraw route 10.2.0.0/24 rd 65000:1",
			"withdraw flow route destination 10.3.0.1/32 protocol udp destination-port [ =53 >1024&<2000 ]",
			"withdraw flow route { match { protocol tcp; destination 10.4.0.1/32; } }",
			"withdraw flow route { match { destination 2001:db8::1/128; next-header tcp; } }",
			"withdraw vpls endpoint 5 base 10702 offset 1 size 8 rd 192.168.201.1:123 next-hop 192.0.2.1",
		)
		if strings.Count(r.stdout, "withdrawn\t") != 6 {
			t.Errorf("the console answered\n%s", r.stdout)
		}
		s.until("the router has nothing", func() bool { return !strings.Contains(tables(), "BGP.origin") })
	})
}

// openFamilies is a speaker with a router that takes what BIRD knows of the
// families, and what that holds of them.
func openFamilies(t *testing.T) (s *scene, tables func() string) {
	o := router(2, routerAS)
	o.Extra = "ipv4 table lab4; vpn4 table vpn4t; flow4 table flow4t; flow6 table flow6t;"
	o.PeerExtra = "ipv4 mpls { table lab4; import all; export none; igp table hops_ipv4; };" +
		"vpn4 mpls { table vpn4t; import all; export none; igp table hops_ipv4; };" +
		"flow4 { table flow4t; import all; export none; validate off; }; flow6 { table flow6t; import all; export none; validate off; };"
	s = open(t, setting{routers: []rig.RouterOptions{o}, neighbors: func(n []rig.Neighbor) {
		n[0].Families = append(n[0].Families, "ipv4 nlri-mpls", "ipv4 mpls-vpn", "ipv4 flow", "ipv6 flow", "l2vpn vpls")
	}})
	tables = func() string {
		var all strings.Builder
		for _, table := range []string{"lab4", "vpn4t", "flow4t", "flow6t"} {
			text, err := s.router.Show(s.ctx, "route", "all", "table", table)
			s.must(err)
			all.WriteString(text)
		}
		return all.String()
	}
	return s, tables
}

// TestFileEveryFamily: what can be typed can be said in a file; what the file
// asks for is confirmed, and a plan right after it finds nothing, until nothing
// is asked for.
func TestFileEveryFamily(t *testing.T) {
	t.Parallel()
	s, tables := openFamilies(t)
	text := func(label, rate int) string {
		return fmt.Sprintf(`version: 1
owner: %s
speakers: [%s]
guard: { max-withdraw: off, max-withdraw-space: off, allow: [private] }
defaults: { next-hop: 192.0.2.1 }
routes:
  - { prefix: 10.0.0.0/24 }
  - { prefix: 10.1.0.0/24, label: %d }
  - { prefix: 10.2.0.0/24, rd: 65000:1, label: 801, extended-community: [target:65000:1], attribute: [0x63, 0xc0, 0x0102] }
flows:
  - match: { destination: 10.3.0.1/32, protocol: udp, destination-port: [53, ">1024&<2000"] }
    then: { rate-limit: %d, mark: 10 }
  - match: { destination: 10.4.0.1/32, tcp-flags: [syn, "=ack+fin"], fragment: is-fragment }
    then: [discard, {community: [blackhole]}]
  - match: { destination: 2001:db8::1/128, next-header: tcp }
    then: { redirect: 65000:1 }
`, owner, s.name, label, rate)
	}
	s.sessionsStay(func() {
		s.must(s.save(text(800, 9600)))
		s.apply()
		for _, text := range []string{"10.1.0.0/24", "65000:1 10.2.0.0/24", "dst 10.3.0.1/32", "dport", "dst 10.4.0.1/32", "dst 2001:db8::1/128"} {
			s.until("the router has "+text, func() bool { return strings.Contains(tables(), text) })
		}
		s.must(s.save(text(802, 4800)))
		s.expect(0, "plan", "label 800 -> 802", "0 to announce, 2 to change, 0 to withdraw")
		s.apply()
		s.put()
		s.apply()
		s.until("the router has nothing", func() bool { return !strings.Contains(tables(), "BGP.origin") })
	})
}
