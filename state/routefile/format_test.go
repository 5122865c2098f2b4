package routefile

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// opened is the files of an input of testdata; the first is the one to load.
func opened(t testing.TB, path string) (first string, all tree) {
	t.Helper()
	if strings.HasSuffix(path, ".txtar") {
		return archived(read(t, path))
	}
	return "routes.yaml", tree{"routes.yaml": read(t, path)}
}

func mustFormat(t rapid.TB, name string, all tree) []byte {
	t.Helper()
	out, err := Format(name, all[name], all)
	if err != nil {
		t.Fatalf("not formatted: %s\n%s", rendered(err), all[name])
	}
	return out
}

// formatted is a file and all that it includes, each formatted.
func formatted(t rapid.TB, first string, all tree) tree {
	t.Helper()
	out := maps.Clone(all)
	out[first] = mustFormat(t, first, all)
	for name := range study(first, all[first], all).includes {
		out[name] = mustFormat(t, name, all)
	}
	return out
}

// checkFormat checks that formatted files ask for the same routes, and that to
// format them again changes nothing.
func checkFormat(t rapid.TB, first string, all tree) {
	t.Helper()
	before, err := Load(first, all[first], all)
	if err != nil {
		t.Fatal(err)
	}
	out := formatted(t, first, all)
	after, err := Load(first, out[first], out)
	if err != nil {
		t.Fatalf("the result is refused:\n%s\n%s", rendered(err), out[first])
	}
	if diff := cmp.Diff(placeless(before), placeless(after), attrs()); diff != "" {
		t.Fatalf("%s\n%s", out[first], diff)
	}
	if diff := cmp.Diff(out, formatted(t, first, out)); diff != "" {
		t.Fatalf("formatted twice:\n%s", diff)
	}
}

func TestFormatKeepsTheRoutes(t *testing.T) {
	for _, path := range files(t, "valid", 60) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			first, all := opened(t, path)
			checkFormat(t, first, all)
		})
	}
}

func TestFormatOfAnySet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := genDesired(t)
		checkFormat(t, "routes.yaml", tree{"routes.yaml": write(d, inOrder(len(d.Routes)))})
	})
}

func TestFormatRefusesFaults(t *testing.T) {
	for _, path := range files(t, "invalid", 150) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			first, all := opened(t, path)
			if out, err := Format(first, all[first], all); err == nil || out != nil {
				t.Errorf("formatted:\n%s", out)
			}
		})
	}
}

func TestFormat(t *testing.T) {
	for _, path := range files(t, "format", 5) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			first, all := opened(t, path)
			out := formatted(t, first, all)
			golden(t, path, string(out[first]))
			if diff := cmp.Diff(out, formatted(t, first, out)); diff != "" {
				t.Errorf("formatted twice:\n%s", diff)
			}
		})
	}
}

// Whatever is written above, behind or between the lines of a file is still
// there when it is formatted ([Format] refuses to lose a comment), and stays
// where it is from then on.
func TestFormatKeepsEveryComment(t *testing.T) {
	type input struct {
		first string
		all   tree
	}
	var inputs []input
	for _, path := range files(t, "valid", 60) {
		first, all := opened(t, path)
		inputs = append(inputs, input{first, all})
	}
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SampledFrom(inputs).Draw(t, "input")
		all := maps.Clone(in.all)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if strings.HasSuffix(name, ".yaml") {
				all[name] = sprinkle(t, all[name])
			}
		}
		if _, err := Load(in.first, all[in.first], all); err != nil {
			t.Skip() // a comment in the midst of a value
		}
		checkFormat(t, in.first, all)
	})
}

// sprinkle puts comments and blank lines into a file.
func sprinkle(t *rapid.T, data []byte) []byte {
	lines := strings.SplitAfter(string(data), "\n")
	var b strings.Builder
	for i, line := range lines[:len(lines)-1] {
		switch rapid.IntRange(0, 5).Draw(t, "what") {
		case 0:
			b.WriteString(strings.Repeat(" ", rapid.IntRange(0, 8).Draw(t, "indent")) + "# above\n")
		case 1:
			b.WriteByte('\n')
		case 2:
			if text := strings.TrimRight(line, "\r\n"); i > 0 && strings.TrimSpace(text) != "" {
				line = text + " # behind\n"
			}
		}
		b.WriteString(line)
	}
	return []byte(b.String())
}

// A comment that is found in the text is none in quotes.
func TestRemarks(t *testing.T) {
	text := head + `- prefix: 10.0.0.0/8 # one
  comment: "a # b \" # c"
- prefix: 11.0.0.0/8
  comment: 'it''s # d' # two
- prefix: 12.0.0.0/8#13
  comment: it's # three
  tags: [a, # four
    b]
- prefix: 13.0.0.0/8
  comment: >- # five
    x # y
  # six
- prefix: 14.0.0.0/8
  comment: é # seven
`
	src := newSource("routes.yaml", []byte(text))
	root, fault := src.document()
	if fault != nil {
		t.Fatal(fault)
	}
	var got []string
	for _, r := range src.remarks(root) {
		got = append(got, fmt.Sprintf("%d:%d %s %t", r.line, r.column, r.text, r.alone))
	}
	want := []string{"6:22 # one false", "9:24 # two false", "11:17 # three false", "12:13 # four false", "15:15 # five false", "17:3 # six true", "19:14 # seven false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzFormat(f *testing.F) {
	for _, dir := range []string{"valid", "format"} {
		for _, path := range files(f, dir, 5) {
			for _, data := range func() tree { _, all := opened(f, path); return all }() {
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		all := tree{"r": data}
		if len(study("r", data, all).faults) > 0 {
			return
		}
		out := tree{"r": mustFormat(t, "r", all)}
		if again := mustFormat(t, "r", out); string(again) != string(out["r"]) {
			t.Fatalf("formatted twice:\n%s", cmp.Diff(string(out["r"]), string(again)))
		}
	})
}

// The formatter's last look at its result finds what must never be lost.
func TestFormatChecksItself(t *testing.T) {
	text := head + "# one\n- prefix: 10.0.0.0/8 # two\n"
	before := study("r", []byte(text), nil)
	root, _ := before.sources["r"].document()
	remarks := before.sources["r"].remarks(root)
	if err := before.checkSame("r", []byte(text), nil, remarks); err != nil {
		t.Error(err)
	}
	for what, other := range map[string]string{
		"a comment":       strings.Replace(text, "# two", "", 1),
		"another comment": strings.Replace(text, "# two", "# tow", 1),
		"a route":         strings.Replace(text, "10.0.0.0/8", "11.0.0.0/8", 1),
		"an attribute":    strings.Replace(text, "10.0.0.0/8", "10.0.0.0/8\n  med: 5", 1),
		"the owner":       strings.Replace(text, "owner: a", "owner: b", 1),
		"validity":        strings.Replace(text, "10.0.0.0/8", "10.0.0.0/7", 1) + "- x",
	} {
		if before.checkSame("r", []byte(other), nil, remarks) == nil {
			t.Errorf("it does not see that %s is lost", what)
		}
	}
}
