package figures

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Markdown is the report as a table for a README.
func (r *Report) Markdown(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintln(&b, "| work | median, worst | aim: measured |\n|---|---|---|")
	for _, row := range r.Rows {
		row.markdown(&b)
	}
	fmt.Fprintf(&b, "\n%s; commit %s.\n", cell(r.Machine), cell(r.Commit))
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "%s\n", note)
	}
	if _, err := b.WriteTo(out); err != nil {
		return fmt.Errorf("print the figures: %w", err)
	}
	return nil
}

func (r *Row) markdown(b *bytes.Buffer) {
	var series, aims []string
	for _, s := range r.Series {
		text := s.System + " " + r.Unit.text(s.Median())
		if len(s.Samples) > 1 {
			text += ", " + r.Unit.text(s.Worst())
		}
		series = append(series, text)
	}
	for _, a := range r.Aims {
		aims = append(aims, fmt.Sprintf("%s: **%s**", r.bound(a), r.brief(a, r.Judge(a))))
	}
	for _, fault := range r.Faults {
		aims = append(aims, "failed: "+fault)
	}
	fmt.Fprintf(b, "| %s | %s | %s |\n", cell(r.What), cells(series), cells(aims))
}

// cells are lines in one cell.
func cells(lines []string) string {
	for i := range lines {
		lines[i] = cell(lines[i])
	}
	return strings.Join(lines, "<br>")
}

// cell keeps text from ending its cell.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(text)
}
