package console

import (
	"io"
	"strings"
	"sync"
)

// heldNotices is how many lines that came by themselves are kept while a pager
// has the terminal.
const heldNotices = 1000

// screen is the only way to the terminal for what comes by itself. While it is
// held, lines wait.
type screen struct {
	mu      sync.Mutex
	w       io.Writer // writes above the prompt
	holding int       // who holds it
	held    []string
	notices int // of the held lines
	dropped int
}

// say prints lines that must not be lost.
func (s *screen) say(lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holding > 0 {
		s.held = append(s.held, lines...)
		return
	}
	s.print(lines)
}

// notice prints lines; while the screen is held, those over a limit are only
// counted.
func (s *screen) notice(lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holding == 0 {
		s.print(lines)
		return
	}
	keep := min(len(lines), heldNotices-s.notices)
	s.held = append(s.held, lines[:keep]...)
	s.notices += keep
	s.dropped += len(lines) - keep
}

func (s *screen) print(lines []string) {
	if len(lines) > 0 {
		// If the terminal is gone, its reader sees that too.
		_, _ = io.WriteString(s.w, strings.Join(lines, "\n")+"\n")
	}
}

// hold keeps the terminal for somebody else until release. Several may hold it.
func (s *screen) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding++
}

func (s *screen) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holding--; s.holding > 0 {
		return
	}
	if s.dropped > 0 {
		s.held = append(s.held, "-- "+count(s.dropped, "more notice")+" came meanwhile; show received")
	}
	s.print(s.held)
	s.held, s.notices, s.dropped = nil, 0, 0
}
