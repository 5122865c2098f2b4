package rig

import (
	"fmt"
	"strconv"
	"strings"
)

// Counters are what BIRD received on a session since it came up. BIRD counts
// routes, not messages: an UPDATE with two prefixes counts two.
type Counters struct {
	Updates   int // routes announced to it
	Withdraws int // routes withdrawn from it
}

// Sub is what came between an earlier reading and this one.
func (c Counters) Sub(earlier Counters) Counters {
	return Counters{c.Updates - earlier.Updates, c.Withdraws - earlier.Withdraws}
}

// session is what "show protocols all NAME" says about a BGP session.
type session struct {
	state    string // "Established", "Passive", ...
	err      string // the last error, if any
	counters Counters
}

// parseSession reads it; the counters are sums over the session's channels.
func parseSession(lines []birdLine) (session, error) {
	var s session
	for _, line := range lines {
		name, value, ok := strings.Cut(strings.TrimSpace(line.text), ":")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		var err error
		switch name {
		case "BGP state":
			s.state = value
		case "Last error":
			s.err = value
		case "Import updates":
			err = addFirst(&s.counters.Updates, value)
		case "Import withdraws":
			err = addFirst(&s.counters.Withdraws, value)
		}
		if err != nil {
			return session{}, fmt.Errorf("read bird's counters: %q: %w", line.text, err)
		}
	}
	if s.state == "" {
		return session{}, fmt.Errorf("no BGP state in bird's answer %q", plain(lines))
	}
	return s, nil
}

// addFirst adds the first column, "received".
func addFirst(sum *int, columns string) error {
	first, _, _ := strings.Cut(columns, " ")
	n, err := strconv.Atoi(first)
	*sum += n
	return err
}
