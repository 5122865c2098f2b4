package amqpproxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Editor tells what the other side gets in the place of a frame, and what the
// frame's sender gets in answer; nil is nothing.
type Editor func(f Frame) (pass, answer Frame)

// Proxy is a place to connect to that leads to a broker. Its methods may be
// called from any goroutine, also while it runs.
type Proxy struct {
	listener net.Listener
	url      url.URL // of the broker, through the proxy
	broker   string

	mu      sync.Mutex
	conns   map[*conn]struct{}
	rules   []*Armed
	gates   []gate
	changed chan struct{} // closed when the gates change
	edit    Editor
	passed  map[count]int
	broken  []error
	closed  bool
}

// count is what was counted, by the name of its connection.
type count struct {
	conn string
	at   Point
}

// Listen makes a proxy to the broker at a URL, on a free port of loopback. It
// passes nothing until Run.
func Listen(ctx context.Context, broker string) (*Proxy, error) {
	u, err := url.Parse(broker)
	if err != nil || u.Host == "" {
		return nil, errors.New("listen for a broker: not a broker URL")
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for broker %s: %w", u.Host, err)
	}
	p := &Proxy{
		listener: l, url: *u, broker: u.Host,
		conns: map[*conn]struct{}{}, changed: make(chan struct{}), passed: map[count]int{},
	}
	p.url.Host = l.Addr().String()
	return p, nil
}

// URL is that of the broker with the proxy in between.
func (p *Proxy) URL() string { return p.url.String() }

// Run carries frames until ctx ends, and then closes everything. It returns what
// could not be understood.
func (p *Proxy) Run(ctx context.Context) error {
	var all sync.WaitGroup
	stop := context.AfterFunc(ctx, p.close)
	defer stop()
	for {
		client, err := p.listener.Accept()
		if err != nil {
			if ctx.Err() == nil {
				p.fail(fmt.Errorf("accept: %w", err))
				p.close()
			}
			break
		}
		all.Go(func() { p.serve(ctx, client) })
	}
	all.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.broken...)
}

func (p *Proxy) serve(ctx context.Context, client net.Conn) {
	defer client.Close()
	var dialer net.Dialer
	broker, err := dialer.DialContext(ctx, "tcp", p.broker)
	if err != nil {
		return // a broker that is down: the client finds the same
	}
	defer broker.Close()
	c := &conn{proxy: p, client: client.(*net.TCPConn), broker: broker.(*net.TCPConn), over: make(chan struct{})}
	if p.add(c) {
		c.run()
		p.remove(c)
	}
}

func (p *Proxy) add(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	c.edit = p.edit
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) remove(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

func (p *Proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for c := range p.conns {
		c.end()
		c.client.Close()
		c.broker.Close()
	}
}

func (p *Proxy) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = append(p.broken, err)
}

// Edit shows the frames of the connections to come to an editor, in either
// direction, before rules see them.
func (p *Proxy) Edit(edit Editor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.edit = edit
}

// Armed is a rule that waits for its moment.
type Armed struct {
	rule   Rule
	seen   int
	struck chan struct{}
}

// Struck is closed when the rule has done what it says.
func (a *Armed) Struck() <-chan struct{} { return a.struck }

// Arm adds a rule. It counts from now on.
func (p *Proxy) Arm(r Rule) *Armed {
	a := &Armed{rule: r, struck: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, a)
	return a
}

// Disarm takes all rules back that have not struck.
func (p *Proxy) Disarm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = nil
}

// due returns the rules whose moment a unit is. They are rules no more.
func (p *Proxy) due(u *unit, way Direction, c *conn) []*Armed {
	at := pointOf(u, way)
	if at == 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var due []*Armed
	p.rules = slices.DeleteFunc(p.rules, func(a *Armed) bool {
		if !a.rule.matches(at, &u.method, c.name) {
			return false
		}
		a.seen++
		if a.seen < a.rule.Nth {
			return false
		}
		due = append(due, a)
		return true
	})
	return due
}

func (p *Proxy) count(u *unit, way Direction, c *conn) {
	if at := pointOf(u, way); at != 0 {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.passed[count{c.name, at}]++
	}
}

// Passed is how many of a kind have passed, on all connections that have a part
// of a name, "" being any; what was doubled counts twice.
func (p *Proxy) Passed(at Point, conn string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for c, passed := range p.passed {
		if c.at == at && strings.Contains(c.conn, conn) {
			n += passed
		}
	}
	return n
}

// Open is how many connections there are whose name has a part.
func (p *Proxy) Open(conn string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for c := range p.conns {
		if strings.Contains(c.name, conn) {
			n++
		}
	}
	return n
}

// Cut ends the connections whose name has a part, "" being all.
func (p *Proxy) Cut(conn string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if strings.Contains(c.name, conn) {
			c.cut()
		}
	}
}

func (p *Proxy) named(c *conn, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.name = name
}
