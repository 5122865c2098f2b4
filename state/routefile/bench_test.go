package routefile

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// large is a file of n routes, of which every tenth says more than its prefix.
func large(n int) []byte {
	var b strings.Builder
	b.WriteString("version: 1\nowner: a\nspeakers: [s]\ndefaults: { next-hop: 192.0.2.1 }\nroutes:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - prefix: 10.%d.%d.%d/32\n", i>>16&255, i>>8&255, i&255)
		if i%10 == 0 {
			fmt.Fprintf(&b, "    med: %d\n    community: [65000:1, no-export]\n", i%100)
		}
	}
	return []byte(b.String())
}

// shapes are the ways in which a file may give n routes.
func shapes(n int) map[string]tree {
	var items, keys, braces, entries, list, mixed strings.Builder
	for i := range n {
		prefix := fmt.Sprintf("%d.%d.%d.%d/32", 10+i>>24, i>>16&255, i>>8&255, i&255)
		fmt.Fprintf(&items, "  - prefix: %s\n", prefix)
		fmt.Fprintf(&keys, "  - prefix: %s\n    med: %d\n    next-hop: 192.0.2.%d\n    community: [65000:%d, no-export]\n    tags: [a, b]\n    comment: customer %d\n",
			prefix, i%10, i%200, i%50, i%1000)
		fmt.Fprintf(&braces, "  - { prefix: %s, med: %d, community: [65000:1, no-export] }  # customer %d\n", prefix, i%100, i)
		fmt.Fprintf(&entries, "      - %s\n", prefix)
		fmt.Fprintln(&list, prefix)
		j := uint32(i) * 2654435761 // all over the table
		fmt.Fprintf(&mixed, "  - prefix: 2001:db8:%x:%x::/64\n", j>>16, j&0xffff)
	}
	return map[string]tree{
		"items":   {"r": []byte(head + items.String())},
		"keys":    {"r": []byte(head + keys.String())},
		"braces":  {"r": []byte(head + braces.String())},
		"entries": {"r": []byte(head + "  - prefixes:\n" + entries.String())},
		"list":    {"r": []byte(head + "  - prefixes-from: l\n"), "l": []byte(list.String())},
		"mixed":   {"r": []byte(strings.ReplaceAll(head, "192.0.2.1", "self") + mixed.String())},
	}
}

func names() []string { return []string{"items", "keys", "braces", "entries", "list", "mixed"} }

// BenchmarkLoad is the first reading of 100,000 routes, and what is there after it
// besides the bytes of the files.
func BenchmarkLoad(b *testing.B) {
	const n = 100_000
	for _, name := range names() {
		all := shapes(n)[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := &Loader{}
			for b.Loop() {
				r = &Loader{}
				if _, err := r.Load("r", all["r"], all); err != nil || r.last == nil {
					b.Fatal(err, r.last)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "routes/s")
			b.ReportMetric(float64(held(r))/n, "live-B/route")
		})
	}
}

// held is how many bytes less there are without a loader and what it made.
func held(r *Loader) int {
	var with, without runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&with)
	runtime.KeepAlive(r)
	*r = Loader{}
	runtime.GC()
	runtime.ReadMemStats(&without)
	return int(with.HeapAlloc) - int(without.HeapAlloc)
}

// BenchmarkWhole is the same with no short way.
func BenchmarkWhole(b *testing.B) {
	const n = 100_000
	for _, name := range names() {
		all := shapes(n)[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Load("r", all["r"], all); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "routes/s")
		})
	}
}

// BenchmarkReload is the reading of 1,000,000 routes of which one was changed: the
// line of another prefix comes and goes, somewhere in the middle.
func BenchmarkReload(b *testing.B) {
	for _, name := range names() {
		n := 1_000_000
		if name == "keys" || name == "braces" {
			n = 400_000 // a file may have 64 MiB
		}
		all := shapes(n)[name]
		file, line := "r", "  - prefix: 9.0.0.0/8\n"
		switch name {
		case "braces":
			line = "  - { prefix: 9.0.0.0/8 }\n"
		case "entries":
			line = "      - 9.0.0.0/8\n"
		case "list":
			file, line = "l", "\n9.0.0.0/8"
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			without := all[file]
			middle := len(without)/2 + bytes.Index(without[len(without)/2:], []byte(line[:strings.Index(line, "9.0")])) // where an item begins
			with := bytes.Join([][]byte{without[:middle], without[middle:]}, []byte(line))
			r := &Loader{}
			load := func(data []byte) {
				all[file] = data
				before := r.last
				if _, err := r.Load("r", all["r"], all); err != nil || r.last == before {
					b.Fatal("read the whole way", err)
				}
			}
			load(without)
			for i := 0; b.Loop(); i++ {
				load([][]byte{with, without}[i%2])
			}
		})
	}
}
