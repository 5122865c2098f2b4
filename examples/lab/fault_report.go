package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"routesync/examples/lab/figures"
)

// row is a fault with what became of its rounds.
type row struct {
	fault    *fault
	bound    time.Duration
	outcomes []outcome
	kept     string // the folder with the logs of one that failed
}

func (r *row) failed() bool {
	return slices.ContainsFunc(r.outcomes, func(o outcome) bool { return o.failed() })
}

// figures are the columns of the table.
type faultFigures struct {
	Fault     string   `json:"fault"`
	Rounds    int      `json:"rounds"`
	Lost      int      `json:"lost"`
	Invented  int      `json:"invented"`
	Withdrawn int      `json:"withdrawn"`
	Stranded  int      `json:"stranded"`
	MedianMS  int64    `json:"median_ms"`
	WorstMS   int64    `json:"worst_ms"`
	BoundMS   int64    `json:"bound_ms"`
	Failed    bool     `json:"failed"`
	Notes     []string `json:"notes,omitempty"`
}

func (r *row) figures() faultFigures {
	f := faultFigures{Fault: r.fault.name, Rounds: len(r.outcomes), BoundMS: r.bound.Milliseconds(), Failed: r.failed()}
	var times []time.Duration
	for i := range r.outcomes {
		o := &r.outcomes[i]
		f.Lost += len(o.lost)
		f.Invented += len(o.invented)
		f.Withdrawn += len(o.withdrawn)
		f.Stranded += len(o.stranded)
		if o.took > 0 {
			times = append(times, o.took)
		}
		f.Notes = append(f.Notes, o.notes(i+1, r.bound)...)
	}
	if len(times) > 0 {
		f.MedianMS, f.WorstMS = figures.Median(times).Milliseconds(), slices.Max(times).Milliseconds()
	}
	return f
}

// notes say what went wrong, the first of each kind.
func (o *outcome) notes(round int, bound time.Duration) []string {
	var all []string
	note := func(format string, args ...any) {
		all = append(all, fmt.Sprintf("round %d: ", round)+fmt.Sprintf(format, args...))
	}
	for kind, list := range map[string][]string{"lost": o.lost, "invented": o.invented, "stranded": o.stranded, "withdrawn": o.withdrawn} {
		if n := len(list); n > 0 {
			note("%d %s, first %s", n, kind, strings.Join(list[:min(n, 3)], "; "))
		}
	}
	slices.Sort(all)
	if o.late {
		note("not converged within %v", bound)
	}
	if o.err != nil {
		note("%v", o.err)
	}
	return all
}

// columns is a line of the table.
func (f *faultFigures) columns() []string {
	seconds := func(ms int64) string { return fmt.Sprintf("%.2f s", float64(ms)/1000) }
	verdict := "ok"
	if f.Failed {
		verdict = "FAILED"
	}
	return []string{
		f.Fault, fmt.Sprint(f.Rounds), fmt.Sprint(f.Lost), fmt.Sprint(f.Invented), fmt.Sprint(f.Withdrawn),
		seconds(f.MedianMS), seconds(f.WorstMS), seconds(f.BoundMS), verdict,
	}
}

func columnNames() []string {
	return []string{"fault", "rounds", "routes lost", "routes invented", "unasked withdraws", "median", "worst", "bound", ""}
}

// print prints all rows in a format.
func printFaults(out io.Writer, format string, seed uint64, rows []row) error {
	all := make([]faultFigures, len(rows))
	for i := range rows {
		all[i] = rows[i].figures()
	}
	switch format {
	case "json":
		text := json.NewEncoder(out)
		text.SetIndent("", "  ")
		return text.Encode(map[string]any{"seed": seed, "faults": all})
	case "markdown":
		fmt.Fprintf(out, "| %s |\n|---|%s\n", strings.Join(columnNames()[:8], " | "), strings.Repeat("--:|", 7))
		for i := range all {
			if _, err := fmt.Fprintf(out, "| %s |\n", strings.Join(all[i].columns()[:8], " | ")); err != nil {
				return err
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.Join(columnNames(), "\t"))
	for i := range all {
		fmt.Fprintln(table, strings.Join(all[i].columns(), "\t"))
	}
	return table.Flush()
}
