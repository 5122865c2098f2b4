package bridge

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// EnvSupervised is set in the environment of a bridge that exaBGP did not start
// itself: which process the helper that did is of.
const EnvSupervised = "ROUTESYNC_SUPERVISED_FOR"

// above is the process that started the helper.
func above() int {
	if pid, err := strconv.Atoi(os.Getenv(EnvSupervised)); err == nil {
		return pid
	}
	return os.Getppid()
}

// Incarnation names the life of the exaBGP above this process: the same for
// every helper of one exaBGP, another one as soon as exaBGP is started again.
// It is a hash of the machine's boot, exaBGP's process id and its start time.
func Incarnation() (string, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("boot of this machine: %w", err)
	}
	pid, err := exabgpPID(above())
	if err != nil {
		return "", err
	}
	_, start, err := stat(pid)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Appendf(bytes.TrimSpace(boot), " %d %s", pid, start))
	return hex.EncodeToString(sum[:8]), nil
}

// exabgpPID is the nearest process above that is exaBGP: a helper may be
// started through a shell. If none looks like it, it is the parent.
func exabgpPID(parent int) (int, error) {
	for pid := parent; pid > 1; {
		args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			return 0, fmt.Errorf("process above: %w", err)
		}
		words := strings.Split(string(args), "\x00")
		for _, word := range words[:min(3, len(words))] {
			if filepath.Base(word) == "exabgp" || strings.HasPrefix(word, "exabgp.application.") { // python -m
				return pid, nil
			}
		}
		if pid, _, err = stat(pid); err != nil {
			return 0, err
		}
	}
	return parent, nil
}

// stat reads the parent and the start time, in clock ticks since boot, of a
// process (proc(5), /proc/pid/stat).
func stat(pid int) (parent int, start string, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, "", fmt.Errorf("process %d: %w", pid, err)
	}
	// The name in parentheses may hold anything; the fields follow the last one.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 20 {
		return 0, "", fmt.Errorf("process %d: /proc/%d/stat has %d fields", pid, pid, len(fields)+2)
	}
	parent, err = strconv.Atoi(fields[1])
	if err != nil {
		return 0, "", fmt.Errorf("process %d: parent %q: %w", pid, fields[1], err)
	}
	return parent, fields[19], nil
}
