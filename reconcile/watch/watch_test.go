package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// running is a watcher and what it emitted.
type running struct {
	t    testing.TB
	got  chan Content
	stop func()
}

func start(t testing.TB, path string, opts Options) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t: t, got: make(chan Content, 1000)}
	done := make(chan error, 1)
	go func() {
		done <- New(path, opts, slog.New(slog.DiscardHandler)).Run(ctx, func(c Content) { r.got <- c })
	}()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

func (r *running) next() Content {
	r.t.Helper()
	select {
	case c := <-r.got:
		return c
	case <-time.After(patience):
		r.t.Fatal("nothing was emitted")
		return Content{}
	}
}

// expect wants exactly this content next.
func (r *running) expect(data string) {
	r.t.Helper()
	if c := r.next(); c.Err != nil || string(c.Data) != data {
		r.t.Fatalf("emitted %q, %v; want %q", c.Data, c.Err, data)
	}
}

// fails wants this error next.
func (r *running) fails(want error) {
	r.t.Helper()
	if c := r.next(); !errors.Is(c.Err, want) {
		r.t.Fatalf("emitted %q, %v; want %v", c.Data, c.Err, want)
	}
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func put(path, data string) error { return os.WriteFile(path, []byte(data), 0o600) }

// slow polls so rarely that what a test sees comes from events, and settles so
// slowly that a busy machine does not tear one save into two.
func slow() Options { return Options{Poll: time.Hour, Settle: 300 * time.Millisecond} }

func TestEditors(t *testing.T) {
	cases := map[string]func(dir, file string) error{
		"in place": func(_, file string) error { return put(file, "two") },
		"in pieces": func(_, file string) error {
			f, err := os.OpenFile(file, os.O_WRONLY|os.O_TRUNC, 0)
			if err != nil {
				return err
			}
			for _, b := range []byte("two") {
				_, e := f.Write([]byte{b})
				err = errors.Join(err, e)
			}
			return errors.Join(err, f.Close())
		},
		"renamed over": func(dir, file string) error {
			return errors.Join(put(dir+"/.tmp123", "two"), os.Rename(dir+"/.tmp123", file))
		},
		"deleted and created": func(_, file string) error { return errors.Join(os.Remove(file), put(file, "two")) },
		"vim": func(dir, file string) error {
			return errors.Join(put(dir+"/.routes.yaml.swp", "b0VIM"), put(dir+"/4913", ""), os.Remove(dir+"/4913"),
				os.Rename(file, file+"~"), put(file, "two"), os.Remove(file+"~"), os.Remove(dir+"/.routes.yaml.swp"))
		},
		"emacs": func(dir, file string) error {
			return errors.Join(os.Symlink("me@host.1:2", dir+"/.#routes.yaml"), put(dir+"/#routes.yaml#", "tw"),
				os.Rename(file, file+"~"), put(file, "two"), os.Remove(dir+"/#routes.yaml#"), os.Remove(dir+"/.#routes.yaml"))
		},
		"jetbrains": func(_, file string) error {
			return errors.Join(put(file+"___jb_tmp___", "two"), os.Rename(file, file+"___jb_old___"),
				os.Rename(file+"___jb_tmp___", file), os.Remove(file+"___jb_old___"))
		},
		"burst": func(_, file string) error {
			for i := range 50 {
				if err := put(file, fmt.Sprint("no", i)); err != nil {
					return err
				}
			}
			return put(file, "two")
		},
		"directory swapped": func(dir, _ string) error {
			return errors.Join(os.Mkdir(dir+"2", 0o700), put(dir+"2/routes.yaml", "two"), os.Rename(dir, dir+"1"), os.Rename(dir+"2", dir))
		},
		"directory made again": func(dir, file string) error {
			return errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700), put(file, "two"))
		},
	}
	for name, save := range cases {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "etc")
			file := filepath.Join(dir, "routes.yaml")
			must(t, os.Mkdir(dir, 0o700), put(file, "one"))
			r := start(t, file, slow())
			r.expect("one")
			must(t, save(dir, file))
			r.expect("two")
			must(t, put(file, "three")) // and it still watches
			r.expect("three")
		})
	}
}

func TestMountedVolume(t *testing.T) {
	dir := t.TempDir()
	version := func(name, data string) {
		must(t, os.Mkdir(dir+"/"+name, 0o700), put(dir+"/"+name+"/routes.yaml", data),
			os.Symlink(name, dir+"/..data_tmp"), os.Rename(dir+"/..data_tmp", dir+"/..data"))
	}
	version("..2026_1", "one")
	must(t, os.Symlink("..data/routes.yaml", dir+"/routes.yaml"))
	r := start(t, dir+"/routes.yaml", slow())
	r.expect("one")
	for i := range 5 {
		data := fmt.Sprint("version ", i)
		version(fmt.Sprint("..2026_2", i), data)
		r.expect(data)
	}
	must(t, put(dir+"/..data/routes.yaml", "in place"))
	r.expect("in place")
}

func TestLinksAcrossDirectories(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/a/b", 0o700), os.MkdirAll(dir+"/c", 0o700), put(dir+"/a/real", "one"), put(dir+"/c/real", "two"),
		os.Symlink(dir+"/a/b/../mid", dir+"/link"), os.Symlink("real", dir+"/a/mid"))
	r := start(t, dir+"/link", slow())
	r.expect("one")
	must(t, os.Remove(dir+"/a/mid"), os.Symlink("../c/real", dir+"/a/mid"))
	r.expect("two")
	must(t, put(dir+"/c/real", "three"))
	r.expect("three")
}

func TestComesAndGoes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a", "b", "routes.yaml")
	r := start(t, file, slow())
	r.fails(fs.ErrNotExist)
	must(t, os.MkdirAll(filepath.Dir(file), 0o700), put(file, "one"))
	r.expect("one")
	must(t, os.RemoveAll(dir+"/a"))
	r.fails(fs.ErrNotExist)
	must(t, os.MkdirAll(filepath.Dir(file), 0o700), put(file, "two"))
	r.expect("two")
	must(t, os.Remove(file), os.Mkdir(file, 0o700))
	r.fails(syscall.EISDIR)
	must(t, os.Remove(file), put(file, ""))
	r.expect("")
	must(t, os.Remove(file), os.Symlink("routes.yaml", file))
	r.fails(syscall.ELOOP)
	must(t, os.Remove(file), syscall.Mkfifo(file, 0o600))
	if c := r.next(); c.Err == nil || !strings.Contains(c.Err.Error(), "regular") {
		t.Fatalf("a pipe: %q, %v", c.Data, c.Err)
	}
}

func TestTooLarge(t *testing.T) {
	file := filepath.Join(t.TempDir(), "routes.yaml")
	must(t, put(file, strings.Repeat("x", 101)))
	opts := slow()
	opts.MaxSize = 100
	r := start(t, file, opts)
	if c := r.next(); c.Err == nil || c.Data != nil || !strings.Contains(c.Err.Error(), "100") {
		t.Fatalf("emitted %d bytes, %v", len(c.Data), c.Err)
	}
	must(t, put(file, strings.Repeat("y", 100)))
	r.expect(strings.Repeat("y", 100))
}

// A grandparent that is swapped tells nobody; the poll sees it.
func TestPollSeesWhatEventsDoNot(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/a/b", 0o700), put(dir+"/a/b/f", "one"), os.MkdirAll(dir+"/x/b", 0o700), put(dir+"/x/b/f", "two"))
	r := start(t, dir+"/a/b/f", Options{Poll: 10 * time.Millisecond})
	r.expect("one")
	must(t, os.Rename(dir+"/a", dir+"/y"), os.Rename(dir+"/x", dir+"/a"))
	for { // between the two renames there is none
		if c := r.next(); string(c.Data) == "two" {
			return
		} else if !errors.Is(c.Err, fs.ErrNotExist) {
			t.Fatalf("emitted %q, %v", c.Data, c.Err)
		}
	}
}

// writer saves tagged contents in pieces and notes what a reader may have
// taken for settled: what was whole, and what it left alone for too long
// because the machine was busy.
type writer struct {
	file    string
	allowed []string
	left    string
	since   time.Time
	limit   time.Duration
}

// now notes what is left since some time after begun, as far as can be told.
func (w *writer) now(data string, begun time.Time) {
	if time.Since(w.since) > w.limit {
		w.allowed = append(w.allowed, w.left)
	}
	if data != w.left {
		w.left, w.since = data, begun
	}
}

func (w *writer) inPlace(data string, pieces int, gap time.Duration) error {
	begun := time.Now()
	f, err := os.OpenFile(w.file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w.now("", begun)
	done := 0
	for piece := range slices.Chunk([]byte(data), len(data)/pieces+1) {
		time.Sleep(gap)
		begun := time.Now()
		_, e := f.Write(piece)
		err = errors.Join(err, e)
		done += len(piece)
		w.now(data[:done], begun)
	}
	w.allowed = append(w.allowed, data)
	return errors.Join(err, f.Close())
}

func (w *writer) rename(data string) error {
	begun := time.Now()
	err := errors.Join(put(w.file+".tmp", data), os.Rename(w.file+".tmp", w.file))
	w.now(data, begun)
	w.allowed = append(w.allowed, data)
	return err
}

func (w *writer) remove() error {
	begun := time.Now()
	err := os.Remove(w.file)
	w.now("", begun)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func TestConverges(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp("", "watch")
		must(t, err)
		defer os.RemoveAll(dir)
		const settle = 60 * time.Millisecond
		w := &writer{file: filepath.Join(dir, "f"), limit: settle / 3, since: time.Now()}
		must(t, put(w.file, "start"))
		w.left, w.allowed = "start", []string{"start"}
		run := start(t, w.file, Options{Settle: settle, Poll: time.Hour})
		defer run.stop()
		last := ""
		for i := range rapid.IntRange(1, 12).Draw(r, "operations") {
			last = fmt.Sprintf("begin %d %s end", i, strings.Repeat("x", rapid.IntRange(0, 5000).Draw(r, "size")))
			gap := time.Duration(rapid.IntRange(0, 8).Draw(r, "gap")) * time.Millisecond
			switch rapid.SampledFrom([]string{"write", "rename", "remove", "neighbor"}).Draw(r, "how") {
			case "write":
				must(t, w.inPlace(last, rapid.IntRange(1, 5).Draw(r, "pieces"), gap))
			case "rename":
				must(t, w.rename(last))
			case "remove":
				must(t, w.remove())
			case "neighbor":
				must(t, put(w.file+"~", last))
			}
			time.Sleep(gap)
		}
		must(t, w.rename(last))
		for {
			c := run.next()
			if c.Err != nil {
				if !errors.Is(c.Err, fs.ErrNotExist) || !slices.Contains(w.allowed, "") {
					r.Fatalf("emitted %v", c.Err)
				}
				continue
			}
			if !slices.Contains(w.allowed, string(c.Data)) {
				r.Fatalf("emitted %.40q, which was never whole", c.Data)
			}
			if string(c.Data) == last {
				return
			}
		}
	})
}

// BenchmarkLatency is from the end of a save to its content.
func BenchmarkLatency(b *testing.B) {
	for name, size := range map[string]int{"1KiB": 1 << 10, "2MiB": 2 << 20} {
		b.Run(name, func(b *testing.B) {
			file := filepath.Join(b.TempDir(), "f")
			data := bytes.Repeat([]byte("x"), size)
			must(b, os.WriteFile(file, data, 0o600))
			r := start(b, file, Options{})
			r.next()
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				copy(data, fmt.Sprint(i, " "))
				must(b, os.WriteFile(file, data, 0o600))
				saved := time.Now()
				r.next()
				took = append(took, time.Since(saved))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "worst-ms")
		})
	}
}
