package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"routesync/examples/lab/rig"
)

// millionRows are the rows that one life with the big table serves: to load it
// takes longest.
func millionRows() []string {
	return []string{
		rowFull, rowFullCPU, rowMemory, rowResident, rowIdle, rowQueue, rowAdded, rowChanged, rowRemoved, rowOneCPU, rowListed,
		rowSnapshot, rowRespawn, rowWithdraw, rowWithdrawCPU,
	}
}

// million is one life of routesync, and one of the floor.
func million(ctx context.Context, b *bench) error {
	err := b.millionSynced(ctx)
	b.try(ctx, []string{rowFull, rowFullCPU, rowWithdraw, rowIdle}, stepMost, b.millionFloor)
	if b.round == b.rounds { // for information, once
		b.try(ctx, []string{rowFull}, stepMost, func(ctx context.Context) error {
			return b.manyFloor(ctx, rowFull, ofFloorTold, askFor(b.big(), 0))
		})
	}
	return err
}

// life is a lane that holds the big table.
type life struct {
	*synced
	routes []benchRoute
}

func (b *bench) millionSynced(ctx context.Context) (err error) {
	s, err := b.sync(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	l := &life{s, askFor(b.big(), 0)}
	if err := l.load(ctx); err != nil {
		return err
	}
	for _, step := range []struct {
		rows []string
		run  func(context.Context) error
	}{
		{[]string{rowMemory, rowResident}, l.memory},
		{[]string{rowIdle, rowQueue}, l.idle},
		{[]string{rowAdded, rowChanged, rowRemoved, rowOneCPU}, l.edits},
		{[]string{rowSnapshot}, l.snapshot},
		{[]string{rowRespawn}, l.respawn},
		{[]string{rowListed, rowWithdraw, rowWithdrawCPU}, l.lists},
	} {
		b.try(ctx, step.rows, stepMost, step.run)
	}
	return nil
}

func (l *life) load(ctx context.Context) error {
	text := itemsFile([]string{l.name}, l.routes)
	return l.costs(ctx, rowFullCPU, func() error {
		t, err := l.saved(ctx, "routes.yaml", text, func() (time.Time, error) { return l.wait(ctx, len(l.routes)) })
		if err != nil {
			return err
		}
		l.bench.addTime(rowFull, ours, t.held)
		l.bench.addTime(rowFull, oursRead, t.read)
		l.bench.addTime(rowFull, oursConfirmed, t.confirmed)
		return l.holds(ctx, l.routes)
	})
}

func (l *life) memory(ctx context.Context) error {
	if err := wait(ctx, l.bench.rest()); err != nil {
		return err
	}
	used, err := l.usage(ctx)
	for _, name := range crew() {
		l.bench.add(rowMemory, name, float64(used[name].Peak)/(1<<20))
		l.bench.add(rowResident, name, float64(used[name].Resident)/(1<<20))
	}
	return err
}

// rest is a pause after work, until nothing is left of it.
func (b *bench) rest() time.Duration {
	if b.small() || b.round < 1 {
		return 500 * time.Millisecond
	}
	return 3 * time.Second
}

// idleSpan is how long idleness is measured.
func (b *bench) idleSpan() time.Duration {
	if b.small() || b.round < 1 {
		return 2 * time.Second
	}
	return 20 * time.Second
}

func (l *life) idle(ctx context.Context) error {
	heard, err := l.bench.listen(ctx)
	if err != nil {
		return err
	}
	shares, err := l.idleShare(ctx, l.bench.idleSpan())
	passed, err2 := heard.stop(ctx)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	sum := 0.0
	for _, name := range []string{ofWatch, ofBridge, ofSupervisor, ofExaBGP} {
		sum += shares[name]
	}
	l.bench.add(rowIdle, oursWithout, sum-shares[ofExaBGP])
	l.bench.add(rowIdle, oursAll, sum)
	for _, name := range crew() {
		l.bench.add(rowIdle, name, shares[name])
	}
	l.bench.add(rowQueue, "messages a minute", float64(passed.messages)*float64(time.Minute)/float64(l.bench.idleSpan()))
	l.bench.add(rowQueue, "bytes of the largest", float64(passed.largest))
	if row := l.bench.report.Row(rowQueue); row != nil && l.bench.round > 0 {
		row.Notes = []string{"In the last round: " + passed.kinds() + "."}
	}
	return nil
}

// edits add, change and remove one route each inside of the file.
func (l *life) edits(ctx context.Context) error {
	for _, e := range oneEdit(l.routes, netip.MustParsePrefix("198.18.7.0/24")) {
		text := itemsFile([]string{l.name}, e.routes)
		err := l.costs(ctx, rowOneCPU, func() error {
			t, err := l.saved(ctx, "routes.yaml", text, func() (time.Time, error) { return l.waitRoute(ctx, e.prefix, e.want) })
			if err == nil {
				l.bench.addTime(e.row, ours, t.held)
				l.bench.addTime(e.row, oursRead, t.read)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", e.row, err)
		}
	}
	_, err := l.wait(ctx, len(l.routes))
	return err
}

// snapshot has a new watch find that there is nothing to do.
func (l *life) snapshot(ctx context.Context) error {
	before, err := l.router.Updates(ctx)
	if err != nil {
		return err
	}
	if err := l.stopWatch(ctx); err != nil {
		return err
	}
	took, err := l.startWatch(ctx, "routes.yaml")
	if err != nil {
		return err
	}
	l.bench.addTime(rowSnapshot, ours, took)
	return l.unmoved(ctx, before)
}

// lists has the same routes come from lists, which is no change. One is added to a
// list and removed again, and then all of it goes with its group.
func (l *life) lists(ctx context.Context) error {
	of, extra := families(l.routes), benchRoute{prefix: netip.MustParsePrefix("198.18.8.0/24")}
	names := []string{"ipv4.txt", "ipv6.txt"}
	for i, name := range names {
		if _, err := l.save(name, listFile(of[i])); err != nil {
			return err
		}
	}
	before, err := l.router.Updates(ctx)
	if err != nil {
		return err
	}
	if _, err := l.saved(ctx, "routes.yaml", listsFile([]string{l.name}, names, true), func() (time.Time, error) { return time.Now(), nil }); err != nil {
		return err
	}
	if err := l.unmoved(ctx, before); err != nil {
		return err
	}
	for _, e := range []struct {
		routes []benchRoute
		want   *benchRoute
	}{{withAdded(of[0], len(of[0])/3, extra), &extra}, {of[0], nil}} {
		t, err := l.saved(ctx, names[0], listFile(e.routes), func() (time.Time, error) { return l.waitRoute(ctx, extra.prefix, e.want) })
		if err != nil {
			return err
		}
		l.bench.addTime(rowListed, ours, t.held)
		l.bench.addTime(rowListed, oursRead, t.read)
	}
	return l.costs(ctx, rowWithdrawCPU, func() error {
		t, err := l.saved(ctx, "routes.yaml", listsFile([]string{l.name}, names, false), func() (time.Time, error) { return l.wait(ctx, 0) })
		if err == nil {
			l.bench.addTime(rowWithdraw, ours, t.held)
			l.bench.addTime(rowWithdraw, oursConfirmed, t.confirmed)
		}
		return err
	})
}

// unmoved checks that the router was told nothing of any route since before, and
// holds as many as it should.
func (l *life) unmoved(ctx context.Context, before rig.Counters) error {
	after, err := l.router.Updates(ctx)
	if err == nil && after != before {
		err = fmt.Errorf("the router was told of routes: %+v", after.Sub(before))
	}
	return errors.Join(err, l.holds(ctx, l.routes))
}

// floorIdle is what an exaBGP takes that has a helper without events, and nothing
// to do.
func (b *bench) floorIdle(ctx context.Context, f *floor) error {
	if err := wait(ctx, b.rest()); err != nil {
		return err
	}
	before, err := rig.UsageOf(f.speaker.PID())
	if err != nil {
		return err
	}
	span := b.idleSpan()
	if err := wait(ctx, span); err != nil {
		return err
	}
	after, err := rig.UsageOf(f.speaker.PID())
	b.add(rowIdle, exaBGPOfFloor, 100*float64(after.CPU-before.CPU)/float64(span))
	return err
}

// millionFloor is what the floor takes for the same.
func (b *bench) millionFloor(ctx context.Context) (err error) {
	f, err := b.openFloor(ctx, noEvents()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	routes := askFor(b.big(), 0)
	took, err := f.load(ctx, routes)
	if err != nil {
		return err
	}
	b.addTime(rowFull, ofFloor, took)
	used, err := rig.UsageOf(f.speaker.PID())
	if err != nil {
		return err
	}
	b.add(rowFullCPU, exaBGPOfFloor, used.CPU.Seconds())
	if b.wants(rowIdle) {
		if err := b.floorIdle(ctx, f); err != nil {
			return err
		}
	}
	if !b.wants(rowWithdraw) {
		return nil
	}
	start, err := f.give(ctx, bulk("withdraw", routes, floorBulk))
	if err != nil {
		return err
	}
	end, err := f.wait(ctx, 0)
	if err == nil {
		b.addTime(rowWithdraw, ofFloor, end.Sub(start))
	}
	return err
}
