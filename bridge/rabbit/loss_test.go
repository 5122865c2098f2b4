package rabbit

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"routesync/examples/lab/amqpproxy"
)

// TestConfirmNeverComes: a message that the broker does not confirm is in doubt,
// and so is what comes behind it, for the broker counts other than we do. Waiting
// for longer helps nobody: the session ends, and what hangs on it begins again.
func TestConfirmNeverComes(t *testing.T) {
	const heartbeat = time.Second
	for _, tt := range []struct {
		rule amqpproxy.Rule
		of   int
	}{
		{amqpproxy.Rule{At: amqpproxy.Confirm, Do: amqpproxy.Drop()}, 1},
		{amqpproxy.Rule{At: amqpproxy.Publish, Do: amqpproxy.Drop()}, 5},
		{amqpproxy.Rule{At: amqpproxy.Publish, Nth: window + 3, Do: amqpproxy.Drop()}, window + 5},
	} {
		t.Run(tt.rule.String(), func(t *testing.T) {
			t.Parallel()
			name := strings.NewReplacer("/", "-", " ", "-").Replace(speaker(t))
			p, url := newProxy(t)
			s := declared(t, Config{URLs: []string{url}, Heartbeat: heartbeat}, name)
			armed := p.Arm(tt.rule)
			begin := time.Now()
			err := s.Publish(testContext(t), commandsNamed(name, tt.of)...)
			if err == nil || !strings.Contains(err.Error(), "has not confirmed") {
				t.Errorf("published: %v", err)
			}
			<-armed.Struck()
			if took := time.Since(begin); took > 2*heartbeat+5*time.Second {
				t.Errorf("noticed after %s only", took)
			}
			if cause := ended(t, s, time.Second); !strings.Contains(cause.Error(), "has not confirmed") {
				t.Errorf("cause %v", cause)
			}
		})
	}
}

// TestConfirmIsLate: a broker that needs time is no broker that is gone.
func TestConfirmIsLate(t *testing.T) {
	name := speaker(t)
	p, url := newProxy(t)
	s := declared(t, Config{URLs: []string{url}, Heartbeat: 2 * time.Second}, name)
	p.Arm(amqpproxy.Rule{At: amqpproxy.Confirm, Do: amqpproxy.Delay(time.Second)})
	if err := s.Publish(testContext(t), commandsNamed(name, 3)...); err != nil {
		t.Error(err)
	}
}

// TestConfirmWaitsForTheAlarm: a broker in alarm does not read what it is to
// confirm.
func TestConfirmWaitsForTheAlarm(t *testing.T) {
	name := speaker(t)
	p, url := newProxy(t)
	s := declared(t, Config{URLs: []string{url}, Heartbeat: time.Second}, name)
	armed := p.Arm(amqpproxy.Rule{At: amqpproxy.Confirm, Do: amqpproxy.Drop()})
	ctx, cancel := context.WithTimeout(testContext(t), 3*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Publish(ctx, command(name, "x")) }()
	<-armed.Struck()
	s.alarm.set("memory")
	if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the deadline", err)
	}
	if s.Context().Err() != nil {
		t.Errorf("the session ended: %v", context.Cause(s.Context()))
	}
}
