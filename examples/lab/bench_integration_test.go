//go:build integration

package main

import (
	"bytes"
	"log/slog"
	"regexp"
	"testing"
)

// TestBench has all of the bench work, with a table and times that mean nothing.
func TestBench(t *testing.T) {
	o := benchOptions{n: 1000, rounds: 1, output: "markdown", run: regexp.MustCompile("")}
	report, err := measure(t.Context(), slog.New(slog.DiscardHandler), o, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range report.Rows {
		for _, fault := range row.Faults {
			t.Errorf("%s: %s", row.Name, fault)
		}
		for _, aim := range row.Aims {
			if v := row.Judge(aim); !v.Known {
				t.Errorf("%s: %s: not measured", row.Name, aim.Of)
			}
		}
	}
	var shown bytes.Buffer
	if err := o.write(report, &shown); err != nil {
		t.Error(err)
	}
	t.Log(shown.String())
}
