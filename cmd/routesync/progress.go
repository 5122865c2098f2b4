package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"routesync/reconcile"
)

// progressEvery is how often the line is written anew.
const progressEvery = 100 * time.Millisecond

// progress is one line on a terminal that says how far apply has come. What is
// no terminal gets none.
type progress struct {
	to io.Writer // nil for none

	mu       sync.Mutex
	speakers []string
	state    map[string]string
	last     time.Time
	dirty    bool
}

func newProgress(to io.Writer, speakers []string) *progress {
	if !isTerminal(to) {
		to = nil
	}
	return &progress{to: to, speakers: speakers, state: map[string]string{}}
}

// teller takes how far a speaker is; nil if nobody looks, for to assess a large
// table takes its time.
func (p *progress) teller(speaker string) func(reconcile.Assessment) {
	if p.to == nil {
		return nil
	}
	return func(a reconcile.Assessment) { p.tell(speaker, a) }
}

func (p *progress) tell(speaker string, a reconcile.Assessment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state[speaker] = progressOf(speaker, a)
	if time.Since(p.last) < progressEvery {
		return
	}
	p.last, p.dirty = time.Now(), true
	var words []string
	for _, s := range p.speakers {
		if p.state[s] != "" {
			words = append(words, p.state[s])
		}
	}
	fmt.Fprintf(p.to, "\r\x1b[K%s", strings.Join(words, "; "))
}

func progressOf(speaker string, a reconcile.Assessment) string {
	return fmt.Sprintf("%s: %d of %s confirmed, %d to come", speaker, a.Confirmed, count(a.Routes, "route"), len(a.Pending))
}

// done takes the line away.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dirty {
		fmt.Fprint(p.to, "\r\x1b[K")
	}
}
