package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// markdownLimit is how many bytes a plan in Markdown has at most. A comment of GitHub
// holds 65,536 characters; what is added to it has room besides.
const markdownLimit = 65_000

// Of what stands below the rows of a speaker there are so many lines at most, of so
// many bytes each, and of what the plan leaves alone so many rows: they do not take
// the place of what it does.
const (
	markdownLines = 50
	markdownLine  = 500
	markdownAlone = maxListed
)

// markdown writes the plans for the comment of a pull request. What is too much is left
// out, the harmless first, and how much that is, is said.
func (p plans) markdown(to io.Writer) error {
	_, err := io.WriteString(to, p.page().markdown(markdownLimit))
	return err
}

// markdown is the page in at most limit bytes.
func (p planPage) markdown(limit int) string {
	head := "### routesync: " + escaped(p.Title) + "\n\n" + code(p.Subject) + "\n"
	for _, alert := range p.Alerts {
		head += "\n> **" + escaped(alert) + "**\n"
	}
	const more = "\n_%d speakers were left out here: routesync plan shows them._\n"
	left := limit - len(head) - len(fmt.Sprintf(more, len(p.Speakers)))
	if left < 0 {
		return cut(head, limit)
	}
	var sections []*markdownSection
	for i := range p.Speakers {
		s := newMarkdownSection(&p.Speakers[i])
		if left -= s.least(); left < 0 {
			break
		}
		sections = append(sections, s)
	}
	for _, sign := range []string{"-", "~", "+", "!"} {
		for _, s := range sections {
			left = s.fill(sign, left)
		}
	}
	var b strings.Builder
	b.WriteString(head)
	for _, s := range sections {
		s.write(&b)
	}
	if n := len(p.Speakers) - len(sections); n > 0 {
		fmt.Fprintf(&b, more, n)
	}
	return b.String()
}

// markdownSection is a speaker's part of the page.
type markdownSection struct {
	head   string
	groups []*markdownGroup
}

type markdownGroup struct {
	sign, title string
	rows        []string // those that fit
	of          int
}

func newMarkdownSection(p *planSection) *markdownSection {
	s := &markdownSection{head: "\n#### " + escaped(p.Name) + "\n\n" + escaped(p.Against) + "\n\n"}
	for i, line := range p.Lines {
		if i == markdownLines {
			s.head += fmt.Sprintf("- ... and %d more lines\n", len(p.Lines)-i)
			break
		}
		s.head += "- " + escaped(cut(line, markdownLine)) + "\n"
	}
	for _, g := range p.Groups {
		x := &markdownGroup{sign: g.Sign, title: g.Title, of: len(g.Rows)}
		for _, r := range g.Rows {
			x.rows = append(x.rows, r.markdown())
		}
		s.groups = append(s.groups, x)
	}
	return s
}

// least is how many bytes it takes without any row.
func (s *markdownSection) least() int {
	n := len(s.head)
	for _, g := range s.groups {
		n += len(g.head()) + len(g.omitted(g.of))
	}
	return n
}

// fill keeps as many rows of a kind as there are bytes for, and returns how many are
// left then.
func (s *markdownSection) fill(sign string, left int) int {
	for _, g := range s.groups {
		if g.sign != sign {
			continue
		}
		n := 0
		if sign == "!" {
			g.rows = g.rows[:min(len(g.rows), markdownAlone)]
		}
		for n < len(g.rows) && len(g.rows[n]) <= left {
			left -= len(g.rows[n])
			n++
		}
		if n < len(g.rows) {
			left = 0 // else what matters less would be shown instead
		}
		g.rows = g.rows[:n]
	}
	return left
}

func (s *markdownSection) write(b *strings.Builder) {
	b.WriteString(s.head)
	for _, g := range s.groups {
		b.WriteString(g.head())
		for _, r := range g.rows {
			b.WriteString(r)
		}
		if n := g.of - len(g.rows); n > 0 {
			b.WriteString(g.omitted(n))
		}
	}
}

func (g *markdownGroup) head() string {
	return fmt.Sprintf("\n**%s (%d)**\n\n| route | | |\n|---|---|---|\n", g.title, g.of)
}

func (g *markdownGroup) omitted(n int) string {
	return fmt.Sprintf("\n_%d of %d were left out here: routesync plan shows them._\n", n, g.of)
}

// markdown is the row of a table.
func (r planRow) markdown() string {
	var about []string
	for _, text := range r.About() {
		about = append(about, escaped(text))
	}
	return fmt.Sprintf("| %s | %s | %s |\n", code(r.Route), code(r.Detail), strings.Join(about, "<br>"))
}

// code is text as it stands, in Markdown, also in a table (GFM §4.10, §6.1); "" for
// none.
func code(text string) string {
	if text == "" {
		return ""
	}
	text = strings.NewReplacer("\n", " ", "\r", " ", "|", "\\|").Replace(text)
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") || strings.HasPrefix(text, " ") && strings.HasSuffix(text, " ") {
		text = " " + text + " "
	}
	return fence + text + fence
}

// special tells whether GitHub and GitLab would make a link or a message of a text
// (@name and #7, not name@host), or it has a flag that somebody will copy.
func special(text string) bool {
	before := ' '
	for _, r := range text {
		if r == '#' || r == '@' && !unicode.IsLetter(before) && !unicode.IsDigit(before) {
			return true
		}
		before = r
	}
	return strings.Contains(text, " --")
}

// escaped is text that means nothing in Markdown. What would name people or issues
// where it is shown is code.
func escaped(text string) string {
	if special(text) {
		return code(text)
	}
	var b strings.Builder
	for _, r := range strings.NewReplacer("\n", " ", "\r", " ").Replace(text) {
		if strings.ContainsRune("\\`*_{}[]<>|~&!", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// cut is the first bytes of a text, in whole characters.
func cut(text string, limit int) string {
	return strings.ToValidUTF8(text[:min(limit, len(text))], "")
}
