package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"routesync/examples/lab/rig"
)

// markKnown is what a bridge logs when it knows again what is advertised.
const markKnown = `msg="what is advertised is known"`

// respawn kills the bridge; its supervisor starts the next one under the same
// exaBGP. When that confirms what it found, a save shows when watch has all of it
// too, and may command.
func (l *life) respawn(ctx context.Context) error {
	told, err := l.router.Updates(ctx)
	if err != nil {
		return err
	}
	moved, err := l.router.Moved(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := l.speaker.KillBridge(ctx); err != nil {
		return err
	}
	known, err := l.known(ctx, start)
	if err != nil {
		return err
	}
	l.bench.addTime(rowRespawn, ours, known.Sub(start))
	edits := oneEdit(l.routes, netip.MustParsePrefix("198.18.9.0/24"))
	for _, e := range []edit{edits[0], edits[2]} { // it is added, and removed
		text := itemsFile([]string{l.name}, e.routes)
		t, err := l.saved(ctx, "routes.yaml", text, func() (time.Time, error) { return l.waitRoute(ctx, e.prefix, e.want) })
		if err != nil {
			return err
		}
		if e.row == rowAdded {
			l.bench.addTime(rowRespawn, oursAgain, t.at.Sub(start))
		}
	}
	return l.stayed(ctx, told, moved+2)
}

// stayed checks that the router's table has changed so often and no more, and says
// in the row of the respawn what it was told since, for it may be told again of
// routes as they are.
func (l *life) stayed(ctx context.Context, told rig.Counters, moved int) error {
	now, err := l.router.Moved(ctx)
	if err == nil && now != moved {
		err = fmt.Errorf("%d routes were moved at the router", now-moved)
	}
	after, err2 := l.router.Updates(ctx)
	if row := l.bench.report.Row(rowRespawn); row != nil && l.bench.round > 0 {
		row.Notes = []string{fmt.Sprintf("In the last round the router was told of %d routes as they are.", after.Sub(told).Updates-1)}
	}
	return errors.Join(err, err2, l.holds(ctx, l.routes))
}

// known waits until a bridge that was started after a time knows all routes, and
// says when it did.
func (l *life) known(ctx context.Context, after time.Time) (at time.Time, err error) {
	_, err = poll(ctx, askMany, fmt.Sprintf("there is %q in %s", markKnown, l.speaker.Log()), func() (bool, error) {
		text, err := os.ReadFile(l.speaker.Log())
		if err != nil {
			return false, err
		}
		all, err := logTimes(string(text), markKnown)
		if len(all) > 0 {
			at = all[len(all)-1]
		}
		return at.After(after), err
	})
	return at, err
}
