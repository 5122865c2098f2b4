package routefile

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// loaded is what a load of memory says, without the hints.
func loaded(all tree) (routes int, faults []string) {
	d, err := Load("r", all["r"], all)
	for _, f := range Faults(err) {
		faults = append(faults, f.Error())
	}
	if err == nil {
		routes = len(d.Routes)
	}
	return routes, faults
}

func top(rest string) []byte { return []byte(strings.TrimSuffix(head, "routes:\n") + rest) }

// The faults of all files come at once, file by file.
func TestFaultsOfAllFiles(t *testing.T) {
	_, got := loaded(tree{
		"r":        top("include: [a/*.y, gone.y]\nroutes:\n- prefix: 10.0.0.1/8\n- prefixes-from: l\n"),
		"a/1.y":    []byte("version: 1\nroutes:\n- prefix: x\n- prefixes-from: l\n"),
		"a/2.y":    []byte("version: 1\nroutes: [\n"),
		"l":        []byte("10.0.0.0/8\n11.0.0.0/7\n10.0.0.0/8\n"),
		"a/l":      []byte("12.0.0.0/8\n"),
		"nowhere":  nil,
		"a/.3.y":   nil,
		"a/b/4.yy": nil,
	})
	want := []string{
		"r:5:18: gone.y is not there",
		"r:7:11: prefix 10.0.0.1/8 has host bits set",
		"l:2:1: prefix 11.0.0.0/7 has host bits set",
		"l:3:1: 10.0.0.0/8 is listed twice; the first is in line 1",
		"a/.3.y:1:1: the file is empty",
		`a/1.y:3:11: "x" is not a prefix`,
		"a/2.y:2:1: a value is missing here, or there is a bracket or a comma too many",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A list that lost its end is no shorter list.
func TestCutListIsRefused(t *testing.T) {
	whole := "10.0.0.0/16\n10.1.0.0/16\n"
	for cut := range len(whole) {
		n, faults := loaded(tree{"r": top("routes:\n- prefixes-from: l\n"), "l": []byte(whole[:cut])})
		if atLine := strings.HasSuffix(whole[:cut], "\n"); len(faults) == 0 && !atLine {
			t.Errorf("cut after %d bytes, it is a list of %d", cut, n)
		}
	}
}

// A list is bad as a whole, and an included file's faults leave nothing of the
// rest in force.
func TestOneFaultChangesNothing(t *testing.T) {
	all := tree{"r": top("include: [a]\nroutes:\n- prefix: 10.0.0.0/8\n"), "a": []byte("version: 1\nroutes:\n- prefix: 11.0.0.0/8\n  med: x\n")}
	if d, err := Load("r", all["r"], all); err == nil || d != nil {
		t.Errorf("accepted %v", d)
	}
}

func TestLimits(t *testing.T) {
	deep := tree{"r": top("include: [f1]\nroutes: []\n")}
	for i := 1; i <= 20; i++ {
		deep[fmt.Sprint("f", i)] = fmt.Appendf(nil, "version: 1\ninclude: [f%d]\nroutes: []\n", i+1)
	}
	many := tree{"r": top("include: [\"c/*\"]\nroutes: []\n")}
	for i := range maxFiles {
		many[fmt.Sprintf("c/%04d", i)] = []byte("version: 1\nroutes: []\n")
	}
	half := []byte(strings.Repeat("#", MaxSize/2) + "\n")
	for name, c := range map[string]struct {
		files tree
		want  string
	}{
		"depth":  {deep, "f15:2:11: f16 is included through 16 files; 16 are the limit"},
		"number": {many, "r:5:11: c/0999 is one file too many; there may be 1000"},
		"size": {tree{"r": top("routes:\n- { prefixes-from: a }\n- { prefixes-from: b, peers: [as 1] }\n"), "a": half, "b": half},
			"b:1:1: with this file, all files together are over 64 MiB"},
		"size of one": {tree{"r": top("routes:\n- { prefixes-from: a }\n"), "a": append(half, half...)}, "a:1:1: " + ErrTooLarge.Error()},
	} {
		if _, got := loaded(c.files); len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %.3q, want %q", name, got, c.want)
		}
	}
	delete(many, "c/0000")
	if _, faults := loaded(many); faults != nil {
		t.Errorf("as many files as there may be: %.3q", faults)
	}
}

// A file is the same by whatever name it is reached.
func TestCycleByAnotherName(t *testing.T) {
	all := tree{"./d/r": top("include: [../d/./r]\n"), "d/r": []byte("version: 1\nroutes: []\n")}
	_, err := Load("./d/r", all["./d/r"], all)
	if want := "./d/r:5:11: the files include each other: d/r, d/r"; err == nil || err.Error() != want {
		t.Errorf("said %v, want %s", err, want)
	}
}

// broken is a disk that fails.
type broken struct{}

func (broken) Read(name string) ([]byte, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}
func (broken) Glob(string) ([]string, error) { return nil, errors.New("stale file handle") }

func TestFilesThatCantBeRead(t *testing.T) {
	_, err := Load("r", top("include: [a, c/*]\nroutes:\n- prefixes-from: l\n"), broken{})
	want := "r:5:11: a can't be read: permission denied\nr:5:14: c can't be read: stale file handle\nr:7:18: l can't be read: permission denied"
	if err == nil || err.Error() != want {
		t.Errorf("said\n%v\nwant\n%s", err, want)
	}
}

// bigList is a list of n prefixes with comments and blank lines.
func bigList(n int) []byte {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "10.%d.%d.%d/32\n", i>>16&255, i>>8&255, i&255)
		if i%100 == 0 {
			b.WriteString("# a comment\n\n")
		}
	}
	return []byte(b.String())
}

func TestListOf100000(t *testing.T) {
	start := time.Now()
	n, faults := loaded(tree{"r": top("routes:\n- { prefixes-from: l, community: [blackhole] }\n"), "l": bigList(100_000)})
	t.Logf("100,000 lines in %s", time.Since(start).Round(time.Millisecond))
	if n != 100_000 || faults != nil {
		t.Errorf("%d routes, %q", n, faults)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
	bad := append(bigList(100_000), "10.0.0.0/33\n"...)
	if _, faults := loaded(tree{"r": top("routes:\n- { prefixes-from: l }\n"), "l": bad}); len(faults) != 1 || !strings.HasPrefix(faults[0], "l:102001:1: ") {
		t.Errorf("one bad line of 100,000: %q", faults)
	}
}

func BenchmarkList100k(b *testing.B) {
	all := tree{"r": top("routes:\n- { prefixes-from: l, community: [blackhole] }\n"), "l": bigList(100_000)}
	b.SetBytes(int64(len(all["l"])))
	for b.Loop() {
		if _, err := Load("r", all["r"], all); err != nil {
			b.Fatal(err)
		}
	}
}

// A directory's name is no pattern, whatever is in it.
func TestPatternsInADirectoryWithBrackets(t *testing.T) {
	for _, dir := range []string{"[x]/", "a*/", "a?/b/", `a\\b/`} {
		all := tree{dir + "r": top("include: [c/*.y]\nroutes: []\n"), dir + "c/1.y": []byte("version: 1\nroutes:\n- prefix: 10.0.0.0/8\n")}
		d, err := Load(dir+"r", all[dir+"r"], all)
		if err != nil || len(d.Routes) != 1 {
			t.Errorf("in %s: %v, %v", dir, d, err)
		}
	}
}

// Whatever there is much of, it is read in time that grows with it.
func TestMuchOfOneKind(t *testing.T) {
	const n = 20_000
	many := func(one func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(one(i))
		}
		return b.String()
	}
	peer := func(i int) string { return fmt.Sprintf("10.1.%d.%d", i>>8, i&255) }
	for name, c := range map[string]struct {
		text   string
		faults int
	}{
		"routes of one prefix": {"routes:\n" + many(func(i int) string { return "- {prefix: 10.0.0.0/8, peers: [" + peer(i) + "]}\n" }), 0},
		"peers of one route":   {"routes: [{prefix: 10.0.0.0/8, peers: [" + many(func(i int) string { return peer(i) + ", " }) + "]}]\n", 0},
		"twins in one line":    {"routes: [" + many(func(int) string { return "{prefix: 10.0.0.0/8}, " }) + "]\n", n - 1},
		"faults in one line":   {"routes: [" + many(func(int) string { return "{prefix: 10.0.0.0/8, med: x}, " }) + "]\n", 2*n - 1},
		"twins":                {"routes:\n" + strings.Repeat("- prefix: 10.0.0.0/8\n", n), n - 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			_, err := Parse("r", top(c.text))
			if got := len(Faults(err)); got != c.faults {
				t.Errorf("%d faults, want %d", got, c.faults)
			}
			if took := time.Since(begin); took > time.Minute {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// A million routes have a few terms, and not a copy of them each.
func TestEqualTermsAreShared(t *testing.T) {
	t.Parallel()
	d, err := Parse("f", []byte(`version: 1
owner: a
speakers: [s]
defaults: { next-hop: 192.0.2.1, tags: [x] }
routes:
  - prefixes: [10.0.0.0/16, 10.1.0.0/16]
  - { prefix: 10.2.0.0/16, next-hop: 192.0.2.1, tags: [x] }
  - { prefix: 10.3.0.0/16, comment: c }
  - { prefix: 10.4.0.0/16, tags: [x, y] }
  - { prefix: 10.5.0.0/16, lease: 10s }
  - { prefix: 10.6.0.0/16, peers: [as 1] }
`))
	if err != nil {
		t.Fatal(err)
	}
	for i, same := range []bool{true, true, false, false, false, false} {
		if (d.Routes[i+1].Terms == d.Routes[0].Terms) != same {
			t.Errorf("the terms of %s are shared: %v", d.Routes[i+1].Key, !same)
		}
	}
}
