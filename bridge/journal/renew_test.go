package journal

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLostWhileOpen: whatever becomes of the file of an open journal, nothing
// panics, hangs or dies of a signal, it is said, and a new one can take its place.
func TestLostWhileOpen(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"truncated":          func(path string) error { return os.Truncate(path, 100) },
		"emptied":            func(path string) error { return os.Truncate(path, 0) },
		"removed":            os.Remove,
		"folder removed":     func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
		"replaced":           func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, []byte("x"), 0o600)) },
		"moved away":         func(path string) error { return os.Rename(path, path+".old") },
		"replaced by folder": func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			path := filepath.Join(dir, "edge1.db")
			j := mustOpen(t, dir)
			if err := errors.Join(j.Begin("b"), j.Put(many(3000)), j.Lost()); err != nil {
				t.Fatal(err)
			}
			if err := spoil(path); err != nil {
				t.Fatal(err)
			}
			var err error
			for n := 0; n < 5 && err == nil; n++ { // a file that is gone is written all the same
				err = errors.Join(j.Put(many(3000 + n)[n:]), j.Lost())
			}
			if err == nil {
				t.Fatal("nothing is wrong with it")
			}
			if name == "replaced by folder" {
				if err := j.Renew(t.Context(), now()); err == nil {
					t.Fatal("a folder was taken for a journal")
				}
				if j.Lost() == nil || j.Put(many(1)) == nil {
					t.Error("a journal that is not open can be written")
				}
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(j.Renew(t.Context(), now()), j.Lost(), j.Begin("b"), j.Put(many(3)), j.Close()); err != nil {
				t.Fatal(err)
			}
			j = mustOpen(t, dir)
			defer j.Close()
			if _, reason := j.SetAside(); reason != "" {
				t.Errorf("the new one is put aside: %s", reason)
			}
			if m := mustLoad(t, j); len(m.Entries) != 3 || m.Boot != "b" {
				t.Errorf("%d entries of boot %q", len(m.Entries), m.Boot)
			}
		})
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir)
	defer j.Close()
	if err := errors.Join(j.Begin("b"), j.SetEpoch(7), j.Put(many(50)), j.Replace(many(60)[40:])); err != nil {
		t.Fatal(err)
	}
	m := mustLoad(t, j)
	if diff := cmp.Diff(many(60)[40:], m.Entries, cmp.Comparer(func(a, b Entry) bool { return a.Key == b.Key })); diff != "" || m.Epoch != 7 || m.Boot != "b" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := j.Replace(nil); err != nil || len(mustLoad(t, j).Entries) != 0 {
		t.Errorf("%v", err)
	}
}
