package rabbit

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"routesync/examples/lab/amqpproxy"
)

func TestLockIsHandedOver(t *testing.T) {
	ctx, name := testContext(t), speaker(t)
	one, two := connect(t, Config{}), connect(t, Config{})
	for range 2 { // and held still
		if err := one.Lock(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	if err := two.Lock(ctx, name); !errors.Is(err, ErrLocked) {
		t.Fatalf("second: %v, want locked", err)
	}
	if err := two.Unlock(ctx, name); !errors.Is(err, ErrLocked) {
		t.Fatalf("unlock of another's: %v, want locked", err)
	}
	if err := one.Unlock(ctx, name); err != nil {
		t.Fatal(err)
	}
	if err := two.Lock(ctx, name); err != nil {
		t.Fatalf("after Unlock: %v", err)
	}
	two.Close()
	if err := one.Lock(ctx, name); err != nil {
		t.Fatalf("after the holder closed: %v", err)
	}
}

func TestClassicQueuesAreClassic(t *testing.T) {
	ctx, name := testContext(t), speaker(t)
	classic := declared(t, Config{QueueType: Classic}, name)
	quorum := connect(t, Config{})
	for _, s := range []*Session{classic, quorum} {
		err := s.once(ctx, func(ch *amqp.Channel) error {
			_, err := s.commandQueue(name).declare(ch)
			return err
		})
		if same := err == nil; same != (s == classic) {
			t.Errorf("declared again as %s: %v", s.queueType, err)
		}
	}
	if err := classic.Publish(ctx, commandsNamed(name, 10)...); err != nil {
		t.Error(err)
	}
}

// TestDeclareUsesWhatIsThere: an operator's own exchange and queue do as well.
func TestDeclareUsesWhatIsThere(t *testing.T) {
	name := speaker(t)
	_, err := rawChannel(t).QueueDeclare(CommandQueue(name), true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := declared(t, Config{}, name)
	if err := s.Publish(testContext(t), command(name, "x")); err != nil {
		t.Error(err)
	}
}

func TestQuorumHint(t *testing.T) {
	for code, want := range map[int]bool{amqp.NotImplemented: true, amqp.PreconditionFailed: true, amqp.AccessRefused: false} {
		if got := saysUnsupported(code); got != want {
			t.Errorf("%d: %v", code, got)
		}
	}
}

func TestCloseIsFinal(t *testing.T) {
	ctx, name := testContext(t), speaker(t)
	s := connect(t, Config{})
	s.Close()
	s.Close()
	if cause := context.Cause(s.Context()); !errors.Is(cause, ErrClosed) {
		t.Errorf("cause %v", cause)
	}
	_, errCommands := s.Commands(ctx, name)
	_, _, errSubscribe := s.Subscribe(ctx, "#")
	for what, err := range map[string]error{
		"publish": s.Publish(ctx, command(name, "x")), "declare": s.DeclareSpeaker(ctx, name),
		"lock": s.Lock(ctx, name), "commands": errCommands, "subscribe": errSubscribe,
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s on a closed session: %v", what, err)
		}
	}
}

func TestCutConnectionEndsTheSession(t *testing.T) {
	p, url := newProxy(t)
	s := connect(t, Config{URLs: []string{url}})
	p.Cut("")
	if cause := ended(t, s, 3*time.Second); errors.Is(cause, ErrClosed) {
		t.Errorf("cause %v, want what was cut", cause)
	}
	begin := time.Now()
	s.Close()
	if took := time.Since(begin); took > time.Second {
		t.Errorf("Close of a broken session took %s", took)
	}
}

// TestMuteBroker silences the broker at once after the handshake, when the library
// itself may have no read deadline set.
func TestMuteBroker(t *testing.T) {
	const heartbeat = time.Second
	for range 3 {
		p, url := newProxy(t)
		s := connect(t, Config{URLs: []string{url}, Heartbeat: heartbeat})
		p.Mute(amqpproxy.Both, "")
		begin := time.Now()
		cause := ended(t, s, 2*heartbeat+3*time.Second)
		t.Logf("noticed after %s: %v", time.Since(begin).Round(time.Millisecond), cause)
		if took := time.Since(begin); took > 2*heartbeat+time.Second {
			t.Errorf("noticed after %s only", took)
		}
		if !strings.Contains(cause.Error(), "nothing heard") {
			t.Errorf("cause %v", cause)
		}
	}
}

func TestMuteBrokerWhileClosing(t *testing.T) {
	p, url := newProxy(t)
	s := connect(t, Config{URLs: []string{url}, Heartbeat: 10 * time.Second})
	p.Mute(amqpproxy.Both, "")
	begin := time.Now()
	s.Close()
	if took := time.Since(begin); took > closeGrace+2*time.Second {
		t.Errorf("Close took %s", took)
	}
}

func TestMuteBrokerWhileAsked(t *testing.T) {
	p, url := newProxy(t)
	s := connect(t, Config{URLs: []string{url}, Heartbeat: 10 * time.Second})
	p.Mute(amqpproxy.Both, "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := s.DeclareEvents(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the deadline", err)
	}
	ended(t, s, time.Second)
}

// TestStalledBroker: a broker in alarm reads nothing more from who publishes, and a
// call of the library hangs in its Write. Whatever ends the session must end that.
func TestStalledBroker(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(*Session, context.CancelFunc)
	}{
		{"context", func(_ *Session, cancel context.CancelFunc) { cancel() }},
		{"close", func(s *Session, _ context.CancelFunc) { s.Close() }},
		{"other connection", func(s *Session, _ context.CancelFunc) { s.con.raw.Close() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, url := newProxy(t)
			s := connect(t, Config{URLs: []string{url}, Heartbeat: 20 * time.Second})
			if err := s.pub.raw.(*deadConn).Conn.(*net.TCPConn).SetWriteBuffer(1); err != nil {
				t.Fatal(err)
			}
			p.Freeze(amqpproxy.Both, "")
			ctx, cancel := context.WithCancel(testContext(t))
			defer cancel()
			msgs := make([]Message, window)
			for i := range msgs {
				msgs[i] = Message{Key: "none", Body: make([]byte, compressOver)}
			}
			done := make(chan error, 1)
			go func() { done <- s.Publish(ctx, msgs...) }()
			time.Sleep(200 * time.Millisecond) // a Write that waits cannot be seen from here
			begin := time.Now()
			tt.end(s, cancel)
			if err := <-done; err == nil {
				t.Error("published to nobody")
			}
			s.Close()
			if took := time.Since(begin); took > 2*closeGrace+time.Second {
				t.Errorf("took %s to end", took)
			}
		})
	}
}

func TestMuteBrokerWhileConnecting(t *testing.T) {
	p, url := newProxy(t)
	p.Mute(amqpproxy.Both, "")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := New(Config{URLs: []string{url}}, quiet()).Connect(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 3*time.Second {
		t.Errorf("error %v after %s, want the deadline", err, time.Since(begin))
	}
	begin = time.Now()
	_, err = New(Config{URLs: []string{url}, Heartbeat: time.Second}, quiet()).Connect(testContext(t))
	if err == nil || time.Since(begin) > 4*time.Second {
		t.Errorf("error %v after %s, want one after two heartbeats", err, time.Since(begin))
	}
}
