package rabbit

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// brokerURL is where the tests' broker is. The lab starts one and says so.
func brokerURL(t testing.TB) string {
	t.Helper()
	u := os.Getenv("ROUTESYNC_TEST_AMQP")
	if u == "" {
		t.Skip("needs a RabbitMQ: set ROUTESYNC_TEST_AMQP to its URL")
	}
	return u
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// speaker is a name that no other test, and no earlier run, uses.
func speaker(t *testing.T) string {
	t.Helper()
	return "test-" + t.Name() + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// connect opens a session that ends with the test.
func connect(t *testing.T, cfg Config) *Session {
	t.Helper()
	if cfg.URLs == nil {
		cfg.URLs = []string{brokerURL(t)}
	}
	cfg.Name = t.Name()
	s, err := New(cfg, quiet()).Connect(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// declared is connect, DeclareSpeaker and DeclareEvents; what is declared durably
// goes with the test.
func declared(t *testing.T, cfg Config, name string) *Session {
	t.Helper()
	s := connect(t, cfg)
	if err := s.DeclareSpeaker(testContext(t), name); err != nil {
		t.Fatal(err)
	}
	if err := s.DeclareEvents(testContext(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { deleteQueue(t, CommandQueue(name)) })
	return s
}

// rawChannel is for what the package cannot do, and must not.
func rawChannel(t *testing.T) *amqp.Channel {
	t.Helper()
	conn, err := amqp.Dial(brokerURL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

func deleteQueue(t testing.TB, name string) {
	t.Helper()
	conn, err := amqp.Dial(brokerURL(t))
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Error(err)
		return
	}
	if _, err := ch.QueueDelete(name, false, false, false); err != nil {
		t.Errorf("delete queue %q: %v", name, err)
	}
}

// next receives one delivery.
func next(t *testing.T, from <-chan Delivery) Delivery {
	t.Helper()
	select {
	case d, ok := <-from:
		if !ok {
			t.Fatal("deliveries ended")
		}
		return d
	case <-time.After(patience):
		t.Fatal("no delivery")
	}
	panic("unreachable")
}

// ended waits for the end of a session and returns its cause.
func ended(t *testing.T, s *Session, within time.Duration) error {
	t.Helper()
	select {
	case <-s.Context().Done():
		return context.Cause(s.Context())
	case <-time.After(within):
		t.Fatalf("session still there after %s", within)
	}
	return nil
}

// proxy stands between a test and the broker.
type proxy struct {
	listener net.Listener
	backend  string
	mute     atomic.Bool // drop what comes, keep the connections
	stall    atomic.Bool // read nothing more
	release  chan struct{}
	wg       sync.WaitGroup

	mu     sync.Mutex
	conns  []net.Conn
	closed bool
	edit   editor // nil: none
}

// newProxy returns a proxy, and the URL that leads through it.
func newProxy(t *testing.T) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(brokerURL(t))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, backend: u.Host, release: make(chan struct{})}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.cut()
		close(p.release)
		p.wg.Wait()
	})
	u.Host = l.Addr().String()
	return p, u.String()
}

func (p *proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.backend)
		if err != nil || !p.keep(in, out) {
			in.Close()
			continue
		}
		p.mu.Lock()
		edit := p.edit
		p.mu.Unlock()
		copy := p.copy
		if edit != nil {
			copy = func(from, to net.Conn) { p.copyFrames(from, to, edit) }
		}
		p.wg.Go(func() { copy(in, out) })
		p.wg.Go(func() { copy(out, in) })
	}
}

func (p *proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		for _, c := range conns {
			c.Close()
		}
		return false
	}
	p.conns = append(p.conns, conns...)
	return true
}

// cut closes every connection that there is now.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

func (p *proxy) copy(from, to net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if p.stall.Load() {
			<-p.release
		}
		if p.mute.Load() {
			if err == nil {
				continue
			}
			if !errors.Is(err, io.EOF) {
				return
			}
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			to.Close()
			return
		}
	}
}

// TestDown: why there is no session is known as long as there is none.
func TestDown(t *testing.T) {
	t.Parallel()
	b := New(Config{URLs: []string{"amqp://a:secret@mq.example.net/"}, RetryCap: time.Millisecond}, slog.New(slog.DiscardHandler))
	refused := errors.New("connect to mq.example.net: connection refused")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tries := 0
	b.connect = func(context.Context) (*Session, error) {
		switch tries++; tries {
		case 1:
			if err := b.Down(); err != nil {
				t.Errorf("before the first attempt: %v", err)
			}
		case 3:
			if err := b.Down(); !errors.Is(err, refused) {
				t.Errorf("after two attempts: %v", err)
			}
			cancel()
		}
		return nil, refused
	}
	if err := b.Run(ctx, nil); err != nil {
		t.Error(err)
	}
}
