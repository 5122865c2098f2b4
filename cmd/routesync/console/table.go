package console

import (
	"strings"
	"unicode/utf8"
)

// table is rows of columns; the first row is the heading.
type table [][]string

// lines aligns the columns; below them it counts the rows.
func (t table) lines(thing string) []string {
	widths := make([]int, len(t[0]))
	for _, row := range t {
		for i, cell := range row {
			row[i] = escape(cell)
			if row[i] == "" {
				row[i] = "-"
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	// A column of one long cell would push the rest off every screen.
	const widest = 50
	out := make([]string, 0, len(t)+1)
	if len(t) > 1 {
		for _, row := range t {
			var b strings.Builder
			for i, cell := range row {
				b.WriteString(cell)
				if i < len(row)-1 {
					b.WriteString(strings.Repeat(" ", max(0, min(widths[i], widest)-utf8.RuneCountInString(cell))+2))
				}
			}
			out = append(out, b.String())
		}
	}
	return append(out, count(len(t)-1, thing))
}
