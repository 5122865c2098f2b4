package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func reported() []row {
	one := fault{name: "broker killed", group: "broker", what: "kill -9"}
	two := fault{name: "bridge killed", group: "bridge", what: "kill -9"}
	return []row{
		{fault: &one, bound: 5 * time.Second, outcomes: []outcome{{took: time.Second}, {took: 3 * time.Second}, {took: 2 * time.Second}}},
		{fault: &two, bound: 3 * time.Second, outcomes: []outcome{
			{verdict: verdict{lost: []string{"10.0.0.0/24 is not held"}, withdrawn: []string{"a", "b", "c", "d"}}, took: 4 * time.Second, late: true},
			{err: errors.New("provoke it: no bridge")},
		}},
	}
}

func TestFaultTables(t *testing.T) {
	for format, want := range map[string]string{
		"text": `fault          rounds  routes lost  routes invented  unasked withdraws  median  worst   bound   
broker killed  3       0            0                0                  2.00 s  3.00 s  5.00 s  ok
bridge killed  2       1            0                4                  4.00 s  4.00 s  3.00 s  FAILED
`,
		"markdown": `| fault | rounds | routes lost | routes invented | unasked withdraws | median | worst | bound |
|---|--:|--:|--:|--:|--:|--:|--:|
| broker killed | 3 | 0 | 0 | 0 | 2.00 s | 3.00 s | 5.00 s |
| bridge killed | 2 | 1 | 0 | 4 | 4.00 s | 4.00 s | 3.00 s |
`,
	} {
		var out bytes.Buffer
		if err := printFaults(&out, format, 7, reported()); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("%s:\n%s\nwant\n%s", format, out.String(), want)
		}
	}
	var out bytes.Buffer
	if err := printFaults(&out, "json", 7, reported()); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Seed   uint64
		Faults []faultFigures
	}
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if back.Seed != 7 || len(back.Faults) != 2 || back.Faults[0].MedianMS != 2000 || back.Faults[0].Failed || !back.Faults[1].Failed {
		t.Errorf("%s", out.String())
	}
}

// TestFaultSummary: whatever is not as it must be fails the command, and is said.
func TestFaultSummary(t *testing.T) {
	rows := reported()
	var out bytes.Buffer
	if err := summary(&out, 7, rows[:1]); err != nil {
		t.Errorf("all is well: %v", err)
	}
	for name, o := range map[string]outcome{
		"lost":      {verdict: verdict{lost: []string{"x"}}},
		"invented":  {verdict: verdict{invented: []string{"x"}}},
		"stranded":  {verdict: verdict{stranded: []string{"x"}}},
		"withdrawn": {verdict: verdict{withdrawn: []string{"x"}}},
		"late":      {late: true},
		"err":       {err: errors.New("x")},
	} {
		if err := summary(&out, 7, []row{{fault: rows[0].fault, outcomes: []outcome{o}}}); err == nil {
			t.Errorf("%s does not fail the command", name)
		}
	}
	out.Reset()
	rows[1].kept = "/tmp/logs"
	rows[1].tell(&out, 2, 2)
	for _, want := range []string{"FAILED bridge killed", "4 withdrawn, first a; b; c", "not converged within 3s", "provoke it: no bridge", "logs: /tmp/logs"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not said:\n%s", want, out.String())
		}
	}
}
