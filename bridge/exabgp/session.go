package exabgp

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"routesync/state"
)

// Session is a neighbor's session, as [ShowExtensive] prints it.
type Session struct {
	Addr  netip.Addr
	State string // exaBGP's word, e.g. "ESTABLISHED", "IDLE"
	// Seconds since it came to be up, or down.
	Seconds int64
	// Families are those that both sides offer: only their routes are sent.
	// Empty unless an OPEN was received.
	Families []state.Family
	// OtherFamilies are the same, for families that routesync can't name.
	OtherFamilies []string
	// ASN4 is false if the peer has no 4-byte AS numbers (RFC 6793).
	ASN4 bool
	// Updates is how many UPDATEs exaBGP has sent in this session, the End-of-RIB
	// among them. Of a session that is not up it says nothing.
	Updates uint64
}

// Up tells whether routes can be exchanged.
func (s Session) Up() bool { return s.State == "ESTABLISHED" }

// ParseExtensive reads the body of [ShowExtensive].
func ParseExtensive(lines []string) ([]Session, error) {
	var sessions []Session
	section := ""
	for i, line := range lines {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if words[0] == "Neighbor" && len(words) == 2 && line[0] == 'N' {
			addr, err := netip.ParseAddr(words[1])
			if err != nil {
				return nil, fmt.Errorf("neighbor listing line %d: %q is not an address", i+1, words[1])
			}
			sessions = append(sessions, Session{Addr: addr})
			section = ""
			continue
		}
		if len(sessions) == 0 {
			return nil, fmt.Errorf("neighbor listing line %d: %q belongs to no neighbor", i+1, line)
		}
		// Indentation does not tell: 4.2 has 2 and 3 blanks, 5.0 4 and 3, 6.0 4.
		if slices.Contains([]string{"Session", "Setup", "Capability", "Families", "Message", "Prefix"}, words[0]) {
			section = words[0]
			continue
		}
		s := &sessions[len(sessions)-1]
		key, values, found := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case section == "Session" && words[0] == "state" && len(words) == 2:
			s.State = words[1]
		case section == "Session" && words[0] == "down" && s.Up():
			// It has been up for less than a second: of that exaBGP prints something
			// else (reactor/api/command/neighbor.py, extensive).
		case section == "Session" && len(words) > 2 && words[1] == "for":
			s.Seconds = parseDuration(words[2:])
		case section == "Capability" && found && key == "asn4":
			s.ASN4 = bothEnabled(values)
		case section == "Message" && found && key == "update":
			if words := strings.Fields(values); len(words) > 0 {
				s.Updates, _ = strconv.ParseUint(words[0], 10, 64)
			}
		case section == "Families" && found && bothEnabled(values):
			if f, err := state.ParseFamily(key); err == nil {
				s.Families = append(s.Families, f)
			} else {
				s.OtherFamilies = append(s.OtherFamilies, key)
			}
		}
	}
	return sessions, nil
}

// SessionOf reads the first line of what [ShowExtensive] prints of a neighbor.
// exaBGP counts its UPDATEs up to that line: it makes the text before it writes
// any of it, and may send some between two lines (reactor/api/command/neighbor.py,
// callback_extensive).
func SessionOf(line string) (netip.Addr, bool) {
	text, ok := strings.CutPrefix(line, "Neighbor ")
	if !ok {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(strings.TrimSpace(text))
	return addr, err == nil
}

// Counts tells whether a helper that runs as one of the processes, see
// [Neighbor.Lacks], is told of each UPDATE to this neighbor that [Session] counts,
// once. Both are done in one place (reactor/protocol.py, send and write). It is
// known of 4.2 only.
func (n Neighbor) Counts(processes ...string) bool {
	if !strings.HasPrefix(n.Dialect.Release, "4.2.") || len(processes) == 0 {
		return false
	}
	var ours []string
	for _, a := range n.API {
		if !slices.Contains(processes, a.Process) {
			continue
		}
		// Of raw packets there are events of their own.
		if !a.sendsUpdates() || slices.Contains(a.Send, "packets") || slices.Contains(ours, a.Process) {
			return false
		}
		ours = append(ours, a.Process)
	}
	return len(ours) > 0
}

// bothEnabled tells whether the first two columns, local and remote, say so.
func bothEnabled(columns string) bool {
	words := strings.Fields(columns)
	return len(words) >= 2 && words[0] == "enabled" && words[1] == "enabled"
}

// parseDuration reads Python's timedelta: "0:00:28", "1 day, 2:03:04".
func parseDuration(words []string) int64 {
	var seconds int64
	if len(words) == 3 && strings.HasPrefix(words[1], "day") {
		days, _ := strconv.ParseInt(words[0], 10, 32)
		seconds = days * 86400
		words = words[2:]
	}
	var clock int64
	for part := range strings.SplitSeq(words[0], ":") {
		n, _ := strconv.ParseInt(part, 10, 32)
		clock = clock*60 + n
	}
	return seconds + clock
}
