package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"routesync/examples/lab/rig"
)

// TestJudge: p is a route of the file, q comes with the first save of the fault
// and r was in a file once.
func TestJudge(t *testing.T) {
	start := time.Now()
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	p, q, r, own := netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("10.0.1.0/24"), netip.MustParsePrefix("10.0.2.0/24"), netip.MustParsePrefix("203.0.113.0/24")
	files := []saved{{at(0), routeSet{p: "a"}}, {at(10), routeSet{p: "a", q: "a"}}, {at(20), routeSet{p: "b", q: "a"}}, {at(30), routeSet{q: "a"}}}
	told := func(s int, what rig.What, p netip.Prefix, path string) rig.Told {
		return rig.Told{At: at(s), What: what, Prefix: p, Path: path}
	}
	for name, c := range map[string]struct {
		files               int
		told                []rig.Told
		graceful            bool
		excused             bool
		invented, withdrawn int
	}{
		"what was there, again":             {1, []rig.Told{told(5, rig.Announced, p, "a")}, false, false, 0, 0},
		"what a save asks for":              {3, []rig.Told{told(15, rig.Announced, q, "a"), told(25, rig.Announced, p, "b")}, false, false, 0, 0},
		"no file's attributes":              {3, []rig.Told{told(25, rig.Announced, p, "c")}, false, false, 1, 0},
		"no file's prefix":                  {3, []rig.Told{told(25, rig.Announced, r, "a"), told(26, rig.Withdrawn, r, "")}, false, false, 1, 0},
		"withdrawn while converged":         {1, []rig.Told{told(5, rig.Withdrawn, p, "")}, false, false, 0, 1},
		"withdrawn for a change":            {3, []rig.Told{told(25, rig.Withdrawn, p, ""), told(25, rig.Announced, p, "b")}, false, false, 0, 1},
		"withdrawn as the last file says":   {4, []rig.Told{told(31, rig.Withdrawn, p, "")}, false, false, 0, 0},
		"withdrawn before the file says so": {4, []rig.Told{told(29, rig.Withdrawn, p, "")}, false, false, 0, 1},
		"never there":                       {4, []rig.Told{told(29, rig.Withdrawn, q, "")}, false, false, 0, 1},
		"withdrawn, and there before":       {2, []rig.Told{told(9, rig.Withdrawn, q, "")}, false, false, 0, 0},
		"exaBGP's own":                      {1, []rig.Told{told(5, rig.Announced, own, "own"), told(6, rig.Withdrawn, own, "")}, false, false, 0, 1},
		"the session's end":                 {1, []rig.Told{told(5, rig.Removed, p, "a")}, false, false, 0, 0},
		"the session's end, graceful":       {1, []rig.Told{told(5, rig.Removed, p, "a")}, true, false, 0, 1},
		"one loss seen twice":               {1, []rig.Told{told(5, rig.Withdrawn, p, ""), told(5, rig.Removed, p, "a")}, true, false, 0, 1},
		"done by the fault":                 {1, []rig.Told{told(5, rig.Withdrawn, p, ""), told(5, rig.Announced, p, "c")}, false, true, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			j := trial{files: files[:c.files], foreign: routeSet{own: "own"}, graceful: c.graceful, excused: map[netip.Prefix]bool{p: c.excused}}
			v := j.judge(c.told)
			if len(v.invented) != c.invented || len(v.withdrawn) != c.withdrawn {
				t.Errorf("invented %q, withdrawn %q; want %d and %d", v.invented, v.withdrawn, c.invented, c.withdrawn)
			}
		})
	}
}

func TestLeft(t *testing.T) {
	p, q, r := netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("10.0.1.0/24"), netip.MustParsePrefix("10.0.2.0/24")
	v := left(routeSet{p: "a", q: "a"}, routeSet{q: "b", r: "a"})
	if len(v.lost) != 2 || len(v.stranded) != 1 {
		t.Errorf("%+v", v)
	}
	if v := left(routeSet{p: "a"}, routeSet{p: "a"}); !v.clean() {
		t.Errorf("%+v", v)
	}
}

// TestDrawnFiles: the same seed draws the same files, and they are valid.
func TestDrawnFiles(t *testing.T) {
	draw := func() []string {
		r := rand.New(rand.NewPCG(1, 2))
		one := routeSet{}.grown(r, 300)
		two := one.edited(r, 100)
		return []string{one.yaml("team", "edge1"), two.yaml("team", "edge1"), two.grown(r, 0).yaml("team", "edge1")}
	}
	binary := filepath.Join(t.TempDir(), "routesync")
	if out, err := exec.Command("go", "build", "-o", binary, "routesync/cmd/routesync").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	again := draw()
	for i, text := range draw() {
		if text != again[i] {
			t.Fatalf("the same seed draws\n%s\nand\n%s", text, again[i])
		}
		path := filepath.Join(t.TempDir(), fmt.Sprintf("%d.yaml", i))
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(binary, "validate", "-f", path).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// TestFaultsAreNamed: what is asked for by name, and shown in a table, has one.
func TestFaultsAreNamed(t *testing.T) {
	names := map[string]bool{}
	for _, f := range faults() {
		if f.name == "" || names[f.name] || f.group == "" || f.what == "" || f.provoke == nil || f.hurts == 0 {
			t.Errorf("%+v", f)
		}
		if strings.HasSuffix(f.what, ".") {
			t.Errorf("%q ends with a stop", f.what)
		}
		names[f.name] = true
	}
}
