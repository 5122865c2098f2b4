package main

import (
	"context"
	"io"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"routesync/examples/lab/figures"
	"routesync/state/routefile"
)

func TestLogTimes(t *testing.T) {
	log := "time=2026-11-23T14:21:47.123Z level=INFO msg=converged routes=1\n" +
		"time=2026-11-23T14:21:48.000Z level=INFO msg=publishing announce=1\n" +
		"time=2026-11-23T14:21:48.500Z level=INFO msg=converged routes=2\n" +
		"time=2026-11-23T14:21:49.500Z level=INFO msg=converg" // being written
	at, err := logTimes(log, markDone)
	if err != nil || len(at) != 2 || at[1].Sub(at[0]) != 1377*time.Millisecond {
		t.Errorf("%v, %v", at, err)
	}
	if _, err := logTimes("never msg=converged\n", markDone); err == nil {
		t.Error("a line without a time was taken")
	}
}

func TestBeganAt(t *testing.T) {
	at, err := beganAt("begins at 1700000000000000001\npublished\n")
	if err != nil || at.UnixNano() != 1700000000000000001 {
		t.Errorf("%v, %v", at, err)
	}
	for _, said := range []string{"", "begins at \n", "Traceback"} {
		if at, err := beganAt(said); err == nil {
			t.Errorf("%q began at %v", said, at)
		}
	}
}

func TestBenchArguments(t *testing.T) {
	for line, ok := range map[string]bool{
		"": true, "-n 5000 -rounds 1 -o json -run one-.* -plot x.svg": true, "-o markdown": true,
		"-n 99": false, "-rounds 0": false, "-o xml": false, "-run (": false, "more": false,
	} {
		if got := benchCommand(strings.Fields(line), io.Discard); (got != nil) != ok {
			t.Errorf("%q: %t", line, got != nil)
		}
	}
}

// TestBenchRows: a row that no experiment fills would be there without a sample.
func TestBenchRows(t *testing.T) {
	b := &bench{table: benchPrefixes(t, "10.0.0.0/24 2001:db8::/32")}
	filled, known := map[string]bool{}, map[string]bool{}
	for _, e := range experiments() {
		for _, name := range e.rows {
			filled[name] = true
		}
	}
	for _, row := range b.rows() {
		known[row.Name] = true
	}
	if diff := cmp.Diff(filled, known); diff != "" {
		t.Error("filled, and known:", diff)
	}
}

// TestBenchFailure: what fails is noted at its row, and what is not asked for does
// not run.
func TestBenchFailure(t *testing.T) {
	b := &bench{says: io.Discard, report: &figures.Report{Rows: []*figures.Row{{Name: "a"}, {Name: "b"}}}, round: 1}
	b.run = regexp.MustCompile("^a$")
	b.try(t.Context(), []string{"b"}, time.Minute, nil)
	b.try(t.Context(), []string{"a", "c"}, time.Minute, func(context.Context) error { return io.ErrUnexpectedEOF })
	want := []string{"round 1: unexpected EOF"}
	if diff := cmp.Diff(want, b.report.Row("a").Faults); diff != "" {
		t.Error(diff)
	}
	b.add("a", "x", 1)
	b.round = 0
	b.add("a", "x", 2)
	if diff := cmp.Diff([]float64{1}, b.report.Row("a").Of("x").Samples); diff != "" {
		t.Error("the warm-up counts:", diff)
	}
}

func benchPrefixes(t *testing.T, text string) (all []netip.Prefix) {
	t.Helper()
	for _, word := range strings.Fields(text) {
		all = append(all, netip.MustParsePrefix(word))
	}
	return all
}

func TestBenchCommands(t *testing.T) {
	routes := askFor(benchPrefixes(t, "10.0.0.0/24 2001:db8::/32 10.0.1.0/24 10.0.2.0/24"), 0)
	if got := strings.Count(string(single(routes)), "announce route 10."); got != 3 {
		t.Errorf("%d commands for 3 routes", got)
	}
	want := "announce attributes next-hop 192.0.2.1 nlri 10.0.0.0/24 10.0.1.0/24\n" +
		"announce attributes next-hop 192.0.2.1 nlri 10.0.2.0/24\n" +
		"announce attributes next-hop 2001:db8::1 nlri 2001:db8::/32\n"
	if diff := cmp.Diff(want, string(bulk("announce", routes, 2))); diff != "" {
		t.Error(diff)
	}
	want = "withdraw attributes next-hop 192.0.2.1 med 1 community [ 65000:1 ] nlri 10.0.0.0/24 10.0.2.0/24\n" +
		"withdraw attributes next-hop 192.0.2.1 med 2 community [ 65000:2 ] nlri 10.0.1.0/24\n"
	sets := askFor(benchPrefixes(t, "10.0.0.0/24 10.0.1.0/24 10.0.2.0/24"), 2)
	if diff := cmp.Diff(want, string(bulk("withdraw", sets, 500))); diff != "" {
		t.Error(diff)
	}
}

// TestBenchFiles: what a file asks for is what its routes say.
func TestBenchFiles(t *testing.T) {
	routes := askFor(benchPrefixes(t, "10.0.0.0/24 2001:db8::/32 10.0.1.0/24"), 0)
	for _, tc := range []struct {
		text []byte
		want int
	}{
		{itemsFile([]string{"edge1"}, nil), 0},
		{itemsFile([]string{"edge1", "edge2"}, routes), 3},
		{itemsFile([]string{"edge1"}, askFor(benchPrefixes(t, "10.0.0.0/24"), 5)), 1},
		{listsFile([]string{"edge1"}, nil, false), 0},
	} {
		desired, err := routefile.Parse("routes.yaml", tc.text)
		if err != nil || len(desired.Routes) != tc.want {
			t.Errorf("%s\n%v", tc.text, err)
		}
	}
	if diff := cmp.Diff("10.0.0.0/24\n2001:db8::/32\n10.0.1.0/24\n", string(listFile(routes))); diff != "" {
		t.Error(diff)
	}
	want := "  route 10.0.0.0/24 blackhole;\n  route 10.0.1.0/24 blackhole { bgp_med = 7; bgp_community.add((65000,7)); };\n"
	if diff := cmp.Diff(want, string(staticBIRD(withChanged(families(routes)[0], 1, 7)))); diff != "" {
		t.Error(diff)
	}
}

func TestOneEdit(t *testing.T) {
	routes := askFor(benchPrefixes(t, "10.0.0.0/24 10.0.1.0/24 10.0.2.0/24 10.0.3.0/24"), 0)
	before := string(listFile(routes))
	extra := netip.MustParsePrefix("198.18.0.0/24")
	var got []string
	for _, e := range oneEdit(routes, extra) {
		got = append(got, e.row+": "+string(single(e.routes[1:2])))
	}
	want := []string{
		rowAdded + ": announce route 198.18.0.0/24 next-hop 192.0.2.1\n",
		rowChanged + ": announce route 198.18.0.0/24 next-hop 192.0.2.1 med 7 community [ 65000:7 ]\n",
		rowRemoved + ": announce route 10.0.1.0/24 next-hop 192.0.2.1\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, string(listFile(routes))); diff != "" {
		t.Error("what it was given has changed:", diff)
	}
	if n := len(fewEdits(routes, 7)); n != 7 {
		t.Errorf("%d edits of 7", n)
	}
}
