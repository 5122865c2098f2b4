package figures

import (
	"bytes"
	"fmt"
	"io"
	"text/tabwriter"
)

// Text is the report for people at a terminal.
func (r *Report) Text(out io.Writer) error {
	var b bytes.Buffer
	for _, row := range r.Rows {
		row.text(&b)
	}
	for _, note := range r.Notes {
		fmt.Fprintln(&b, note)
	}
	fmt.Fprintf(&b, "%s; commit %s\n", r.Machine, r.Commit)
	if _, err := b.WriteTo(out); err != nil {
		return fmt.Errorf("print the figures: %w", err)
	}
	return nil
}

func (r *Row) text(b *bytes.Buffer) {
	fmt.Fprintf(b, "%s: %s\n", r.Name, r.What)
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, s := range r.Series {
		fmt.Fprintf(table, "  %s\tmedian %s\tworst %s\tn=%d\t\n", s.System, r.Unit.text(s.Median()), r.Unit.text(s.Worst()), len(s.Samples))
	}
	_ = table.Flush() // into memory
	for _, a := range r.Aims {
		v := r.Judge(a)
		fmt.Fprintf(b, "  aim: %s; it is %s: %s\n", r.bound(a), r.got(a, v), r.outcome(a, v))
	}
	for _, note := range r.Notes {
		fmt.Fprintf(b, "  %s\n", note)
	}
	for _, fault := range r.Faults {
		fmt.Fprintf(b, "  FAILED: %s\n", fault)
	}
	fmt.Fprintln(b)
}
