package watch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/google/go-cmp/cmp"
)

// fake is a file in memory, with the clock of the bubble.
type fake struct {
	events chan fsnotify.Event
	errors chan error
	mu     sync.Mutex // of the file as it is
	data   string
	err    error
	mtime  time.Time
	needs  map[wish]struct{} // the loop asked for
	got    []string
	at     []time.Duration // since the start
	reads  int
	others bool // the file leads to another
}

// glance has no FileInfo, as os.SameFile takes only those of os; the text
// tells states apart just as well.
func (f *fake) glance() stamp {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return stamp{err: f.err.Error()}
	}
	return stamp{err: f.mtime.String() + f.data}
}

func (f *fake) read(*reading) *reading {
	f.reads++
	seen := f.glance()
	f.mu.Lock()
	defer f.mu.Unlock()
	r := &reading{stamp: seen, content: Content{Data: []byte(f.data), Err: f.err}}
	if f.needs != nil {
		r.content.others = map[wish]*found{{name: "other"}: {data: []byte("x")}}
	}
	return r
}

// silently changes the file without an event.
func (f *fake) silently(data string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.data, f.err, f.mtime = data, nil, time.Now()
}

func (f *fake) write(data string) {
	f.silently(data)
	f.events <- fsnotify.Event{Op: fsnotify.Write}
}

func (f *fake) remove() {
	f.mu.Lock()
	f.err = errors.New("gone")
	f.mu.Unlock()
	f.events <- fsnotify.Event{Op: fsnotify.Remove}
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// bubble runs the loop over a fake file; script changes it and sleeps on the
// fake clock.
func bubble(t *testing.T, data string, script func(f *fake), setUp ...func(f *fake)) *fake {
	f := &fake{data: data}
	for _, set := range setUp {
		set(f)
	}
	synctest.Test(t, func(t *testing.T) {
		f.events, f.errors = make(chan fsnotify.Event), make(chan error)
		start := time.Now()
		f.mtime = start
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			New("x", Options{}, slog.New(slog.DiscardHandler)).run(ctx, file{
				events: f.events, errors: f.errors,
				concerns: func(e fsnotify.Event) bool { return e.Name == "" },
				read:     f.read, glance: f.glance, post: func() {}, need: func(n map[wish]struct{}) { f.needs = n },
			}, func(c Content) {
				text := string(c.Data)
				if c.Err != nil {
					text = c.Err.Error()
				}
				if f.others {
					_, _ = c.Read("other")
					if !c.Whole() {
						return
					}
				}
				f.got, f.at = append(f.got, text), append(f.at, time.Since(start))
			})
		}()
		time.Sleep(ms(1000))
		script(f)
		time.Sleep(ms(10_000))
		cancel()
		<-done
	})
	return f
}

func TestSettles(t *testing.T) {
	cases := []struct {
		name   string
		script func(f *fake)
		want   []string
		at     []time.Duration
	}{
		{"at the start", func(*fake) {}, []string{"a"}, []time.Duration{ms(20)}},
		{"one save", func(f *fake) { f.write("b") }, []string{"a", "b"}, []time.Duration{ms(20), ms(1020)}},
		{"the same bytes", func(f *fake) { f.write("a") }, []string{"a"}, []time.Duration{ms(20)}},
		{"truncated, then written", func(f *fake) {
			f.write("")
			time.Sleep(ms(19))
			f.write("b")
		}, []string{"a", "b"}, []time.Duration{ms(20), ms(1039)}},
		{"emptied", func(f *fake) { f.write("") }, []string{"a", ""}, []time.Duration{ms(20), ms(1020)}},
		{"a burst", func(f *fake) {
			for _, v := range []string{"b", "c", "d", "e"} {
				f.write(v)
				time.Sleep(ms(15))
			}
		}, []string{"a", "e"}, []time.Duration{ms(20), ms(1065)}},
		{"removed and made again", func(f *fake) {
			f.remove()
			time.Sleep(ms(18))
			f.write("b")
		}, []string{"a", "b"}, []time.Duration{ms(20), ms(1038)}},
		{"removed", func(f *fake) { f.remove() }, []string{"a", "gone"}, []time.Duration{ms(20), ms(1020)}},
		{"written for long", func(f *fake) {
			for v := "b"; len(v) < 100; v += "b" {
				f.write(v)
				time.Sleep(ms(15))
			}
			f.write("end")
		}, []string{"a", "end"}, nil},
		{"events for ever that change nothing", func(f *fake) {
			f.silently("b")
			for range 100 {
				f.events <- fsnotify.Event{Op: fsnotify.Chmod}
				time.Sleep(ms(9))
			}
		}, []string{"a", "b"}, nil},
		{"neighbors", func(f *fake) {
			f.silently("b")
			f.events <- fsnotify.Event{Name: "other", Op: fsnotify.Write}
		}, []string{"a", "b"}, []time.Duration{ms(20), ms(2020)}}, // by the poll
		{"no event at all", func(f *fake) { f.silently("b") }, []string{"a", "b"}, []time.Duration{ms(20), ms(2020)}},
		{"overflow", func(f *fake) {
			f.silently("b")
			f.errors <- fsnotify.ErrEventOverflow
		}, []string{"a", "b"}, []time.Duration{ms(20), ms(1020)}},
		{"a late event", func(f *fake) {
			f.write("")
			time.Sleep(ms(8)) // its event comes after the first reading
			f.silently("half")
			time.Sleep(ms(15))
			f.silently("whole")
		}, []string{"a", "whole"}, nil},
		{"notifications end", func(f *fake) {
			close(f.events)
			close(f.errors)
			f.silently("b")
		}, []string{"a", "b"}, []time.Duration{ms(20), ms(2020)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := bubble(t, "a", c.script)
			if d := cmp.Diff(c.want, f.got); d != "" {
				t.Error(d)
			}
			if c.at != nil && !cmp.Equal(c.at, f.at) {
				t.Errorf("at %v, want %v", f.at, c.at)
			}
		})
	}
}

// Noise must not put off a change for longer than MaxWait and two settles.
func TestMaxWaitBounds(t *testing.T) {
	f := bubble(t, "a", func(f *fake) {
		f.silently("b")
		for range 200 {
			f.events <- fsnotify.Event{Op: fsnotify.Chmod}
			time.Sleep(ms(9))
		}
	})
	if len(f.at) != 2 || f.at[1] < ms(1500) || f.at[1] > ms(1550) {
		t.Errorf("at %v, want about 1.52s", f.at)
	}
}

// Where a file leads to others, what is saved in pieces is waited for longer,
// and all of it is read before anything is emitted.
func TestSettlesTogether(t *testing.T) {
	f := bubble(t, "a", func(f *fake) {
		f.write("between")
		time.Sleep(ms(90)) // the next file is written
		f.write("b")
	}, func(f *fake) { f.others = true })
	if d := cmp.Diff([]string{"a", "b"}, f.got); d != "" {
		t.Error(d)
	}
	if want := []time.Duration{ms(120), ms(1190)}; !cmp.Equal(want, f.at) {
		t.Errorf("at %v, want %v", f.at, want)
	}
}

// What nobody touches is read twice, whatever the poll does.
func TestIdleReadsNothing(t *testing.T) {
	if f := bubble(t, "a", func(*fake) {}); f.reads != 2 {
		t.Errorf("%d reads, want 2", f.reads)
	}
}
