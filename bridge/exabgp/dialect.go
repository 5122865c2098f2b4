package exabgp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"routesync/state"
)

// Dialect is what differs between exaBGP's releases in what is said to it and
// in how its lists are read. Lines and events need none: [ParseLine] knows
// those of every release. The zero Dialect is 4.2's.
type Dialect struct {
	// Release is what exaBGP said of itself, "" before it has.
	Release string
	grammar grammar
}

// grammar orders the releases by what they understand.
type grammar uint8

const (
	grammar42 grammar = iota // 4.0 to 4.2
	grammar50                // 5.0
	grammar60                // 6.0 that is set to API version 4
	grammar34                // 3.4, which answers nothing
)

// DialectOf is the dialect of a release, "5.0.13". One that is not known is
// taken for the nearest that is.
func DialectOf(release string) Dialect {
	d := Dialect{Release: release}
	switch major, _, _ := strings.Cut(release, "."); {
	case slices.Contains([]string{"1", "2", "3"}, major):
		d.grammar = grammar34
	case major == "4", release == "":
	case major == "5":
		d.grammar = grammar50
	default:
		d.grammar = grammar60
	}
	return d
}

// Answers tells whether exaBGP says what became of a command. 3.4 does not.
func (d Dialect) Answers() bool { return d.grammar != grammar34 }

// segmented tells whether an as-path is given as a row of segments, "[ 1 2 ]
// ( 3 4 )", the brackets of a sequence and the parentheses of a set
// (configuration/static/parser.py, as_path). Lists have it the other way round,
// "( 1 2 ) [ 3 4 ]" (attribute/aspath.py, string). 4.2 has "[ 1 2 ( 3 4 ) ]" in
// both.
func (d Dialect) segmented() bool { return d.grammar == grammar50 || d.grammar == grammar60 }

// Flush renders the commands that send everything announced to peers again. They
// must not be used on a neighbor whose session that resets ([Neighbor.FlushResets]).
//
// exaBGP 4.2.21 ends itself when no session of those that a flush names is up: it
// fails at the log line that says so (reactor/api/command/rib.py and logger.py,
// "LOG_warning"). So they are named together, in one command.
func (d Dialect) Flush(peers ...netip.Addr) []string {
	if d.grammar != grammar60 {
		return []string{selector(peers) + "flush adj-rib out"}
	}
	var lines []string
	for _, p := range peers { // the selector is behind the command (dispatch/v4.py)
		lines = append(lines, fmt.Sprintf("flush adj-rib out %s", p))
	}
	return lines
}

// Reset renders the command that ends the session to peer with a NOTIFICATION
// (Cease, Administrative Reset: RFC 4486 §3). It does nothing if the session is
// not up, and unlike a change of routes it is carried out when it is read.
func (d Dialect) Reset(peer netip.Addr) string { return fmt.Sprintf("neighbor %s teardown 4", peer) }

// FlushResets tells whether a [Dialect.Flush] resets the session: with
// route-refresh exaBGP 4.2 sends a malformed message then.
func (n Neighbor) FlushResets() bool { return n.Dialect.grammar == grammar42 && n.RouteRefresh }

// Unread says why a report of a route that is sent can't be read, "" if it can:
// 5.0 has names in the place of many ports (protocol/ip/port.py).
func (d Dialect) Unread(k state.Key) string {
	port := func(c state.Component) bool { return strings.HasSuffix(c.Name, "port") }
	if d.grammar == grammar50 && k.Family.IsFlow() && slices.ContainsFunc(k.Components(), port) {
		return d.String() + " reports ports by name, so that it is not known whether the route was sent"
	}
	return ""
}

// String is what people call the release: "exaBGP 5.0".
func (d Dialect) String() string {
	switch d.grammar {
	case grammar34:
		return "exaBGP 3.4"
	case grammar50:
		return "exaBGP 5.0"
	case grammar60:
		return "exaBGP 6.0"
	}
	return "exaBGP 4.2"
}
