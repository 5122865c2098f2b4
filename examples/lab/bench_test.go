package main

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	for _, tc := range []struct {
		of   []time.Duration
		want time.Duration
	}{
		{nil, 0},
		{[]time.Duration{7}, 7},
		{[]time.Duration{9, 1, 5}, 5},
		{[]time.Duration{9, 1, 5, 7}, 6},
	} {
		before := append([]time.Duration(nil), tc.of...)
		if got := median(tc.of); got != tc.want {
			t.Errorf("median of %d: %d, want %d", tc.of, got, tc.want)
		}
		if diff := cmp.Diff(before, tc.of); diff != "" {
			t.Error("median changed what it was given:", diff)
		}
	}
}

func TestVerdicts(t *testing.T) {
	for got, want := range map[string]string{
		atMost(100*time.Millisecond, 100*time.Millisecond): "met",
		atMost(140*time.Millisecond, 100*time.Millisecond): "MISSED by 40 ms",
		atLeast(10, 10):   "met",
		atLeast(8.75, 10): "MISSED: 1.2 x short",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

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

func TestBenchCommands(t *testing.T) {
	var routes []netip.Prefix
	for _, p := range []string{"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"} {
		routes = append(routes, netip.MustParsePrefix(p))
	}
	if got := strings.Count(string(single(routes)), "announce route 10."); got != 3 {
		t.Errorf("%d commands for 3 routes", got)
	}
	want := "announce attributes next-hop 192.0.2.1 nlri 10.0.0.0/24 10.0.1.0/24\n" +
		"announce attributes next-hop 192.0.2.1 nlri 10.0.2.0/24\n"
	if diff := cmp.Diff(want, string(bulk(routes, 2))); diff != "" {
		t.Error(diff)
	}
}
