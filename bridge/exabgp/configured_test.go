package exabgp

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseConfiguredRoutes(t *testing.T) {
	text, err := os.ReadFile("testdata/configured.conf")
	if err != nil {
		t.Fatal(err)
	}
	neighbors, routes, faults := ParseConfiguredRoutes(string(text))
	var got []string
	got = append(got, fmt.Sprint(neighbors))
	for _, r := range routes {
		got = append(got, fmt.Sprintf("%d %s %s (%s) %s", r.Line, r.Neighbor, r.Key, r.Key.Family, r.Attrs))
	}
	for _, f := range faults {
		got = append(got, strings.TrimSuffix(fmt.Sprintf("%d: %s; %s", f.Line, f.Msg, f.Hint), "; "))
	}
	want, err := os.ReadFile("testdata/configured.golden")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(want)), "\n"), got); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, strings.Join(got, "\n"))
	}
}

func FuzzParseConfiguredRoutes(f *testing.F) {
	text, err := os.ReadFile("testdata/configured.conf")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add("neighbor 192.0.2.1 { static { route 10.0.0.0/8 next-hop self; } }")
	f.Add("} ; { template { neighbor a { static { } } } neighbor ::1 { inherit a;")
	f.Fuzz(func(t *testing.T, text string) {
		neighbors, routes, faults := ParseConfiguredRoutes(text)
		lines := strings.Count(text, "\n") + 1
		for _, r := range routes {
			if r.Line < 1 || r.Line > lines {
				t.Errorf("a route in line %d of %d", r.Line, lines)
			}
			if !strings.Contains(fmt.Sprint(neighbors), r.Neighbor.String()) {
				t.Errorf("%s is no neighbor of %v", r.Neighbor, neighbors)
			}
		}
		for _, f := range faults {
			if f.Line < 1 || f.Line > lines || f.Msg == "" {
				t.Errorf("a fault in line %d of %d: %q", f.Line, lines, f.Msg)
			}
		}
	})
}
