package routefile

import (
	"bytes"
	"runtime"
	"testing"
)

// What a reading allocates is counted, so that a regression fails on any machine.
func TestReadingAllocations(t *testing.T) {
	const n = 20_000
	for name, most := range map[string]struct{ first, bytes, again float64 }{
		"items":   {500, 70, 400},
		"braces":  {10_000, 75, 500}, // with 100 sets of attributes
		"entries": {500, 70, 400},
		"list":    {500, 70, 400},
	} {
		all := shapes(n)[name]
		r := &Loader{}
		load := func(r *Loader) {
			before := r.last
			if _, err := r.Load("r", all["r"], all); err != nil || r.last == before {
				t.Fatalf("%s: read the whole way: %v", name, err)
			}
		}
		first := testing.AllocsPerRun(3, func() {
			r = &Loader{}
			load(r)
		})
		if first > most.first {
			t.Errorf("%s: %.0f allocations, want at most %.0f", name, first, most.first)
		}
		file := "r"
		if name == "list" {
			file = "l"
		}
		texts := [2][]byte{all[file], bytes.Replace(all[file], []byte("10.0.50.7/32"), []byte("10.0.50.6/31"), 1)}
		i := 0
		again := testing.AllocsPerRun(4, func() {
			i++
			all[file] = texts[i%2]
			load(r)
		})
		if again > most.again {
			t.Errorf("%s: %.0f allocations for a change of a line, want at most %.0f", name, again, most.again)
		}
		live := float64(held(r)) / n // besides the bytes of the files
		runtime.KeepAlive(texts)
		if live > most.bytes {
			t.Errorf("%s: %.0f bytes a route, want at most %.0f", name, live, most.bytes)
		}
		t.Logf("%s: %.0f allocations, %.0f for a change of a line, %.1f bytes a route", name, first, again, live)
	}
}
