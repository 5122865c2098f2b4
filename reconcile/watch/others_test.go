package watch

import (
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
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// expand makes of a content what a parser would: a line "< name" stands for the
// lines of another file, one with a pattern for those of many.
func expand(c Content, dir, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		name, is := strings.CutPrefix(strings.TrimSpace(line), "< ")
		if !is {
			b.WriteString(line)
			continue
		}
		name = filepath.Join(dir, name)
		names := []string{name}
		if strings.Contains(name, "*") {
			var err error
			if names, err = c.Glob(name); err != nil {
				b.WriteString("! no directory\n")
			}
		}
		for _, name := range names {
			data, err := c.Read(name)
			if err != nil {
				fmt.Fprintf(&b, "! %s\n", filepath.Base(name))
				continue
			}
			b.WriteString(expand(c, filepath.Dir(name), string(data)))
		}
	}
	return b.String()
}

// startTree watches a file with what it leads to; only whole contents come out.
func startTree(t *testing.T, path string, opts Options) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t: t, got: make(chan Content, 1000)}
	done := make(chan error, 1)
	go func() {
		done <- New(path, opts, slog.New(slog.DiscardHandler)).Run(ctx, func(c Content) {
			text := expand(c, filepath.Dir(path), string(c.Data))
			if c.Whole() {
				r.got <- Content{Data: []byte(text), Err: c.Err, Saved: c.Changed()}
			}
		})
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

// silent wants nothing to be emitted for a while.
func (r *running) silent() {
	r.t.Helper()
	select {
	case c := <-r.got:
		r.t.Fatalf("emitted %q, %v; want nothing", c.Data, c.Err)
	case <-time.After(400 * time.Millisecond): // many times what settling takes
	}
}

func TestOtherFilesAreWatched(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/lists", 0o700), put(dir+"/f", "top\n< a\n< lists/b\n"), put(dir+"/a", "A\n"), put(dir+"/lists/b", "B\n"))
	r := startTree(t, dir+"/f", slow())
	r.expect("top\nA\nB\n")
	must(t, put(dir+"/a", "A2\n"))
	r.expect("top\nA2\nB\n")
	must(t, put(dir+"/lists/.b.swp", "B2\n"), os.Rename(dir+"/lists/.b.swp", dir+"/lists/b")) // saved by rename
	r.expect("top\nA2\nB2\n")
	must(t, os.Remove(dir+"/lists/b"))
	r.expect("top\nA2\n! b\n")
	must(t, put(dir+"/lists/b", "B3\n"))
	r.expect("top\nA2\nB3\n")
	must(t, put(dir+"/a", "A3\n< deep\n"), put(dir+"/deep", "D\n")) // one more level
	r.expect("top\nA3\nD\nB3\n")
	must(t, put(dir+"/deep", "D2\n"))
	r.expect("top\nA3\nD2\nB3\n")
	must(t, put(dir+"/a", "A4\n"))
	r.expect("top\nA4\nB3\n")
	must(t, put(dir+"/deep", "D3\n")) // nothing leads there any more
	r.silent()
	must(t, os.RemoveAll(dir+"/lists"))
	r.expect("top\nA4\n! b\n")
	must(t, os.Mkdir(dir+"/lists", 0o700), put(dir+"/lists/b", "B4\n"))
	r.expect("top\nA4\nB4\n")
	must(t, put(dir+"/f", "alone\n"))
	r.expect("alone\n")
}

func TestPatternsAreWatched(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/c", 0o700), put(dir+"/f", "< c/*.y\n"))
	r := startTree(t, dir+"/f", slow())
	r.expect("")
	must(t, put(dir+"/c/b.y", "b\n"))
	r.expect("b\n")
	must(t, put(dir+"/c/a.y", "a\n"))
	r.expect("a\nb\n")
	must(t, put(dir+"/c/.#a.y", "lock\n"), put(dir+"/c/a.y~", "backup\n"))
	r.silent()
	must(t, os.Rename(dir+"/c/a.y", dir+"/c/z.y"))
	r.expect("b\na\n")
	must(t, os.Remove(dir+"/c/z.y"))
	r.expect("b\n")
	must(t, os.Rename(dir+"/c", dir+"/old"))
	r.expect("! no directory\n")
	must(t, os.Mkdir(dir+"/c2", 0o700), put(dir+"/c2/n.y", "n\n"), os.Symlink("c2", dir+"/c"))
	r.expect("n\n")
	must(t, put(dir+"/c/m.y", "m\n"))
	r.expect("m\nn\n")
}

func TestLinkToAnOtherFile(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/v1", 0o700), os.MkdirAll(dir+"/v2", 0o700), put(dir+"/v1/l", "one\n"), put(dir+"/v2/l", "two\n"),
		os.Symlink("v1", dir+"/data"), os.Symlink("data/l", dir+"/l"), put(dir+"/f", "< l\n"))
	r := startTree(t, dir+"/f", slow())
	r.expect("one\n")
	must(t, os.Symlink("v2", dir+"/tmp"), os.Rename(dir+"/tmp", dir+"/data"))
	r.expect("two\n")
	must(t, put(dir+"/v2/l", "three\n"))
	r.expect("three\n")
}

// A file that begins to lead to others most likely comes with them.
func TestTogetherFromTheFirst(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/c", 0o700), put(dir+"/c/a.y", "a\n"), put(dir+"/f", "top\n"))
	r := startTree(t, dir+"/f", Options{Poll: time.Hour, Settle: 5 * time.Millisecond, Together: 3 * time.Second})
	r.expect("top\n")
	must(t, put(dir+"/f", "< c/*.y\n"))
	time.Sleep(300 * time.Millisecond) // a checkout under way
	must(t, put(dir+"/c/b.y", "b\n"))
	r.expect("a\nb\n")
}

// What no event tells of, the poll finds, in other files too.
func TestPollSeesOtherFiles(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/s/a/b", 0o700), put(dir+"/s/a/b/l", "one\n"), os.MkdirAll(dir+"/s/x/b", 0o700), put(dir+"/s/x/b/l", "two\n"), put(dir+"/f", "< s/a/b/l\n"))
	r := startTree(t, dir+"/f", Options{Poll: 10 * time.Millisecond})
	r.expect("one\n")
	must(t, os.Rename(dir+"/s/a", dir+"/s/y"), os.Rename(dir+"/s/x", dir+"/s/a"))
	for { // between the two renames there is none
		if c := r.next(); string(c.Data) == "two\n" {
			return
		} else if string(c.Data) != "! l\n" {
			t.Fatalf("emitted %q", c.Data)
		}
	}
}

// A file that is not led to any more is gone from what is compared, too.
func TestNothingIsEmittedTwice(t *testing.T) {
	dir := t.TempDir()
	must(t, put(dir+"/f", "< l\n< m\n"), put(dir+"/l", "one\n"), put(dir+"/m", "two\n"))
	r := startTree(t, dir+"/f", Options{Poll: 10 * time.Millisecond})
	r.expect("one\ntwo\n")
	r.silent()
	must(t, put(dir+"/f", "< m\n"))
	r.expect("two\n")
	r.silent()
}

// All files together have one limit.
func TestTooLargeTogether(t *testing.T) {
	dir := t.TempDir()
	must(t, put(dir+"/f", "< a\n< b\n"), put(dir+"/a", strings.Repeat("a", 60)), put(dir+"/b", strings.Repeat("b", 60)))
	opts := slow()
	opts.MaxSize = 100
	startTree(t, dir+"/f", opts).expect(strings.Repeat("a", 60) + "! b\n")
}

func TestGlob(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/a/sub.y", 0o700), os.MkdirAll(dir+"/b", 0o700), os.MkdirAll(dir+"/.hidden", 0o700),
		put(dir+"/a/2.y", ""), put(dir+"/a/1.y", ""), put(dir+"/a/.1.y", ""), put(dir+"/a/1.y~", ""), put(dir+"/b/1.y", ""),
		put(dir+"/.hidden/1.y", ""), os.Symlink("nowhere", dir+"/b/gone.y"))
	for pattern, want := range map[string][]string{
		"a/*.y": {"a/1.y", "a/2.y"}, "*/1.y": {"a/1.y", "b/1.y"}, "a/.*.y": {"a/.1.y"}, "b/*": {"b/1.y", "b/gone.y"},
		"a/[3-9].y": nil, "*/*.z": nil,
	} {
		got, err := new(Disk).Glob(filepath.Join(dir, pattern))
		for i := range got {
			got[i], _ = filepath.Rel(dir, got[i])
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %s, %v", pattern, cmp.Diff(want, got), err)
		}
	}
	if _, err := new(Disk).Glob(dir + "/nowhere/*.y"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
	// What a link leads to can be a file system that is not mounted.
	must(t, os.Mkdir(dir+"/[c]", 0o700), put(dir+"/[c]/1.y", ""), os.Mkdir(dir+"/sites", 0o700), os.Symlink(dir+"/nowhere", dir+"/sites/x"))
	if got, err := new(Disk).Glob(dir + "/sites/*/*.y"); err == nil {
		t.Errorf("a directory behind a link that leads nowhere has %v", got)
	}
	if got, err := new(Disk).Glob(dir + `/\[c\]/*.y`); err != nil || !slices.Equal(got, []string{dir + "/[c]/1.y"}) {
		t.Errorf("a directory with brackets in its name: %v, %v", got, err)
	}
	if _, err := new(Disk).Glob(dir + `/\[d\]/*.y`); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory with brackets in its name that is not there: %v", err)
	}
	t.Chdir(dir)
	if got, err := new(Disk).Glob("*/2.y"); err != nil || !slices.Equal(got, []string{"a/2.y"}) {
		t.Errorf("relative: %v, %v", got, err)
	}
}
