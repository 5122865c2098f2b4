package routefile

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The words of generated files: lines that are plain, that nearly are, and that
// turn what is around them into something else.
func lines() []string {
	return []string{
		"version: 1", "owner: a", "speakers: [s]", "routes:", "routes: []", "groups:", "flows:", "defaults: { next-hop: 192.0.2.1 }",
		"defaults:", "  next-hop: 192.0.2.1", "  med: 5", "include: [a]",
		"  - name: g", "  - name: h", "    routes:", "    tags: [z]", "    defaults: { med: 7 }",
		"- prefix: 10.0.0.0/8", "  - prefix: 10.0.0.0/8", "  - prefix: 10.1.0.0/16", "  - prefix: 10.2.0.0/16", "  - prefix: 2001:db8::/32",
		"      - prefix: 10.3.0.0/16", "      - prefix: 10.4.0.0/16", "        med: 9",
		"  - prefix: 10.0.0.1/8", "  - prefix: \"10.5.0.0/16\"", "  - {prefix: 10.6.0.0/16}", "  - { prefix: 10.60.0.0/16, med: 5 }", "  - { prefix: 10.61.0.0/16, med: 50 }", "  - {prefix: 10.62.0.0/16, med: 5, community: [65000:1, a-b], comment: \"a } b\", tags: [x]}  # c",
		"  - { prefix: 10.63.0.0/16, med: 5", "  - { prefix: 10.64.0.0/16, med: ~ }", "  - { prefix: 10.65.0.0/16, med: }", "  - { prefix: 10.66.0.0/16, comment: it's, med: 1 }", "  - { prefix: 10.67.0.0/16 }: x", "  - { prefix: 10.68.0.0/16, }", "    }",
		"  - prefix: 10.69.0.0/16   # c", "  - { prefix: 10.70.0.0/16, comment: 'é', med: 1 }", "  - { prefix: 10.71.0.0/16, peers: [as 65001] }", "  - { prefix: 10.72.0.0/16, tags: [] }", "  -  prefix: 10.7.0.0/16", "  - prefix:  10.8.0.0/16",
		"  - prefix: 10.9.0.0/16 ", "  - prefix: 10.10.0.0/16 # c", "  - prefix: 10.11.0.0/16\r", "  - prefix: 10.11.0.0/16\t", "  - prefix: 10.12.0.0",
		"  - prefixes:", "  - prefixes: [10.13.0.0/16]", "      - 10.14.0.0/16", "      - 10.15.0.0/16", "    - 10.16.0.0/16", "    - 10.17.0.0/16", "  - 10.18.0.0/16",
		"  - prefixes-from: l", "  - prefixes-from: m", "    prefixes-from: l", "  - med: 1",
		"    med: 10", "    med: 010", "    med: x", "    med: ~", "    med: null", "    med:", "    med: 'it'", "    med: \"7\"", "    med: 1 # c", "    med:  1", "    med: 1 ",
		"    next-hop: 192.0.2.2", "    next-hop: 2001:db8::1", "    next-hop: self", "    community: [65000:1, no-export]", "    community: [65000:1,no-export]",
		"    community: [65000:1", "      , 65000:2]", "    community:", "      - 65000:1", "    community: []", "    peers: [as 65001]", "    peers: [as 65002, 192.0.2.9]",
		"    tags: [a, b]", "    tags: []", "    comment: some text", "    comment: some text ", "  - prefix: 10.73.0.0/16# c", "  - { prefix: 10.74.0.0/16 }# c", "    comment: a: b", "    comment: a #b", "    comment: it's", "    comment: 'it''s'",
		"    comment: \"a", "    b\"", "    comment: |", "    comment: >-", "    comment: é", "    comment: \u0085", "    comment: \u2028", "    comment: &a x", "    comment: *a", "    comment: !t x",
		"    <<: x", "    rd: 65000:1", "    label: 800", "    path-information: 1", "    path-information: 2", "    starts: 2026-12-01T00:00:00Z", "    expires: 2026-12-02T00:00:00Z", "    lease: 10m", "    prefix: 10.19.0.0/16",
		"    atomic-aggregate: true", "    as-path: [65001, [65002, 65003]]", "    as-path: [65001, 65002]", "      going on", "     going on", "    going on", "  going on", "going on",
		"", " ", "    ", "\t", "# c", "  # c", "      # c", "    # é", "    # \t", "---", "...", "%YAML 1.1", "? a", ": b", "  - ", "  -", "-", "  - - prefix: 10.20.0.0/16", "\ufeff", "\x00", "\xff",
	}
}

func listWords() []string {
	return []string{"10.30.0.0/16", "10.31.0.0/16", "  10.32.0.0/16", "10.33.0.0/16 # c", "10.34.0.0/16\t# c", "# c", "", "  ", "\t", "2001:db8:1::/48", "10.0.0.0", "10.35.0.0/16 10.36.0.0/16", "10.37.0.0/16\r", "# \x00", "# é", "10.1.0.0/16", "x"}
}

// change makes a few random changes to the lines of a text.
func change(t *rapid.T, text []byte, words []string) []byte {
	all := strings.SplitAfter(string(text), "\n")
	for range rapid.IntRange(1, 3).Draw(t, "changes") {
		i := rapid.IntRange(0, len(all)-1).Draw(t, "line")
		word := rapid.SampledFrom(words).Draw(t, "word") + "\n"
		switch rapid.IntRange(0, 5).Draw(t, "how") {
		case 0:
			all = slices.Insert(all, i, word)
		case 1:
			all[i] = word
		case 2:
			all = slices.Delete(all, i, i+1)
		case 3: // some lines again, elsewhere
			j := min(len(all), i+rapid.IntRange(1, 8).Draw(t, "many"))
			all = slices.Insert(all, rapid.IntRange(0, len(all)).Draw(t, "to"), slices.Clone(all[i:j])...)
		case 4: // one character
			if n := len(all[i]); n > 0 {
				k := rapid.IntRange(0, n-1).Draw(t, "at")
				all[i] = all[i][:k] + rapid.SampledFrom([]string{"", " ", "1", ":", "#", "-", "\"", "\n", "/", "a", "[", "\r"}).Draw(t, "by") + all[i][k+1:]
			}
		case 5: // most edits are of this kind
			all = slices.Insert(all, i, fmt.Sprintf("  - prefix: 10.%d.0.0/16\n", rapid.IntRange(40, 99).Draw(t, "new")))
		}
		if len(all) == 0 {
			all = []string{""}
		}
	}
	return []byte(strings.Join(all, ""))
}

// whole is files that are good, to begin with.
func whole() []tree {
	var many, list strings.Builder
	for i := range 12 {
		fmt.Fprintf(&many, "  - prefix: 10.%d.0.0/16\n", 100+i)
		fmt.Fprintf(&list, "10.%d.0.0/16\n", 150+i)
		if i%4 == 3 {
			many.WriteString("    med: 10\n    community: [65000:1, no-export]\n")
		}
	}
	return []tree{
		{"r": []byte(head + many.String()), "a": []byte("version: 1\nroutes: []\n"), "l": []byte(list.String()), "m": []byte("# none\n")},
		{
			"r": top("include: [a]\nroutes:\n" + many.String() + "  - prefixes-from: l\n  - prefixes:\n      - 10.200.0.0/16\n      - 10.201.0.0/16\n      - 10.202.0.0/16\n    med: 1\n" +
				"groups:\n  - name: g\n    routes:\n      - prefix: 10.210.0.0/16\n      - prefix: 10.211.0.0/16\n        comment: c\n      - prefix: 10.212.0.0/16\n"),
			"a": []byte("version: 1\nroutes:\n- prefix: 11.0.0.0/8\n- prefix: 12.0.0.0/8\n- prefix: 2.0.0.0/8\n"),
			"l": []byte(list.String()), "m": []byte("10.220.0.0/16\n"),
		},
	}
}

// Of any history of a file, each state is the same both ways.
func TestBothWaysOfHistories(t *testing.T) {
	shorts, good := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.SampledFrom(loaders()).Draw(t, "loader")
		all, crlf := tree{}, rapid.Bool().Draw(t, "crlf")
		for name, data := range rapid.SampledFrom(whole()).Draw(t, "files") {
			all[name] = data
			if crlf {
				all[name] = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
			}
		}
		if _, short := bothWays(t, r, "r", all); !short {
			t.Fatal("the files are read the whole way")
		}
		for range rapid.IntRange(1, 6).Draw(t, "edits") {
			before := all["r"]
			switch rapid.IntRange(0, 5).Draw(t, "file") {
			case 0:
				all["a"] = change(t, all["a"], lines())
			case 1:
				all["l"] = change(t, all["l"], listWords())
			default:
				all["r"] = change(t, all["r"], lines())
			}
			d, short := bothWays(t, r, "r", all)
			if d != nil {
				good++
			}
			if short {
				shorts++
			}
			if d == nil && rapid.Bool().Draw(t, "mend") {
				all["r"] = before
			}
		}
	})
	if shorts < good*9/10 {
		t.Errorf("of %d good files %d were read the short way", good, shorts)
	}
}

// So is any text that is made of what the two may see differently.
func TestBothWaysOfLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{head, head + "  - prefix: 10.250.0.0/16\n", string(top("")), ""}).Draw(t, "head")
		text += strings.Join(rapid.SliceOfN(rapid.SampledFrom(lines()), 0, 12).Draw(t, "lines"), "\n") + rapid.SampledFrom([]string{"\n", ""}).Draw(t, "end")
		all := tree{"r": []byte(text), "a": []byte("version: 1\nroutes: []\n"), "l": []byte("10.251.0.0/16\n"), "m": []byte("# none\n")}
		bothWays(t, &Loader{}, "r", all)
	})
}

func FuzzBothWays(f *testing.F) {
	for _, dir := range []string{"valid", "invalid"} {
		for _, path := range files(f, dir, 10) {
			if filepath.Ext(path) == ".yaml" {
				f.Add(read(f, path), []byte("  - prefix: 10.0.0.0/8\n"), 70, []byte("10.0.0.0/8\n"))
			}
		}
	}
	for _, all := range whole() {
		f.Add(all["r"], []byte("  - prefix: 10.0.0.0/8\n    med: 1\n"), 170, all["l"])
	}
	f.Add([]byte(head+strings.Join(lines(), "\n")+"\n"), []byte("x"), 300, []byte(strings.Join(listWords(), "\n")))
	f.Fuzz(func(t *testing.T, data, edit []byte, at int, list []byte) {
		if len(data)+len(edit)+len(list) > 1<<12 { // what is slow finds little
			return
		}
		all := tree{"r": data, "a": []byte("version: 1\nroutes: []\n"), "l": list, "m": edit}
		r := &Loader{size: 50}
		bothWays(t, r, "r", all)
		at = min(max(at, 0), len(data))
		all["r"] = slices.Concat(data[:at], edit, data[at:])
		bothWays(t, r, "r", all)
		all["r"] = slices.Concat(data[:at], data[min(at+len(edit), len(data)):])
		bothWays(t, r, "r", all)
		all["r"] = data
		bothWays(t, r, "r", all)
	})
}
