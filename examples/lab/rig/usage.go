package rig

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is what /proc counts CPU time in: USER_HZ, 100 a second on every
// Linux that Go runs on (proc_pid_stat(5)).
const clockTick = 10 * time.Millisecond

// Usage is what a process has taken of the machine since it started.
type Usage struct {
	CPU      time.Duration // of all its threads, user and system, to 10 ms
	Peak     int64         // most memory it ever had resident, in bytes (VmHWM)
	Resident int64         // now, in bytes (VmRSS)
}

// UsageOf is that of one process, without its children.
func UsageOf(pid int) (Usage, error) {
	var u Usage
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err == nil {
		u.CPU, err = parseCPU(stat)
	}
	if err != nil {
		return Usage{}, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err == nil {
		u.Peak, err = parseMemory(string(status), "VmHWM:")
	}
	if err == nil {
		u.Resident, err = parseMemory(string(status), "VmRSS:")
	}
	if err != nil {
		return Usage{}, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	return u, nil
}

// parseCPU takes utime and stime from /proc/PID/stat: the 14th and 15th field,
// of which the second, the name, may hold anything.
func parseCPU(stat []byte) (time.Duration, error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("not a process's state: %q", stat)
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}

// parseMemory takes a line such as "VmHWM:	  4321 kB" from /proc/PID/status.
func parseMemory(status, name string) (int64, error) {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("no %s", name)
}
