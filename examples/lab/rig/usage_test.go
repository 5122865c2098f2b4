package rig

import (
	"os"
	"testing"
	"time"
)

func TestParseUsage(t *testing.T) {
	stat := "4242 (a) b (c) S 1 4242 4242 0 -1 4194560 100 200 0 0 321 45 9 9 20 0 1 0 100 1 1"
	if got, err := parseCPU([]byte(stat)); err != nil || got != 3660*time.Millisecond {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "4242 (a", "4242 (a) S 1", "1 (a) S 1 1 1 0 -1 1 1 1 0 0 x 45"} {
		if got, err := parseCPU([]byte(bad)); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
	status := "Name:\tVmHWM\nVmPeak:\t    9 kB\nVmHWM:\t    4321 kB\nVmRSS:\t     100 kB\n"
	if got, err := parseMemory(status, "VmHWM:"); err != nil || got != 4321<<10 {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := parseMemory(status, "VmSwap:"); err == nil {
		t.Error("what is not there is", got)
	}
}

func TestUsageOf(t *testing.T) {
	u, err := UsageOf(os.Getpid())
	if err != nil || u.Resident < 1<<20 || u.Peak < u.Resident/2 {
		t.Errorf("%+v, %v", u, err)
	}
	if u, err := UsageOf(1 << 30); err == nil {
		t.Errorf("nobody uses %+v", u)
	}
}
