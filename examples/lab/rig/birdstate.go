package rig

import (
	"errors"
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
	moved    int // updates and withdraws that changed a table
	held     int // routes that came over it and are in the tables
}

// parseSession reads it; the numbers are sums over the session's channels.
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
			err = errors.Join(addFirst(&s.counters.Updates, value), addLast(&s.moved, value))
		case "Import withdraws":
			err = errors.Join(addFirst(&s.counters.Withdraws, value), addLast(&s.moved, value))
		case "Routes": // "3 imported, 0 exported, 3 preferred"
			err = addFirst(&s.held, value)
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

// addLast adds the last column, "accepted": what is received again as it is held is
// not in it, but in "ignored".
func addLast(sum *int, columns string) error {
	fields := strings.Fields(columns)
	n, err := strconv.Atoi(fields[len(fields)-1])
	*sum += n
	return err
}

// addFirst adds the first column, "received".
func addFirst(sum *int, columns string) error {
	first, _, _ := strings.Cut(columns, " ")
	n, err := strconv.Atoi(first)
	*sum += n
	return err
}
