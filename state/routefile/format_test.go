package routefile

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// testFiles are the files that those of testdata lead to.
type testFiles struct{ dir string }

func (d testFiles) Read(name string) ([]byte, error) { return os.ReadFile(filepath.Join(d.dir, name)) }

func (d testFiles) Glob(pattern string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(d.dir, pattern))
	for i := range paths {
		paths[i], _ = filepath.Rel(d.dir, paths[i])
	}
	return paths, err
}

func mustFormat(t rapid.TB, data []byte, files Files) []byte {
	t.Helper()
	out, err := Format("routes.yaml", data, files)
	if err != nil {
		t.Fatalf("not formatted: %s\n%s", rendered(err), data)
	}
	return out
}

// What is formatted asks for the same routes, and to format it again changes
// nothing.
func TestFormatKeepsTheRoutes(t *testing.T) {
	for _, path := range files(t, "valid", 40) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, others := read(t, path), testFiles{filepath.Dir(path)}
			out := mustFormat(t, data, others)
			before, err := Load("routes.yaml", data, others)
			if err != nil {
				t.Fatal(err)
			}
			after, err := Load("routes.yaml", out, others)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(placeless(before), placeless(after), attrs()); diff != "" {
				t.Errorf("%s\n%s", out, diff)
			}
			if diff := cmp.Diff(string(out), string(mustFormat(t, out, others))); diff != "" {
				t.Errorf("formatted twice:\n%s", diff)
			}
		})
	}
}

func TestFormatRefusesFaults(t *testing.T) {
	for _, path := range files(t, "invalid", 150) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			others := testFiles{filepath.Dir(path)}
			_, want := Load("routes.yaml", read(t, path), others)
			if out, err := Format("routes.yaml", read(t, path), others); err == nil || out != nil {
				// Of a file that others include, less is known.
				if name := filepath.Base(path); !slices.Contains([]string{}, name) {
					t.Errorf("formatted %s, with\n%s", name, rendered(want))
				}
			}
		})
	}
}

func TestFormat(t *testing.T) {
	for _, path := range files(t, "format", 5) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			out := mustFormat(t, read(t, path), testFiles{filepath.Dir(path)})
			golden(t, path, string(out))
			if again := mustFormat(t, out, testFiles{filepath.Dir(path)}); string(again) != string(out) {
				t.Errorf("formatted twice:\n%s", cmp.Diff(string(out), string(again)))
			}
		})
	}
}

// Whatever is written above, behind or between the lines of a file is still
// there when it is formatted, and stays where it is from then on.
func TestFormatKeepsEveryComment(t *testing.T) {
	var sources [][]byte
	for _, path := range files(t, "valid", 40) {
		sources = append(sources, read(t, path))
	}
	rapid.Check(t, func(t *rapid.T) {
		others := testFiles{filepath.Join("testdata", "valid")}
		data := rapid.SampledFrom(sources).Draw(t, "file")
		if _, err := Load("routes.yaml", data, others); err != nil {
			t.Skip()
		}
		lines := strings.SplitAfter(string(data), "\n")
		var b strings.Builder
		for i, line := range lines[:len(lines)-1] {
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				b.WriteString(strings.Repeat(" ", rapid.IntRange(0, 8).Draw(t, "indent")) + "# above\n")
			case 1:
				b.WriteByte('\n')
			case 2:
				if text := strings.TrimRight(line, "\r\n"); i > 0 && text != "" && strings.TrimLeft(text, " -") != "" {
					line = text + " # behind\n"
				}
			}
			b.WriteString(line)
		}
		text := []byte(b.String())
		before, err := Load("routes.yaml", text, others)
		if err != nil {
			t.Skip() // a comment in the midst of a value
		}
		out := mustFormat(t, text, others)
		after, err := Load("routes.yaml", out, others)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(placeless(before), placeless(after), attrs()); diff != "" {
			t.Fatalf("%s\n%s", out, diff)
		}
		if again := mustFormat(t, out, others); string(again) != string(out) {
			t.Fatalf("formatted twice:\n%s", cmp.Diff(string(out), string(again)))
		}
	})
}
