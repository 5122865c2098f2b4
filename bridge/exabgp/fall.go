package exabgp

import (
	"fmt"
	"strings"
)

// Fall is the end of a session that a route may be the cause of: exaBGP sends it
// again at every reconnect, and the session falls again.
type Fall struct {
	// Raised: exaBGP could not make an UPDATE of what it was to send, so it
	// reported none. Otherwise the peer did not bear one that was sent.
	Raised bool
	// Lost: the connection ended, and nothing says why. So does one whose peer
	// sends a NOTIFICATION while exaBGP still writes: who closes a connection with
	// something unread resets it (RFC 1122 §4.2.2.13), and what it sent is lost.
	Lost   bool
	Reason string // for people: "NOTIFICATION 3/10"
}

// ParseFall reads the reason of a session's end; false if it tells of no UPDATE.
// A reason is one message of exaBGP's own, and in 4.2 an error besides
// (reactor/peer.py, _run and _reset). Of an exception it has neither.
func (d Dialect) ParseFall(reason string) (Fall, bool) {
	message := reason
	if rest, ok := strings.CutPrefix(reason, "peer reset, message ("); ok {
		if rest == ") error()" {
			message = ""
		} else {
			message = rest
		}
	} else if d.grammar == grammar42 {
		return Fall{}, false // 4.2's words of a session that it was told to end, or lost to another
	}
	if message == "" {
		return Fall{Raised: true, Reason: "exaBGP raised an exception"}, true
	}
	if strings.HasPrefix(message, "closing connection") {
		return Fall{Lost: true, Reason: "the connection was lost"}, true
	}
	var subcode int
	if n, err := fmt.Sscanf(message, "notification received (3,%d)", &subcode); n != 1 || err != nil {
		return Fall{}, false
	}
	return Fall{Reason: fmt.Sprintf("NOTIFICATION 3/%d", subcode)}, true
}
