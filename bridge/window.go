package bridge

import (
	"fmt"
	"strings"

	"routesync/bridge/exabgp"
	"routesync/state"
)

// windowLines bounds the commands between two barriers. It is large enough
// that the round trip of a barrier does not show, and small enough that a lost
// answer makes little to do again.
const windowLines = 64

// questionTries is how often a question is put that exaBGP does not answer.
const questionTries = 3

// exchange is one command and what becomes of it: either a change of routes,
// or a question whose answer has a body.
type exchange struct {
	line string

	withdraw bool
	attrs    state.Attrs
	at       []*peer
	ops      []*op
	alone    bool // an answer was lost: one command to a window now

	ask   func(body []string, ok bool) // of a question; ok: answered done
	body  []string
	tries int
}

// window holds the commands that wait and those that exaBGP owes an answer.
// exaBGP answers route commands in order, but may lose an answer; so a window
// ends with a barrier, and only a window in which every answer came is
// believed.
type window struct {
	waiting []*exchange
	out     []*exchange
	answers []exabgp.Kind
	open    bool // commands are out and the barrier has not been answered
	barrier bool // the barrier's header was seen
}

func (w *window) add(x *exchange) { w.waiting = append(w.waiting, x) }

// owed is how many answers exaBGP owes, the barrier's included.
func (w *window) owed() int {
	if !w.open {
		return 0
	}
	return len(w.out) + 1 - len(w.answers)
}

// next opens a window and returns its lines; none if one is open or nothing
// waits.
func (w *window) next() []string {
	if w.open || len(w.waiting) == 0 {
		return nil
	}
	n := 1
	if first := w.waiting[0]; first.ask == nil && !first.alone {
		for n < len(w.waiting) && n < windowLines && w.waiting[n].ask == nil && !w.waiting[n].alone {
			n++
		}
	}
	w.out, w.waiting = w.waiting[:n:n], w.waiting[n:]
	w.answers, w.barrier, w.open = nil, false, true
	lines := make([]string, 0, n+1)
	for _, x := range w.out {
		lines = append(lines, x.line)
	}
	return append(lines, exabgp.Barrier)
}

// text takes a line of an answer's body.
func (w *window) text(line string) {
	switch {
	case exabgp.IsBarrierHeader(line):
		w.barrier = true
	case w.open && len(w.out) == 1:
		w.out[0].body = append(w.out[0].body, line)
	}
}

// answer takes done or error and tells whether the window is closed now.
func (w *window) answer(k exabgp.Kind) bool {
	if !w.open {
		return false
	}
	if w.barrier {
		w.open = false
		return true
	}
	w.answers = append(w.answers, k)
	return false
}

// pump sends the next window, if none is out.
func (c *core) pump() { c.out.lines = append(c.out.lines, c.window.next()...) }

// settle draws the conclusions from a closed window.
func (c *core) settle() {
	out, answers := c.window.out, c.window.answers
	c.window.out, c.window.answers = nil, nil
	switch {
	case len(out) == len(answers):
		for i, x := range out {
			c.settled(x, answers[i])
		}
	case len(out) == 1 && len(answers) == 0:
		out[0].alone = true
		c.failed(out[0], "exaBGP gave no answer to it")
	default:
		// Which answer is missing, or from before, can't be told. The commands
		// are absolute, so each may be given again, by itself.
		c.trouble(fmt.Sprintf("exaBGP gave %d answers to %d commands; giving each again by itself", len(answers), len(out)))
		for _, x := range out {
			x.alone, x.body = true, nil
		}
		c.window.waiting = append(out, c.window.waiting...)
	}
}

func (c *core) settled(x *exchange, k exabgp.Kind) {
	switch {
	case x.ask != nil:
		x.ask(x.body, k == exabgp.Done)
	case k == exabgp.Error:
		c.failed(x, "exaBGP answered error")
	default:
		for _, o := range x.ops {
			c.accept(o, x)
		}
	}
}

// failed handles a command that exaBGP would not take. Of a bulk command none
// of the routes was taken; each is tried by itself, to find the one.
func (c *core) failed(x *exchange, why string) {
	if x.ask != nil {
		c.trouble(fmt.Sprintf("%q: %s", x.line, why))
		if x.tries++; x.tries < questionTries {
			x.body = nil
			c.window.waiting = append([]*exchange{x}, c.window.waiting...)
		}
		return
	}
	if len(x.ops) > 1 {
		var single []*exchange
		for _, o := range x.ops {
			o.commands--
			single = append(single, c.commands(x.withdraw, x.attrs, x.at, []*op{o})...)
		}
		for _, s := range single {
			s.alone = x.alone
		}
		c.window.waiting = append(single, c.window.waiting...)
		return
	}
	if x.alone {
		c.verify(x, why)
		return
	}
	c.turnDown(x, why)
}

func (c *core) turnDown(x *exchange, why string) {
	for _, o := range x.ops {
		c.refuse(o, addrsOf(x.at), []string{fmt.Sprintf("%s: %q", why, strings.TrimSpace(x.line))})
		c.commandDone(o)
	}
}

// verify looks up in exaBGP's table what became of a command that was given
// twice, because answers were lost: the first try may have been taken, and only
// its answer lost.
func (c *core) verify(x *exchange, why string) {
	o := x.ops[0]
	ask := &exchange{line: exabgp.ShowRIB, ask: func(body []string, ok bool) {
		held := holding(body)
		for _, p := range x.at {
			attrs, there := held[place{o.key, p.Addr}]
			if !ok || there == x.withdraw || (there && attrs != x.attrs) {
				c.turnDown(x, why)
				return
			}
		}
		c.accept(o, x)
	}}
	c.window.waiting = append([]*exchange{ask}, c.window.waiting...)
}

// accept notes that exaBGP took a change of one key at the peers of x.
func (c *core) accept(o *op, x *exchange) {
	for _, p := range x.at {
		if x.withdraw {
			c.acceptWithdraw(o, p)
		} else {
			c.acceptAnnounce(o, p)
		}
	}
	c.commandDone(o)
}

func (c *core) commandDone(o *op) {
	o.commands--
	if o.commands > 0 {
		return
	}
	o.accepted, o.since = true, c.now
	if o.withdraw {
		c.claim(o)
	}
	c.answerOp(o)
	c.endFlight(o)
}

func (c *core) acceptAnnounce(o *op, p *peer) {
	s := slot{peer: p, owner: o.owner, attrs: o.attrs}
	s.grade, s.reason = c.expect(o.key, p)
	if s.grade == state.Accepted {
		if has(o.seen, p) {
			s.grade = state.Sent
		} else {
			o.waiting = append(o.waiting, p)
		}
	}
	c.table.set(o.key, s)
}

func (c *core) acceptWithdraw(o *op, p *peer) {
	s := c.table.find(o.key, p)
	if s == nil {
		return
	}
	atPeer := p.up && p.carries(o.key.Family) && s.grade != state.Held
	if !atPeer || has(o.seen, p) {
		c.table.drop(o.key, p)
		return
	}
	c.table.grade(o.key, s, state.Withdrawing, "")
	o.waiting = append(o.waiting, p)
}

// expect is the grade of a route that exaBGP holds and of which nothing was
// reported sent.
func (c *core) expect(k state.Key, p *peer) (state.Grade, string) {
	switch {
	case !p.up:
		return state.Held, ""
	case !p.carries(k.Family):
		return state.Unsent, fmt.Sprintf("the peer did not negotiate %s", k.Family)
	}
	return state.Accepted, ""
}

// landed stops waiting for a peer.
func (c *core) landed(o *op, p *peer) {
	for i, w := range o.waiting {
		if w == p {
			o.waiting = append(o.waiting[:i:i], o.waiting[i+1:]...)
			break
		}
	}
	c.endFlight(o)
}

// endFlight ends an operation that waits for nothing more, and starts the one
// behind it.
func (c *core) endFlight(o *op) {
	if !o.accepted || len(o.waiting) > 0 {
		return
	}
	if _, ok := c.flying[o]; !ok {
		return
	}
	delete(c.flying, o)
	e := c.table.entry(o.key)
	e.flight = nil
	c.next(o.key, e)
	if len(c.flying) == 0 {
		c.converged, c.aboutNews = c.now, true
	}
}

func has(peers []*peer, p *peer) bool {
	for _, x := range peers {
		if x == p {
			return true
		}
	}
	return false
}
