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
	"routesync/examples/lab/rig"
	"routesync/state"
)

// Whatever route of whatever family is announced, exaBGP takes it, sends what
// was asked for, lists it, replaces it, even if no more than a label changes,
// withdraws it, and never loses the session. The peer is a second exaBGP, which
// can read every family.
func TestEveryFamily(t *testing.T) {
	t.Parallel()
	p := openPair(t)
	rounds, routes := 0, map[state.Family]int{}
	failed := p.play(edges(t), nil) // what is left of the first failure would fail smaller rounds
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

// announceable are the families in which exaBGP 4.2 can announce.
func announceable() []state.Family {
	return slices.DeleteFunc(state.Families(), func(f state.Family) bool { return f == state.IPv4Multicast || f == state.IPv6Multicast })
}

// pair is two exaBGP with a session between them.
type pair struct {
	t        *testing.T
	a, b     *relay
	neighbor exabgp.Neighbor // b, as a has it

	answers, errors int
	body            []string
	sent, received  map[state.Key]exabgp.Seen
	trouble         error
}

func openPair(t *testing.T) *pair {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	lab, err := rig.New(ctx, rig.Options{Dir: shared.dir})
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{t: t, sent: map[state.Key]exabgp.Seen{}, received: map[state.Key]exabgp.Seen{}}
	t.Cleanup(func() {
		if t.Failed() && p.a != nil {
			(&scene{t: t}).show("exaBGP", p.a.speaker.Log())
		}
		for _, r := range []*relay{p.a, p.b} {
			if r != nil {
				r.close()
			}
		}
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	const port = 9179 // of an address that nobody else has
	addrA, addrB := netip.MustParseAddr("127.77.0.1"), netip.MustParseAddr("127.77.0.2")
	var families, prefixes []string
	for _, f := range append(announceable(), state.IPv4Multicast) {
		families = append(families, f.String())
		if f.HasPrefix() && f != state.IPv4Multicast {
			prefixes = append(prefixes, f.String())
		}
	}
	neighbor := func(local, remote netip.Addr, as uint32, extra string) []rig.Neighbor {
		return []rig.Neighbor{{
			Address: remote, LocalAddress: local, Port: port, PeerAS: as, Families: families,
			Extra: extra + " capability { add-path send/receive; } add-path { " + strings.Join(prefixes, "; ") + "; }",
		}}
	}
	must := (&scene{t: t}).must
	p.b, err = openRelay(ctx, lab, rig.SpeakerOptions{
		Name: "b", LocalAS: routerAS, Neighbors: neighbor(addrB, addrA, speakerAS, "passive true;"),
		Env: []string{"exabgp_tcp_bind=" + addrB.String(), fmt.Sprintf("exabgp_tcp_port=%d", port)},
	})
	must(err)
	p.a, err = openRelay(ctx, lab, rig.SpeakerOptions{Name: "a", LocalAS: speakerAS, Neighbors: neighbor(addrA, addrB, routerAS, "")})
	must(err)
	up := 0
	must(p.until(ctx, func(_ *relay, l exabgp.Line) bool {
		if l.Event.State == "up" {
			up++
		}
		return up == 2
	}))
	p.trouble = nil // attempts before the first session
	must(p.learn(ctx))
	return p
}

// learn asks how the first exaBGP has the second.
func (p *pair) learn(ctx context.Context) error {
	body, err := p.ask(ctx, exabgp.ShowConfiguration)
	if err != nil {
		return err
	}
	neighbors, err := exabgp.ParseConfiguration(body)
	if err != nil {
		return err
	}
	p.neighbor = neighbors[0]
	if body, err = p.ask(ctx, exabgp.ShowExtensive); err != nil {
		return err
	}
	sessions, err := exabgp.ParseExtensive(body)
	if err != nil {
		return err
	}
	for name, got := range map[string][]state.Family{"configured": p.neighbor.Families, "negotiated": sessions[0].Families} {
		slices.Sort(got)
		if want := slices.Sorted(slices.Values(append(announceable(), state.IPv4Multicast))); !slices.Equal(got, want) {
			return fmt.Errorf("families %s are %v, not %v", name, got, want)
		}
	}
	return nil
}

// until takes lines of both sides until done says so, at the latest when ctx
// ends.
func (p *pair) until(ctx context.Context, done func(*relay, exabgp.Line) bool) error {
	for {
		var r *relay
		var l exabgp.Line
		var ok bool
		select {
		case l, ok = <-p.a.lines:
			r = p.a
		case l, ok = <-p.b.lines:
			r = p.b
		case <-ctx.Done():
			return ctx.Err()
		}
		if !ok {
			return errEnded
		}
		p.line(r, l)
		if done(r, l) {
			return p.trouble
		}
	}
}

// line notes what one side says.
func (p *pair) line(r *relay, l exabgp.Line) {
	switch l.Kind {
	case exabgp.Done:
		p.answers++
	case exabgp.Error:
		p.answers++
		p.errors++
	case exabgp.Text:
		p.body = append(p.body, l.Text)
	case exabgp.Malformed:
		p.trouble = fmt.Errorf("%s: %w", l.Text, l.Err)
	case exabgp.EventLine:
		p.event(r, l)
	}
}

func (p *pair) event(r *relay, l exabgp.Line) {
	e := l.Event
	if e.State == "down" || e.Kind == exabgp.NotificationEvent {
		p.trouble = fmt.Errorf("the session is lost: %s", l.Text)
	}
	routes := p.sent
	if r == p.b {
		routes = p.received
	}
	if (r == p.a) != (e.Direction == exabgp.Send) {
		return
	}
	if len(e.Update.Others) > 0 {
		p.trouble = fmt.Errorf("%q can't be read: %s", e.Update.Others, l.Text)
	}
	for _, a := range e.Update.Announced {
		for _, k := range a.Keys {
			routes[k] = a.Seen
		}
	}
	for _, w := range e.Update.Withdrawn {
		for _, k := range w.Keys {
			delete(routes, k)
		}
	}
}

// ask returns the body of an answer.
func (p *pair) ask(ctx context.Context, command string) ([]string, error) {
	p.body = nil
	err := p.tell(ctx, []string{command})
	return p.body, err
}

// tell writes commands and waits for their answers.
func (p *pair) tell(ctx context.Context, commands []string) error {
	if len(commands) == 0 {
		return nil
	}
	p.answers, p.errors = 0, 0
	for _, c := range commands {
		if err := p.a.write(c); err != nil {
			return err
		}
	}
	err := p.until(ctx, func(*relay, exabgp.Line) bool { return p.answers == len(commands) })
	switch {
	case err != nil:
		return fmt.Errorf("%d of %d commands answered: %w\n%s", p.answers, len(commands), err, strings.Join(commands, "\n"))
	case p.errors > 0:
		return fmt.Errorf("%d of the commands answered error:\n%s", p.errors, strings.Join(commands, "\n"))
	}
	return nil
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
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
	defer cancel()
	if err := p.announce(ctx, routes, routes); err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	maps.Copy(routes, changed)
	if err := p.announce(ctx, changed, routes); err != nil {
		return fmt.Errorf("change: %w", err)
	}
	if err := p.tell(ctx, commands(exabgp.Withdraw, p.neighbor.Addr, routes)); err != nil {
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
	if err := p.tell(ctx, commands(exabgp.Announce, p.neighbor.Addr, news)); err != nil {
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
		e, err := exabgp.ParseRIB(line)
		if err != nil {
			return err
		}
		if want, ok := all[e.Key]; !ok || e.Attrs != want || len(e.Unknown) > 0 {
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
