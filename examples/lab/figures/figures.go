// Package figures is what a benchmark found: samples of several systems side by
// side, what they are to be at most, and how that is shown. It measures nothing.
//
// Its invariants:
//
//   - A row that failed says why, and meets no aim.
//   - What was not measured is unknown, neither met nor missed.
//   - The same report is always shown in the same bytes.
package figures

import (
	"fmt"
	"math"
	"slices"
)

// FormatVersion is of the JSON form.
const FormatVersion = "2"

// Unit is what samples are in.
type Unit string

// The units.
const (
	Milliseconds Unit = "ms"
	CPUSeconds   Unit = "s of CPU"
	MiB          Unit = "MiB"
	OfACore      Unit = "% of a core"
	Number       Unit = "in all"
)

// Report is one run.
type Report struct {
	Machine string // what it ran on, with the versions
	Cores   int
	Commit  string
	Routes  int // in the big table
	Rounds  int // that count; at least one more came before
	Notes   []string
	Rows    []*Row
}

// Row is one kind of work, done by several systems.
type Row struct {
	Name   string // a word, to choose it by
	What   string
	Unit   Unit
	Series []Series // in the order in which they were added
	Aims   []Aim
	Notes  []string
	Faults []string // why there are not all the samples that there should be
}

// Series is what one system did, each time.
type Series struct {
	System  string
	Samples []float64
}

// Aim bounds the median of one system.
type Aim struct {
	Of string
	// Worst bounds the largest sample instead.
	Worst bool
	// Against is the system whose median the bound is a multiple of; without it
	// the bound is in the unit of the row.
	Against string
	Most    float64
}

// Verdict is how an aim was met.
type Verdict struct {
	Known bool // all that it takes was measured
	Got   float64
	Met   bool
}

// Row is the one of this name, nil if there is none.
func (r *Report) Row(name string) *Row {
	for _, row := range r.Rows {
		if row.Name == name {
			return row
		}
	}
	return nil
}

// Add adds a sample of a system.
func (r *Row) Add(system string, sample float64) {
	for i := range r.Series {
		if r.Series[i].System == system {
			r.Series[i].Samples = append(r.Series[i].Samples, sample)
			return
		}
	}
	r.Series = append(r.Series, Series{system, []float64{sample}})
}

// Of is the series of a system, empty if there is none.
func (r *Row) Of(system string) Series {
	for _, s := range r.Series {
		if s.System == system {
			return s
		}
	}
	return Series{System: system}
}

// Median is the middle sample, or the mean of the two in the middle; 0 of nothing.
func Median[N ~int64 | ~float64](samples []N) N {
	if len(samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(samples))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Median is that of the samples; NaN of nothing.
func (s Series) Median() float64 {
	if len(s.Samples) == 0 {
		return math.NaN()
	}
	return Median(s.Samples)
}

// Worst is the largest; NaN of nothing.
func (s Series) Worst() float64 {
	if len(s.Samples) == 0 {
		return math.NaN()
	}
	return slices.Max(s.Samples)
}

// Judge says how an aim of the row was met.
func (r *Row) Judge(a Aim) Verdict {
	got := r.Of(a.Of).Median()
	if a.Worst {
		got = r.Of(a.Of).Worst()
	}
	if a.Against != "" {
		got /= r.Of(a.Against).Median()
	}
	if math.IsNaN(got) || math.IsInf(got, 0) {
		return Verdict{}
	}
	return Verdict{Known: true, Got: got, Met: got <= a.Most && len(r.Faults) == 0}
}

// bound says what an aim of the row asks for.
func (r *Row) bound(a Aim) string {
	what := a.Of
	if a.Worst {
		what += ", worst"
	}
	if a.Against == "" {
		return fmt.Sprintf("%s: at most %s", what, r.Unit.text(a.Most))
	}
	return fmt.Sprintf("%s: at most %s of %s", what, ratio(a.Most), a.Against)
}

// got says what became of it: "0.92".
func (r *Row) got(a Aim, v Verdict) string {
	switch {
	case !v.Known:
		return "not measured"
	case a.Against == "":
		return r.Unit.text(v.Got)
	}
	return ratio(v.Got)
}

// brief is that with one word more if the aim is not met.
func (r *Row) brief(a Aim, v Verdict) string {
	switch {
	case !v.Known || v.Met:
		return r.got(a, v)
	case v.Got <= a.Most:
		return r.got(a, v) + ", but failed"
	}
	return r.got(a, v) + ", missed"
}

// outcome is the one word for it, and how far it is from being met.
func (r *Row) outcome(a Aim, v Verdict) string {
	switch {
	case !v.Known:
		return "not measured"
	case v.Met:
		return "met"
	case v.Got <= a.Most:
		return "not met: the row failed"
	}
	return fmt.Sprintf("MISSED: %.2f times the aim", v.Got/a.Most)
}

func ratio(f float64) string {
	if f < 0.1 {
		return fmt.Sprintf("%.3f", f)
	}
	return fmt.Sprintf("%.2f", f)
}

// text is a value with its unit, as exact as it needs to be.
func (u Unit) text(f float64) string {
	switch {
	case math.IsNaN(f):
		return "-"
	case u == Number:
		return thousands(f)
	case f >= 100:
		return thousands(f) + " " + string(u)
	case f >= 10:
		return fmt.Sprintf("%.1f %s", f, u)
	}
	return fmt.Sprintf("%.2f %s", f, u)
}

// Count is a number of things as people write it: 1,062,046.
func Count(n int) string { return thousands(float64(n)) }

// thousands is a whole number with commas.
func thousands(f float64) string {
	digits := fmt.Sprintf("%.0f", f)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
