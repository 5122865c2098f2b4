package console

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLineFile(t *testing.T) {
	t.Parallel()
	h := lineFile{filepath.Join(t.TempDir(), "routesync", "history")}
	if got, err := h.load(); got != nil || err != nil {
		t.Fatalf("before the first line: %q, %v", got, err)
	}
	n := 2*historyLines + 1
	for i := range n {
		if err := h.add(fmt.Sprint("line ", i)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // it is shortened, and read again
		got, err := h.load()
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != historyLines || got[0] != fmt.Sprint("line ", n-historyLines) || got[historyLines-1] != fmt.Sprint("line ", n-1) {
			t.Errorf("%d lines, from %q to %q", len(got), got[0], got[len(got)-1])
		}
		info, err := os.Stat(h.path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v", info.Mode())
		}
		if info.Size() > 15*historyLines {
			t.Errorf("%d bytes", info.Size())
		}
	}
	if err := h.add("the last"); err != nil {
		t.Fatal(err)
	}
	if got, err := h.load(); err != nil || got[len(got)-1] != "the last" {
		t.Errorf("%q, %v", got[len(got)-1], err)
	}
	names, err := os.ReadDir(filepath.Dir(h.path))
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, f := range names {
		files = append(files, f.Name())
	}
	if diff := cmp.Diff([]string{"history"}, files); diff != "" {
		t.Errorf("left behind: %s", diff)
	}
}
