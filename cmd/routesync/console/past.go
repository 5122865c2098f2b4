package console

import (
	"strings"
	"sync"
	"time"
)

// mostPast is how many lines show history goes back.
const mostPast = 1000

// past is what was given at this prompt, and what became of it.
type past struct {
	mu  sync.Mutex
	all []*entry
}

// waiting stands for the verdict of a line that is not answered.
const waiting = "waiting"

type entry struct {
	at                             time.Time
	speaker, line, verdict, detail string
}

func (p *past) add(speaker, line string) *entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := &entry{at: time.Now(), speaker: speaker, line: line, verdict: waiting}
	p.all = append(p.all, e)
	p.all = p.all[max(0, len(p.all)-mostPast):]
	return e
}

func (p *past) settle(e *entry, verdict, detail string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.verdict, e.detail = verdict, detail
}

// lines is the history for people, two lines an entry: commands and answers
// are both too long for columns.
func (p *past) lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, e := range p.all {
		became := "  " + e.detail
		if e.verdict == failed || e.verdict == waiting {
			became = strings.TrimRight("  "+e.verdict+": "+e.detail, ": ")
		}
		out = append(out, e.at.UTC().Format(time.RFC3339)+" "+e.speaker+"> "+escape(e.line), became)
	}
	return append(out, count(len(p.all), "command"))
}
