package rabbit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	amqp "github.com/rabbitmq/amqp091-go"
)

// classicName is the name of a queue that goes with the test, if it is there.
func classicName(t *testing.T) string {
	t.Helper()
	name := speaker(t)
	t.Cleanup(func() { deleteQueue(t, name) })
	return name
}

// classicQueue is a session with a classic queue as pika makes it.
func classicQueue(t *testing.T) (s *Session, name string) {
	t.Helper()
	s, name = connect(t, Config{}), classicName(t)
	if _, err := s.DeclareClassic(testContext(t), name, ClassicAuto); err != nil {
		t.Fatal(err)
	}
	return s, name
}

// connectLogged is connect, to another URL and with a log.
func connectLogged(t *testing.T, url string, book *logbook) *Session {
	t.Helper()
	s, err := New(Config{URLs: []string{url}, Name: t.Name()}, book.logger()).Connect(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// lines are classic messages.
func lines(queue string, bodies ...string) []Message {
	msgs := make([]Message, len(bodies))
	for i, b := range bodies {
		msgs[i] = Message{Key: queue, Body: []byte(b), Plain: true, Persistent: true, Mandatory: true}
	}
	return msgs
}

func numbered(queue string, n int) []Message {
	bodies := make([]string, n)
	for i := range bodies {
		bodies[i] = fmt.Sprint(i)
	}
	return lines(queue, bodies...)
}

// depth is Depth, or the end of the test.
func depth(t *testing.T, s *Session, name string) [2]int {
	t.Helper()
	messages, consumers, err := s.Depth(testContext(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return [2]int{messages, consumers}
}

func TestClassicFault(t *testing.T) {
	for code, want := range map[int]string{
		amqp.NotFound: "start the program", amqp.ResourceLocked: "end that program",
		amqp.AccessRefused: "permission", amqp.InternalError: "transient_nonexcl_queues", amqp.NotAllowed: "",
	} {
		err := classicFault(fmt.Errorf("consume: %w", &amqp.Error{Code: code, Reason: "said so"}))
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "said so") || replyCode(err) != code {
			t.Errorf("%d: %v", code, err)
		}
		if errors.Is(err, ErrNoQueue) != (code == amqp.NotFound) || errors.Is(err, ErrLocked) != (code == amqp.ResourceLocked) {
			t.Errorf("%d is another fault: %v", code, err)
		}
	}
	for reason, want := range map[string]bool{
		"ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use":                         true,
		"ACCESS_REFUSED - read access to queue 'q' in vhost '/' refused for user 'nobody'": false,
	} {
		if got := inExclusiveUse(&amqp.Error{Code: amqp.AccessRefused, Reason: reason}); got != want {
			t.Errorf("%s: %v", reason, got)
		}
	}
}

func TestConsumeClassicAlone(t *testing.T) {
	first, name := classicQueue(t)
	second := connect(t, Config{})
	ctx := testContext(t)
	locked := func(access Access) {
		t.Helper()
		_, err := second.ConsumeClassic(ctx, name, access, 1)
		if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "somebody else reads from") {
			t.Fatalf("error %v, want locked", err)
		}
	}
	if _, err := first.ConsumeClassic(ctx, name, Exclusive, 1); err != nil {
		t.Fatal(err)
	}
	locked(Exclusive)
	locked(Shared)
	first.Close()
	if _, err := second.ConsumeClassic(ctx, name, Exclusive, 1); err != nil {
		t.Fatalf("after the first has closed: %v", err)
	}
	second.Close()

	third := connect(t, Config{})
	if _, err := third.ConsumeClassic(ctx, name, Shared, 1); err != nil {
		t.Fatal(err)
	}
	second = connect(t, Config{})
	locked(Exclusive)
	if _, err := second.ConsumeClassic(ctx, name, Shared, 1); err != nil {
		t.Fatalf("two that share: %v", err)
	}
}

func TestConsumeClassicRefuses(t *testing.T) {
	s, name := classicQueue(t)
	for _, prefetch := range []int{-1, 0, 1 << 16} {
		if _, err := s.ConsumeClassic(testContext(t), name, Shared, prefetch); err == nil {
			t.Errorf("prefetch %d was taken", prefetch)
		}
	}
	if _, err := s.ConsumeClassic(testContext(t), speaker(t), Exclusive, 1); !errors.Is(err, ErrNoQueue) {
		t.Errorf("no queue: %v", err)
	}
	if s.Context().Err() != nil {
		t.Errorf("the session ended: %v", context.Cause(s.Context()))
	}
}

func TestConsumeClassicComesAgainInOrder(t *testing.T) {
	first, name := classicQueue(t)
	ctx := testContext(t)
	if err := first.Publish(ctx, numbered(name, 20)...); err != nil {
		t.Fatal(err)
	}
	in, err := first.ConsumeClassic(ctx, name, Exclusive, 8)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if d := next(t, in); i < 2 {
			if err := d.Ack(); err != nil {
				t.Fatal(err)
			}
		}
	}
	first.Close()
	second := connect(t, Config{})
	if in, err = second.ConsumeClassic(ctx, name, Exclusive, 8); err != nil {
		t.Fatal(err)
	}
	for i := 2; i < 20; i++ {
		d := next(t, in)
		if string(d.Body) != fmt.Sprint(i) || d.Redelivered != (i < 10) {
			t.Fatalf("message %q, redelivered %v, want %d", d.Body, d.Redelivered, i)
		}
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestConsumeClassicTakesBodiesAsTheyAre, whatever their sender says about them.
func TestConsumeClassicTakesBodiesAsTheyAre(t *testing.T) {
	s, name := classicQueue(t)
	sent := []amqp.Publishing{
		{Body: []byte("announce route 192.0.2.0/24 next-hop 192.0.2.1")},
		{Body: []byte("not gzip"), ContentEncoding: "gzip", ContentType: "application/json"},
		{Body: []byte("\xff\x00\xfe\n\r\n"), ContentEncoding: "latin-1", Headers: amqp.Table{
			"a": true, "b": nil, "c": []any{1.5, "x", amqp.Table{"d": []byte{0}}}, "e": time.Unix(1, 0), "f": int64(7),
		}},
		{},
		{Body: bytes.Repeat([]byte("long "), 100_000), UserId: "guest", AppId: "console"},
	}
	ch := rawChannel(t)
	for _, msg := range sent {
		if err := ch.PublishWithContext(testContext(t), "", name, true, false, msg); err != nil {
			t.Fatal(err)
		}
	}
	in, err := s.ConsumeClassic(testContext(t), name, Exclusive, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range sent {
		d := next(t, in)
		if !bytes.Equal(d.Body, want.Body) || d.Err != nil || d.UserID != want.UserId || d.AppID != want.AppId {
			t.Errorf("message %d of %q in %q: %d bytes, %.40q, error %v", i, d.UserID, d.AppID, len(d.Body), d.Body, d.Err)
		}
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	if got := depth(t, s, name); got[0] != 0 {
		t.Errorf("%d messages left", got[0])
	}
}

func TestDepth(t *testing.T) {
	s, name := classicQueue(t)
	ctx := testContext(t)
	want := func(when string, counts [2]int) {
		t.Helper()
		if diff := cmp.Diff(counts, depth(t, s, name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	want("at first", [2]int{})
	if err := s.Publish(ctx, numbered(name, 1000)...); err != nil {
		t.Fatal(err)
	}
	want("after the confirms", [2]int{1000, 0})
	reader := connect(t, Config{})
	in, err := reader.ConsumeClassic(ctx, name, Exclusive, 1)
	if err != nil {
		t.Fatal(err)
	}
	next(t, in)
	want("with one delivered", [2]int{999, 1})
	reader.Close()
	want("with that one back", [2]int{1000, 0})

	deleteQueue(t, name)
	if _, _, err := s.Depth(ctx, name); !errors.Is(err, ErrNoQueue) {
		t.Errorf("without a queue: %v", err)
	}
}

func TestPublishToAClassicQueueThatWent(t *testing.T) {
	s, name := classicQueue(t)
	ctx := testContext(t)
	deleteQueue(t, name)
	if err := s.Publish(ctx, numbered(name, 3)...); !errors.Is(err, ErrNoRoute) {
		t.Fatalf("error %v, want no route", err)
	}
	if made, err := s.DeclareClassic(ctx, name, ClassicAuto); !made || err != nil {
		t.Fatalf("made %v, error %v", made, err)
	}
	if err := s.Publish(ctx, numbered(name, 3)...); err != nil {
		t.Error(err)
	}
	if got := depth(t, s, name); got[0] != 3 {
		t.Errorf("%d messages, want 3", got[0])
	}
}

// BenchmarkPublishClassic publishes one line a message, as a table of routes.
func BenchmarkPublishClassic(b *testing.B) {
	s, err := New(Config{URLs: []string{brokerURL(b)}}, quiet()).Connect(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const name = "bench-" + ToExaBGP
	if _, err := s.DeclareClassic(b.Context(), name, ClassicAuto); err != nil {
		b.Fatal(err)
	}
	defer deleteQueue(b, name)
	msgs := make([]Message, 0, b.N)
	for i := range b.N {
		line := fmt.Sprintf("announce route 10.%d.%d.%d/32 next-hop 192.168.41.2", i>>16&255, i>>8&255, i&255)
		msgs = append(msgs, lines(name, line)...)
	}
	b.ResetTimer()
	if err := s.Publish(b.Context(), msgs...); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
}

// A message with headers that the library does not take ends every session that
// it comes to. It can be dropped, and nothing else is.
func TestDropUnreadable(t *testing.T) {
	s, name := classicQueue(t)
	ctx := testContext(t)
	drop := func(want bool) {
		t.Helper()
		if dropped, err := s.DropUnreadable(ctx, name); err != nil || dropped != want {
			t.Errorf("dropped %v, %v; want %v", dropped, err, want)
		}
	}
	drop(false)
	deep := amqp.Table{"v": int32(1)}
	for range 40 {
		deep = amqp.Table{"t": deep}
	}
	for _, headers := range []amqp.Table{deep, nil} {
		if err := s.out.ch.PublishWithContext(ctx, "", name, false, false, amqp.Publishing{Headers: headers, Body: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Publish(ctx, lines(name, "y")...); err != nil {
		t.Fatal(err)
	}
	victim := connect(t, Config{})
	if _, err := victim.ConsumeClassic(ctx, name, Shared, 10); err != nil {
		t.Fatal(err)
	}
	<-victim.Context().Done()
	if err := context.Cause(victim.Context()); !errors.Is(err, ErrUnreadable) {
		t.Errorf("the session ended with %v, want ErrUnreadable", err)
	}
	victim.Close()
	drop(true)
	drop(false)
	in, err := s.ConsumeClassic(ctx, name, Shared, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"x", "y"} {
		if d := <-in; string(d.Body) != want {
			t.Errorf("got %q, want %q", d.Body, want)
		}
	}
}
