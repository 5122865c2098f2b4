//go:build integration

package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"routesync/bridge/exabgp"
	"routesync/examples/lab/rig"
	"routesync/state"
)

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

// openPair starts them. as is that of the second one, and paths are the
// families with add-path.
func openPair(t *testing.T, as uint32, paths ...state.Family) *pair {
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
	addrA, addrB := netip.AddrFrom4([4]byte{127, 77, byte(as), 1}), netip.AddrFrom4([4]byte{127, 77, byte(as), 2})
	port := freePort(t, addrB)
	extra := ""
	if len(paths) > 0 {
		extra = " capability { add-path send/receive; } add-path { " + strings.Join(names(paths), "; ") + "; }"
	}
	neighbor := func(local, remote netip.Addr, as uint32, role string) []rig.Neighbor {
		return []rig.Neighbor{{
			Address: remote, LocalAddress: local, Port: port, PeerAS: as, Families: names(configured()), Extra: role + extra,
		}}
	}
	must := (&scene{t: t}).must
	p.b, err = openRelay(ctx, lab, rig.SpeakerOptions{
		Name: "b", LocalAS: as, Neighbors: neighbor(addrB, addrA, speakerAS, "passive true;"),
		Env: []string{"exabgp_tcp_bind=" + addrB.String(), fmt.Sprintf("exabgp_tcp_port=%d", port)},
	})
	must(err)
	p.a, err = openRelay(ctx, lab, rig.SpeakerOptions{Name: "a", LocalAS: speakerAS, Neighbors: neighbor(addrA, addrB, as, "")})
	must(err)
	up := 0
	must(p.until(ctx, func(_ *relay, l exabgp.Line) bool {
		p.trouble = nil // attempts before the first session
		if l.Event.State == "up" {
			up++
		}
		return up == 2
	}))
	must(p.learn(ctx))
	return p
}

// learn asks how the first exaBGP has the second.
func (p *pair) learn(ctx context.Context) error {
	body, err := p.ask(ctx, exabgp.ShowConfiguration)
	if err != nil {
		return err
	}
	neighbors, err := shared.dialect.ParseConfiguration(body)
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
		if want := slices.Sorted(slices.Values(configured())); !slices.Equal(got, want) {
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
		case l, ok = <-p.a.said():
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
		if done(r, l) || p.trouble != nil {
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
	if (r == p.a) != (e.Direction == exabgp.Send) {
		return
	}
	if r == p.b {
		p.receive(&e.Update, l.Text)
		return
	}
	if len(e.Update.Others) > 0 {
		p.trouble = fmt.Errorf("%q can't be read: %s", e.Update.Others, l.Text)
	}
	for _, a := range e.Update.Announced {
		for _, k := range a.Keys {
			p.sent[k] = a.Seen
		}
	}
	for _, w := range e.Update.Withdrawn {
		for _, k := range w.Keys {
			delete(p.sent, k)
		}
	}
}

// receive takes what the second is told by the first.
func (p *pair) receive(u *exabgp.Update, line string) {
	key := func(any state.AnyKey) state.Key {
		k, ok := any.Key()
		if !ok {
			p.trouble = fmt.Errorf("%s can't be read: %s", any.ID, line)
		}
		return k
	}
	for _, r := range u.Reached {
		for _, k := range r.Keys {
			p.received[key(k)] = exabgp.Seen{Attrs: r.Attrs.Attrs, Unknown: r.Attrs.Others()}
		}
	}
	for _, k := range u.Lost {
		delete(p.received, key(k))
	}
}

// probe asks whether the second is a neighbor of the first, and announces
// something after it, so that the message that comes of it is sent by then.
func (p *pair) probe() error {
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	k := state.UnicastKey(netip.MustParsePrefix("10.0.0.0/8"), 0)
	attrs, err := state.NewAttrs(map[state.Name][]string{state.NextHop: {"192.0.2.1"}})
	if err == nil {
		err = p.play(map[state.Key]state.Attrs{k: attrs}, nil)
	}
	if err == nil {
		err = p.tell(ctx, []string{exabgp.Probe(p.neighbor.Addr)})
	}
	if err == nil {
		err = p.play(map[state.Key]state.Attrs{k: attrs}, nil)
	}
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	return nil
}

// ask returns the body of an answer.
func (p *pair) ask(ctx context.Context, command string) ([]string, error) {
	p.body = nil
	err := p.tell(ctx, []string{command})
	return p.body, err
}

// tell writes commands and waits for their answers.
func (p *pair) tell(ctx context.Context, commands []string) error {
	for len(commands) > 0 {
		n := 1
		for size := len(commands[0]); n < len(commands); n++ {
			if size += 1 + len(commands[n]); size > lot {
				break
			}
		}
		if err := p.tellLot(ctx, commands[:n]); err != nil {
			return err
		}
		commands = commands[n:]
	}
	return nil
}

// lot bounds what exaBGP is given at a time. It reads 16 KiB, may have taken
// more off the pipe by then, and looks at that when still more comes
// (reactor/api/processes.py, received). The bridge wakes it up for that.
const lot = 8 << 10

func (p *pair) tellLot(ctx context.Context, commands []string) error {
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

// freePort is a port that nobody has at an address.
func freePort(t *testing.T, addr netip.Addr) uint16 {
	t.Helper()
	free, err := net.Listen("tcp", netip.AddrPortFrom(addr, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	return uint16(port)
}
