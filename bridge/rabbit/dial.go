package rabbit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	dialTimeout = 5 * time.Second
	// channelMax is far above the channels of one session: one that publishes, one
	// a consumer, and those of single requests.
	channelMax = 64
)

// link is one connection, with the socket below it: closing the socket is the
// only way to interrupt a call of the library.
type link struct {
	conn *amqp.Connection
	raw  net.Conn
}

// dial opens one connection. ctx bounds the opening, not the connection.
func dial(ctx context.Context, url, name string, heartbeat time.Duration) (*link, error) {
	// The library writes into the properties: a new table for every connection.
	props := amqp.NewConnectionProperties()
	props.SetClientConnectionName(name)
	heartbeat = heartbeatOf(url, heartbeat)

	l := &link{}
	stop := func() bool { return true }
	conn, err := amqp.DialConfig(url, amqp.Config{
		Properties: props,
		Heartbeat:  heartbeat,
		ChannelMax: channelMax,
		Dial: func(network, addr string) (net.Conn, error) {
			d := net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
			c, err := d.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			l.raw = &deadConn{Conn: c, idle: 2 * heartbeat}
			stop = context.AfterFunc(ctx, func() { c.Close() })
			return l.raw, nil
		},
	})
	if !stop() { // ctx ended and took the socket with it
		err = context.Cause(ctx)
	}
	if err != nil {
		if l.raw != nil {
			l.raw.Close()
		}
		return nil, refusal(err)
	}
	l.conn = conn
	return l, nil
}

// replyCode returns the AMQP reply code of an error, 0 if it has none.
func replyCode(err error) int {
	var e *amqp.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// deadConn gives every Read its own deadline. The library sets one too, from a
// second goroutine, but its handshake ends by clearing it, and may clear the one
// just set: if the peer goes silent then, nobody notices. Nor does the library
// bound a handshake over a socket that it has not dialled itself.
//
// The broker sends a heartbeat each half interval, so that two intervals of silence
// are four lost ones (https://www.rabbitmq.com/docs/heartbeats).
type deadConn struct {
	net.Conn
	idle time.Duration

	mu   sync.Mutex
	hard time.Time // set by SetDeadline: the library's deadline for closing
	why  error     // what ended the reading
}

// Read fails for good: a Write that waits for a peer that is gone would else wait
// for as long as TCP tries.
func (c *deadConn) Read(b []byte) (int, error) {
	c.arm()
	n, err := c.Conn.Read(b)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = fmt.Errorf("nothing heard from the broker for %s: %w", c.idle, err)
		}
		c.mu.Lock()
		c.why = err
		c.mu.Unlock()
		c.Conn.Close()
	}
	return n, err
}

// Write fails with what ended the reading, if that is what ended the writing: the
// library may report either first.
func (c *deadConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.why != nil {
			err = c.why
		}
	}
	return n, err
}

func (c *deadConn) arm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := time.Now().Add(c.idle)
	if !c.hard.IsZero() && c.hard.Before(d) {
		d = c.hard
	}
	// Fails only on a closed socket, where Read says so itself.
	_ = c.Conn.SetReadDeadline(d)
}

// SetDeadline serves Connection.CloseDeadline.
func (c *deadConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	c.hard = t
	c.mu.Unlock()
	c.arm()
	return c.Conn.SetWriteDeadline(t)
}

// SetReadDeadline does nothing: the library's deadlines are laxer than ours.
func (c *deadConn) SetReadDeadline(time.Time) error { return nil }
