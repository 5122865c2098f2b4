package rabbit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestCommandsComeAgainInOrder(t *testing.T) {
	for _, kind := range []string{Quorum, Classic} {
		t.Run(kind, func(t *testing.T) {
			ctx := testContext(t)
			name := strings.ReplaceAll(speaker(t), "/", "-")
			first := declared(t, Config{QueueType: kind}, name)
			if err := first.Publish(ctx, commandsNamed(name, 40)...); err != nil {
				t.Fatal(err)
			}
			in, err := first.Commands(ctx, name)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 5 {
				d := next(t, in)
				if i < 2 {
					if err := d.Ack(); err != nil {
						t.Fatal(err)
					}
				}
			}
			first.Close()
			for range in { // closed, behind what is left in it
			}
			second := connect(t, Config{QueueType: kind})
			in, err = second.Commands(ctx, name)
			if err != nil {
				t.Fatal(err)
			}
			for i := 2; i < 40; i++ {
				d := next(t, in)
				if d.ID != fmt.Sprint(i) {
					t.Fatalf("command %s, want %d", d.ID, i)
				}
				if i < 5 && !d.Redelivered {
					t.Errorf("command %d not marked as delivered before", i)
				}
				if err := d.Ack(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestCommandsHaveOneReader(t *testing.T) {
	ctx, name := testContext(t), speaker(t)
	active, standby := declared(t, Config{}, name), connect(t, Config{})
	one, err := active.Commands(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	two, err := standby.Commands(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := active.Publish(ctx, commandsNamed(name, 3)...); err != nil {
		t.Fatal(err)
	}
	if d := next(t, one); d.ID != "0" {
		t.Fatalf("first is %q", d.ID)
	}
	select {
	case d := <-two:
		t.Fatalf("the standby got %q", d.ID)
	default:
	}
	active.Close()
	for i := range 3 {
		if d := next(t, two); d.ID != fmt.Sprint(i) || d.Ack() != nil {
			t.Fatalf("standby: command %q, want %d", d.ID, i)
		}
	}
}

func TestRejectMakesADeadLetter(t *testing.T) {
	ctx, name := testContext(t), speaker(t)
	s := declared(t, Config{}, name)
	if err := s.Publish(ctx, command(name, "poison "+name)); err != nil {
		t.Fatal(err)
	}
	in, err := s.Commands(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := next(t, in).Reject(); err != nil {
		t.Fatal(err)
	}
	dead, err := s.consume(ctx, consumer{queue: DeadQueue, ahead: deadMax})
	if err != nil {
		t.Fatal(err)
	}
	d := next(t, dead)
	for d.ID != "poison "+name { // others' dead letters go back with the session
		d = next(t, dead)
	}
	if d.Key != "cmd."+name || string(d.Body) != "body of poison "+name {
		t.Errorf("dead letter %+v", d)
	}
	if err := d.Ack(); err != nil {
		t.Error(err)
	}
}

func TestCommandsOfUndeclaredSpeaker(t *testing.T) {
	s := connect(t, Config{})
	_, err := s.Commands(testContext(t), speaker(t))
	if replyCode(err) != 404 {
		t.Fatalf("error %v, want not found", err)
	}
	if s.Context().Err() != nil {
		t.Fatalf("a refused request ended the session: %v", context.Cause(s.Context()))
	}
}

func TestDeletedQueueEndsTheSession(t *testing.T) {
	ctx, name := testContext(t), speaker(t)
	s := connect(t, Config{})
	if err := s.DeclareSpeaker(ctx, name); err != nil {
		t.Fatal(err)
	}
	in, err := s.Commands(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	deleteQueue(t, CommandQueue(name))
	if cause := ended(t, s, patience); !strings.Contains(cause.Error(), "cancelled by the broker") {
		t.Errorf("cause %v", cause)
	}
	if _, ok := <-in; ok {
		t.Error("a delivery from a queue that is gone")
	}
}

func TestRequestsHaveOneReader(t *testing.T) {
	ctx, name := testContext(t), speaker(t)
	bridge, other, watcher := connect(t, Config{}), connect(t, Config{}), connect(t, Config{})
	in, err := bridge.Requests(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Requests(ctx, name); !errors.Is(err, ErrLocked) {
		t.Fatalf("second bridge: %v, want locked", err)
	}
	replyTo, replies, err := watcher.Subscribe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ask := Message{Key: RequestQueue(name), ReplyTo: replyTo, CorrelationID: "1", Mandatory: true, Expiration: time.Minute}
	if err := watcher.Publish(ctx, ask); err != nil {
		t.Fatal(err)
	}
	got := next(t, in)
	if err := bridge.Publish(ctx, Message{Key: got.ReplyTo, CorrelationID: got.CorrelationID, Mandatory: true}); err != nil {
		t.Fatal(err)
	}
	if d := next(t, replies); d.CorrelationID != "1" {
		t.Fatalf("reply %+v", d)
	}
	bridge.Close()
	if err := watcher.Publish(ctx, ask); !errors.Is(err, ErrNoRoute) {
		t.Fatalf("request to a bridge that left: %v, want no route", err)
	}
	if _, err := other.Requests(ctx, name); err != nil {
		t.Fatalf("after the first bridge left: %v", err)
	}
}

func TestSubscribeByKey(t *testing.T) {
	ctx, name := testContext(t), speaker(t)
	s := declared(t, Config{}, name)
	_, mine, err := s.Subscribe(ctx, "evt."+name+".#")
	if err != nil {
		t.Fatal(err)
	}
	_, some, err := s.Subscribe(ctx, "evt."+name+".digest", "evt."+name+".applied")
	if err != nil {
		t.Fatal(err)
	}
	var msgs []Message
	for _, kind := range []string{"hello", "applied", "digest"} {
		msgs = append(msgs, Message{Exchange: EventExchange, Key: "evt." + name + "." + kind, ID: kind, Mandatory: true})
	}
	if err := s.Publish(ctx, msgs...); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"hello", "applied", "digest"} {
		if d := next(t, mine); d.ID != want {
			t.Errorf("all: %q, want %q", d.ID, want)
		}
	}
	for _, want := range []string{"applied", "digest"} {
		if d := next(t, some); d.ID != want {
			t.Errorf("some: %q, want %q", d.ID, want)
		}
	}
}

// TestSlowReaderHoldsNobodyUp leaves one queue unread while another is used.
func TestSlowReaderHoldsNobodyUp(t *testing.T) {
	ctx, name := testContext(t), speaker(t)
	s := declared(t, Config{}, name)
	key := "evt." + name + ".x"
	_, unread, err := s.Subscribe(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	_, read, err := s.Subscribe(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	msgs := make([]Message, 2000)
	for i := range msgs {
		msgs[i] = Message{Exchange: EventExchange, Key: key, ID: fmt.Sprint(i)}
	}
	if err := s.Publish(ctx, msgs...); err != nil {
		t.Fatal(err)
	}
	for _, in := range []<-chan Delivery{read, unread} {
		for i := range msgs {
			if d := next(t, in); d.ID != fmt.Sprint(i) {
				t.Fatalf("event %q, want %d", d.ID, i)
			}
		}
	}
}
