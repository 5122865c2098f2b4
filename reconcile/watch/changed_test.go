package watch

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func minute(n int64) time.Time { return time.Unix(n*60, 0) }

func touch(path string, at time.Time) error { return os.Chtimes(path, at, at) }

// TestChangedIsOfTheNewest of all files, and a file that is saved again as it was
// comes again.
func TestChangedIsOfTheNewest(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "f"), filepath.Join(dir, "a")
	must(t, put(path, "top\n< a\n"), put(other, "A\n"), touch(path, minute(1)), touch(other, minute(2)))
	r := startTree(t, path, slow())
	changed := func(want string, at time.Time) {
		t.Helper()
		if c := r.next(); string(c.Data) != want || !c.Saved.Equal(at) {
			t.Errorf("%q, changed at %v; want %q, %v", c.Data, c.Saved, want, at)
		}
	}
	changed("top\nA\n", minute(2))
	must(t, touch(path, minute(5)))
	changed("top\nA\n", minute(5))
	must(t, put(dir+"/.old", "B\n"), touch(dir+"/.old", minute(3)), os.Rename(dir+"/.old", other))
	changed("top\nB\n", minute(5))
	must(t, put(dir+"/.old", "top\n"), touch(dir+"/.old", minute(1)), os.Rename(dir+"/.old", path))
	changed("top\n", minute(1))
}

// TestDiskKnowsWhatWent: a file that is gone has no time, and its directory does.
func TestDiskKnowsWhatWent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/c", 0o700), put(dir+"/c/a.y", ""), put(dir+"/c/b.y", ""), touch(dir+"/c/a.y", minute(1)), os.Remove(dir+"/c/b.y"))
	must(t, touch(dir+"/c", minute(7)))
	d := &Disk{MaxSize: 10}
	if _, err := d.Read(dir + "/c/a.y"); err != nil || !d.Changed().Equal(minute(1)) {
		t.Errorf("%v, %v", d.Changed(), err)
	}
	if names, err := d.Glob(dir + "/*/*.y"); err != nil || len(names) != 1 || d.Changed().Before(minute(7)) {
		t.Errorf("%q, %v, %v", names, d.Changed(), err)
	}
}
