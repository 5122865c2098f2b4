package routefile

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"routesync/state"
)

var update = flag.Bool("update", false, "write the golden files")

// files lists the inputs of a directory of testdata.
func files(t testing.TB, dir string, atLeast int) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil || len(paths) < atLeast {
		t.Fatalf("%d files in testdata/%s, want %d or more (%v)", len(paths), dir, atLeast, err)
	}
	return paths
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// golden compares got with the golden file of an input.
func golden(t *testing.T, input, got string) {
	t.Helper()
	path := strings.TrimSuffix(input, ".yaml") + ".golden"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, path)), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// dump is a desired set as text.
func dump(d *state.Desired) string {
	var b strings.Builder
	fmt.Fprintf(&b, "owner %s\nspeakers %s\n", d.Owner, strings.Join(d.Speakers, " "))
	for _, w := range d.Routes {
		fmt.Fprintf(&b, "%s: %s (%s) %s\n", w.Pos, w.Key, w.Key.Family, w.Attrs)
		if !w.Peers.All() {
			fmt.Fprintf(&b, "    peers %s\n", w.Peers)
		}
		if len(w.Tags) > 0 {
			fmt.Fprintf(&b, "    tags %s\n", strings.Join(w.Tags, " "))
		}
		if w.Comment != "" {
			fmt.Fprintf(&b, "    comment %s\n", w.Comment)
		}
	}
	return b.String()
}

func rendered(err error) string {
	var b strings.Builder
	if err := Render(&b, err); err != nil {
		return err.Error()
	}
	return b.String()
}

func TestValid(t *testing.T) {
	for _, path := range files(t, "valid", 10) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			d, err := Parse("routes.yaml", read(t, path))
			if err != nil {
				t.Fatalf("refused:\n%s", rendered(err))
			}
			golden(t, path, dump(d))
		})
	}
}

func TestInvalid(t *testing.T) {
	for _, path := range files(t, "invalid", 60) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			d, err := Parse("routes.yaml", read(t, path))
			if err == nil || d != nil {
				t.Fatalf("accepted: %v", d)
			}
			if n := len(Faults(err)); n != 1 {
				t.Errorf("%d faults, want 1", n)
			}
			golden(t, path, rendered(err))
		})
	}
}
