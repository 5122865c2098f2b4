package rabbit

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"routesync/examples/lab/amqpproxy"
)

// Kinds of queue as others declare them.
var (
	asTransient = queue{}
	asDurable   = queue{durable: true}
	asQuorum    = queue{durable: true, args: amqp.Table{amqp.QueueTypeArg: Quorum}}
)

func TestDeniesTransient(t *testing.T) {
	for version, want := range map[string]bool{
		"3.10.8": false, "3.13.7": false, "4.2.1": false, "4.2.10+3.g1234": false, "4.20.0": true,
		"4.3.0": true, "4.3.0-rc.1": true, "4.3": true, "4.10.0": true, "5.0.0": true, "10.0.0": true,
		"": false, "4": false, "4.x": false, "garbage": false, "-5.0.0": false, "4.3-rc.1": false,
	} {
		if got := deniesTransient(version); got != want {
			t.Errorf("%q: %v", version, got)
		}
	}
}

func TestDeclareClassicUsesWhatIsThere(t *testing.T) {
	s := connect(t, Config{})
	ctx := testContext(t)
	for what, kind := range map[string]queue{"transient": asTransient, "durable": asDurable, "quorum": asQuorum} {
		if !kind.durable && deniesTransient(s.brokerVersion()) {
			continue
		}
		kind.name = classicName(t)
		if err := s.once(ctx, kind.make); err != nil {
			t.Fatal(err)
		}
		for _, how := range []ClassicDeclare{ClassicAuto, ClassicTransient, ClassicDurable, ClassicNever} {
			if made, err := s.DeclareClassic(ctx, kind.name, how); made || err != nil {
				t.Errorf("%s queue, declared %q: made %v, error %v", what, how, made, err)
			}
		}
		if err := s.once(ctx, kind.make); err != nil {
			t.Errorf("no longer a %s queue: %v", what, err)
		}
	}
}

func TestDeclareClassicMakesWhatIsMissing(t *testing.T) {
	s := connect(t, Config{})
	ctx := testContext(t)
	for how, kind := range map[ClassicDeclare]queue{
		ClassicAuto: asTransient, ClassicTransient: asTransient, ClassicDurable: asDurable,
	} {
		if deniesTransient(s.brokerVersion()) {
			how, kind = ClassicAuto, asDurable
		}
		kind.name = classicName(t)
		for _, want := range []bool{true, false} {
			if made, err := s.DeclareClassic(ctx, kind.name, how); made != want || err != nil {
				t.Errorf("declared %q: made %v, error %v, want %v", how, made, err, want)
			}
		}
		if err := s.once(ctx, kind.make); err != nil {
			t.Errorf("declared %q: %v", how, err)
		}
		deleteQueue(t, kind.name)
		if made, err := s.DeclareClassic(ctx, kind.name, how); !made || err != nil {
			t.Errorf("declared %q after somebody deleted it: made %v, error %v", how, made, err)
		}
	}
	if s.Context().Err() != nil {
		t.Errorf("the session ended: %v", context.Cause(s.Context()))
	}
}

func TestDeclareClassicRefused(t *testing.T) {
	s := connect(t, Config{})
	ctx, missing, locked := testContext(t), speaker(t)+"-none", speaker(t)
	if _, err := rawChannel(t).QueueDeclare(locked, false, false, true, false, nil); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		how  ClassicDeclare
		want error
		text string
	}{
		{missing, ClassicNever, ErrNoQueue, "start the program that declares it"},
		{locked, ClassicAuto, ErrLocked, "exclusive queue"},
		{locked, ClassicNever, ErrLocked, "exclusive queue"},
		{missing, "sometimes", nil, `"sometimes": want transient, durable or never`},
	} {
		made, err := s.DeclareClassic(ctx, tt.name, tt.how)
		if made || err == nil || !errors.Is(err, tt.want) && tt.want != nil ||
			!strings.Contains(err.Error(), tt.text) || !strings.Contains(err.Error(), tt.name) {
			t.Errorf("%q: made %v, error %v", tt.how, made, err)
		}
	}
	if s.Context().Err() != nil {
		t.Errorf("the session ended: %v", context.Cause(s.Context()))
	}
}

// declarations is what declarations of one queue a broker got to see, and what it
// is to see in their place.
type declarations struct {
	queue  string
	change func(frame amqpproxy.Frame, bits int) (pass, answer amqpproxy.Frame)

	mu   sync.Mutex
	bits []byte
}

func (d *declarations) edit(frame amqpproxy.Frame) (pass, answer amqpproxy.Frame) {
	bits, ok := declares(frame, d.queue)
	if !ok {
		return frame, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bits = append(d.bits, frame[bits])
	if d.change == nil {
		return frame, nil
	}
	return d.change(frame, bits)
}

func (d *declarations) seen() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bits
}

func TestDeclareClassicOn43(t *testing.T) {
	const newer = "4.3.10"
	older := connect(t, Config{}).brokerVersion()
	if len(older) != len(newer) {
		t.Skipf("needs a broker whose version has as many letters as %s, not %s", newer, older)
	}
	p, through := newProxy(t)
	d := declarations{queue: classicName(t)}
	p.Edit(func(frame amqpproxy.Frame) (pass, answer amqpproxy.Frame) {
		if bytes.HasPrefix(frame[7:], []byte{0, 10, 0, 10}) { // connection.start
			frame = bytes.ReplaceAll(frame, []byte(older), []byte(newer))
		}
		return d.edit(frame)
	})
	var book logbook
	s := connectLogged(t, through, &book)
	if got := s.brokerVersion(); got != newer {
		t.Fatalf("the broker says %q", got)
	}
	if made, err := s.DeclareClassic(testContext(t), d.queue, ClassicAuto); !made || err != nil {
		t.Fatalf("made %v, error %v", made, err)
	}
	if got := d.seen(); !bytes.Equal(got, []byte{durableBit}) {
		t.Errorf("declared with bits %v, want it once and durable", got)
	}
	kind := asDurable
	kind.name = d.queue
	if err := s.once(testContext(t), kind.make); err != nil {
		t.Error(err)
	}
	if got := book.String(); strings.Count(got, "durable=True") != 1 || !strings.Contains(got, newer) {
		t.Errorf("what an old program must do now is not said once:\n%s", got)
	}
}

// TestDeclareClassicWhereItIsDenied: the broker ends a connection that declares
// a transient queue.
func TestDeclareClassicWhereItIsDenied(t *testing.T) {
	p, through := newProxy(t)
	d := declarations{queue: classicName(t), change: func(frame amqpproxy.Frame, bits int) (pass, answer amqpproxy.Frame) {
		if frame[bits]&durableBit == 0 {
			return nil, closeConnection(amqp.InternalError, "INTERNAL_ERROR - Feature `transient_nonexcl_queues` is deprecated.")
		}
		return frame, nil
	}}
	p.Edit(d.edit)
	var book logbook
	s := connectLogged(t, through, &book)
	ctx := testContext(t)
	if made, err := s.DeclareClassic(ctx, d.queue, ClassicTransient); made || replyCode(err) != amqp.InternalError ||
		!strings.Contains(err.Error(), "durable=True") {
		t.Errorf("transient: made %v, error %v", made, err)
	}
	if made, err := s.DeclareClassic(ctx, d.queue, ClassicAuto); !made || err != nil {
		t.Errorf("by itself: made %v, error %v", made, err)
	}
	if got := d.seen(); !bytes.Equal(got, []byte{0, 0, durableBit}) {
		t.Errorf("declared with bits %v", got)
	}
	if s.Context().Err() != nil {
		t.Errorf("the session ended: %v", context.Cause(s.Context()))
	}
	if !strings.Contains(book.String(), "durable=True") {
		t.Errorf("what an old program must do now is not said:\n%s", book.String())
	}
}

// TestDeclareClassicWhereQuorumIsTheDefault: a declaration without a type is one of
// a quorum queue, which cannot be transient.
func TestDeclareClassicWhereQuorumIsTheDefault(t *testing.T) {
	p, through := newProxy(t)
	d := declarations{queue: classicName(t), change: func(frame amqpproxy.Frame, bits int) (pass, answer amqpproxy.Frame) {
		if !bytes.Contains(frame, []byte("x-queue-type")) {
			frame = withQueueType(frame, bits, Quorum)
		}
		return frame, nil
	}}
	p.Edit(d.edit)
	s := connectLogged(t, through, &logbook{})
	if made, err := s.DeclareClassic(testContext(t), d.queue, ClassicAuto); !made || err != nil {
		t.Fatalf("made %v, error %v", made, err)
	}
	if got := d.seen(); len(got) != 2 {
		t.Errorf("declared with bits %v, want a first and a second try", got)
	}
	if deniesTransient(s.brokerVersion()) {
		return // durable, and so a quorum queue: that is as good
	}
	kind := asTransient
	kind.name = d.queue
	if err := connect(t, Config{}).once(testContext(t), kind.make); err != nil {
		t.Errorf("not what an old program declares: %v", err)
	}
}
