package bridge

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

const (
	// listingChunk is from what exabgp.api.chunk on a listing takes a time that
	// grows with the number of routes. By default it is 1, and with each route
	// that it lists exaBGP 4.2 copies the list of the rest
	// (reactor/api/command/rib.py): 100,000 received routes took 20 s, in which
	// commands waited; with 10,000 they took 1.5 s.
	listingChunk = 1000
	// listingMemory is how much memory exaBGP may have for a listing that is not
	// so. It begins with 25 MiB and takes 490 bytes for a received route, so it
	// has not more than 32,000, which take some 2 s.
	listingMemory = 40 << 20
	// listedPeriodically and listedForCause are how many routes of one neighbor
	// exaBGP may list with a smaller chunk. It takes a turn of its loop for 50 of
	// them, and sleeps 10 ms between two unless it is busy: 20,000 took 4.6 s,
	// in which it went on sending, and commands waited.
	listedPeriodically = 20_000
	listedForCause     = 50_000
)

// ListingChunk is exabgp.api.chunk, which exaBGP's helpers have in their
// environment too.
func ListingChunk(environment func(string) string) int {
	for _, name := range []string{"exabgp.api.chunk", "exabgp_api_chunk"} {
		if chunk, err := strconv.Atoi(environment(name)); err == nil {
			return chunk
		}
	}
	return 1
}

// ListingTooLong returns what says why exaBGP must not be asked for what it
// received, "" if it may be: it may have so much that it would do nothing else
// for minutes. environment is exaBGP's, which its helpers share.
func ListingTooLong(environment func(string) string) func() string {
	return func() string {
		if ListingChunk(environment) >= listingChunk {
			return ""
		}
		memory, err := exabgpMemory()
		switch {
		case err != nil:
			return "how much that may be is not known: " + err.Error()
		case memory > listingMemory:
			return "exaBGP may do nothing else for long while it lists that; " +
				"set exabgp_api_chunk=10000 in its environment for the next time, or restart the session"
		}
		return ""
	}
}

// exabgpMemory is the resident memory of the exaBGP above this process
// (proc(5), /proc/pid/statm).
func exabgpMemory() (int, error) {
	pid, err := exabgpPID(above())
	if err != nil {
		return 0, err
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("memory of exaBGP: %w", err)
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, fmt.Errorf("memory of exaBGP: /proc/%d/statm has %d fields", pid, len(fields))
	}
	pages, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0, fmt.Errorf("memory of exaBGP: %q is no number of pages", fields[1])
	}
	return pages * os.Getpagesize(), nil
}
