package exabgp

import (
	"slices"
	"strings"
)

// Silent has an exaBGP that answers no command, 3.4, seem to be one that does:
// it puts what it can't be asked into words of its own, and ends each window of
// commands where exaBGP has come to its end. That exaBGP came to a command is
// all that its answer says: whether it took the command is not known.
//
// 3.4 does what it is told in order, and has no end of a list (reactor/loop.py,
// schedule). But it lists its neighbors in an order that stays, so that a list
// that is asked for twice is over when its first neighbor comes again. It is
// asked for behind every window.
//
// Its commands reach every neighbor, whichever the helper's is, and the lists
// name all of them (reactor/api/command.py). Only events of other neighbors do
// not come to the helper of one.
type Silent struct {
	asked []string   // of the window that is being given
	owed  [][]string // the windows that are not over, the oldest first

	block     []string   // of the neighbor that is being listed
	depth     int        // of its braces
	neighbors [][]string // that the first list of the oldest window has
	again     int        // that its second list has; 0 until that has begun
	routes    []string   // that are listed
}

const (
	showNeighbors34 = "show neighbors"
	showRoutes34    = "show routes extensive"
)

// Give renders lines that are meant for an exaBGP that answers. A window ends
// with its [Barrier].
func (s *Silent) Give(lines ...string) []string {
	var out []string
	for _, line := range lines {
		if line == Barrier {
			s.owed, s.asked = append(s.owed, s.asked), nil
			out = append(out, showNeighbors34, showNeighbors34)
			continue
		}
		s.asked = append(s.asked, line)
		switch {
		case line == ShowRIB:
			out = append(out, showRoutes34)
		case !strings.HasPrefix(line, "show ") && !isProbe(line):
			out = append(out, line)
		}
	}
	return out
}

// Hear takes a line that is no event, and returns what an exaBGP that answers
// had said, once there is a window that is over.
func (s *Silent) Hear(text string) []Line {
	word := strings.TrimSpace(text)
	switch {
	case len(s.owed) == 0:
		return nil // of a list that somebody else asked for
	case strings.HasPrefix(word, "neighbor neighbor "):
		s.routes = append(s.routes, strings.TrimPrefix(word, "neighbor "))
		return nil
	case s.depth == 0 && !(strings.HasPrefix(word, "neighbor ") && strings.HasSuffix(word, " {")):
		return nil
	}
	s.block = append(s.block, word)
	switch {
	case strings.HasPrefix(word, "description "):
	case strings.HasSuffix(word, "{"):
		s.depth++
	case word == "}":
		s.depth--
	}
	if s.depth > 0 {
		return nil
	}
	block := s.block
	s.block = nil
	switch {
	case s.again > 0 || len(s.neighbors) > 0 && slices.Equal(block, s.neighbors[0]):
		s.again++
	default:
		s.neighbors = append(s.neighbors, block)
	}
	if s.again < len(s.neighbors) {
		return nil
	}
	return s.over(Done)
}

// GiveUp is what an exaBGP that answers had said if it can't list anything: of
// a window that does not come to its end.
func (s *Silent) GiveUp() []Line {
	if len(s.owed) == 0 {
		return nil
	}
	return s.over(Error)
}

// over ends the oldest window.
func (s *Silent) over(lists Kind) []Line {
	window := s.owed[0]
	var said []Line
	for _, line := range window {
		end := Done
		var body []string
		switch line {
		case ShowConfiguration:
			body, end = slices.Concat(s.neighbors...), lists
		case ShowRIB:
			body, end = s.routes, lists
		case ShowReceived:
			end = Error
		}
		for _, text := range body {
			said = append(said, Line{Kind: Text, Text: text})
		}
		said = append(said, Line{Kind: end})
	}
	*s = Silent{asked: s.asked, owed: s.owed[1:]}
	return append(said, Line{Kind: Text, Text: barrierHeader}, Line{Kind: Done})
}
