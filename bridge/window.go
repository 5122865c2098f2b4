package bridge

import (
	"fmt"
	"slices"
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
	guard string // a command before it, of whose answer nothing follows; "" for none
	line  string

	withdraw bool
	attrs    state.Attrs
	at       []*peer
	ops      []*op
	alone    bool // an answer was lost: one command to a window now

	void  func() bool                  // tells whether it must not be given any more; nil for never
	ask   func(body []string, ok bool) // of a question; ok: answered done
	each  func(line string)            // of a question whose body is not kept
	body  []string
	why   string // the reason that exaBGP gave for its error, if it gives one
	tries int
}

// window is the commands between two barriers. exaBGP answers route commands
// in order, but may lose an answer; so only a window in which every answer came
// before its barrier's is believed.
type window struct {
	commands []*exchange
	guards   int // answers to come that nothing follows from
	answers  []exabgp.Kind
	barrier  bool // the barrier's header was seen
}

// plain tells whether nothing but changes of routes is in the window.
func (w *window) plain() bool { return len(w.commands) > 0 && w.commands[0].plain() }

func (x *exchange) plain() bool { return x.ask == nil && !x.alone && !x.aside() }

// windows holds the commands that wait, and the windows that exaBGP owes
// answers, the oldest first. Two may be out, so that exaBGP has work while the
// answers to the one before are read; a question is out by itself.
type windows struct {
	waiting []*exchange
	out     []*window
	closed  int // how many were answered
}

func (w *windows) add(x *exchange) { w.waiting = append(w.waiting, x) }

// waits tells whether a question waits, or is out.
func (w *windows) waits(line string) bool {
	is := func(x *exchange) bool { return x.line == line }
	return slices.ContainsFunc(w.waiting, is) ||
		slices.ContainsFunc(w.out, func(w *window) bool { return slices.ContainsFunc(w.commands, is) })
}

// ahead puts commands before those that wait.
func (w *windows) ahead(xs ...*exchange) { w.waiting = append(xs, w.waiting...) }

// owed is how many answers exaBGP owes, the barriers' included.
func (w *windows) owed() int {
	n := 0
	for _, x := range w.out {
		n += x.guards + len(x.commands) + 1 - len(x.answers)
	}
	return n
}

// next opens a window and returns its lines; none if nothing may be sent now.
func (w *windows) next() []string {
	for len(w.waiting) > 0 && w.waiting[0].void != nil && w.waiting[0].void() {
		w.waiting = w.waiting[1:]
	}
	if len(w.waiting) == 0 || len(w.out) > 1 {
		return nil
	}
	if len(w.out) == 1 && !(w.out[0].plain() && w.waiting[0].plain()) {
		return nil
	}
	n := 1
	for w.waiting[0].plain() && n < len(w.waiting) && n < windowLines && w.waiting[n].plain() {
		n++
	}
	x := &window{commands: slices.Clone(w.waiting[:n])}
	clear(w.waiting[:n]) // the array stays, and they hold much
	w.waiting, w.out = w.waiting[n:], append(w.out, x)
	lines := make([]string, 0, n+1)
	for _, c := range x.commands {
		if c.guard != "" {
			lines = append(lines, c.guard)
			x.guards++
		}
		lines = append(lines, c.line)
	}
	return append(lines, exabgp.Barrier)
}

// text takes a line of an answer's body.
func (w *windows) text(line string) {
	if len(w.out) == 0 {
		return
	}
	x := w.out[0]
	switch {
	case exabgp.IsBarrierHeader(line):
		x.barrier = true
	case len(x.answers) < len(x.commands) && x.commands[len(x.answers)].ask == nil:
		if reason, ok := exabgp.ParseReason(line); ok {
			x.commands[len(x.answers)].why = ": " + reason
		}
	case len(x.commands) == 1 && x.commands[0].each != nil:
		x.commands[0].each(line)
	case len(x.commands) == 1:
		x.commands[0].body = append(x.commands[0].body, line)
	}
}

// answer takes done or error, and returns the window that it closes, if it
// does.
func (w *windows) answer(k exabgp.Kind) *window {
	if len(w.out) == 0 {
		return nil
	}
	x := w.out[0]
	if x.guards > 0 {
		x.guards--
		return nil
	}
	if x.barrier {
		w.out = slices.Delete(w.out, 0, 1)
		w.closed++
		return x
	}
	x.answers = append(x.answers, k)
	return nil
}

// pump sends what may be sent now.
func (c *core) pump() {
	if c.quiet != nil && !c.quiet.rests.IsZero() {
		return
	}
	for c.giveAside() {
		lines := c.windows.next()
		if lines == nil {
			return
		}
		if lines[0] == exabgp.ShowExtensive {
			c.askedSessions = c.now
			for _, p := range c.peers {
				p.spoke = false
			}
		}
		if c.quiet != nil {
			lines = c.quiet.Give(lines...)
		}
		c.out.lines = append(c.out.lines, lines...)
	}
}

// settle draws the conclusions from a closed window.
func (c *core) settle(w *window) {
	out, answers := w.commands, w.answers
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
		c.windows.ahead(out...)
	}
}

func (c *core) settled(x *exchange, k exabgp.Kind) {
	switch {
	case x.ask != nil:
		x.ask(x.body, k == exabgp.Done)
	case k == exabgp.Error:
		c.failed(x, "exaBGP answered error"+x.why)
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
			c.windows.ahead(x)
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
		c.windows.ahead(single...)
		return
	}
	if o := x.ops[0]; x.alone || o.resumed && !o.withdraw {
		c.verify(x, why)
		return
	}
	c.turnDown(x, why)
}

func (c *core) turnDown(x *exchange, why string) {
	for _, o := range x.ops {
		o.turnedDown = append(o.turnedDown, x.at...)
		reason := fmt.Sprintf("%s: %q", why, strings.TrimSpace(x.line))
		c.refuse(o, addrsOf(x.at), []string{reason})
		for _, p := range x.at {
			o.order.refuse(p.Addr, o.key, reason, "")
			if has(o.seen, p) {
				c.happenedAnyway(o, p)
			}
			p.unsettled = true // what was there before may not be sent yet, and had no clock meanwhile
			if o.again {
				c.audits.unsent(place{o.key, p.Addr}) // nor is the peer without any, whatever exaBGP lists
			}
		}
		c.commandDone(o)
	}
}

// happenedAnyway notes a change that was sent although exaBGP would not take it
// from here: somebody else made it.
func (c *core) happenedAnyway(o *op, p *peer) {
	s := c.table.find(o.key, p)
	switch {
	case c.findPeer(p.Addr) != p:
	case !o.withdraw && s != nil:
		c.put(o.key, slot{peer: p, claimant: s.claimant, attrs: o.attrs, grade: state.Sent})
	case !o.withdraw:
		c.put(o.key, slot{peer: p, claimant: c.lost[place{o.key, p.Addr}], attrs: o.attrs, grade: state.Sent})
		delete(c.lost, place{o.key, p.Addr})
	case s != nil:
		c.drift(o.key, p.Addr, fmt.Sprintf("%s was withdrawn from %s behind the bridge's back", o.key, p.Addr))
		c.lose(o.key, s)
	}
}

// verify looks up in exaBGP's table what became of a command that was given
// twice, because answers were lost, or a bridge died: the first try may have been
// taken, and only its answer lost. If it was not, what is there is as it was before.
func (c *core) verify(x *exchange, why string) {
	o := x.ops[0]
	ask := &exchange{line: exabgp.ShowRIB, ask: func(body []string, ok bool) {
		held := c.holding(body)
		for _, p := range x.at {
			c.audits.untried(place{o.key, p.Addr})
		}
		taken, not := *x, *x
		taken.at, not.at = nil, nil
		for _, p := range x.at {
			attrs, there := held[place{o.key, p.Addr}]
			if !ok || there == x.withdraw || (there && attrs != x.attrs) {
				not.at = append(not.at, p)
				if there {
					c.restoreBefore(o, p, attrs)
				}
			} else {
				taken.at = append(taken.at, p)
			}
		}
		if len(not.at) > 0 && len(taken.at) > 0 {
			o.commands++ // it is two from here on
		}
		if len(taken.at) > 0 {
			// Its table may have been without the route before: of what a session that
			// came up was sent, see [latecomer], it keeps nothing.
			o.presumed = x.withdraw
			c.accept(o, &taken)
		}
		if len(not.at) > 0 {
			c.turnDown(&not, why)
		}
	}}
	c.windows.ahead(ask)
}
