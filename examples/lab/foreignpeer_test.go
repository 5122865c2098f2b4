//go:build integration

package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"routesync/bridge/exabgp"
	"routesync/examples/lab/rig"
	"routesync/state"
)

// BIRD reads what exaBGP sends in the families that it knows, holds the labels
// and matches that were asked for, takes a change of a label, and holds nothing
// after the withdrawals. An exaBGP as the peer would not see what both do wrong.
func TestRouterReadsEveryFamily(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	must := (&scene{t: t}).must
	lab, err := rig.New(ctx, rig.Options{Dir: shared.dir})
	must(err)
	t.Cleanup(func() { (&scene{t: t}).must(lab.Close()) })
	tables := birdTables()
	router, err := lab.Router(ctx, withTables(rig.RouterOptions{
		Name: "reader", Address: netip.AddrFrom4([4]byte{127, 77, 1, 2}), AS: routerAS, PeerAS: speakerAS, PeerAddress: netip.AddrFrom4([4]byte{127, 77, 1, 1}),
	}, ""))
	must(err)
	neighbor := router.Neighbor()
	for f := range tables {
		neighbor.Families = append(neighbor.Families, f.String())
	}
	p := &pair{t: t, b: &relay{}, sent: map[state.Key]exabgp.Seen{}}
	p.a, err = openRelay(ctx, lab, rig.SpeakerOptions{Name: "a", LocalAS: speakerAS, Neighbors: []rig.Neighbor{neighbor}})
	must(err)
	defer p.a.close()
	must(router.WaitEstablished(ctx))

	// holds waits until the router's tables have these texts and no other route.
	holds := func(wanted map[string]int, count int) {
		t.Helper()
		for {
			var text strings.Builder
			for _, table := range tables {
				shown, err := router.Show(ctx, "route", "all", "table", table)
				if err != nil {
					t.Fatalf("%v; the tables are\n%s", err, text.String())
				}
				text.WriteString(shown)
			}
			right := strings.Count(text.String(), "BGP.origin") == count
			for word, n := range wanted {
				right = right && strings.Count(text.String(), word) == n
			}
			if right {
				return
			}
			select {
			case <-ctx.Done():
				t.Fatalf("wanted %v and %d routes; the tables are\n%s", wanted, count, text.String())
			case <-time.After(askEvery):
			}
		}
	}
	routes := map[state.Key]state.Attrs{}
	set := func(f state.Family, nlri string, values map[state.Name][]string) {
		t.Helper()
		k, err := state.ParseKey(f, nlri)
		must(err)
		a, err := state.NewAttrs(values)
		must(err)
		must(state.CheckRoute(k, a))
		routes[k] = a
	}
	labelled := func(stack ...string) {
		for i := range 3 {
			v4 := map[state.Name][]string{state.NextHop: {"192.0.2.1"}, state.Label: stack}
			v6 := map[state.Name][]string{state.NextHop: {"2001:db8::1"}, state.Label: stack}
			set(state.IPv4Labelled, fmt.Sprintf("10.%d.0.0/16", i), v4)
			set(state.IPv4VPN, fmt.Sprintf("10.%d.0.0/16 rd 192.0.2.1:%d", i, i/2), v4)
			set(state.IPv6Labelled, fmt.Sprintf("2001:db8:a%d::/48", i), v6)
			set(state.IPv6VPN, fmt.Sprintf("2001:db8:a%d::/48 rd 65000:%d", i, i/2), v6)
		}
	}
	say := func(render func([]netip.Addr, state.Attrs, []state.Key) []exabgp.Command) {
		t.Helper()
		must(p.tell(ctx, commands(render, neighbor.Address, routes)))
	}
	labelled("800")
	rate := map[state.Name][]string{state.ExtendedCommunity: {"0x8006000046160000"}}
	set(state.IPv4Flow, "flow destination 10.0.0.0/8 protocol =udp port [ =80 >1024&<2000 ] tcp-flags [ =syn+ack !fin&!=rst ] dscp =10", rate)
	set(state.IPv6Flow, "flow destination 2001:db8::/32 next-header =tcp traffic-class =3 fragment first-fragment flow-label >=70000", rate)
	set(state.IPv6Flow, "flow source ::/0", nil)
	say(shared.dialect.Announce)
	matches := map[string]int{
		"flow4 { dst 10.0.0.0/8; proto 17; port 80 || > 1024 && < 2000; tcp flags 0x12/0x12 || 0x0/0x1 && !0x4/0x4; dscp 10; }": 1,
		"flow6 { dst 2001:db8::/32; next header 6; dscp 3; fragment !!first_fragment; label >= 70000; }":                        1,
		"flow6 { src ::/0; }": 1, "0x80060000, 0x46160000": 2,
		"BGP.mpls_label_stack: 800\n": 12, "BGP.next_hop: 192.0.2.1\n": 6, "BGP.next_hop: 2001:db8::1\n": 6,
	}
	holds(matches, 15)
	for _, stack := range []string{"801", "16/17", "16/18"} {
		labelled(slices.Collect(strings.SplitSeq(stack, "/"))...)
		say(shared.dialect.Announce)
		holds(map[string]int{"BGP.mpls_label_stack: " + stack + "\n": 12}, 15)
	}
	say(shared.dialect.Withdraw)
	holds(nil, 0)
	// A session that was reset has empty tables too; a route after it tells.
	say(shared.dialect.Announce)
	holds(nil, 15)
	_, err = p.ask(ctx, exabgp.ShowRIB)
	must(err)
}
