package amqpproxy

import (
	"slices"
	"strings"
)

// gate is what stops a direction of connections.
type gate struct {
	conn string // a part of their name
	way  Direction
	verb verb // freeze or mute
}

// Freeze holds a direction of the connections whose name has a part, those to
// come as well, until Thaw: with "" from the first byte, otherwise from when
// their name is known.
func (p *Proxy) Freeze(way Direction, conn string) { p.shut(gate{conn, way, freeze}) }

// Mute swallows a direction as Freeze holds one. Thaw is then only for connections
// that have not lost anything yet.
func (p *Proxy) Mute(way Direction, conn string) { p.shut(gate{conn, way, mute}) }

func (p *Proxy) shut(g gate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gates = append(p.gates, g)
	p.wake()
}

// Thaw ends every Freeze and Mute, those of rules too.
func (p *Proxy) Thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gates = nil
	for c := range p.conns {
		c.gates = nil
	}
	p.wake()
}

func (p *Proxy) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// gateOf is what stops a direction of a connection, 0 for nothing, and a channel
// that is closed when that may have changed.
func (p *Proxy) gateOf(c *conn, way Direction) (verb, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found verb
	for _, g := range slices.Concat(p.gates, c.gates) {
		if g.way&way != 0 && strings.Contains(c.name, g.conn) {
			found = max(found, g.verb) // mute wins
		}
	}
	return found, p.changed
}

// stop shuts a direction of one connection.
func (p *Proxy) stop(c *conn, way Direction, v verb) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.gates = append(c.gates, gate{way: way, verb: v})
	p.wake()
}
