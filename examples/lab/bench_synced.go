package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"routesync/examples/lab/rig"
)

// What watch logs when it has read a file, and when all of it is confirmed.
const (
	markRead = `msg="file is read"`
	markDone = "msg=converged"
)

// synced is a lane whose exaBGP runs the bridge, with a watch on a file.
type synced struct {
	*lane
	bench *bench
	watch *rig.Program
}

// sync starts a lane with routesync, at a file of some routes, converged.
func (b *bench) sync(ctx context.Context, routes []benchRoute) (s *synced, err error) {
	s = &synced{bench: b}
	if s.lane, err = b.open(ctx, b.bridge); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if _, err := s.save("routes.yaml", itemsFile([]string{s.name}, routes)); err != nil {
		return nil, err
	}
	if _, err := s.startWatch(ctx, "routes.yaml"); err != nil {
		return nil, err
	}
	_, err = s.wait(ctx, len(routes))
	return s, err
}

// bridge is the command line of a lane's.
func (b *bench) bridge(l *lane) []string {
	return []string{b.binary, "bridge", "--speaker", l.name, "--amqp", b.broker.URL, "--state", filepath.Join(l.dir, "state")}
}

// startWatch starts a watch, and says how long it took until there was nothing
// left to do.
func (s *synced) startWatch(ctx context.Context, file string) (time.Duration, error) {
	start := time.Now()
	env := []string{"ROUTESYNC_AMQP=" + s.bench.broker.URL, "NO_COLOR=1", "ROUTESYNC_HISTORY=" + filepath.Join(s.dir, "history")}
	var err error
	if s.watch, err = s.bench.lab.Program(ctx, "watch-"+s.name, s.dir, env, s.bench.binary, "watch", "-f", file); err != nil {
		return 0, err
	}
	done, err := s.waitMark(ctx, markDone, 1)
	return done.Sub(start), err
}

func (s *synced) stopWatch(ctx context.Context) error {
	if s.watch == nil {
		return nil
	}
	err := s.watch.Stop(ctx)
	s.watch = nil
	return err
}

func (s *synced) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return errors.Join(s.stopWatch(ctx), s.lane.close())
}

// save replaces a file of the lane as an editor does, and tells when it was there.
func (l *lane) save(name string, text []byte) (time.Time, error) {
	return replace(filepath.Join(l.dir, name), text)
}

func replace(file string, text []byte) (time.Time, error) {
	if err := os.WriteFile(file+"~", text, 0o644); err != nil {
		return time.Time{}, fmt.Errorf("save: %w", err)
	}
	start := time.Now()
	if err := os.Rename(file+"~", file); err != nil {
		return time.Time{}, fmt.Errorf("save: %w", err)
	}
	return start, nil
}

// saving are the times of one save, since then.
type saving struct {
	read      time.Duration // by watch, after it had settled, and found good
	held      time.Duration // by the router
	confirmed time.Duration // known to watch
	at        time.Time     // of held
}

// saved saves a file, and waits until the router has it, as held says, and watch
// knows that.
func (s *synced) saved(ctx context.Context, name string, text []byte, held func() (time.Time, error)) (saving, error) {
	read, err := s.marks(markRead)
	if err != nil {
		return saving{}, err
	}
	done, err := s.marks(markDone)
	if err != nil {
		return saving{}, err
	}
	start, err := s.save(name, text)
	if err != nil {
		return saving{}, err
	}
	at, err := held()
	if err != nil {
		return saving{}, err
	}
	readAt, err := s.waitMark(ctx, markRead, len(read)+1)
	if err != nil {
		return saving{}, err
	}
	doneAt, err := s.waitMark(ctx, markDone, len(done)+1)
	return saving{readAt.Sub(start), at.Sub(start), doneAt.Sub(start), at}, err
}

// marks are the times at which watch logged a mark.
func (s *synced) marks(mark string) ([]time.Time, error) {
	text, err := s.watch.Wrote()
	if err != nil {
		return nil, err
	}
	return logTimes(text, mark)
}

// waitMark waits until watch has logged a mark n times, and tells when that was.
func (s *synced) waitMark(ctx context.Context, mark string, n int) (at time.Time, err error) {
	_, err = poll(ctx, askMany, fmt.Sprintf("there is %q %d times in %s", mark, n, s.watch.Log()), func() (bool, error) {
		all, err := s.marks(mark)
		if len(all) >= n {
			at = all[n-1]
		}
		return len(all) >= n, err
	})
	return at, err
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
