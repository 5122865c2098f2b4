package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"routesync/examples/lab/table"
)

// benchSaves is how many saves of one route are timed in all, over the rounds.
const benchSaves = 100

// saves is how many a round has.
func (b *bench) saves() int {
	if b.round < 1 || b.small() {
		return 3
	}
	return (benchSaves + b.rounds - 1) / b.rounds
}

// few changes one route after the other in a file of a few, and has the floor give
// commands for one.
func few(ctx context.Context, b *bench) error {
	return errors.Join(b.fewSynced(ctx), b.fewFloor(ctx))
}

// fewEdits are n edits of one route, each after the other: it is added, changed and
// removed, and then the next one.
func fewEdits(routes []benchRoute, n int) []edit {
	var all []edit
	for i := 0; len(all) < n; i++ {
		prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, byte(i), 0}), 24)
		all = append(all, oneEdit(routes, prefix)...)
	}
	return all[:n]
}

func (b *bench) fewSynced(ctx context.Context) (err error) {
	routes := askFor(table.Some(b.table, benchFew), 0)
	s, err := b.sync(ctx, routes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for _, e := range fewEdits(routes, b.saves()) {
		t, err := s.saved(ctx, "routes.yaml", itemsFile([]string{s.name}, e.routes), func() (time.Time, error) { return s.waitRoute(ctx, e.prefix, e.want) })
		if err != nil {
			return fmt.Errorf("%s: %w", e.row, err)
		}
		b.addTime(rowFew, ours, t.held)
		b.addTime(rowFew, oursRead, t.read)
		b.addTime(rowFew, oursConfirmed, t.confirmed)
	}
	return nil
}

func (b *bench) fewFloor(ctx context.Context) (err error) {
	f, err := b.openFloor(ctx, noEvents()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	routes := askFor(table.Some(b.table, benchFew), 0)
	if _, err := f.load(ctx, routes); err != nil {
		return err
	}
	var before *benchRoute
	for _, e := range fewEdits(routes, b.saves()) {
		verb, route := "announce", e.want
		if route == nil {
			verb, route = "withdraw", before
		}
		start, err := f.give(ctx, bulk(verb, []benchRoute{*route}, 1))
		if err != nil {
			return err
		}
		end, err := f.waitRoute(ctx, e.prefix, e.want)
		if err != nil {
			return fmt.Errorf("%s: %w", e.row, err)
		}
		b.addTime(rowFew, ofFloor, end.Sub(start))
		before = e.want
		if err := wait(ctx, 20*time.Millisecond); err != nil { // the helper is to read its pipe again
			return err
		}
	}
	return nil
}
