//go:build integration

package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"routesync/bridge"
	"routesync/bridge/exabgp"
	"routesync/bridge/rabbit"
	"routesync/examples/lab/rig"
	"routesync/examples/lab/table"
	"routesync/reconcile"
	"routesync/state"
)

// TestIdentity applies random files with routes of every family, each over the
// one before. What is confirmed then, and what the peer has, is what was asked
// for; a plan finds nothing; and the order of the file's lines makes no
// difference to any plan. The peer is a second exaBGP, which reads all of it.
func TestIdentity(t *testing.T) {
	for name, as := range map[string]uint32{"EBGP": routerAS, "IBGP": speakerAS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			identity(t, as)
		})
	}
}

// twin is a speaker with a bridge, and its peer.
type twin struct {
	*scene
	*pair // a is not used: that exaBGP is the bridge's
	last  map[state.Key]state.Attrs
	turn  int // how many files there were
}

// ends is when a route ends and its lease, in milliseconds; most have neither.
// Both are others with each file, and so may be all that changes.
func (w *twin) ends(k state.Key) state.Provenance {
	h := fnv.New32()
	_, _ = fmt.Fprint(h, k, w.turn) // never fails
	var p state.Provenance
	if n := int64(h.Sum32()); n%5 < 2 {
		p.Expires = time.Date(2099, 1, 1, 0, 0, int(n/5%3), 0, time.UTC).UnixMilli()
		p.Lease = n % 2 * (10*time.Minute + time.Duration(n%7)*time.Second).Milliseconds()
	}
	return p
}

func identity(t *testing.T, as uint32) {
	w := openTwin(t, as)
	rounds, count := 0, map[state.Family]int{}
	var failed error // what is left of the first failure would fail smaller rounds
	rapid.Check(t, func(rt *rapid.T) {
		if failed == nil {
			failed = w.round(rt, count)
			rounds++
		}
	})
	if failed != nil {
		t.Fatal(failed)
	}
	if err := w.play(nil, 1, 2); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rounds; routes by family: %v", rounds, count)
	for _, f := range announceable() {
		if count[f] == 0 {
			t.Errorf("no route of %s", f)
		}
	}
}

// openTwin starts both, with a session for every family, and add-path for those
// that may have it.
func openTwin(t *testing.T, as uint32) *twin {
	t.Helper()
	w := &twin{pair: &pair{t: t, received: map[state.Key]exabgp.Seen{}}}
	here, there := netip.AddrFrom4([4]byte{127, 78, byte(as), 1}), netip.AddrFrom4([4]byte{127, 78, byte(as), 2})
	paths := slices.DeleteFunc(announceable(), func(f state.Family) bool { return !f.HasPrefix() })
	extra := " capability { add-path send/receive; } add-path { " + strings.Join(names(paths), "; ") + "; }"
	w.scene = open(t, setting{routers: []rig.RouterOptions{}, others: func(s *scene) []rig.Neighbor {
		port := freePort(s.t, there)
		var err error
		w.b, err = openRelay(s.ctx, s.lab, rig.SpeakerOptions{
			Name: "b", LocalAS: as, Neighbors: []rig.Neighbor{{
				Address: here, LocalAddress: there, Port: port, PeerAS: speakerAS, Families: names(configured()), Extra: "passive true;" + extra,
			}},
			Env: []string{"exabgp_tcp_bind=" + there.String(), fmt.Sprintf("exabgp_tcp_port=%d", port)},
		})
		s.must(err)
		t.Cleanup(w.b.close)
		return []rig.Neighbor{{Address: there, LocalAddress: here, Port: port, PeerAS: as, Families: names(configured()), Extra: extra}}
	}})
	w.scene.ctx = t.Context() // somebody may ask for many rounds
	w.neighbor = exabgp.Neighbor{
		Dialect: shared.dialect, Addr: there, LocalAddress: here, RouterID: netip.AddrFrom4([4]byte{10, 254, 0, 2}), LocalAS: speakerAS, PeerAS: as,
		Families: configured(), AddPath: names(paths), AddPathMode: "send/receive", AdjRIBOut: true, ASN4: true,
	}
	w.must(w.pair.until(w.scene.ctx, func(_ *relay, l exabgp.Line) bool {
		w.trouble = nil // attempts before the first session
		return l.Event.State == "up"
	}))
	return w
}

// round draws a file: half of the routes that are there, most with other
// attributes, and new ones.
func (w *twin) round(t *rapid.T, count map[state.Family]int) error {
	routes := map[state.Key]state.Attrs{}
	for _, k := range slices.SortedFunc(maps.Keys(w.last), state.CompareKeys) {
		switch rapid.IntRange(0, 3).Draw(t, "what becomes of it") {
		case 0:
			routes[k] = w.last[k]
		case 1:
			routes[k] = w.drawFor(t, k)
		}
	}
	for len(routes) < 60 {
		k := drawKey(t)
		routes[k] = w.drawFor(t, k)
	}
	for k := range routes {
		count[k.Family]++
	}
	return w.play(routes, rapid.Uint64().Draw(t, "order"), rapid.Uint64().Draw(t, "another order"))
}

// play plans the routes in two orders, applies them, and looks.
func (w *twin) play(routes map[state.Key]state.Attrs, order, another uint64) error {
	w.last = routes
	w.turn++
	var plan string
	place := regexp.MustCompile(` \(routes\.yaml:\d+:\d+\)`)
	for i, step := range []struct {
		order   uint64
		command string
	}{
		{order, "plan"}, {another, "plan"}, {another, "apply --yes --wait sent --timeout 20s"},
		{another, "plan --detailed-exitcode"}, {order, "plan --detailed-exitcode"},
	} {
		if err := w.save(w.permuted(routes, step.order)); err != nil {
			return err
		}
		r, err := w.routesync(w.ctx, strings.Fields(step.command)...)
		if err != nil {
			return err
		}
		if r.code != 0 {
			return fmt.Errorf("routesync %s ended with %d:\n%s%s", step.command, r.code, r.stderr, r.stdout)
		}
		switch i {
		case 0:
			plan = place.ReplaceAllString(r.stdout, "")
		case 1:
			if other := place.ReplaceAllString(r.stdout, ""); other != plan {
				return fmt.Errorf("the plan is with the lines in another order (-want +got)\n%s", cmp.Diff(plan, other))
			}
		case 3, 4:
			if !strings.Contains(r.stdout, "No changes.") {
				return fmt.Errorf("the plan is not empty:\n%s", r.stdout)
			}
		}
	}
	if err := w.confirmed(routes); err != nil {
		return fmt.Errorf("the confirmed set: %w", err)
	}
	return w.arrived(routes)
}

// confirmed compares what the bridge confirms with what was asked for.
func (w *twin) confirmed(routes map[state.Key]state.Attrs) error {
	ctx, cancel := context.WithTimeout(w.ctx, recovery)
	defer cancel()
	urls, err := rabbit.ParseURLs(w.broker.URL)
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	var wrong error
	err = rabbit.New(rabbit.Config{URLs: urls, Name: "test"}, log).Run(ctx, func(ctx context.Context, s *rabbit.Session) error {
		reader := bridge.NewReader(s, w.name, log)
		if err := errors.Join(reader.Open(ctx), reconcile.Observe(ctx, reader)); err != nil {
			return err
		}
		wrong = w.same(maps.Collect(reader.Advertised().Routes.All()), routes)
		return rabbit.ErrStop
	})
	if errors.Is(err, rabbit.ErrStop) {
		err = nil
	}
	return errors.Join(err, wrong)
}

func (w *twin) same(got map[state.Key][]state.Advert, routes map[state.Key]state.Attrs) error {
	if len(got) != len(routes) {
		return fmt.Errorf("it has %d routes, not %d", len(got), len(routes))
	}
	for k, attrs := range routes {
		adverts := got[k]
		if len(adverts) != 1 || adverts[0].Attrs != attrs || adverts[0].Owner != owner || adverts[0].From != w.ends(k) {
			return fmt.Errorf("%s with %s is confirmed as %+v", k, attrs, adverts)
		}
		if want := []state.At{{Peer: w.neighbor.Addr, Grade: state.Sent}}; !slices.Equal(adverts[0].At, want) {
			return fmt.Errorf("%s with %s is confirmed at %+v", k, attrs, adverts[0].At)
		}
	}
	return nil
}

// arrived waits until the peer has what was asked for, as it reads it.
func (w *twin) arrived(routes map[state.Key]state.Attrs) error {
	var wrong error
	there := func(*relay, exabgp.Line) bool {
		wrong = w.reads(routes)
		return wrong == nil
	}
	if there(nil, exabgp.Line{}) {
		return w.trouble
	}
	ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
	defer cancel()
	if err := w.pair.until(ctx, there); err != nil {
		return fmt.Errorf("the peer: %w", errors.Join(wrong, err))
	}
	return nil
}

func (w *twin) reads(routes map[state.Key]state.Attrs) error {
	if len(w.received) != len(routes) {
		return fmt.Errorf("it has %d routes, not %d", len(w.received), len(routes))
	}
	for k, attrs := range routes {
		seen, ok := w.received[k]
		if !ok {
			return fmt.Errorf("it has no %s", k)
		}
		if ok, difference := w.neighbor.Matches(attrs, exabgp.Announced{Seen: seen, Family: k.Family}); !ok {
			return fmt.Errorf("%s with %s: %s", k, attrs, difference)
		}
	}
	return nil
}

// permuted is the file that asks for the routes, with its lines in some order.
func (w *twin) permuted(routes map[state.Key]state.Attrs, order uint64) string {
	r := rand.New(rand.NewPCG(order, 0))
	shuffle := func(lines []string) []string {
		r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		return lines
	}
	sections := map[string][]string{"routes": nil, "flows": nil, "vpls": nil}
	for _, k := range slices.SortedFunc(maps.Keys(routes), state.CompareKeys) {
		section, words := entry(k, routes[k])
		if p := w.ends(k); p.Expires != 0 {
			words = append(words, "expires: "+time.UnixMilli(p.Expires).UTC().Format(time.RFC3339))
			if p.Lease != 0 {
				words = append(words, fmt.Sprintf("lease: %ds", p.Lease/1000))
			}
		}
		sections[section] = append(sections[section], "  - { "+strings.Join(shuffle(words), ", ")+" }\n")
	}
	parts := []string{"version: 1\n", "owner: " + owner + "\n", "speakers: [" + w.name + "]\n", table.Unguarded}
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		lines := sections[name]
		if len(lines) == 0 {
			lines = []string{" []\n"}
		} else {
			lines = append([]string{"\n"}, shuffle(lines)...)
		}
		parts = append(parts, name+":"+strings.Join(lines, ""))
	}
	return strings.Join(shuffle(parts), "")
}

// entry is where in the file a route is, and the settings of its entry.
func entry(k state.Key, attrs state.Attrs) (section string, words []string) {
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if rd := k.RD(); rd != "" {
		add("rd: %q", rd)
	}
	if !k.Family.IsFlow() {
		for name, values := range attrs.All() {
			add("%s: %s", name, written(name, values))
		}
	}
	switch {
	case k.Family.HasPrefix():
		add("prefix: %q", k.Prefix())
		if id := k.PathID(); id != 0 {
			add("path-information: %d", id)
		}
		return "routes", words
	case !k.Family.IsFlow():
		endpoint, base, offset, size, _ := k.VPLS()
		add("endpoint: %d", endpoint)
		add("base: %d", base)
		add("offset: %d", offset)
		add("size: %d", size)
		return "vpls", words
	}
	var match []string
	for _, c := range k.Components() {
		match = append(match, fmt.Sprintf("%s: %s", c.Name, list(c.Values)))
	}
	add("match: { %s }", strings.Join(match, ", "))
	then := []string{"accept: true"}
	for name, values := range attrs.All() {
		if name == state.NextHop {
			add("next-hop: %q", values[0])
		} else {
			then = append(then, fmt.Sprintf("%s: %s", name, list(values)))
		}
	}
	add("then: { %s }", strings.Join(then, ", "))
	return "flows", words
}
