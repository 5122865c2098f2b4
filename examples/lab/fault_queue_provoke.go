package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// alarm raises an alarm with a command, saves files meanwhile, and ends it.
func alarm(what string, command ...string) func(context.Context, *ground) error {
	return func(ctx context.Context, g *ground) error {
		if err := g.ctl(ctx, command...); err != nil {
			return err
		}
		for range 3 {
			if err := g.edit(5); err != nil {
				return err
			}
			if err := g.shows(ctx, 1, "blocked", what+" alarm (publishing stops; routes stay as they are)", command[0]); err != nil {
				return err
			}
		}
		g.over()
		if err := g.noAlarm(ctx); err != nil {
			return err
		}
		return g.showsNo(ctx, "blocked")
	}
}

func (g *ground) noAlarm(ctx context.Context) error {
	return errors.Join(g.ctl(ctx, "set_vm_memory_high_watermark", "absolute", "512MB"), g.ctl(ctx, "set_disk_free_limit", "50MB"))
}

func alarmInTheMidst(ctx context.Context, g *ground) error {
	if err := g.beginEdit(ctx); err != nil {
		return err
	}
	if err := g.ctl(ctx, "set_vm_memory_high_watermark", "absolute", "1"); err != nil {
		return err
	}
	if err := g.edit(5); err != nil {
		return err
	}
	if err := g.shows(ctx, 1, "blocked", "memory alarm"); err != nil {
		return err
	}
	g.over()
	return g.noAlarm(ctx)
}

// full fills the queue past routesync while the bridge sleeps.
func full(ctx context.Context, g *ground) error {
	if err := g.ctl(ctx, "set_policy", "full", `^rs\.cmd\.`, `{"max-length-bytes":10}`); err != nil {
		return err
	}
	if err := g.asleep(ctx, func() error {
		// The broker sends 64 ahead, which take no room.
		if err := g.eval(ctx, fmt.Sprintf(`[%s || _ <- lists:seq(1, 100)]`, publishing(g.commands(), "", "much more than there is room for"))); err != nil {
			return err
		}
		for range 2 {
			if err := g.edit(5); err != nil {
				return err
			}
		}
		if err := g.logs(ctx, "backpressured: "); err != nil {
			return err
		}
		return g.shows(ctx, 1, "waiting", "batches wait in queue "+g.commands())
	}); err != nil {
		return err
	}
	g.over()
	if err := g.ctl(ctx, "clear_policy", "full"); err != nil {
		return err
	}
	if err := g.logs(ctx, "backpressured is over"); err != nil {
		return err
	}
	return g.ctl(ctx, "purge_queue", "rs.dead")
}

// poison puts messages that nobody can read among the batches of a save.
func (g *ground) poison(ctx context.Context, queue string) error {
	for i, m := range []string{
		publishing(queue, "rs.batch.v3", "garbage"), publishing(queue, "rs.batch.v9", "{}"), publishing(queue, "rs.batch.v3", `{\"v\":3,\"body\":[]}`),
		strings.Replace(publishing(queue, "rs.batch.v3", "not gzip"), "[{type", `[{content_encoding, <<"gzip">>}, {type`, 1),
	} {
		if err := g.eval(ctx, m); err != nil {
			return err
		}
		if i == 0 {
			if err := g.edit(5); err != nil {
				return err
			}
		}
	}
	if err := g.shows(ctx, 0, "dead-letters", "in queue rs.dead", "purge_queue"); err != nil {
		return err
	}
	g.over()
	return g.ctl(ctx, "purge_queue", "rs.dead")
}

func noLeader(ctx context.Context, g *ground) error {
	if err := g.eval(ctx, fmt.Sprintf(`ra:stop_server(quorum_queues, {'%%2F_%s', node()})`, g.commands())); err != nil {
		return err
	}
	if err := g.edit(5); err != nil {
		return err
	}
	if err := g.ctl(ctx, "close_all_connections", "lab"); err != nil {
		return err
	}
	if err := g.shows(ctx, 0, "no-leader", g.commands(), "delete_queue"); err != nil {
		return err
	}
	g.over()
	if err := g.deleteQueue(ctx, g.commands()); err != nil {
		return err
	}
	return g.showsNo(ctx, "no-leader")
}

func ackTimeout(ctx context.Context, g *ground) error {
	const set = `application:set_env(rabbit, consumer_timeout, %s), application:set_env(rabbit, channel_tick_interval, %d)`
	if err := g.eval(ctx, fmt.Sprintf(set, "1000", 1000)); err != nil {
		return err
	}
	// Channels have the interval from their beginning.
	if err := g.ctl(ctx, "close_all_connections", "lab"); err != nil {
		return err
	}
	if err := g.converge(ctx); err != nil {
		return err
	}
	if err := g.speaker.Freeze(); err != nil {
		return err
	}
	err := errors.Join(g.edit(5), wait(ctx, 6*time.Second), g.edit(5), g.speaker.Thaw())
	g.over()
	return errors.Join(err, g.eval(ctx, fmt.Sprintf(set, "1800000", 60000)))
}

// deliveryLimit has the broker take back a batch that the bridge holds, and make it
// a dead letter at once, as it does after the 20th bridge that died of it.
func deliveryLimit(ctx context.Context, g *ground) error {
	if err := g.ctl(ctx, "set_policy", "limit", `^rs\.cmd\.`, `{"delivery-limit":0}`); err != nil {
		return err
	}
	before := g.last()
	if err := g.takenBack(ctx); err != nil {
		return err
	}
	letters := fmt.Sprintf("%d message", before.batches(g.last()))
	if err := g.shows(ctx, 0, "dead-letters", letters, "in queue rs.dead"); err != nil {
		return err
	}
	g.over()
	if err := errors.Join(g.ctl(ctx, "clear_policy", "limit"), g.converge(ctx)); err != nil {
		return err
	}
	g.recovered()
	// Not one more: no batch was dropped twice, and none of those that are sent anew.
	return errors.Join(g.shows(ctx, 0, "dead-letters", letters, "in queue rs.dead"), g.ctl(ctx, "purge_queue", "rs.dead"))
}

// takenBack publishes a save to a bridge that sleeps, and ends its connection.
func (g *ground) takenBack(ctx context.Context) error {
	return g.asleep(ctx, func() error {
		published, err := g.logged("msg=publishing")
		if err != nil {
			return err
		}
		if err := g.edit(5); err != nil {
			return err
		}
		if err := g.logsMore(ctx, published, "msg=publishing"); err != nil {
			return err
		}
		if err := g.ctl(ctx, "close_all_connections", "lab"); err != nil {
			return err
		}
		return wait(ctx, 2*time.Second)
	})
}

func sizeLimit(ctx context.Context, g *ground) error {
	const set = `application:set_env(rabbit, max_message_size, %d)`
	if err := g.eval(ctx, fmt.Sprintf(set, 5000)); err != nil {
		return err
	}
	if err := g.ctl(ctx, "close_all_connections", "lab"); err != nil {
		return err
	}
	if err := g.edit(manyRoutes); err != nil {
		return err
	}
	if err := g.logsMore(ctx, 0, "raise max_message_size"); err != nil {
		return err
	}
	if err := g.eval(ctx, fmt.Sprintf(set, 134217728)); err != nil {
		return err
	}
	g.over()
	return g.ctl(ctx, "close_all_connections", "lab")
}

func connectionLimit(ctx context.Context, g *ground) error {
	if err := g.ctl(ctx, "set_vhost_limits", "-p", "/", `{"max-connections":0}`); err != nil {
		return err
	}
	if err := g.ctl(ctx, "close_all_connections", "lab"); err != nil {
		return err
	}
	if err := g.edit(5); err != nil {
		return err
	}
	if err := g.shows(ctx, 1, "limit", "no more connections"); err != nil {
		return err
	}
	g.over()
	return g.ctl(ctx, "clear_vhost_limits", "-p", "/")
}

// foreignQueue is ownBroker, with a command queue that somebody has declared.
func foreignQueue() *variant {
	own := ownBroker()
	return &variant{before: func(ctx context.Context, g *ground) error {
		if err := own.before(ctx, g); err != nil {
			return err
		}
		return g.eval(ctx, fmt.Sprintf(`rabbit_amqqueue:declare(rabbit_misc:r(<<"/">>, queue, <<"%s">>), true, false, [{<<"x-message-ttl">>, signedint, 500}], none, <<"lab">>)`, g.commands()))
	}}
}

// holes has a batch expire: the bridge sleeps, and what was on its way to it is
// back in the queue when its connection ends.
func holes(ctx context.Context, g *ground) error {
	if err := g.shows(ctx, 0, "unfit", "x-message-ttl", "x-single-active-consumer", "delete_queue"); err != nil {
		return err
	}
	if err := g.takenBack(ctx); err != nil {
		return err
	}
	g.over()
	return nil
}
