package routefile

import (
	"bytes"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"unsafe"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"routesync/state"
)

// bothWays loads files with a loader and the whole way, and fails the test unless
// the results are the same. It tells whether the short way was gone.
func bothWays(t rapid.TB, r *Loader, name string, files tree) (d *state.Desired, short bool) {
	t.Helper()
	before, copied := r.last, []state.Wanted(nil)
	if before != nil {
		copied = slices.Clone(before.Routes)
	}
	want, wantErr := Load(name, files[name], files)
	got, err := r.Load(name, files[name], files)
	if !reflect.DeepEqual(Faults(err), Faults(wantErr)) {
		t.Fatalf("said\n%s\nwant\n%s\nof\n%s", rendered(err), rendered(wantErr), files[name])
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("(-whole +short)\n%s\nof\n%s", gocmp.Diff(dump(want), dump(got)), files[name])
	}
	if before != nil && !reflect.DeepEqual(before.Routes, copied) {
		t.Fatal("what was there before was changed")
	}
	return got, got != nil && r.last != before
}

// loaders have parts of sizes that few lines go over.
func loaders() []*Loader { return []*Loader{{}, {size: 1}, {size: 60}, {size: 300}} }

// Whatever is in the testdata is the same both ways, also when it comes after
// something else.
func TestBothWaysOfTestdata(t *testing.T) {
	paths := append(files(t, "valid", 60), files(t, "invalid", 250)...)
	for _, r := range loaders() {
		for _, path := range paths {
			name, all := "routes.yaml", tree{"routes.yaml": read(t, path)}
			if filepath.Ext(path) == ".txtar" {
				name, all = archived(read(t, path))
			}
			bothWays(t, r, name, all)
		}
	}
}

// What large files are like is read the short way, and so is what changes in them.
func TestTheShortWayIsGone(t *testing.T) {
	t.Parallel()
	all := tree{
		"r": top(`include: [a]
routes:
  - prefix: 10.0.0.0/24
  - prefix: 10.0.1.0/24
    med: 10
    community: [65000:1, no-export]
    tags: [x, "y"]
    comment: it's # of "somebody": é
  - prefix: 2001:db8::/48
    next-hop: 2001:db8::1

  # a comment
  - prefix: 10.0.2.0/24
  - { prefix: 10.0.3.0/24, med: 1 }
  - prefix: 10.0.4.0/24 # of the customer
  - prefixes:
      - 10.1.0.0/24
      - 10.1.1.0/24
      # more of them
      - 10.1.2.0/24
    med: 7
  - prefixes-from: l
    peers: [as 65001]
  - prefixes-from: l
    peers: [as 65002]
  - prefix: 10.2.0.0/24
    rd: 65000:1
    label: 800
  - prefix: 10.2.1.0/24
    rd: 65000:1
    label: 800
groups:
  - name: g
    tags: [z]
    routes:
      - prefix: 10.3.0.0/24
      - prefix: 10.3.1.0/24
  - name: h
    defaults: { med: 5 }
    routes:
      - prefix: 10.4.0.0/24
      - prefix: 10.4.1.0/24
`),
		"a": []byte("version: 1\nroutes:\n- prefix: 10.5.0.0/24\n- prefix: 10.5.1.0/24\n"),
		"l": []byte("# a list\n10.6.0.0/24\n\n  10.6.1.0/24 # one more\n10.6.2.0/24\n"),
	}
	r := &Loader{}
	if d, short := bothWays(t, r, "r", all); !short || len(d.Routes) != 23 {
		t.Fatalf("short: %v, %d routes", short, len(d.Routes))
	}
	for _, e := range []struct{ file, old, new string }{
		{"r", "10.0.2.0/24", "10.0.20.0/24"},
		{"r", "  - prefix: 10.0.0.0/24\n", ""},
		{"r", "routes:\n", "routes:\n  - prefix: 1.0.0.0/24\n"},
		{"r", "10.1.1.0/24", "11.1.1.0/24"},
		{"r", "med: 7", "med: 8"},
		{"r", "med: 5", "med: 6"},
		{"r", "tags: [z]", "tags: [y]"},
		{"a", "10.5.1.0", "10.5.2.0"},
		{"l", "10.6.2.0/24\n", "10.6.2.0/24\n10.6.3.0/24\n"},
		{"l", "10.6.0.0/24\n", ""},
		{"r", "as 65002", "as 65003"},
		{"r", "owner: a", "owner: b"},
		{"r", "next-hop: 192.0.2.1", "next-hop: 192.0.2.7"},
		{"r", "next-hop: 192.0.2.7", "next-hop: 192.0.2.7, tags: [q]"},
		{"r", "tags: [q]", "peers: [as 65009]"},
	} {
		if !bytes.Contains(all[e.file], []byte(e.old)) {
			t.Fatalf("%q is not there", e.old)
		}
		all[e.file] = bytes.Replace(all[e.file], []byte(e.old), []byte(e.new), 1)
		if _, short := bothWays(t, r, "r", all); !short {
			t.Errorf("%q to %q is read the whole way", e.old, e.new)
		}
	}
}

// Lines that were a list may become text, with no fault anywhere.
func TestARunThatIsNoListAnyMore(t *testing.T) {
	t.Parallel()
	list := "      - 10.1.0.0/24\n      - 10.1.1.0/24\n      - 10.1.2.0/24\n"
	for _, text := range []string{
		head + "  - prefix: 10.2.0.0/24\n    comment: >-\n" + list,
		head + "  - prefix: 10.2.0.0/24\n    comment: \"\n" + list + "      \"\n",
		head + "  - prefix: 10.2.0.0/24\n    comment: text\n" + list,
	} {
		r := &Loader{size: 20}
		bothWays(t, r, "r", tree{"r": []byte(head + "  - prefixes:\n" + list)})
		if d, short := bothWays(t, r, "r", tree{"r": []byte(text)}); short || len(d.Routes) != 1 {
			t.Errorf("read the short way: %v, %d routes", short, len(d.Routes))
		}
	}
}

// What is at fault is so each time that it is read.
func TestFaultsAreNotForgotten(t *testing.T) {
	t.Parallel()
	good := head + "  - prefix: 10.0.0.0/24\n  - prefix: 10.0.1.0/24\n    med: 1\n"
	for _, items := range []string{
		"  - prefix: 10.1.0.0/24\n    prefix: 10.1.1.0/24\n",
		"  - prefix: 10.1.0.0/24\n    med: 1\n    med: 2\n",
		"  - prefix: 10.1.0.0/24\n    comment: x\n    comment: y\n",
		"  - prefix: 10.1.0.0/24\n    tags: [a, a]\n",
		"  - prefix: 10.1.0.0/24\n    med: x\n",
		"  - prefix: 10.1.0.0/24\n    expires: 2026-12-01\n",
		"  - prefix: 10.1.0.0/24\n    peers: [x]\n",
		"  - prefix: 10.1.0.0/24\n    rd: x\n",
		"  - prefix: 10.1.0.0/24\n    rd: 65000:1\n",
		"  - prefix: 2001:db8::/32\n",
		"  - prefix: 10.1.0.0/24\n    next-hop: 2001:db8::1\n",
		"  - prefix: 10.1.0.0/24\n  - prefix: 10.1.0.0/24\n",
		"  - prefix: 10.0.0.0/24\n",
		"  - prefix: 2001:db8::/32\n    next-hop: self\n    rd: 65000:1\n    label: [800, 801, 802]\n  - prefix: 2001:db8::/128\n    next-hop: self\n    rd: 65000:1\n    label: [800, 801, 802]\n",
		"  - prefixes:\n      - 10.1.0.0/24\n      - 10.1.1.0/24\n    med: x\n",
		"  - prefixes:\n      - 10.1.0.0/24\n      - 2001:db8::/32\n",
		"  -\n    - prefix: 10.1.0.0/24\n    - prefix: 10.1.1.0/24\n",
		"  - prefixes:\n      -\n        - 10.1.0.0/24\n        - 10.1.1.0/24\n",
		"groups:\n  - name: g\n    defaults: { med: x }\n    routes:\n      - prefix: 10.1.0.0/24\n",
	} {
		r := &Loader{}
		for _, text := range []string{good, good + items, good + items, good, good + items} {
			if d, _ := bothWays(t, r, "r", tree{"r": []byte(text)}); (d == nil) != (text != good) {
				t.Errorf("%q is no fault", items)
			}
		}
	}
}

// A second byte order mark is a fault, whichever way the first one goes.
func TestBothWaysOfByteOrderMarks(t *testing.T) {
	t.Parallel()
	for _, marks := range []string{"", "\ufeff", "\ufeff\ufeff"} {
		bothWays(t, &Loader{}, "r", tree{"r": []byte(marks + head + "  - prefix: 10.0.0.0/8\n  - prefixes-from: l\n"), "l": []byte(marks + "11.0.0.0/8\n")})
	}
}

// Of what is the same in two readings there is one.
func TestReadingsShare(t *testing.T) {
	t.Parallel()
	r := &Loader{size: 400}
	all := tree{"r": large(1000)}
	one, _ := bothWays(t, r, "r", all)
	all["r"] = bytes.Replace(all["r"], []byte("routes:\n"), []byte("routes:\n  - prefix: 9.0.0.0/8\n"), 1)
	two, short := bothWays(t, r, "r", all)
	if !short || len(two.Routes) != len(one.Routes)+1 {
		t.Fatalf("short: %v, %d routes", short, len(two.Routes))
	}
	shared := 0
	for i := range one.Routes {
		a, b := &one.Routes[i], &two.Routes[i+1]
		if a.Terms != b.Terms {
			t.Errorf("%s has other terms", a.Key)
		}
		if sameString(a.Key.NLRI, b.Key.NLRI) {
			shared++
		}
	}
	if shared < 950 {
		t.Errorf("%d keys are the same", shared)
	}
}

// sameString tells whether two strings are one in memory.
func sameString(a, b string) bool {
	return len(a) == len(b) && unsafe.StringData(a) == unsafe.StringData(b)
}
