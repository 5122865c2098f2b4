package routefile

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"routesync/state"
)

var update = flag.Bool("update", false, "write the golden files")

// files lists the inputs of a directory of testdata.
func files(t testing.TB, dir string, atLeast int) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	archives, err2 := filepath.Glob(filepath.Join("testdata", dir, "*.txtar"))
	paths = append(paths, archives...)
	if err = errors.Join(err, err2); err != nil || len(paths) < atLeast {
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

// tree is files in memory, by name.
type tree map[string][]byte

func (t tree) Read(name string) ([]byte, error) {
	if data, ok := t[name]; ok {
		return data, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func (t tree) Glob(pattern string) ([]string, error) {
	var names []string
	for name := range t {
		if ok, err := path.Match(pattern, name); err != nil || ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// archived is the files of an archive; the first is the one to load.
func archived(data []byte) (first string, all tree) {
	all = tree{}
	for _, f := range txtar.Parse(data).Files {
		first = cmp.Or(first, f.Name)
		all[f.Name] = f.Data
	}
	return first, all
}

// loadPath loads an input of testdata: a file, or an archive of several.
func loadPath(t testing.TB, path string) (*state.Desired, error) {
	t.Helper()
	if !strings.HasSuffix(path, ".txtar") {
		return Parse("routes.yaml", read(t, path))
	}
	first, all := archived(read(t, path))
	return Load(first, all[first], all)
}

// golden compares got with the golden file of an input.
func golden(t *testing.T, input, got string) {
	t.Helper()
	path := strings.TrimSuffix(input, filepath.Ext(input)) + ".golden"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := gocmp.Diff(string(read(t, path)), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// dump is a desired set as text.
func dump(d *state.Desired) string {
	var b strings.Builder
	fmt.Fprintf(&b, "owner %s\nspeakers %s\n", d.Owner, strings.Join(d.Speakers, " "))
	if d.Policy != nil {
		policy, err := json.Marshal(d.Policy)
		fmt.Fprintf(&b, "policy %s, overrides %s (%v)\n", policy, d.Policy.Overrides, err)
	}
	for _, w := range d.Routes {
		fmt.Fprintf(&b, "%s: %s (%s) %s\n", w.Pos, w.Key, w.Key.Family, w.Attrs)
		if !w.Peers.All() {
			fmt.Fprintf(&b, "    peers %s\n", string(w.Peers))
		}
		if len(w.Tags) > 0 {
			fmt.Fprintf(&b, "    tags %s\n", strings.Join(w.Tags, " "))
		}
		for _, at := range []struct {
			word string
			ms   int64
		}{{"starts", w.Starts}, {"expires", w.Expires}} {
			if at.ms != 0 {
				fmt.Fprintf(&b, "    %s %s\n", at.word, time.UnixMilli(at.ms).UTC().Format(time.RFC3339))
			}
		}
		if w.Lease != 0 {
			fmt.Fprintf(&b, "    lease %s\n", time.Duration(w.Lease)*time.Millisecond)
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
	for _, path := range files(t, "valid", 60) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			d, err := loadPath(t, path)
			if err != nil {
				t.Fatalf("refused:\n%s", rendered(err))
			}
			golden(t, path, dump(d))
		})
	}
}

func TestInvalid(t *testing.T) {
	for _, path := range files(t, "invalid", 250) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			d, err := loadPath(t, path)
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
