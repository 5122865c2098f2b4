package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Options are how patient the watcher is; what is zero has its default.
type Options struct {
	// Settle is how long the file must be left alone. 20 ms.
	Settle time.Duration
	// Together is how long all of them must be left alone where the file leads
	// to others: a checkout or an editor writes them one after the other, and
	// what is between them is not what anybody asks for. 100 ms.
	Together time.Duration
	// MaxWait is how long events alone can put off the reading of the file. If
	// they go on, it is read all the same, and settled if two readings, Settle
	// apart, agree. 500 ms.
	MaxWait time.Duration
	// Poll is how often the file is looked at without an event, as network
	// file systems have none. 2 s.
	Poll time.Duration
	// MaxSize is how large a file is read, in bytes. 64 MiB.
	MaxSize int64
	// Waiting is told of a file that another process has had open for writing for
	// long, and "" when that is over; from the goroutine that emits. nil if nobody
	// is to be told.
	Waiting func(file string)
}

// Watcher watches one file, and those that it leads to.
type Watcher struct {
	path string
	opts Options
	log  *slog.Logger
}

// New returns a watcher of the file at path, which need not be there.
func New(path string, opts Options, log *slog.Logger) *Watcher {
	def := Options{Settle: 20 * time.Millisecond, Together: 100 * time.Millisecond, MaxWait: 500 * time.Millisecond, Poll: 2 * time.Second, MaxSize: 64 << 20}
	if opts.Settle <= 0 {
		opts.Settle = def.Settle
	}
	if opts.Together <= 0 {
		opts.Together = max(def.Together, opts.Settle)
	}
	if opts.MaxWait <= 0 {
		opts.MaxWait = def.MaxWait
	}
	if opts.Poll <= 0 {
		opts.Poll = def.Poll
	}
	if opts.MaxSize <= 0 {
		opts.MaxSize = def.MaxSize
	}
	if opts.Waiting == nil {
		opts.Waiting = func(string) {}
	}
	return &Watcher{path: path, opts: opts, log: log}
}

// Run emits the file as it is, and again each time it, or one that was asked
// for when it was emitted last, has settled on other bytes or on another error.
// It calls emit from its own goroutine; while emit
// runs nothing is read, and what happens meanwhile is looked at after it. It
// returns nil when ctx ends.
func (w *Watcher) Run(ctx context.Context, emit func(Content)) error {
	path, err := absolute(w.path)
	if err != nil {
		return fmt.Errorf("watch %s: %w", w.path, err)
	}
	s := &sentries{paths: []string{path}, log: w.log, watched: map[string]struct{}{}, failed: map[string]string{}}
	needs := map[wish]struct{}{}
	f := file{
		read:     func(like *reading) *reading { return readAll(w.path, needs, w.opts.MaxSize, like) },
		glance:   func() stamp { return glanceAll(w.path, needs) },
		post:     s.post,
		concerns: s.concerns,
		need: func(all map[wish]struct{}) {
			needs = all
			s.paths, s.patterns = []string{path}, nil
			for n := range all {
				abs, err := absolute(n.name)
				switch {
				case err != nil: // it is left to the poll
				case n.glob:
					s.patterns = append(s.patterns, abs)
				default:
					s.paths = append(s.paths, abs)
				}
			}
			s.post()
		},
	}
	if s.fs, err = fsnotify.NewWatcher(); err != nil {
		w.log.Warn("no file notifications; changes are seen late", "path", w.path, "poll", w.opts.Poll, "err", err)
	} else {
		defer s.fs.Close()
		f.events, f.errors = s.fs.Events, s.fs.Errors
	}
	s.post()
	w.run(ctx, f, emit)
	return nil
}

// absolute is filepath.Abs without its cleaning, which would take "link/.."
// for nothing.
func absolute(path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return dir + string(filepath.Separator) + path, nil
}

// file is all that the loop knows of the world.
type file struct {
	events   <-chan fsnotify.Event // nil if there are none
	errors   <-chan error
	concerns func(fsnotify.Event) bool
	read     func(like *reading) *reading // like is one before, or nil
	glance   func() stamp
	post     func() // follow the paths again
	// need says what is to be read besides the file from now on.
	need func(map[wish]struct{})
}

// busyPatience is how long a writer may take until it is said that one is
// waited for.
const busyPatience = 5 * time.Second

// run turns events and time into settled contents, until ctx ends.
func (w *Watcher) run(ctx context.Context, f file, emit func(Content)) {
	s := settler{settle: w.opts.Settle, maxWait: w.opts.MaxWait}
	s.suspect(time.Now())
	needs := map[wish]struct{}{}
	told := false // that somebody has it open for writing
	due := time.NewTimer(0)
	defer due.Stop()
	poll := time.NewTicker(w.opts.Poll)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-f.events:
			if !ok {
				f.events = nil
			} else if f.concerns(e) {
				s.event(time.Now(), f.glance())
			}
		case err, ok := <-f.errors:
			if !ok {
				f.errors = nil
				continue
			}
			// Whatever was lost may have been ours.
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				w.log.Warn("file notifications failed", "path", w.path, "err", err)
			}
			f.post()
			s.event(time.Now(), f.glance())
		case <-poll.C:
			f.post()
			if seen := f.glance(); s.last == nil || !seen.same(s.last.stamp) {
				s.suspect(time.Now())
			}
		case <-due.C:
			r := f.read(cmp.Or(s.prev, s.last))
			if s.read(time.Now(), r) {
				c := r.emitted()
				emit(c)
				if used := c.asked.used; !maps.Equal(used, needs) {
					needs = maps.Clone(used)
					f.need(needs)
					s.narrow(needs)
				}
				s.settle = w.opts.Settle
				if len(needs) > 0 {
					s.settle = w.opts.Together
				}
				if !c.Whole() {
					s.suspect(time.Now())
				}
			}
			switch {
			case r.busy == "" && told:
				told = false
				w.opts.Waiting("")
			case r.busy == "":
			case !told && time.Since(s.first) >= busyPatience:
				told = true
				w.log.Warn("another process has the file open for writing; it is read once that is closed", "path", r.busy)
				w.opts.Waiting(r.busy)
			}
		}
		if s.due.IsZero() {
			due.Stop()
		} else {
			due.Reset(time.Until(s.due))
		}
	}
}
