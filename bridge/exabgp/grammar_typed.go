package exabgp

import (
	"time"
)

// whenHint says how an end is written.
const whenHint = "write expires 90s, 10m or 36h, or expires 2026-12-01T00:00:00Z"

// expiry takes "expires WHEN" off the end of an operator's line.
func (p *parser) expiry() {
	n := len(p.words)
	if p.dialect != typed || n < 3 {
		return
	}
	if last := p.words[n-1]; last.is("expires") {
		p.next = n
		p.want("duration or time")
		p.next = 0
		p.fault(last, "expires has no value", whenHint)
		p.words = p.words[:n-1]
		return
	}
	if key := p.words[n-2]; !key.is("expires") || p.words[n-1].mark != 0 {
		return
	}
	w := p.words[n-1]
	p.expires = p.words[n-2]
	p.wanted = &wanted{} // nothing comes behind it
	p.words = p.words[:n-2]
	after, err := time.ParseDuration(w.text)
	if err == nil {
		p.order.Expires.After = after
		if after <= 0 {
			p.fault(w, "a route can't expire in "+w.text, "write expires 10m")
		}
		return
	}
	at, err := time.Parse(time.RFC3339, w.text)
	if err != nil {
		p.fault(w, quoted(w.text)+" is neither a duration nor a time", whenHint)
		return
	}
	p.order.Expires.At = at
}

// closing are the words that can end the line.
func (p *parser) closing() []string {
	if p.dialect != typed || p.order.Withdraw || p.expires.text != "" {
		return nil
	}
	return []string{"expires"}
}
