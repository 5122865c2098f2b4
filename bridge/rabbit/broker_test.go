package rabbit

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"routesync/examples/lab/amqpproxy"
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

// newProxy returns a proxy to the broker, and the URL that leads through it.
func newProxy(t *testing.T) (*amqpproxy.Proxy, string) {
	t.Helper()
	p, err := amqpproxy.Listen(t.Context(), brokerURL(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return p, p.URL()
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
