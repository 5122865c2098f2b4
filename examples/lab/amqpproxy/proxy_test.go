package amqpproxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience = 5 * time.Second
	// silence is how long a test listens for what must not come.
	silence = 50 * time.Millisecond
)

// ends are a client and a broker that a test plays, with the proxy between.
type ends struct {
	t              *testing.T
	proxy          *Proxy
	listener       net.Listener
	client, broker net.Conn
	stop           context.CancelFunc
	done           chan error
}

func connect(t *testing.T) *ends {
	t.Helper()
	e := &ends{t: t, done: make(chan error, 1)}
	var err error
	e.listener, err = net.Listen("tcp", "127.0.0.1:0")
	e.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	e.stop = cancel
	e.proxy, err = Listen(ctx, "amqp://guest:guest@"+e.listener.Addr().String()+"/vhost")
	e.must(err)
	go func() { e.done <- e.proxy.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		e.listener.Close()
		e.hangUp()
		if err := <-e.done; err != nil && !errors.Is(err, errFrame) {
			t.Error(err)
		}
	})
	e.dial("client / publish")
	return e
}

// dial makes the connection, up to the client's name.
func (e *ends) dial(name string) {
	e.t.Helper()
	e.hangUp()
	e.open()
	e.passes(e.client, e.broker, header(), startOK(name))
}

func (e *ends) open() {
	e.t.Helper()
	var err error
	e.client, err = net.Dial("tcp", e.proxy.listener.Addr().String())
	e.must(err)
	e.broker, err = e.listener.Accept()
	e.must(err)
}

func (e *ends) hangUp() {
	for _, c := range []net.Conn{e.client, e.broker} {
		if c != nil {
			c.Close()
		}
	}
}

func (e *ends) must(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

func (e *ends) send(from net.Conn, units ...[]Frame) {
	e.t.Helper()
	_, err := from.Write(stream(units...))
	e.must(err)
}

// gets expects exactly these frames.
func (e *ends) gets(to net.Conn, units ...[]Frame) {
	e.t.Helper()
	want := stream(units...)
	got := make([]byte, len(want))
	e.must(to.SetReadDeadline(time.Now().Add(patience)))
	n, err := io.ReadFull(to, got)
	if err != nil || !bytes.Equal(got, want) {
		e.t.Fatalf("got % x\nwant % x (%v)", got[:n], want, err)
	}
}

func (e *ends) passes(from, to net.Conn, units ...[]Frame) {
	e.t.Helper()
	e.send(from, units...)
	e.gets(to, units...)
}

func (e *ends) hearsNothing(to net.Conn) {
	e.t.Helper()
	e.must(to.SetReadDeadline(time.Now().Add(silence)))
	if n, err := to.Read(make([]byte, 100)); !errors.Is(err, os.ErrDeadlineExceeded) {
		e.t.Fatalf("%d bytes came (%v)", n, err)
	}
}

func (e *ends) isCut(to net.Conn) {
	e.t.Helper()
	e.must(to.SetReadDeadline(time.Now().Add(patience)))
	if n, err := to.Read(make([]byte, 100)); !errors.Is(err, io.EOF) {
		e.t.Fatalf("%d bytes came (%v), want the end", n, err)
	}
}

func (e *ends) struck(a *Armed) {
	e.t.Helper()
	select {
	case <-a.Struck():
	case <-time.After(patience):
		e.t.Fatalf("did not strike: %v", a.rule)
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	e := connect(t)
	if got, want := e.proxy.URL(), "amqp://guest:guest@"+e.proxy.listener.Addr().String()+"/vhost"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := Listen(t.Context(), "nowhere"); err == nil {
		t.Error("listened for no broker")
	}
}

// side is who sends something and what.
type side struct {
	at     Point
	broker bool
	frames func(n int) []Frame
}

func sides() []side {
	body := func(n int) string { return string(rune('a' + n)) }
	return []side{
		{Publish, false, func(n int) []Frame { return publish(1, "rs.cmd", "edge1", body(n)) }},
		{Ack, false, func(n int) []Frame { return ack(1, uint64(n)) }},
		{Confirm, true, func(n int) []Frame { return ack(1, uint64(n)) }},
		{Deliver, true, func(n int) []Frame { return deliver(1, "edge1", body(n)) }},
	}
}

// TestRules: every action at the second of every kind.
func TestRules(t *testing.T) {
	t.Parallel()
	for _, s := range sides() {
		from, to := func(e *ends) net.Conn { return e.client }, func(e *ends) net.Conn { return e.broker }
		way := ToBroker
		if s.broker {
			from, to, way = to, from, ToClient
		}
		for _, tt := range []struct {
			do   Action
			when When
			come []int // of three
			cut  bool
			thaw []int // come after a Thaw
		}{
			{do: Cut(), come: []int{1}, cut: true},
			{do: Cut(), when: After, come: []int{1, 2}, cut: true},
			{do: Drop(), come: []int{1, 3}},
			{do: Drop(), when: After, come: []int{1, 3}},
			{do: Duplicate(), come: []int{1, 2, 2, 3}},
			{do: Delay(silence), come: []int{1, 2, 3}},
			{do: Delay(silence), when: After, come: []int{1, 2, 3}},
			{do: Freeze(way), come: []int{1}, thaw: []int{2, 3}},
			{do: Freeze(Both), when: After, come: []int{1, 2}, thaw: []int{3}},
			{do: Freeze(Both &^ way), come: []int{1, 2, 3}},
			{do: Mute(way), come: []int{1}, thaw: []int{}},
			{do: Mute(Both), when: After, come: []int{1, 2}, thaw: []int{}},
		} {
			rule := Rule{At: s.at, Nth: 2, When: tt.when, Do: tt.do, Conn: "client"}
			t.Run(rule.String(), func(t *testing.T) {
				t.Parallel()
				e := connect(t)
				armed := e.proxy.Arm(rule)
				begun := time.Now()
				e.send(from(e), s.frames(1), heartbeat(), s.frames(2), s.frames(3))
				for _, n := range tt.come {
					e.gets(to(e), s.frames(n))
					if n == 1 {
						e.gets(to(e), heartbeat())
					}
				}
				e.struck(armed)
				if tt.do.verb == delay && time.Since(begun) < silence {
					t.Error("nothing was delayed")
				}
				if tt.cut {
					e.isCut(e.client)
					e.isCut(e.broker)
					return
				}
				e.hearsNothing(to(e))
				if got := e.proxy.Passed(s.at, "client"); got != len(tt.come) {
					t.Errorf("%d passed, want %d", got, len(tt.come))
				}
				if tt.thaw != nil {
					e.proxy.Thaw()
					for _, n := range tt.thaw {
						e.gets(to(e), s.frames(n))
					}
					e.hearsNothing(to(e))
				}
				if tt.thaw == nil || len(tt.thaw) > 0 { // and it strikes once
					e.passes(from(e), to(e), s.frames(4), s.frames(5))
				}
			})
		}
	}
}

// TestRuleIsForOthers: what a rule does not name passes.
func TestRuleIsForOthers(t *testing.T) {
	t.Parallel()
	e := connect(t)
	exchange, key := "rs.cmd", "edge2"
	rules := []*Armed{
		e.proxy.Arm(Rule{At: Publish, Do: Drop(), Conn: "other"}),
		e.proxy.Arm(Rule{At: Publish, Do: Drop(), Exchange: &exchange, Key: &key}),
		e.proxy.Arm(Rule{At: Deliver, Do: Drop(), Exchange: &exchange}),
		e.proxy.Arm(Rule{At: Confirm, Do: Drop()}),
		e.proxy.Arm(Rule{At: Opened, Do: Drop()}),
	}
	e.passes(e.client, e.broker, publish(1, "rs.cmd", "edge1", "a"), ack(1, 1))
	e.passes(e.broker, e.client, deliver(1, "edge2", "a"))
	e.send(e.client, publish(1, "rs.cmd", "edge2", "a"))
	e.hearsNothing(e.broker)
	e.struck(rules[1])
	e.proxy.Disarm()
	e.passes(e.broker, e.client, ack(1, 1))
}

// TestMuteAfterConnect: the broker answers the handshake and then nothing.
func TestMuteAfterConnect(t *testing.T) {
	t.Parallel()
	e := connect(t)
	e.proxy.Arm(Rule{At: Opened, When: After, Do: Mute(Both)})
	e.passes(e.broker, e.client, []Frame{Method(0, 10, 41, []byte{0})})
	e.send(e.broker, heartbeat())
	e.send(e.client, heartbeat())
	e.hearsNothing(e.client)
	e.hearsNothing(e.broker)
	// Neither hears that the other goes.
	e.client.Close()
	e.hearsNothing(e.broker)
	e.dial("client / publish")
}

// TestMuteFromAccept: the broker takes connections and never speaks.
func TestMuteFromAccept(t *testing.T) {
	t.Parallel()
	e := connect(t)
	e.proxy.Mute(ToClient, "")
	e.hangUp()
	e.open()
	e.passes(e.client, e.broker, header())
	e.send(e.broker, heartbeat())
	e.hearsNothing(e.client)
	e.proxy.Thaw()
	e.dial("client / publish")
	e.passes(e.broker, e.client, heartbeat())
}

// TestFreezeByName: a freeze is also for connections that come later, and not for
// others.
func TestFreezeByName(t *testing.T) {
	t.Parallel()
	e := connect(t)
	e.proxy.Freeze(ToClient, "watch")
	e.passes(e.broker, e.client, heartbeat())
	e.dial("watch / consume")
	e.send(e.broker, heartbeat())
	e.hearsNothing(e.client)
	e.proxy.Thaw()
	e.gets(e.client, heartbeat())
}

func TestCutByName(t *testing.T) {
	t.Parallel()
	e := connect(t)
	e.proxy.Cut("other")
	e.passes(e.client, e.broker, heartbeat())
	e.proxy.Cut("publish")
	e.isCut(e.client)
	e.isCut(e.broker)
}

// TestHangUp: the end of one side is that of the other, behind what it sent, and
// a message that was not finished is passed on as it is.
func TestHangUp(t *testing.T) {
	t.Parallel()
	for _, closer := range []string{"client", "broker"} {
		e := connect(t)
		from, to := e.client, e.broker
		if closer == "broker" {
			from, to = to, from
		}
		half := publish(1, "", "k", "body")[:2]
		e.send(from, heartbeat(), half)
		from.Close()
		e.gets(to, heartbeat(), half)
		e.isCut(to)
	}
}

func TestEdit(t *testing.T) {
	t.Parallel()
	e := connect(t)
	e.proxy.Edit(func(f Frame) (pass, answer Frame) {
		if parseMethod(f).name == basicPublish {
			return nil, ack(1, 1)[0]
		}
		return f, nil
	})
	e.dial("client")
	e.send(e.client, publish(1, "", "k", "")[:1])
	e.gets(e.client, ack(1, 1))
	e.hearsNothing(e.broker)
}

func TestBrokerIsDown(t *testing.T) {
	t.Parallel()
	e := connect(t)
	e.listener.Close()
	client, err := net.Dial("tcp", e.proxy.listener.Addr().String())
	e.must(err)
	defer client.Close()
	e.isCut(client)
}

// TestForeign: what is no AMQP ends the connection, and Run says so.
func TestForeign(t *testing.T) {
	t.Parallel()
	e := connect(t)
	_, err := e.client.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	e.must(err)
	e.isCut(e.client)
	e.stop()
	err = <-e.done
	if !errors.Is(err, errFrame) {
		t.Errorf("Run: %v", err)
	}
	e.done <- err
}

// TestStopWhileFrozen: nothing keeps Run.
func TestStopWhileFrozen(t *testing.T) {
	t.Parallel()
	e := connect(t)
	e.proxy.Freeze(Both, "")
	e.send(e.client, heartbeat())
	e.hearsNothing(e.broker)
}
