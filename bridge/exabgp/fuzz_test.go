package exabgp

import (
	"strings"
	"testing"

	"routesync/state"
)

// seeds adds every recorded line of a file.
func seeds(f *testing.F, name string) {
	lines := recorded(f, name)
	for _, line := range lines {
		f.Add(line)
	}
	if len(lines) == 0 {
		f.Fatal("no seeds")
	}
}

// seedsOf adds every line of a file that another release wrote.
func seedsOf(f *testing.F, name string) {
	for _, release := range []string{"5.0.13", "6.0.0"} {
		for _, line := range listed(f, release, name) {
			f.Add(line)
		}
	}
}

func FuzzParseLine(f *testing.F) {
	seeds(f, "lines.txt")
	seeds(f, "families.txt")
	seedsOf(f, "lines.txt")
	f.Fuzz(func(t *testing.T, line string) {
		l := ParseLine(line)
		if l.Text != line || (l.Kind == Malformed) != (l.Err != nil) {
			t.Errorf("%+v", l)
		}
		for _, a := range l.Event.Update.Announced {
			for _, k := range a.Keys {
				if back, err := state.ParseKey(a.Family, k.String()); err != nil || back != k {
					t.Errorf("%+v, %v", k, err)
				}
			}
		}
		if l.Kind == EventLine && !l.Event.Peer.IsValid() {
			t.Errorf("an event without a peer: %+v", l)
		}
	})
}

func FuzzParseRIB(f *testing.F) {
	seeds(f, "rib.txt")
	seeds(f, "families-rib.txt")
	seedsOf(f, "rib.txt")
	f.Fuzz(func(t *testing.T, line string) {
		for _, release := range []string{"4.2.21", "5.0.13", "6.0.0"} {
			e, err := DialectOf(release).ParseRIB(line)
			if err != nil {
				continue
			}
			if back, err := state.ParseKey(e.Key.Family, e.Key.String()); err != nil || back != e.Key || !e.Peer.IsValid() {
				t.Errorf("%s: %+v, %v", release, e, err)
			}
		}
	})
}

func FuzzParseListings(f *testing.F) {
	for _, name := range []string{"configuration.txt", "extensive.txt"} {
		f.Add(strings.Join(recorded(f, name), "\n"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		neighbors, err := v42.ParseConfiguration(lines)
		if err == nil {
			for _, n := range neighbors {
				n.Lacks()
			}
		}
		_, _ = ParseExtensive(lines)
	})
}
