package figures

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// example has a row of each kind: met, missed, failed, not measured, without an aim.
func example() *Report {
	r := &Report{
		Machine: "linux/amd64, 2 cores; Linux 6.1.0; BIRD | 2.0.12", Cores: 2, Commit: "0123456789ab", Routes: 1_062_046, Rounds: 3,
		Notes: []string{"The router was asked every 5 ms."},
		Rows: []*Row{
			{Name: "many", What: "100,000 routes, from the save to the router", Unit: Milliseconds, Aims: []Aim{
				{Of: "routesync", Against: "floor", Most: 1.2},
				{Of: "routesync", Against: "exaBGP's <configuration>", Most: 1},
			}, Notes: []string{"the floor with events is for information"}},
			{Name: "one", What: "one route in a file of 100", Unit: Milliseconds, Aims: []Aim{
				{Of: "routesync", Most: 60}, {Of: "routesync", Worst: true, Most: 200},
			}},
			{Name: "memory", What: "memory", Unit: MiB, Aims: []Aim{{Of: "watch", Against: "BIRD", Most: 1}}, Faults: []string{"it\nbroke"}},
			{Name: "gone", What: "never ran", Unit: OfACore, Aims: []Aim{{Of: "routesync", Most: 1}}, Faults: []string{"no broker"}},
			{Name: "queue", What: "messages", Unit: Number},
		},
	}
	for i, f := range []float64{3105.4, 2990, 3300} {
		r.Row("many").Add("routesync", f)
		r.Row("many").Add("exaBGP's <configuration>", 3400+float64(i))
		r.Row("many").Add("floor", 2400)
	}
	for _, f := range []float64{40.25, 41, 250} {
		r.Row("one").Add("routesync", f)
	}
	r.Row("memory").Add("watch", 300)
	r.Row("memory").Add("BIRD", 420)
	r.Row("queue").Add("events", 7)
	return r
}

func TestGolden(t *testing.T) {
	for name, show := range map[string]func(io.Writer) error{
		"report.txt": example().Text, "report.md": example().Markdown, "report.json": example().JSON, "report.svg": example().Plot,
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := show(&got); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Error("(-want +got):", diff)
			}
		})
	}
}

// TestPlotIsXML: a browser shows nothing at all of an image that is not.
func TestPlotIsXML(t *testing.T) {
	var b bytes.Buffer
	if err := example().Plot(&b); err != nil {
		t.Fatal(err)
	}
	for dec := xml.NewDecoder(&b); ; {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, tc := range []struct{ of, want []float64 }{
		{[]float64{7}, []float64{7, 7}},
		{[]float64{9, 1, 5}, []float64{5, 9}},
		{[]float64{9, 1, 5, 7}, []float64{6, 9}},
	} {
		s := Series{Samples: tc.of}
		before := append([]float64(nil), tc.of...)
		if diff := cmp.Diff(tc.want, []float64{s.Median(), s.Worst()}); diff != "" {
			t.Error(tc.of, diff)
		}
		if diff := cmp.Diff(before, tc.of); diff != "" {
			t.Error("what it was given has changed:", diff)
		}
	}
	if m := (Series{}).Median(); !math.IsNaN(m) {
		t.Error("the median of nothing is", m)
	}
}

func TestJudge(t *testing.T) {
	row := &Row{Series: []Series{{"a", []float64{1, 2, 9}}, {"b", []float64{2}}, {"none", []float64{0}}}}
	for _, tc := range []struct {
		aim  Aim
		want Verdict
	}{
		{Aim{Of: "a", Most: 2}, Verdict{true, 2, true}},
		{Aim{Of: "a", Most: 1.9}, Verdict{true, 2, false}},
		{Aim{Of: "a", Worst: true, Most: 2}, Verdict{true, 9, false}},
		{Aim{Of: "a", Against: "b", Most: 1}, Verdict{true, 1, true}},
		{Aim{Of: "b", Against: "a", Most: 0.99}, Verdict{true, 1, false}},
		{Aim{Of: "a", Against: "c", Most: 1}, Verdict{}},
		{Aim{Of: "c", Most: 1}, Verdict{}},
		{Aim{Of: "a", Against: "none", Most: 1}, Verdict{}},
	} {
		if got := row.Judge(tc.aim); got != tc.want {
			t.Errorf("%+v: %+v, want %+v", tc.aim, got, tc.want)
		}
	}
	row.Faults = []string{"one round of five"}
	if got := row.Judge(Aim{Of: "a", Most: 2}); got.Met {
		t.Error("a row that failed met its aim")
	}
}

func TestUnitText(t *testing.T) {
	for want, got := range map[string]string{
		"1,062,046 ms": Milliseconds.text(1062046),
		"999 MiB":      MiB.text(999.4),
		"12.3 ms":      Milliseconds.text(12.34),
		"0.04 ms":      Milliseconds.text(0.04),
		"1,000":        Number.text(1000),
		"-":            Number.text(math.NaN()),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
