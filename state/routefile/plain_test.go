package routefile

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	"routesync/state"
)

// What is read as a prefix without ado is that prefix.
func TestPlainPrefixesAreThat(t *testing.T) {
	read := func(t rapid.TB, text string) bool {
		p, ok := plainPrefix([]byte(text))
		if want, err := state.ParsePrefix(text); ok && (err != nil || p != want) {
			t.Errorf("%q is %s, %v; read as %s", text, want, err, p)
		}
		return ok
	}
	for text, want := range map[string]bool{
		"10.0.0.0/8": true, "0.0.0.0/0": true, "255.255.255.255/32": true, "2001:db8::/32": true, "2001:DB8::/32": true, "1:2:3:4:5:6:7:8/128": true,
		"1::/16": true, "1:2:3:4:5:6:7::/112": true, "a::/15": true, "0::/0": true, "fe80::1/128": true, "2001:db8:0:1::/64": true,
		"": false, "/": false, "10.0.0.0": false, "10.0.0.0/": false, "10.0.0/8": false, "10.0.0.0.0/8": false, "10.0.0.1/8": false, "10.0.0.0/33": false, "010.0.0.0/8": false,
		"10.0.0.0/08": false, "256.0.0.0/8": false, "224.0.0.0/4": false, "232.1.0.0/16": false, "::/0": false, "1:2/32": false, "1::2::/64": false, "12345::/16": false,
		"1:2:3:4:5:6:7:8:9/128": false, "1:2:3:4:5:6:7:8::/128": false, "1:2:3:4:5:6:7:/112": false, "0::ffff:1.2.3.0/120": false, "0::ffff:0:0/96": false, "1:::/16": false, "1::/129": false,
		"1.2.3.4": false, "10.0.0.0/8 ": false, "10.0.0.0/-8": false, "a.0.0.0/8": false, "10.0.0.0//8": false, "1::1/16": false, "10..0.0/8": false,
	} {
		if got := read(t, text); got != want {
			t.Errorf("%q is plain: %v", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 0, 0, 1, 10, 0xdb, 0xff}), 16, 16).Draw(t, "address")
		addr := netip.AddrFrom4([4]byte(raw))
		if rapid.Bool().Draw(t, "six") {
			addr = netip.AddrFrom16([16]byte(raw))
		}
		p, _ := addr.Prefix(rapid.IntRange(0, addr.BitLen()).Draw(t, "bits"))
		text := p.String()
		read(t, text)
		b := []byte(text)
		b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.SampledFrom([]byte("0123456789abcdefA:./ ")).Draw(t, "by")
		read(t, string(b))
	})
}

// The node of a plain item is the one that yaml.v3 makes of it.
func TestPlainNodesAreThoseOfYAML(t *testing.T) {
	tails := []string{"", " ", "  # a comment: é", "\n\n  # c"}
	values := []string{
		"10", "010", "~", "null", "true", "a b", "a  b", "2026-12-01T00:00:00Z", "65000:1", "it's", "a:b", "a#b", "é", "x, y", "x]", "x}", "a{b", "~x", "é: ", "_", "/", ".",
		"\"\"", "''", "\"a: b # c, } ]\"", "'x'", "\"é\"", "[]", "[a]", "[65000:1, no-export]", "[as 65001, 192.0.2.1]", "[a, é]", "[a,b]", "[a , b]", "[a, ]", "- x", "a: b", "a #b", "\"a\\n\"", "[", "]", "{", "x ",
	}
	seen := map[plainForm]int{}
	rapid.Check(t, func(t *rapid.T) {
		indent := strings.Repeat(" ", rapid.IntRange(0, 6).Draw(t, "indent"))
		line := indent + "- "
		pairs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			return rapid.SampledFrom([]string{"a", "med", "x-y", "next-hop"}).Draw(t, "key") + ": " + rapid.SampledFrom(values).Draw(t, "value")
		}), 0, 4).Draw(t, "pairs")
		prefix := rapid.SampledFrom([]string{"10.0.0.0/8", "2001:db8::/32"}).Draw(t, "prefix")
		tail := rapid.SampledFrom(tails).Draw(t, "tail")
		switch rapid.SampledFrom([]plainForm{blockItem, flowItem, entryItem}).Draw(t, "form") {
		case entryItem:
			line += prefix + tail
		case flowItem:
			blank := rapid.SampledFrom([]string{"", " "}).Draw(t, "blank")
			line += "{" + blank + strings.Join(append([]string{"prefix: " + prefix}, pairs...), ", ") + blank + "}" + tail
		case blockItem:
			line += strings.Join(append([]string{"prefix: " + prefix + strings.TrimSuffix(tail, "\n\n  # c")}, pairs...), "\n  "+indent)
		}
		line += "\n"
		if rapid.Bool().Draw(t, "crlf") {
			line = strings.ReplaceAll(line, "\n", "\r\n")
		}
		it, ok := readPlain([]byte(line), 0, &plainItem{})
		if !ok {
			return
		}
		seen[it.form]++
		if it.end != len(line) || it.lines != strings.Count(line, "\n") {
			t.Errorf("%q ends at %d after %d lines", line, it.end, it.lines)
		}
		again, ok := readPlain([]byte(line), 0, &it)
		if !ok || !bytes.Equal(again.rest, it.rest) || again.lines != it.lines || again.end != it.end {
			t.Errorf("%q is read otherwise if it is known", line)
		}
		// What follows shows that the item has ended.
		for _, more := range []string{"", indent + "- x\n", indent + "- prefix: 11.0.0.0/8\n"} {
			var doc yaml.Node
			if err := yaml.Unmarshal([]byte(line+more), &doc); err != nil {
				t.Fatalf("%q: %v", line+more, err)
			}
			list := doc.Content[0]
			if list.Kind != yaml.SequenceNode || len(list.Content) != strings.Count(more, "\n")+1 || !sameNode(it.node(1), list.Content[0]) {
				t.Fatalf("%q: %+v", line+more, list.Content[0])
			}
		}
	})
	for _, form := range []plainForm{blockItem, flowItem, entryItem} {
		if seen[form] == 0 {
			t.Errorf("no item of form %d was plain", form)
		}
	}
}

// What could mean something else than it seems to is not plain.
func TestNotPlain(t *testing.T) {
	for _, text := range []string{
		"", "-", "- ", "  -\n", "- prefix:\n", "- prefix: \n", "- prefix: 10.0.0.0/8", "-  prefix: 10.0.0.0/8\n", "- prefix:  10.0.0.0/8\n", "\t- prefix: 10.0.0.0/8\n",
		"- prefix: 10.0.0.0/8\r", "- prefix: 10.0.0.0/8\r\r\n", "- prefix: 10.0.0.0/8 \rx\n", "- prefix: 10.0.0.0/8\n\r\r\n", "- prefix: 10.0.0.0/8\n\rx\n", "- prefix: 10.0.0.0/8\n# c\r\r\n", "- prefix: 10.0.0.0/8\n  med: 1\r\r\n", "- prefix: 10.0.0.0/8\t\n", "- prefix: 10.0.0.0/8# c\n", "- prefix: 10.0.0.0/8 x\n", "- prefix: 10.0.0.0/8: x\n", "- prefix: 10.0.0.0/8 # \x00\n", "- prefix: 10.0.0.0/8 # \u0085\n", "- prefix: 10.0.0.0/8 # \xff\n",
		"- prefix: 10.0.0.0/8\n on\n", "- prefix: 10.0.0.0/8\n\n  on\n", "- prefix: 10.0.0.0/8\n# c\n   on\n", "- prefix: 10.0.0.0/8\n\ton\n", "- prefix: 10.0.0.0/8\n \t\n", "- prefix: 10.0.0.0/8\n# \x00\n", "- prefix: 10.0.0.0/8\n ", "- prefix: 10.0.0.0/8\n# c",
		"- 10.0.0.0/8\n on\n", "- 10.0.0.0/8: x\n", "- { prefix: 10.0.0.0/8 }\n on\n",
		"- prefix: 10.0.0.0/8\n  med: 1 \n", "- prefix: 10.0.0.0/8\n  med:\n", "- prefix: 10.0.0.0/8\n  med\n", "- prefix: 10.0.0.0/8\n  med : 1\n", "- prefix: 10.0.0.0/8\n  med: 1 # c\n", "- prefix: 10.0.0.0/8\n  med: 1", "- prefix: 10.0.0.0/8\n   med: 1\n",
		"- prefix: 10.0.0.0/8\n  Med: 1\n", "- prefix: 10.0.0.0/8\n  \"med\": 1\n", "- prefix: 10.0.0.0/8\n  <<: 1\n", "- prefix: 10.0.0.0/8\n  med: 1\n    on\n",
		"- { prefix: 10.0.0.0/8\n", "- { prefix: 10.0.0.0/8 }", "- { prefix: 10.0.0.0/8 } x\n", "- { prefix: 10.0.0.0/8 }# c\n", "- { prefix: 10.0.0.0/8, }\n", "- { prefix: 10.0.0.0/8,med: 1 }\n", "- { prefix: 10.0.0.0/8, med: }\n", "- { prefix: 10.0.0.0/8, med: 1\n", "- { prefix: 10.0.0.0/8, med: 1 x: 2 }\n",
		"- { prefix: 10.0.0.0/8, med: [1 }\n", "- { prefix: 10.0.0.0/8, med: \"1 }\n", "- { prefix: 10.0.0.0/8, comment: it's }\n", "- { prefix: 10.0.0.0/8, comment: é }\n", "- { prefix: 10.0.0.0/8 } # \x00\n",
	} {
		if it, ok := readPlain([]byte(text), 0, &plainItem{}); ok {
			t.Errorf("%q is plain: %+v", text, it)
		}
	}
	for _, value := range []string{
		"", " x", "x ", "x:", "x: y", "x #y", "#x", "-", "- x", "-x", "?x", ":x", ",x", "[x", "x\ty", "]", "{}", "&x", "*x", "!x", "|", ">", "%x", "@x", "`x", "\"x", "\"x\\n\"", "\"x\"y\"", "'it''s'", "'x", "\"", "'", "[", "[,]", "[a,b]", "[ a ]", "[a, ]", "[a: b]", "[\"a\"]", "[a #b]", "[[a]]",
		"\u2028", "x\u0085y", "\ufeff", "\xff", "x\x7f", strings.Repeat("x", 1001),
	} {
		if kind, _ := plainValue([]byte(value)); kind != notPlain {
			t.Errorf("value %q is plain", value)
		}
	}
}

// A list is read line by line as the whole way reads it.
func TestPlainListLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"10.0.0.0/8", "2001:db8::/32", " ", "#", "\t", "é", "x", "\r", "1", "10.0.0.1/8", "\u00a0", "\u2028"}), 0, 5).Draw(t, "words"), "")
		prefix, column, ok := readListed([]byte(line))
		if !ok {
			return
		}
		list := newLoad(nil).readList("l", []byte("192.0.2.0/24\n"+line+"\n"))
		if list == nil {
			t.Fatalf("%q is refused", line)
		}
		if rest := list.prefixes[1:]; len(rest) > 1 || prefix.IsValid() != (len(rest) == 1) || len(rest) == 1 && rest[0] != (listedPrefix{prefix, 2, column}) {
			t.Fatalf("%q is %v, not %s in column %d", line, rest, prefix, column)
		}
	})
}

// The order is that of the keys, and of one key that of the file.
func TestSortedIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var routes []state.Wanted
		for i, nlri := range rapid.SliceOfN(rapid.StringOfN(rapid.SampledFrom([]rune{0, 'a', 'b', 'ÿ'}), 0, 9, -1), 0, 12).Draw(t, "nlri") {
			routes = append(routes, state.Wanted{
				Key: state.Key{Family: rapid.SampledFrom(state.Families()).Draw(t, "family"), NLRI: nlri}, Pos: state.Position{Line: int32(i)},
			})
		}
		want := slices.Clone(routes)
		slices.SortStableFunc(want, func(a, b state.Wanted) int { return state.CompareKeys(a.Key, b.Key) })
		if got := sorted(routes); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}
