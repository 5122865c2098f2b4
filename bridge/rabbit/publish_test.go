package rabbit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func command(speaker, id string) Message {
	return Message{
		Exchange: CommandExchange, Key: speaker, Type: "test", ID: id,
		Body: []byte("body of " + id), Persistent: true, Mandatory: true,
	}
}

func commandsNamed(speaker string, n int) []Message {
	msgs := make([]Message, n)
	for i := range msgs {
		msgs[i] = command(speaker, fmt.Sprint(i))
	}
	return msgs
}

func TestPublishConfirmsMany(t *testing.T) {
	ctx, name := testContext(t), speaker(t)
	s := declared(t, Config{}, name)
	msgs := commandsNamed(name, 3*window+1)
	if err := s.Publish(ctx, msgs...); err != nil {
		t.Fatal(err)
	}
	in, err := s.Commands(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	for i := range msgs {
		d := next(t, in)
		if d.ID != msgs[i].ID || d.Key != name || d.Exchange != CommandExchange || d.Redelivered {
			t.Fatalf("delivery %d: %+v", i, d)
		}
		if len(d.Headers) != 0 {
			t.Fatalf("delivery %d shows our own headers: %v", i, d.Headers)
		}
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPublishCarriesEveryProperty(t *testing.T) {
	ctx := testContext(t)
	s := connect(t, Config{})
	queue, in, err := s.Subscribe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range [][]byte{nil, []byte("short"), bytes.Repeat([]byte("long "), 10_000), noise(300_000)} {
		m := Message{
			Key: queue, Type: "t", ID: "i", CorrelationID: "c", ReplyTo: "r", Mandatory: true,
			Expiration: time.Minute, Headers: map[string]int64{"big": 1 << 60}, Body: body,
		}
		if err := s.Publish(ctx, m); err != nil {
			t.Fatal(err)
		}
		d := next(t, in)
		if d.Type != "t" || d.ID != "i" || d.CorrelationID != "c" || d.ReplyTo != "r" ||
			len(d.Headers) != 1 || d.Headers["big"] != 1<<60 || d.Err != nil {
			t.Errorf("arrived as %+v", d)
		}
		if !bytes.Equal(d.Body, body) {
			t.Errorf("body of %d bytes arrived as %d others", len(body), len(d.Body))
		}
		if err := d.Ack(); err != nil {
			t.Errorf("Ack where none is needed: %v", err)
		}
	}
}

func TestPublishNoRoute(t *testing.T) {
	ctx, name := testContext(t), speaker(t)
	s := declared(t, Config{}, name)
	msgs := commandsNamed(name, 10)
	msgs[4].Key = "nobody-" + name
	err := s.Publish(ctx, msgs...)
	if !errors.Is(err, ErrNoRoute) || !strings.Contains(err.Error(), `"4"`) {
		t.Fatalf("error %v, want no route, of message 4", err)
	}
	// The same ids again: only what comes back now counts.
	if err := s.Publish(ctx, commandsNamed(name, 10)...); err != nil {
		t.Fatalf("after a message without route: %v", err)
	}
	err = s.Publish(ctx, Message{Key: RequestQueue(name), Mandatory: true})
	if !errors.Is(err, ErrNoRoute) {
		t.Fatalf("request to no bridge: %v, want no route", err)
	}
	if err := s.Publish(ctx, Message{Key: RequestQueue(name)}); err != nil {
		t.Fatalf("not mandatory: %v", err)
	}
}

func TestPublishToFullQueue(t *testing.T) {
	for _, kind := range []string{Quorum, Classic} {
		t.Run(kind, func(t *testing.T) {
			ctx := testContext(t)
			name := strings.ReplaceAll(speaker(t), "/", "-")
			_, err := rawChannel(t).QueueDeclare(CommandQueue(name), true, false, false, false, amqp.Table{
				"x-queue-type": kind, "x-max-length": int64(2), "x-overflow": "reject-publish",
			})
			if err != nil {
				t.Fatal(err)
			}
			s := declared(t, Config{QueueType: kind}, name) // used as found
			if err := s.Publish(ctx, commandsNamed(name, 100)...); !errors.Is(err, ErrRejected) {
				t.Fatalf("error %v, want rejected", err)
			}
			if err := s.Context().Err(); err != nil {
				t.Fatalf("a full queue ended the session: %v", context.Cause(s.Context()))
			}
		})
	}
}

func TestPublishTooLongID(t *testing.T) {
	ctx := testContext(t)
	s := connect(t, Config{})
	if err := s.Publish(ctx, Message{Key: "none", ID: strings.Repeat("x", shortMax+1)}); err == nil {
		t.Error("published")
	}
	if err := s.Publish(ctx, Message{Key: "none", ID: strings.Repeat("x", shortMax)}); err != nil {
		t.Error(err)
	}
}

func TestPublishToMissingExchangeEndsTheSession(t *testing.T) {
	s := connect(t, Config{})
	err := s.Publish(testContext(t), Message{Exchange: "rs.none-" + speaker(t), ID: "x"})
	if err == nil || errors.Is(err, ErrRejected) || !strings.Contains(err.Error(), "no exchange") {
		t.Fatalf("error %v, want one that names the exchange", err)
	}
	if cause := ended(t, s, patience); replyCode(cause) != amqp.NotFound {
		t.Fatalf("cause %v", cause)
	}
}

func TestPublishFromManyGoroutines(t *testing.T) {
	ctx, name := testContext(t), speaker(t)
	s := declared(t, Config{}, name)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := s.Publish(ctx, commandsNamed(name, 50)...); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestPublishWaitsForTheAlarmToEnd(t *testing.T) {
	ctx, name := testContext(t), speaker(t)
	s := declared(t, Config{}, name)
	s.alarm.set("low on memory")
	if !s.Blocked() {
		t.Fatal("not blocked")
	}
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	err := s.Publish(short, command(name, "a"))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "low on memory") {
		t.Fatalf("error %v, want the deadline and the reason", err)
	}
	if s.Context().Err() != nil {
		t.Fatal("the alarm ended the session")
	}
	done := make(chan error, 1)
	go func() { done <- s.Publish(ctx, command(name, "b")) }()
	_, changed := s.Alarm()
	s.alarm.set("")
	<-changed
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestPublishGivenUp loses the confirms of a first call, and its session goes on.
func TestPublishGivenUp(t *testing.T) {
	ctx, name := testContext(t), speaker(t)
	s := declared(t, Config{}, name)
	for range 20 {
		short, cancel := context.WithCancel(ctx)
		time.AfterFunc(time.Millisecond, cancel)
		if err := s.Publish(short, commandsNamed("nobody-"+name, 1)...); err == nil {
			t.Error("no route, and no error")
		}
		cancel()
		if s.Context().Err() != nil {
			return // ctx ended while a message was being written: that is allowed
		}
		if err := s.Publish(ctx, command(name, "x")); err != nil {
			t.Fatalf("after a call that was given up: %v", err)
		}
	}
}
