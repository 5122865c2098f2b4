package rabbit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// logbook keeps what is logged, without the times.
type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logbook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logbook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *logbook) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func TestRunRedials(t *testing.T) {
	p, through := newProxy(t)
	var book logbook
	b := New(Config{URLs: []string{through}, RetryCap: 50 * time.Millisecond}, book.logger())
	sessions := make(chan *Session)
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- b.Run(ctx, func(ctx context.Context, s *Session) error {
			sessions <- s
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	first := <-sessions
	p.Cut("")
	second := <-sessions
	if err := b.Down(); err != nil {
		t.Errorf("there is a session, and %v", err)
	}
	if first == second || first.Context().Err() == nil {
		t.Error("a broken session was used again")
	}
	if err := second.Publish(ctx, Message{Key: "none"}); err != nil {
		t.Errorf("on the new session: %v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
	if second.Context().Err() == nil {
		t.Error("Run left a session open")
	}
	got := book.String()
	for _, want := range []string{"connected to the broker", "broker session ended", "broker is back"} {
		if strings.Count(got, want) != 1 {
			t.Errorf("%q not said once:\n%s", want, got)
		}
	}
	if strings.Contains(got, "guest:guest") {
		t.Errorf("a password was logged:\n%s", got)
	}
}

func TestRunLastWords(t *testing.T) {
	b := New(Config{URLs: []string{brokerURL(t)}}, quiet())
	ctx, cancel := context.WithCancel(testContext(t))
	err := b.Run(ctx, func(ctx context.Context, s *Session) error {
		cancel()
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if err := s.Publish(last, Message{Key: "none"}); err != nil {
			t.Errorf("last words: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRunStops(t *testing.T) {
	b := New(Config{URLs: []string{brokerURL(t)}}, quiet())
	err := b.Run(testContext(t), func(context.Context, *Session) error { return fmt.Errorf("enough: %w", ErrStop) })
	if !errors.Is(err, ErrStop) {
		t.Errorf("error %v", err)
	}
}

// TestRunRepeatsNothing lets work fail in the same way again and again.
func TestRunRepeatsNothing(t *testing.T) {
	var book logbook
	b := New(Config{URLs: []string{brokerURL(t)}, RetryCap: time.Millisecond}, book.logger())
	calls := 0
	err := b.Run(testContext(t), func(context.Context, *Session) error {
		calls++
		switch {
		case calls < 5:
			return errors.New("no such thing")
		case calls < 8:
			return nil
		}
		return ErrStop
	})
	if !errors.Is(err, ErrStop) {
		t.Error(err)
	}
	got := book.String()
	if strings.Count(got, "no such thing") != 1 || strings.Count(got, "nothing left to do") != 1 {
		t.Errorf("want one word of each:\n%s", got)
	}
}

func TestRefusedIsExplained(t *testing.T) {
	for _, change := range []struct {
		name string
		to   func(*url.URL)
		want error
	}{
		{"password", func(u *url.URL) { u.User = url.UserPassword("guest", "hunter2") }, ErrLogin},
		{"vhost", func(u *url.URL) { u.Path = "/no-such-vhost" }, ErrNoVhost},
	} {
		t.Run(change.name, func(t *testing.T) {
			u, err := url.Parse(brokerURL(t))
			if err != nil {
				t.Fatal(err)
			}
			change.to(u)
			_, err = New(Config{URLs: []string{u.String()}}, quiet()).Connect(testContext(t))
			if !errors.Is(err, change.want) || !Refused(err) {
				t.Errorf("error %v, want %v", err, change.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error shows a password: %v", err)
			}
		})
	}
}

func TestConnectTriesEveryNode(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nobody listens there now
	nobody := "amqp://" + l.Addr().String()
	for range 4 {
		s := connect(t, Config{URLs: []string{nobody, brokerURL(t)}})
		s.Close()
	}
	_, err = New(Config{URLs: []string{nobody, nobody}}, quiet()).Connect(testContext(t))
	if err == nil || strings.Count(err.Error(), "connection refused") != 2 {
		t.Errorf("error %v, want both nodes'", err)
	}
}

// TestOutageIsReportedOnce needs no broker: none ever answers.
func TestOutageIsReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var book logbook
		b := New(Config{URLs: []string{"amqp://guest:secret@h"}, RetryCap: 10 * time.Second}, book.logger())
		attempts := 0
		b.connect = func(context.Context) (*Session, error) {
			attempts++
			if attempts > 100 {
				return nil, fmt.Errorf("connect: %w", ErrLogin)
			}
			return nil, errors.New("nobody there")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := b.Run(ctx, nil); err != nil {
			t.Error(err)
		}
		// With full jitter the mean wait is half of the cap.
		if attempts < 400 || attempts > 1200 {
			t.Errorf("%d attempts in an hour with a cap of 10 s", attempts)
		}
		got := book.String()
		if strings.Count(got, "level=WARN") != 2 || strings.Count(got, "unreachable") != 1 || strings.Count(got, "refuses") < 1 {
			t.Errorf("want one warning that the broker is unreachable and one that it refuses us:\n%s", got)
		}
		if strings.Contains(got, "secret") {
			t.Errorf("a password was logged:\n%s", got)
		}
	})
}

func TestRunRefusesBadConfig(t *testing.T) {
	if err := New(Config{}, quiet()).Run(t.Context(), nil); err == nil {
		t.Error("ran without a URL")
	}
}

// TestRunWaitsOnce: the wait is for a broker that answers at once. Who was kept
// waiting by it, or had a session, is not made to wait for longer and longer.
func TestRunWaitsOnce(t *testing.T) {
	for _, tt := range []struct {
		attempt, most time.Duration
	}{
		{0, 5 * time.Second / 2}, {slow - 1, 5 * time.Second / 2}, {slow, retryBase / 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			const attempts = 400
			b := New(Config{URLs: []string{"amqp://h"}, RetryCap: 5 * time.Second}, quiet())
			ctx, cancel := context.WithCancel(t.Context())
			made := 0
			b.connect = func(context.Context) (*Session, error) {
				if made++; made == attempts {
					cancel()
				}
				time.Sleep(tt.attempt)
				return nil, errors.New("nothing heard")
			}
			begin := time.Now()
			if err := b.Run(ctx, nil); err != nil {
				t.Error(err)
			}
			mean := (time.Since(begin) - attempts*tt.attempt) / attempts
			if mean > 2*tt.most || mean < tt.most/2 {
				t.Errorf("attempts that take %v are %v apart, want about %v", tt.attempt, mean, tt.most)
			}
		})
	}
}
