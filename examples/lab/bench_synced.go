package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"routesync/examples/lab/rig"
	"routesync/examples/lab/table"
)

const (
	// benchFew is the size of the file in which one route changes.
	benchFew = 10
	// benchAmong is how many saves are timed in a file of many routes.
	benchAmong = 20
	// What watch logs when it has read a file, and when all of it is confirmed.
	markRead, markDone = `msg="file is in force"`, "msg=converged"
)

// synced is a lane whose exaBGP runs the bridge, with a watch on a file.
type synced struct {
	*lane
	watch *rig.Program
}

// sync starts a lane with routesync, at a file of some routes, converged.
func (b *lanes) sync(ctx context.Context, routes []netip.Prefix) (s *synced, err error) {
	s = &synced{}
	s.lane, err = b.open(ctx, func(l *lane) []string {
		return []string{b.binary, "bridge", "--speaker", l.name, "--amqp", b.broker.URL, "--state", filepath.Join(l.dir, "state")}
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(ctx))
		}
	}()
	if _, err := s.save(fileOf(s.name, routes, "")); err != nil {
		return nil, err
	}
	env := []string{"ROUTESYNC_AMQP=" + b.broker.URL, "NO_COLOR=1"}
	if s.watch, err = b.lab.Program(ctx, "watch-"+s.name, s.dir, env, b.binary, "watch"); err != nil {
		return nil, err
	}
	if err := s.watch.WaitWrote(ctx, markDone); err != nil {
		return nil, err
	}
	return s, s.router.WaitCount(ctx, len(routes))
}

func (s *synced) close(ctx context.Context) error {
	var err error
	if s.watch != nil {
		err = s.watch.Kill(ctx)
	}
	return errors.Join(err, s.lane.close(ctx))
}

// fileOf is a routes.yaml, of no routes too.
func fileOf(speaker string, routes []netip.Prefix, extra string) string {
	if len(routes) == 0 && extra == "" {
		return fmt.Sprintf("version: 1\nowner: edge-team\nspeakers: [%s]\nroutes: []\n", speaker)
	}
	return table.YAML(speaker, routes, extra)
}

// save replaces routes.yaml as an editor does, and tells when it was there.
func (s *synced) save(text string) (time.Time, error) {
	file := filepath.Join(s.dir, "routes.yaml")
	if err := os.WriteFile(file+"~", []byte(text), 0o644); err != nil {
		return time.Time{}, fmt.Errorf("save: %w", err)
	}
	start := time.Now()
	if err := os.Rename(file+"~", file); err != nil {
		return time.Time{}, fmt.Errorf("save: %w", err)
	}
	return start, nil
}

// manySynced is the time from a save of many routes to the router holding them.
func (b *lanes) manySynced(ctx context.Context) (_ time.Duration, err error) {
	s, err := b.sync(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	start, err := s.save(fileOf(s.name, b.routes, ""))
	if err != nil {
		return 0, err
	}
	end, err := s.wait(ctx, len(b.routes))
	if err != nil {
		return 0, err
	}
	return end.Sub(start), s.holds(ctx, b.routes)
}

// oneRoute times saves that add or change one route, in a file of a few and in
// one of many.
func (b *lanes) oneRoute(ctx context.Context, f *figures) error {
	few, err := b.saves(ctx, b.routes[:benchFew], benchSaves)
	if err != nil {
		return err
	}
	many, err := b.saves(ctx, b.routes, benchAmong)
	if err != nil {
		return err
	}
	for _, t := range few {
		f.alone, f.settled, f.confirmed = append(f.alone, t.held), append(f.settled, t.read), append(f.confirmed, t.confirmed)
	}
	for _, t := range many {
		f.among = append(f.among, t.held)
	}
	return nil
}

// saveTimes are since the save.
type saveTimes struct {
	read      time.Duration // by watch, after it had settled, and found good
	held      time.Duration // by the router
	confirmed time.Duration // known to watch
}

// saves times n saves: each first one of two adds a route, the second gives it
// another MED.
func (b *lanes) saves(ctx context.Context, routes []netip.Prefix, n int) (times []saveTimes, err error) {
	s, err := b.sync(ctx, routes)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	extra := ""
	for i := range n {
		prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, byte(i / 2), 0}), 24)
		entry := fmt.Sprintf("  - prefix: %s\n    next-hop: 192.0.2.1\n", prefix)
		med := ""
		text := extra + entry
		if i%2 == 1 {
			med = "7"
			text = extra + entry + "    med: 7\n"
			extra = text
		}
		t, err := s.time(ctx, fileOf(s.name, routes, text), prefix, med)
		if err != nil {
			return nil, err
		}
		times = append(times, t)
	}
	return times, nil
}

// time saves, and waits until the router holds a route with this MED and watch
// knows it.
func (s *synced) time(ctx context.Context, text string, prefix netip.Prefix, med string) (t saveTimes, err error) {
	before, err := s.marks(markDone)
	if err != nil {
		return t, err
	}
	start, err := s.save(text)
	if err != nil {
		return t, err
	}
	err = s.router.WaitRoute(ctx, prefix, func(r *rig.Route) bool { return r != nil && r.Attributes["BGP.med"] == med })
	if err != nil {
		return t, err
	}
	t.held = time.Since(start)
	if err := s.waitMark(ctx, markDone, len(before)+1); err != nil {
		return t, err
	}
	for mark, into := range map[string]*time.Duration{markRead: &t.read, markDone: &t.confirmed} {
		at, err := s.marks(mark)
		if err != nil {
			return t, err
		}
		*into = at[len(at)-1].Sub(start)
	}
	return t, nil
}

// marks are the times at which watch logged a mark.
func (s *synced) marks(mark string) ([]time.Time, error) {
	text, err := s.watch.Wrote()
	if err != nil {
		return nil, err
	}
	return logTimes(text, mark)
}

func (s *synced) waitMark(ctx context.Context, mark string, n int) error {
	beat := time.NewTicker(5 * time.Millisecond)
	defer beat.Stop()
	for {
		at, err := s.marks(mark)
		if err != nil || len(at) >= n {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %q in %s: %w", mark, s.watch.Log(), ctx.Err())
		case <-beat.C:
		}
	}
}

// logTimes are the times of a log's lines that have a mark.
func logTimes(text, mark string) ([]time.Time, error) {
	var at []time.Time
	for line := range strings.Lines(text) {
		if !strings.Contains(line, mark) || !strings.HasSuffix(line, "\n") {
			continue
		}
		stamp, _, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
		t, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil {
			return nil, fmt.Errorf("read the time of a log's line %q: %w", line, err)
		}
		at = append(at, t)
	}
	return at, nil
}
