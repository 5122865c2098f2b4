package rabbit

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	amqp "github.com/rabbitmq/amqp091-go"

	"routesync/examples/lab/amqpproxy"
)

// TestDenied: RabbitMQ 3.10 does not say which permission is missing, newer ones do.
func TestDenied(t *testing.T) {
	s := &Session{needs: Permissions{Configure: "^a$", Write: "^it's$", Read: ""}}
	grant := `rabbitmqctl set_permissions -p / u '^a$' '^it'\''s$' ''`
	for _, tt := range []struct{ reason, permission, resource string }{
		{"ACCESS_REFUSED - access to queue 'rs.cmd.edge1' in vhost '/' refused for user 'u'", Read, "queue 'rs.cmd.edge1'"},
		{"ACCESS_REFUSED - access to exchange 'rs.evt' in vhost '/' refused for user 'u'", Write, "exchange 'rs.evt'"},
		{"ACCESS_REFUSED - configure access to queue 'rs.cmd.edge1' in vhost '/' refused for user 'u'", Configure, "queue 'rs.cmd.edge1'"},
	} {
		err := s.denied(fmt.Errorf("consume: %w", &amqp.Error{Code: amqp.AccessRefused, Reason: tt.reason}), Read, Write)
		var d *DeniedError
		if !errors.As(err, &d) {
			t.Errorf("%s: %v", tt.reason, err)
			continue
		}
		got := []string{d.Permission, d.Resource, d.Vhost, d.User, d.Grant}
		if diff := cmp.Diff([]string{tt.permission, tt.resource, "/", "u", grant}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
		if !Refused(err) || replyCode(err) != amqp.AccessRefused {
			t.Errorf("%v lost what it was", err)
		}
	}
	once := map[string]bool{}
	for _, name := range []string{"amq.gen-zpXwGn3qMup3FE_-tNT6Qw", "amq.gen-DqNuJ2SlUMCBKjoqizkoXA"} {
		once[subject(s.denied(&amqp.Error{Code: amqp.AccessRefused, Reason: "ACCESS_REFUSED - access to queue '" + name + "' in vhost '/' refused for user 'u'"}, Configure, Write))] = true
	}
	if diff := cmp.Diff(map[string]bool{"configure queue 'amq.gen-*'": true}, once); diff != "" {
		t.Errorf("told again for every name that the broker makes up (-want +got):\n%s", diff)
	}
	other := &amqp.Error{Code: amqp.AccessRefused, Reason: "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"}
	if err := s.denied(other, Read, Read); Refused(err) {
		t.Errorf("taken for a lack of permission: %v", err)
	}
}

func TestRefusal(t *testing.T) {
	for reason, want := range map[string]error{
		"vhost /nope not found":                                                     ErrNoVhost,
		"access to vhost '/' refused for user 'u'":                                  ErrVhost,
		"access to vhost '/' refused for user 'u': connection limit (1) is reached": ErrLimit,
	} {
		if err := refusal(&amqp.Error{Code: amqp.NotAllowed, Reason: "NOT_ALLOWED - " + reason}); !errors.Is(err, want) || !Refused(err) {
			t.Errorf("%s: %v", reason, err)
		}
	}
	if err := refusal(errors.New("connection reset")); Refused(err) {
		t.Errorf("no answer was taken for one: %v", err)
	}
}

// TestPermissions: the names that each needs, and none of another speaker.
func TestPermissions(t *testing.T) {
	bridge := BridgePermissions("edge.1", false)
	for _, tt := range []struct{ pattern, takes, refuses string }{
		{bridge.Configure, "rs.cmd rs.evt rs.dlx rs.dead rs.cmd.edge.1 rs.rpc.edge.1", "rs.cmd.edge21 rs.rpc.edge.12 amq.default to-exabgp"},
		{bridge.Write, "rs.evt rs.dlx rs.dead rs.cmd.edge.1 rs.rpc.edge.1 amq.default", "rs.cmd rs.rpc.edge21 rs.rpc.edge.12"},
		{bridge.Read, "rs.cmd rs.dlx rs.cmd.edge.1 rs.rpc.edge.1", "rs.dead rs.evt"},
		{BridgePermissions("e", true).Read, "to-exabgp from-exabgp rs.cmd.e", "exabgp"},
		{CommanderPermissions().Configure, "amq.gen-x rs.lock.edge1.team", "rs.cmd rs.cmd.edge1"},
		{CommanderPermissions().Write, "rs.cmd amq.default amq.gen-x", "rs.cmd.edge1 rs.evt"},
		{OperatorPermissions().Configure, "amq.gen-x", "rs.lock.edge1.team rs.cmd"},
		{OperatorPermissions().Write, "rs.cmd amq.default amq.gen-x", "rs.cmd.edge1 rs.rpc.edge1 rs.evt"},
		{ReaderPermissions().Write, "amq.default amq.gen-x", "rs.cmd"},
		{ReaderPermissions().Read, "rs.evt amq.gen-x", "rs.dead rs.cmd.edge1"},
	} {
		re := regexp.MustCompile(tt.pattern)
		for _, name := range strings.Fields(tt.takes) {
			if !re.MatchString(name) {
				t.Errorf("%s does not take %s", tt.pattern, name)
			}
		}
		for _, name := range strings.Fields(tt.refuses) {
			if re.MatchString(name) {
				t.Errorf("%s takes %s", tt.pattern, name)
			}
		}
	}
}

// TestOfferIntoAnAlarm: the broker says so only to the first message that it
// does not take.
func TestOfferIntoAnAlarm(t *testing.T) {
	const reason = "low on memory"
	p, through := newProxy(t)
	p.Edit(func(frame amqpproxy.Frame) (pass, answer amqpproxy.Frame) {
		switch content := frame[0] == 2 || frame[0] == 3; { // AMQP 0-9-1, section 4.2.3
		case bytes.HasPrefix(frame.Payload(), []byte{0, 60, 0, 40}): // basic.publish
			return nil, amqpproxy.Method(0, 10, 60, append([]byte{byte(len(reason))}, reason...)) // connection.blocked
		case content: // of that, without which the broker would end the connection
			return nil, nil
		}
		return frame, nil
	})
	s := connectLogged(t, through, &logbook{})
	for name, offer := range map[string]func() error{
		"offer": func() error { return s.Offer(testContext(t), command("edge1", "a"), command("edge1", "b")) },
		"probe": func() error { return s.Offer(testContext(t)) },
	} {
		var got *BlockedError
		if err := offer(); !errors.As(err, &got) || got.Reason != reason {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.Context().Err() != nil {
		t.Error("the alarm ended the session")
	}
}

// TestUnfit: what was declared otherwise, by hand or by an old release, is used
// as found, and told.
func TestUnfit(t *testing.T) {
	ctx := testContext(t)
	for name, tt := range map[string]struct {
		durable bool
		args    amqp.Table
		want    []string
	}{
		"as it is made": {want: nil, durable: true, args: nil},
		"larger, and classic": {durable: true, args: amqp.Table{
			"x-queue-type": Classic, "x-single-active-consumer": true, "x-max-length": 20_000, "x-overflow": "reject-publish",
		}},
		"plain": {durable: true, args: amqp.Table{}, want: []string{"it shares commands among all that consume it (no x-single-active-consumer)"}},
		"holes": {durable: false, args: amqp.Table{"x-message-ttl": 60_000, "x-max-length": 5, "x-single-active-consumer": true}, want: []string{
			"it drops commands after 60000 ms (x-message-ttl)", "it drops commands when it is full (x-overflow drop-head)",
			"it is gone when the broker restarts (not durable)",
		}},
		"a quorum queue that drops": {durable: true, args: amqp.Table{
			"x-queue-type": Quorum, "x-single-active-consumer": true, "x-max-length-bytes": int64(1) << 40, "x-overflow": "drop-head", "x-dead-letter-exchange": "elsewhere",
		}, want: []string{"it drops commands when it is full (x-overflow drop-head)"}},
	} {
		if name == "holes" && deniesTransient(connect(t, Config{}).brokerVersion()) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			speaker := speaker(t)
			t.Cleanup(func() { deleteQueue(t, CommandQueue(speaker)) })
			if tt.args != nil {
				if _, err := rawChannel(t).QueueDeclare(CommandQueue(speaker), tt.durable, false, false, false, tt.args); err != nil {
					t.Fatal(err)
				}
			}
			s := connect(t, Config{})
			if err := s.DeclareSpeaker(ctx, speaker); err != nil {
				t.Fatal(err)
			}
			got, err := s.Unfit(ctx, speaker)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if _, err := s.Commands(ctx, speaker); err != nil {
				t.Errorf("it is not used: %v", err)
			}
		})
	}
}
