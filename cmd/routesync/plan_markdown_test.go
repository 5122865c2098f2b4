package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// What a comment holds is never exceeded, and what is left out is counted.
func TestMarkdownFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ -~]{0,60}`)
		page := planPage{Title: "1 to announce", Subject: text.Draw(t, "subject"), Alerts: rapid.SliceOfN(text, 0, 3).Draw(t, "alerts")}
		total := map[string]int{}
		for range rapid.IntRange(1, 4).Draw(t, "speakers") {
			s := planSection{Name: "edge1", Against: "exaBGP", Lines: rapid.SliceOfN(text, 0, 3).Draw(t, "lines")}
			for _, g := range []planGroup{{Sign: "-", Title: "To withdraw"}, {Sign: "+", Title: "To announce"}} {
				for n := range rapid.IntRange(0, 40).Draw(t, "rows") {
					g.Rows = append(g.Rows, planRow{Route: fmt.Sprintf("10.0.%d.0/24", n), Detail: text.Draw(t, "detail"), Notes: rapid.SliceOfN(text, 0, 2).Draw(t, "notes")})
				}
				if len(g.Rows) > 0 {
					s.Groups = append(s.Groups, g)
					total[g.Sign] += len(g.Rows)
				}
			}
			page.Speakers = append(page.Speakers, s)
		}
		limit := rapid.IntRange(3000, 20_000).Draw(t, "limit")
		got := page.markdown(limit)
		if len(got) > limit {
			t.Fatalf("%d bytes, more than %d", len(got), limit)
		}
		if !strings.HasPrefix(got, "### routesync: 1 to announce\n") {
			t.Fatalf("the count is not first:\n%s", got)
		}
		if strings.Contains(got, "speakers were left out") {
			return // and all that is theirs
		}
		shown := len(regexp.MustCompile(`(?m)^\| .10\.0\.`).FindAllString(got, -1))
		for _, m := range regexp.MustCompile(`(?m)^_(\d+) of \d+ were left out here`).FindAllStringSubmatch(got, -1) {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				t.Fatal(err)
			}
			shown += n
		}
		if want := total["-"] + total["+"]; shown != want {
			t.Fatalf("%d rows are shown or counted as left out, of %d:\n%s", shown, want, got)
		}
		// What comes is not shown instead of what goes.
		if strings.Contains(got, "**To withdraw") && regexp.MustCompile(`(?s)To withdraw \(\d+\)\*\*[^*]*were left out`).MatchString(got) &&
			regexp.MustCompile(`(?s)To announce \(\d+\)\*\*\n\n\| route \| \| \|\n\|---\|---\|---\|\n\| `).MatchString(got) && len(page.Speakers) == 1 {
			t.Fatalf("a route that comes has the place of one that goes:\n%s", got)
		}
	})
}

// Nothing that a file or a speaker says makes more of a table than a cell.
func TestMarkdownIsText(t *testing.T) {
	for given, want := range map[string]string{
		"a":           "`a`",
		"":            "",
		"a|b":         "`a\\|b`",
		"a`b":         "``a`b``",
		"`a`":         "`` `a` ``",
		"a\nb":        "`a b`",
		"<script>":    "`<script>`",
		"a``b`c":      "```a``b`c```",
		"@all <b>|#1": "`@all <b>\\|#1`",
	} {
		if got := code(given); got != want {
			t.Errorf("code of %q: %s, want %s", given, got, want)
		}
	}
	for given, want := range map[string]string{
		"plain 10.0.0.0/8": "plain 10.0.0.0/8",
		"a_b*c":            `a\_b\*c`,
		"<b>|":             `\<b\>\|`,
		"[a](b)":           `\[a\](b)`,
		"a\r\nb":           "a  b",
		"of @all":          "`of @all`",
		"see #12":          "`see #12`",
		"@all":             "`@all`",
		"by ana@noc1":      "by ana@noc1",
		"&lt;":             `\&lt;`,
	} {
		if got := escaped(given); got != want {
			t.Errorf("%q escaped: %s, want %s", given, got, want)
		}
	}
}

// A plan of the largest kind is a comment that can be posted, and still says how much
// there is.
func TestMarkdownOfMuch(t *testing.T) {
	var file strings.Builder
	file.WriteString("version: 1\nowner: edge-team\nspeakers: [edge1]\ndefaults: { next-hop: 198.51.100.1 }\nroutes:\n")
	for n := range 20_000 {
		fmt.Fprintf(&file, "  - prefix: 11.%d.%d.0/24\n", n/256, n%256)
	}
	p := planned(t, file.String())
	var got bytes.Buffer
	if err := p.markdown(&got); err != nil {
		t.Fatal(err)
	}
	if got.Len() > 65_536 || got.Len() < 60_000 || !utf8.Valid(got.Bytes()) {
		t.Errorf("%d bytes", got.Len())
	}
	for _, want := range []string{"### routesync: 20000 to announce, 0 to change, 4 to withdraw\n", "| `198.51.100.64/26` |", "of 20000 were left out here"} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("it does not say %s", want)
		}
	}
}
