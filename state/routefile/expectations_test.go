package routefile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"routesync/state/expect"
)

func TestParseExpectations(t *testing.T) {
	all, err := ParseExpectations("expect.yaml", []byte(`version: 1
must-announce:
  - 203.0.113.0/24
  - { prefix: 198.51.100.0/24, match: or-shorter, speakers: [edge1, edge2] }
must-not-announce:
  - prefixes: [10.0.0.0/8, fc00::/7]
    match: or-longer
  - 0.0.0.0/0
tags:
  ddos: 3
  anycast: { at-least: 2, speakers: [edge2] }
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range all {
		got = append(got, fmt.Sprint(e.Pos, " ", e.Kind, " ", e.Prefix, " ", expect.Matches()[e.Match], " ", e.Tag, e.Least, " ", e.Speakers))
	}
	want := []string{
		"expect.yaml:3:5 1 203.0.113.0/24 exact 0 []",
		"expect.yaml:4:15 1 198.51.100.0/24 or-shorter 0 [edge1 edge2]",
		"expect.yaml:6:16 2 10.0.0.0/8 or-longer 0 []",
		"expect.yaml:6:28 2 fc00::/7 or-longer 0 []",
		"expect.yaml:8:5 2 0.0.0.0/0 exact 0 []",
		"expect.yaml:10:3 3 invalid Prefix exact ddos3 []",
		"expect.yaml:11:3 3 invalid Prefix exact anycast2 [edge2]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Every fault is told, with its place; a file that expects nothing is one.
func TestParseExpectationsRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"nothing":          {"", "e.yaml:1:1: the file is empty"},
		"expects nothing":  {"version: 1\n", "e.yaml:1:1: nothing is expected here, so any plan is as expected"},
		"no version":       {"tags: { ddos: 1 }\n", "e.yaml:1:1: version is missing"},
		"another version":  {"version: 2\n", `e.yaml:1:10: version "2" is not one that this routesync reads`},
		"a list":           {"- 10.0.0.0/8\n", "e.yaml:1:1: the file must be a mapping with version, must-announce, must-not-announce and tags, not a list"},
		"a route file":     {"version: 1\nroutes: []\n", `e.yaml:2:1: "routes" is not a key of a file of expectations`},
		"cut":              {"version: 1\nmust-announce: [10.0.0.0/8]", "e.yaml:2:28: the file ends in the middle of a line"},
		"an empty list":    {"version: 1\nmust-announce: []\n", "e.yaml:2:16: must-announce is an empty list"},
		"all of them":      {"version: 1\nmust-announce: [10.0.0.1/8, 10.0.0.0]\ntags: { ddos: 0, x y: 1, b: {} }\n", "e.yaml:2:17: prefix 10.0.0.1/8 has host bits set\ne.yaml:2:29: prefix \"10.0.0.0\" has no length\ne.yaml:3:15: tag ddos: \"0\" is not a number in 1..2147483647\ne.yaml:3:18: tag \"x y\" is no word\ne.yaml:3:29: tag b has no number"},
		"no prefix":        {"version: 1\nmust-announce: [{ match: exact }]\n", "e.yaml:2:17: must-announce has an item without a prefix"},
		"an unknown match": {"version: 1\nmust-announce: [{ prefix: 10.0.0.0/8, match: inside }]\n", `e.yaml:2:46: match "inside" is none of exact, or-longer, or-shorter`},
		"an unknown key":   {"version: 1\nmust-announce: [{ prefix: 10.0.0.0/8, speaker: edge1 }]\n", `e.yaml:2:39: "speaker" is not a key of must-announce`},
		"no speakers":      {"version: 1\nmust-announce: [{ prefix: 10.0.0.0/8, speakers: [] }]\n", "e.yaml:2:49: speakers is an empty list"},
		"tags as a list":   {"version: 1\ntags: [ddos]\n", "e.yaml:2:7: tags must be a mapping of tags and numbers, not a list"},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := ParseExpectations("e.yaml", []byte(tc.text))
			if all != nil || err == nil || err.Error() != tc.want {
				t.Errorf("%v\nwant %s", err, tc.want)
			}
		})
	}
}

// An empty file is told what it is for, and not how to withdraw all routes.
func TestEmptyExpectations(t *testing.T) {
	_, err := ParseExpectations("e.yaml", []byte("# to do\n"))
	var b strings.Builder
	if err := Render(&b, err); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); !strings.Contains(text, "hint: write version: 1, and must-announce") || strings.Contains(text, "routes: []") {
		t.Error(text)
	}
}

// Whatever is read is whole: nothing, with faults that have places, or what can be
// held against a plan.
func FuzzParseExpectations(f *testing.F) {
	f.Add("version: 1\nmust-announce:\n  - 203.0.113.0/24\n  - { prefix: 198.51.100.0/24, match: or-shorter, speakers: [edge1] }\n")
	f.Add("version: 1\nmust-not-announce: [{ prefixes: [10.0.0.0/8, fc00::/7], match: or-longer }]\ntags: { ddos: 3, a: { at-least: 2 } }\n")
	f.Add("version: 1\ntags: { ddos: 0 }\nmust-announce: [x]\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := ParseExpectations("e.yaml", []byte(text))
		switch {
		case err != nil && (all != nil || len(Faults(err)) == 0):
			t.Fatalf("%v, %v", all, err)
		case err == nil && len(all) == 0:
			t.Fatal("nothing is expected")
		}
		for _, e := range all {
			if !e.Prefix.IsValid() != (e.Kind == expect.Tagged) || e.Kind == expect.Tagged && (e.Least < 1 || e.Tag == "") || e.Pos.Line < 1 || e.Pos.Column < 1 {
				t.Fatalf("%+v", e)
			}
		}
	})
}
