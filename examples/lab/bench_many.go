package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"routesync/examples/lab/rig"
)

// many gives each system the same routes at an empty speaker.
func many(ctx context.Context, b *bench) error {
	routes := askFor(b.some4(benchMany), 0)
	if err := errors.Join(b.manySynced(ctx, rowMany, routes), b.manyFloor(ctx, rowMany, ofFloor, routes, noEvents()...)); err != nil {
		return err
	}
	if err := b.manyFloor(ctx, rowMany, ofFloorTold, routes); err != nil {
		return err
	}
	x, took, err := b.openStatic(ctx, routes)
	if err != nil {
		return err
	}
	b.addTime(rowMany, b.static(), took)
	return errors.Join(x.holds(ctx, routes), x.close())
}

// attributeSets does so with routes of many sets of attributes, neighbors in
// different ones.
func attributeSets(ctx context.Context, b *bench) error {
	prefixes := b.some(benchSome)
	routes := askFor(prefixes, len(prefixes)/perAttribute)
	return errors.Join(b.manySynced(ctx, rowSets, routes), b.manyFloor(ctx, rowSets, ofFloor, routes, noEvents()...))
}

// manySynced is the time from a save of many routes to the router holding them.
func (b *bench) manySynced(ctx context.Context, row string, routes []benchRoute) (err error) {
	s, err := b.sync(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	t, err := s.saved(ctx, "routes.yaml", itemsFile([]string{s.name}, routes), func() (time.Time, error) { return s.wait(ctx, len(routes)) })
	if err != nil {
		return err
	}
	b.addTime(row, ours, t.held)
	b.addTime(row, oursRead, t.read)
	return s.holds(ctx, routes)
}

// manyFloor is the time from the write of commands made beforehand to the router
// holding all of their routes.
func (b *bench) manyFloor(ctx context.Context, row, system string, routes []benchRoute, without ...rig.Piece) (err error) {
	f, err := b.openFloor(ctx, without...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	took, err := f.load(ctx, routes)
	if err != nil {
		return err
	}
	b.addTime(row, system, took)
	return nil
}

// openStatic is an exaBGP that has the routes in its own configuration, and how
// long they took from its start to the router.
func (b *bench) openStatic(ctx context.Context, routes []benchRoute) (_ *lane, took time.Duration, err error) {
	l, err := b.road(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	start := time.Now()
	l.speaker, err = b.lab.Speaker(ctx, rig.SpeakerOptions{Name: l.name, Config: l.staticConfig(routes)})
	if err != nil {
		return nil, 0, err
	}
	end, err := l.wait(ctx, len(routes))
	return l, end.Sub(start), err
}

// staticConfig is the configuration of an exaBGP without a helper, a line a route.
func (l *lane) staticConfig(routes []benchRoute) string {
	n := l.router.Neighbor()
	var text strings.Builder
	fmt.Fprintf(&text, "neighbor %v {\n  router-id 10.254.0.1;\n  local-address %v;\n  local-as %d;\n  peer-as %d;\n  connect %d;\n  family { %s; }\n  static {\n",
		n.Address, n.LocalAddress, speakerAS, n.PeerAS, n.Port, strings.Join(n.Families, "; "))
	text.Write(staticExaBGP(routes))
	text.WriteString("  }\n}\n")
	return text.String()
}

// reloads has exaBGP read its configuration again for one route that is added,
// changed or removed.
func reloads(ctx context.Context, b *bench) (err error) {
	routes := askFor(b.some4(benchMany), 0)
	l, _, err := b.openStatic(ctx, routes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	for _, e := range oneEdit(routes, netip.MustParsePrefix("198.18.7.0/24")) {
		// It may not be done yet with the last one, and would drop this; and what a reload
		// adds just behind the start of a session it takes for sent, and never sends.
		if err := wait(ctx, 200*time.Millisecond); err != nil {
			return err
		}
		if _, err := replace(l.speaker.Config(), []byte(l.staticConfig(e.routes))); err != nil {
			return err
		}
		start := time.Now()
		if err := l.speaker.Reload(); err != nil {
			return err
		}
		end, err := l.waitRoute(ctx, e.prefix, e.want)
		if err != nil {
			return fmt.Errorf("%s: %w", e.row, err)
		}
		b.addTime(e.row, b.reload(), end.Sub(start))
	}
	_, err = l.wait(ctx, len(routes))
	return err
}

// edit is a table with one route more, another or less, and what is then to be at
// the router for it.
type edit struct {
	row    string
	routes []benchRoute
	prefix netip.Prefix
	want   *benchRoute
}

// oneEdit adds, changes and removes a route inside of a table, one after the other.
func oneEdit(routes []benchRoute, prefix netip.Prefix) []edit {
	at := len(routes) / 3
	with := withAdded(routes, at, benchRoute{prefix: prefix})
	return []edit{
		{rowAdded, with, prefix, &benchRoute{prefix, 0}},
		{rowChanged, withChanged(with, at, 7), prefix, &benchRoute{prefix, 7}},
		{rowRemoved, routes, prefix, nil},
	}
}
