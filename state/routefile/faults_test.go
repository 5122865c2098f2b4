package routefile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// messages is what Parse says of a text, without the positions' file.
func messages(text string) []string {
	_, err := Parse("r", []byte(text))
	var got []string
	for _, f := range Faults(err) {
		got = append(got, strings.TrimPrefix(f.Error(), "r:"))
	}
	return got
}

// One mistake is one message: what follows from it is not said again.
func TestFaultsDoNotBreedFaults(t *testing.T) {
	const noHop = "version: 1\nowner: a\nspeakers: [s]\nroutes:\n"
	withDefaults := func(defaults string) string {
		return "version: 1\nowner: a\nspeakers: [s]\ndefaults: { " + defaults + " }\nroutes:\n"
	}
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"a next hop that is no value is not missing", noHop + "- prefix: 10.0.0.0/8\n  next-hop: [192.0.2.1]\n",
			[]string{"6:13: next-hop takes one value, not a list"}},
		{"a next hop that is no address is not missing", noHop + "- prefix: 10.0.0.0/8\n  next-hop: x\n",
			[]string{`6:13: next-hop: "x" is not an ip address`}},
		{"a bad default is not missed by routes", withDefaults("next-hop: x") + "- prefix: 10.0.0.0/8\n- prefix: 11.0.0.0/8\n",
			[]string{`4:23: next-hop: "x" is not an ip address`}},
		{"a route without its path identifier is not there twice", head + "- prefix: 10.0.0.0/8\n- prefix: 10.0.0.0/8\n  path-information: x\n",
			[]string{`8:21: path-information "x" is neither a number in 0..4294967295 nor a dotted quad`}},
		{"a route for unknown peers is not there twice", head + "- prefix: 10.0.0.0/8\n- prefix: 10.0.0.0/8\n  peers: [x]\n",
			[]string{`8:11: peer "x" is not an ip address`}},
		{"another attribute at fault hides no missing next hop", noHop + "- prefix: 10.0.0.0/8\n  med: x\n",
			[]string{"5:11: 10.0.0.0/8 has no next-hop", `6:8: med "x" is not a number in 0..4294967295`}},
		{"a route with its own value does not inherit the fault", withDefaults("med: x") + "- prefix: 10.0.0.0/8\n  next-hop: self\n  med: 1\n  bgp-prefix-sid: 1\n  bgp-prefix-sid-srv6: vpn ::1\n",
			[]string{`4:18: med "x" is not a number in 0..4294967295`, "6:3: bgp-prefix-sid and bgp-prefix-sid-srv6 are one attribute; a route may have one of them"}},
		{"a route whose prefix is at fault is read to its end", head + "- prefix: x\n  med: y\n",
			[]string{`6:11: "x" is not a prefix`, `7:8: med "y" is not a number in 0..4294967295`}},
		{"the rest of another version is not judged", "version: 3\nroutes: 7\n", []string{`1:10: version "3" is not one that this routesync reads`}},
	} {
		if diff := cmp.Diff(c.want, messages(c.text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// Routes that differ in one respect only must not share their attributes.
func TestLikeRoutesAreKeptApart(t *testing.T) {
	text := strings.Replace(head, " }", ", med: 5, atomic-aggregate: true }", 1)
	for i, own := range []string{"med: 6", "med: ~", "atomic-aggregate: false", "atomic-aggregate: true", "originator-id: 1.1.1.1",
		"cluster-list: 1.1.1.1", "cluster-list: [1.1.1.1, 2.2.2.2]", "med: 6, atomic-aggregate: false"} {
		text += fmt.Sprintf("- { prefix: 10.%d.0.0/16, %s }\n", i, own)
	}
	var got []string
	for _, w := range mustParse(t, []byte(text)).Routes {
		got = append(got, strings.TrimPrefix(w.Attrs.String(), "next-hop 192.0.2.1"))
	}
	want := []string{" med 6 atomic-aggregate", " atomic-aggregate", " med 5", " med 5 atomic-aggregate", " med 5 atomic-aggregate originator-id 1.1.1.1",
		" med 5 atomic-aggregate cluster-list 1.1.1.1", " med 5 atomic-aggregate cluster-list [1.1.1.1 2.2.2.2]", " med 6"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What a file holds must not act on the terminal that shows its faults.
func TestRenderEscapes(t *testing.T) {
	_, err := Parse("evil\x1b[2J.yaml", []byte(head+"- \"a\\e[31m\\u202eb\"\n- \x1b\n"))
	_, err2 := Parse("routes.yaml", []byte(head+"- \"a\\e[31m\\u202eb\"\n- { prefix: 10.0.0.0/8, \"\\e[2J\": 1 }\n"))
	for _, err := range []error{err, err2} {
		shown := rendered(err)
		if len(Faults(err)) == 0 || strings.ContainsFunc(shown, func(r rune) bool { return r != '\n' && invisible(r) }) {
			t.Errorf("rendered: %q", shown)
		}
	}
}

func TestExcerpt(t *testing.T) {
	for _, c := range []struct {
		line          string
		column, width int
		text, caret   string
	}{
		{"med: 10", 6, 2, "med: 10", "     ^^"},
		{"med:", 5, 1, "med:", "    ^"},
		{"", 1, 1, "", "^"},
		{"\tmed: x", 7, 1, "    med: x", "         ^"},
		{"\t\t", 2, 1, "        ", "    ^^^^"},
		{"経路: x", 5, 1, "経路: x", "      ^"},
		{"e\u0301: x", 5, 1, "e\u0301: x", "   ^"},
		{"med: 10", 6, 99, "med: 10", "     ^^"},
		{"abc", 9, 1, "abc", "        ^"},
		{strings.Repeat("a", 200) + "x", 201, 1, "…" + strings.Repeat("a", 61) + "x", strings.Repeat(" ", 62) + "^"},
		{"x" + strings.Repeat("a", 200), 1, 1, "x" + strings.Repeat("a", 99) + "…", "^"},
	} {
		text, caret := excerpt(c.line, c.column, c.width)
		if text != c.text || caret != c.caret {
			t.Errorf("%q at %d:\n%s|\n%s|\nwant\n%s|\n%s|", c.line, c.column, text, caret, c.text, c.caret)
		}
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"med", "next-hop", "community", "local-preference", "origin", "prefix", "prefixes", "peers", "tags"}
	for word, want := range map[string]string{
		"next_hop": "next-hop", "nexthop": "next-hop", "NEXT-HOP": "next-hop", "metric": "med", "mde": "med", "communities": "community",
		"localpref": "local-preference", "prefixs": "prefix", "peer": "peers", "flows": "", "colour": "", "x": "", strings.Repeat("a", 1000): "",
	} {
		if got := suggest(word, known); got != want {
			t.Errorf("%.20s: %q, want %q", word, got, want)
		}
	}
}
