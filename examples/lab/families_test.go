//go:build integration

package main

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"routesync/bridge/exabgp"
	"routesync/state"
)

// Whatever route of whatever family is announced, exaBGP takes it, sends what
// was asked for, lists it, replaces it, even if no more than a label changes,
// withdraws it, and never loses the session. The peer is a second exaBGP, which
// can read every family.
func TestEveryFamily(t *testing.T) {
	for name, as := range map[string]uint32{"EBGP": routerAS, "IBGP": speakerAS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everyFamily(t, as)
		})
	}
}

func everyFamily(t *testing.T, as uint32) {
	if shared.sixth() {
		t.Skip("exaBGP 6.0 resets the session at an end-of-RIB, which each of the two sends")
	}
	p := openPair(t, as, slices.DeleteFunc(announceable(), func(f state.Family) bool { return !f.HasPrefix() })...)
	rounds, routes := 0, map[state.Family]int{}
	failed := p.probe() // what is left of the first failure would fail smaller rounds
	if failed == nil {
		failed = p.play(edges(t), nil)
	}
	rapid.Check(t, func(rt *rapid.T) {
		if failed == nil {
			failed = p.round(rt, routes)
			rounds++
		}
	})
	if failed != nil {
		t.Fatal(failed)
	}
	t.Logf("%d rounds; routes by family: %v", rounds, routes)
	for _, f := range announceable() {
		if routes[f] == 0 {
			t.Errorf("no route of %s", f)
		}
	}
}

// What the bridge refuses or goes around is so: if an exaBGP does better, this
// says it.
func TestFaultsOfExaBGP(t *testing.T) {
	t.Parallel()
	p := openPair(t, speakerAS+2)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tell := func(wanted int, commands ...string) {
		t.Helper()
		if err := p.tell(ctx, commands); err != nil {
			t.Fatal(err)
		}
		if err := p.until(ctx, func(*relay, exabgp.Line) bool { return len(p.received) == wanted }); err != nil {
			t.Fatalf("%v: %v", commands, err)
		}
	}
	label := func() string {
		for _, seen := range p.received {
			l, _ := seen.Attrs.Get(state.Label)
			return strings.Join(l, " ")
		}
		return ""
	}
	tell(1, "announce route 10.0.0.0/8 next-hop 192.0.2.1 label 16")
	// The second route comes after the first one's change, which is not sent.
	tell(2, "announce route 10.0.0.0/8 next-hop 192.0.2.1 label 17", "announce route 224.0.0.0/8 next-hop 192.0.2.1")
	multicast := state.UnicastKey(netip.MustParsePrefix("224.0.0.0/8"), 0)
	if _, ok := p.received[multicast]; !ok {
		t.Errorf("ipv4 multicast is not sent as ipv4 unicast: %v", keys(p.received))
	}
	tell(1, "withdraw route 224.0.0.0/8 next-hop 192.0.2.1")
	if got := label(); got != "16" {
		t.Errorf("label %s: a change of a label alone is sent", got)
	}
}

// announceable are the families in which exaBGP 4.2 can announce.
func announceable() []state.Family {
	return slices.DeleteFunc(state.Families(), func(f state.Family) bool { return f == state.IPv4Multicast || f == state.IPv6Multicast })
}

// configured are the families of the session.
func configured() []state.Family { return append(announceable(), state.IPv4Multicast) }

func names(families []state.Family) []string {
	var list []string
	for _, f := range families {
		list = append(list, f.String())
	}
	return list
}

// round draws routes and changes, and plays them.
func (p *pair) round(t *rapid.T, count map[state.Family]int) error {
	routes := map[state.Key]state.Attrs{}
	for range 60 {
		k := drawKey(t)
		a := p.drawFor(t, k)
		routes[k] = a
		count[k.Family]++
	}
	changed := map[state.Key]state.Attrs{}
	for _, k := range slices.SortedFunc(maps.Keys(routes), state.CompareKeys) {
		old := routes[k]
		a := p.drawFor(t, k)
		if label, there := a.Get(state.Label); there && rapid.Bool().Draw(t, "label alone") {
			a, _ = old.With(state.Label, label)
		}
		if a != old {
			changed[k] = a
		}
	}
	return p.play(routes, changed)
}

// play announces routes, changes some, and withdraws all.
func (p *pair) play(routes, changed map[state.Key]state.Attrs) error {
	if !shared.readsFlows() {
		for _, all := range []map[state.Key]state.Attrs{routes, changed} {
			maps.DeleteFunc(all, func(k state.Key, _ state.Attrs) bool { return k.Family.IsFlow() })
		}
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
	defer cancel()
	if err := p.announce(ctx, routes, routes); err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	maps.Copy(routes, changed)
	if err := p.announce(ctx, changed, routes); err != nil {
		return fmt.Errorf("change: %w", err)
	}
	if err := p.tell(ctx, commands(shared.dialect.Withdraw, p.neighbor.Addr, routes)); err != nil {
		return fmt.Errorf("withdraw: %w", err)
	}
	err := p.until(ctx, func(*relay, exabgp.Line) bool { return len(p.sent)+len(p.received) == 0 })
	if err != nil {
		return fmt.Errorf("withdraw leaves %v sent and %v received: %w", keys(p.sent), keys(p.received), err)
	}
	body, err := p.ask(ctx, exabgp.ShowRIB)
	if err == nil && len(body) > 0 {
		err = fmt.Errorf("exaBGP still lists\n%s", strings.Join(body, "\n"))
	}
	return err
}

// announce announces what is new, and looks at all of it everywhere.
func (p *pair) announce(ctx context.Context, news, all map[state.Key]state.Attrs) error {
	if err := p.tell(ctx, commands(shared.dialect.Announce, p.neighbor.Addr, news)); err != nil {
		return err
	}
	var wrong error
	check := func(*relay, exabgp.Line) bool {
		wrong = p.compare(all)
		return wrong == nil
	}
	if !check(nil, exabgp.Line{}) {
		short, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if err := p.until(short, check); err != nil {
			return fmt.Errorf("%w: %w", err, wrong)
		}
	}
	body, err := p.ask(ctx, exabgp.ShowRIB)
	if err != nil {
		return err
	}
	if len(body) != len(all) {
		return fmt.Errorf("the table has %d routes, not %d:\n%s", len(body), len(all), strings.Join(body, "\n"))
	}
	for _, line := range body {
		e, err := shared.dialect.ParseRIB(line)
		if err != nil {
			return err
		}
		if want, ok := all[e.Key]; !ok || !p.neighbor.Same(e.Key.Family, e.Attrs, want) || len(e.Unknown) > 0 {
			return fmt.Errorf("%s\nis %s with %s and %q,\nnot with %s (announced: %t)", line, e.Key, e.Attrs, e.Unknown, want, ok)
		}
	}
	return p.trouble
}

// compare compares what was sent and received with what was asked for.
func (p *pair) compare(all map[state.Key]state.Attrs) error {
	if len(p.sent) != len(all) || len(p.received) != len(all) {
		return fmt.Errorf("%d routes are sent and %d received of %d; missing are %v", len(p.sent), len(p.received), len(all), missing(all, p.sent))
	}
	for k, asked := range all {
		seen, ok := p.sent[k]
		if !ok {
			return fmt.Errorf("%s was not sent", k)
		}
		if ok, difference := p.neighbor.Matches(asked, exabgp.Announced{Seen: seen, Family: k.Family}); !ok {
			return fmt.Errorf("%s with %s: %s", k, asked, difference)
		}
		if got := p.received[k]; got.Attrs != seen.Attrs || !slices.Equal(got.Unknown, seen.Unknown) {
			return fmt.Errorf("%s was sent with %s and received with %s", k, seen.Attrs, got.Attrs)
		}
	}
	return nil
}

func missing(all map[state.Key]state.Attrs, sent map[state.Key]exabgp.Seen) []state.Key {
	return slices.DeleteFunc(slices.SortedFunc(maps.Keys(all), state.CompareKeys), func(k state.Key) bool {
		_, ok := sent[k]
		return ok
	})
}

func keys(routes map[state.Key]exabgp.Seen) []state.Key {
	return slices.SortedFunc(maps.Keys(routes), state.CompareKeys)
}

// commands renders routes, those of a family with the same attributes together.
func commands(render func([]netip.Addr, state.Attrs, []state.Key) []exabgp.Command, peer netip.Addr, routes map[state.Key]state.Attrs) []string {
	type group struct {
		family state.Family
		attrs  state.Attrs
	}
	groups := map[group][]state.Key{}
	for _, k := range slices.SortedFunc(maps.Keys(routes), state.CompareKeys) {
		g := group{k.Family, routes[k]}
		groups[g] = append(groups[g], k)
	}
	var lines []string
	for g, list := range groups {
		for _, c := range render([]netip.Addr{peer}, g.attrs, list) {
			lines = append(lines, c.Line)
		}
	}
	return lines
}
