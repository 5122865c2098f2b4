package amqpproxy

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// cutGrace is how long the two sides of a connection that was cut may take to
// notice.
const cutGrace = time.Second

// conn is one connection through the proxy.
type conn struct {
	proxy          *Proxy
	client, broker *net.TCPConn
	edit           Editor

	name  string // guarded by the proxy
	gates []gate // as well

	once sync.Once
	over chan struct{} // closed when nothing passes any more
}

// end lets nothing more pass.
func (c *conn) end() { c.once.Do(func() { close(c.over) }) }

func (c *conn) ended() bool {
	select {
	case <-c.over:
		return true
	default:
		return false
	}
}

// cut ends the connection for both sides. They get what was sent before it.
func (c *conn) cut() {
	c.end()
	until := time.Now().Add(cutGrace)
	for _, side := range []*net.TCPConn{c.client, c.broker} {
		// Their errors are those of a side that has ended itself.
		_ = side.CloseWrite()
		_ = side.SetReadDeadline(until)
	}
}

func (c *conn) run() {
	var both sync.WaitGroup
	both.Go(func() { (&pump{conn: c, way: ToBroker, from: c.client, to: c.broker}).run() })
	both.Go(func() { (&pump{conn: c, way: ToClient, from: c.broker, to: c.client}).run() })
	both.Wait()
}

// pump carries one direction.
type pump struct {
	*conn
	way      Direction
	from, to *net.TCPConn
	messages assembler
	swallow  bool // for good
}

// run reads to the end whatever becomes of what it reads: who writes must find
// out by itself.
func (p *pump) run() {
	in := bufio.NewReader(p.from)
	for {
		f, err := ReadFrame(in)
		if err != nil {
			p.finish(err)
			return
		}
		if p.edit != nil {
			pass, answer := p.edit(f)
			if answer != nil {
				_, _ = p.from.Write(answer) // to who is gone it need not get
			}
			if f = pass; f == nil {
				continue
			}
		}
		for _, u := range p.messages.add(f) {
			p.relay(&u)
		}
	}
}

func (p *pump) finish(err error) {
	if errors.Is(err, errFrame) {
		p.proxy.fail(fmt.Errorf("%s: %w", p.way, err))
		p.cut()
		return
	}
	for _, u := range p.messages.rest() {
		p.write(&u)
	}
	if p.let() {
		_ = p.to.CloseWrite() // fails if that side was faster
	}
}

// relay passes a unit, and does what the rules say at it.
func (p *pump) relay(u *unit) {
	if n := u.method.connection; n != "" && p.way == ToBroker {
		p.proxy.named(p.conn, n)
	}
	due := p.proxy.due(u, p.way, p.conn)
	copies := 1
	for _, a := range due {
		switch {
		case a.rule.Do.verb == drop:
			copies = 0
		case a.rule.Do.verb == duplicate:
			copies = 2
		case a.rule.When == Before:
			p.strike(a)
		default:
			// Who gets the unit may answer at once.
			a.rule.Do.stop(p.conn, Both&^p.way)
		}
	}
	for range copies {
		if p.write(u) {
			p.proxy.count(u, p.way, p.conn)
		}
	}
	for _, a := range due {
		if a.rule.When == After || a.rule.Do.verb == drop || a.rule.Do.verb == duplicate {
			p.strike(a)
		}
	}
}

func (p *pump) strike(a *Armed) {
	p.act(a.rule.Do)
	close(a.struck)
}

func (p *pump) act(a Action) {
	switch a.verb {
	case cut:
		p.cut()
	case delay:
		wait := time.NewTimer(a.d)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-p.over:
		}
	default:
		a.stop(p.conn, Both)
	}
}

// stop does what a Freeze or a Mute says, as far as it is about the given ways.
func (a Action) stop(c *conn, ways Direction) {
	if ways &= a.way; ways != 0 {
		c.proxy.stop(c, ways, a.verb)
	}
}

// write passes a unit, if it may, and tells whether it did.
func (p *pump) write(u *unit) bool {
	if !p.let() {
		return false
	}
	if _, err := p.to.Write(u.bytes()); err != nil {
		p.swallow = true
		return false
	}
	return true
}

// let waits while the direction is frozen, and tells whether it is open then.
func (p *pump) let() bool {
	for !p.swallow && !p.ended() {
		verb, changed := p.proxy.gateOf(p.conn, p.way)
		switch verb {
		case 0:
			return true
		case mute:
			p.swallow = true
		default:
			select {
			case <-changed:
			case <-p.over:
			}
		}
	}
	return false
}
