package rig

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// parents maps every process to its parent.
type parents map[int]int

// processTable reads /proc. A process that ends meanwhile is left out.
func processTable() (parents, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	table := make(parents, len(entries))
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "stat"))
		if err != nil {
			continue
		}
		if state, parent, ok := parseStat(stat); ok && state != 'Z' {
			table[pid] = parent
		}
	}
	return table, nil
}

// parseStat takes state and parent from /proc/PID/stat. The name in it may
// hold anything, spaces and parentheses too, so it ends at the last ")".
func parseStat(stat []byte) (state byte, parent int, ok bool) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, 0, false
	}
	fields := bytes.Fields(stat[end+1:])
	if len(fields) < 2 || len(fields[0]) != 1 {
		return 0, 0, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	return fields[0][0], parent, err == nil
}

// children are the direct ones of pid, in order.
func (t parents) children(pid int) []int {
	var found []int
	for child, parent := range t {
		if parent == pid {
			found = append(found, child)
		}
	}
	slices.Sort(found)
	return found
}

// descendants are all below pid, parents before their children.
func (t parents) descendants(pid int) []int {
	found := t.children(pid)
	for i := 0; i < len(found); i++ {
		found = append(found, t.children(found[i])...)
	}
	return found
}

// commandLine is what a process runs, "" when it is gone.
func commandLine(pid int) string {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil {
		return ""
	}
	return string(bytes.ReplaceAll(bytes.TrimRight(text, "\x00"), []byte{0}, []byte{' '}))
}
