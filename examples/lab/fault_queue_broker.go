package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// commands is the name of the speaker's command queue.
func (g *ground) commands() string { return "rs.cmd." + g.name }

// ctl runs rabbitmqctl on the ground's own broker.
func (g *ground) ctl(ctx context.Context, args ...string) error {
	_, err := g.broker.Ctl(ctx, args...)
	return err
}

// eval has the broker evaluate Erlang, for what rabbitmqctl has no word for.
func (g *ground) eval(ctx context.Context, expression string) error {
	return g.ctl(ctx, "eval", expression+".")
}

// put publishes a message to a queue, past routesync.
func (g *ground) put(ctx context.Context, queue, kind, body string) error {
	return g.eval(ctx, publishing(queue, kind, body))
}

func publishing(queue, kind, body string) string {
	return fmt.Sprintf(`rabbit_basic:publish(rabbit_misc:r(<<"/">>, exchange, <<>>), <<"%s">>, [{type, <<"%s">>}], <<"%s">>)`, queue, kind, body)
}

func (g *ground) deleteQueue(ctx context.Context, name string) error {
	return g.eval(ctx, fmt.Sprintf(`{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"%s">>)), rabbit_amqqueue:delete(Q, false, false, <<"lab">>)`, name))
}

// beginEdit saves another file, and returns in the midst of the change.
func (g *ground) beginEdit(ctx context.Context) error {
	mark := g.router.Tape().Mark()
	if err := g.edit(manyRoutes); err != nil {
		return err
	}
	return g.midst(ctx, mark, manyRoutes)
}

// asleep runs f while the bridge is stopped with SIGSTOP.
func (g *ground) asleep(ctx context.Context, f func() error) error {
	if err := g.signalBridge(ctx, unix.SIGSTOP); err != nil {
		return err
	}
	return errors.Join(f(), g.signalBridge(context.WithoutCancel(ctx), unix.SIGCONT))
}

// queued runs f when the command queue holds something.
func (g *ground) queued(ctx context.Context, f func() error) error {
	for {
		out, err := g.broker.Ctl(ctx, "-q", "list_queues", "name", "messages", "--no-table-headers")
		if err != nil {
			return err
		}
		for line := range strings.Lines(out) {
			if w := strings.Fields(line); len(w) == 2 && w[0] == g.commands() && w[1] != "0" {
				return f()
			}
		}
		if err := wait(ctx, planEvery); err != nil {
			return err
		}
	}
}
