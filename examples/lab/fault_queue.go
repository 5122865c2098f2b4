package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ownBroker gives a ground a broker that it may spoil.
func ownBroker() *variant {
	return &variant{before: func(ctx context.Context, g *ground) (err error) {
		if g.broker, err = g.lab.Broker(ctx); err != nil {
			return err
		}
		g.bridgeURL, g.watchURL = g.broker.URL, g.broker.URL
		return nil
	}}
}

// queueFaults are conditions of the broker and of its queues: each ends
// converged, and has a name meanwhile that status shows.
func queueFaults() []fault {
	const group = "queue"
	own := needs{variant: ownBroker()}
	all := []fault{{
		name: "memory alarm", hurts: theBroker | theFile,
		what:    "the broker is out of memory, and takes no messages, while the file is saved three times",
		provoke: alarm("memory", "set_vm_memory_high_watermark", "absolute", "1"),
	}, {
		name: "disk alarm", hurts: theBroker | theFile,
		what:    "the same of a disk that is full",
		provoke: alarm("disk", "set_disk_free_limit", "99999GB"),
	}, {
		name: "memory alarm in the midst of a change", hurts: theBroker | theFile, routes: manyRoutes,
		what:    "it begins at a random moment of a save of 5,000 routes, and the file is saved again",
		provoke: alarmInTheMidst,
	}, {
		name: "command queue purged", hurts: theBroker | theFile, routes: manyRoutes,
		what: "rabbitmqctl purge_queue while the bridge sleeps with batches in it",
		provoke: func(ctx context.Context, g *ground) error {
			return g.asleep(ctx, func() error {
				if err := g.edit(manyRoutes); err != nil {
					return err
				}
				return g.queued(ctx, func() error { return g.ctl(ctx, "purge_queue", g.commands()) })
			})
		},
	}, {
		name: "command queue deleted", hurts: theBroker | theFile, routes: manyRoutes,
		what: "rabbitmqctl delete_queue at a random moment of a save of 5,000 routes",
		provoke: func(ctx context.Context, g *ground) error {
			if err := g.beginEdit(ctx); err != nil {
				return err
			}
			return g.ctl(ctx, "delete_queue", g.commands())
		},
	}, {
		name: "command queue full", hurts: theBroker | theFile,
		what:    "a policy leaves it no room for a byte; saves wait, and one difference is sent when there is room",
		provoke: full,
	}, {
		name: "exchange of events deleted", hurts: theBroker | theFile, bound: 5 * time.Second,
		what: "nobody is told that the subscription went with it; the watch subscribes again",
		provoke: func(ctx context.Context, g *ground) error {
			if err := g.eval(ctx, `rabbit_exchange:delete(rabbit_misc:r(<<"/">>, exchange, <<"rs.evt">>), false, <<"lab">>)`); err != nil {
				return err
			}
			if err := g.edit(5); err != nil {
				return err
			}
			if err := g.logs(ctx, "asking for its state again"); err != nil {
				return err
			}
			g.over()
			return g.edit(5)
		},
	}, {
		name: "request queue deleted", bound: 15 * time.Second, hurts: theBroker | theFile,
		what: "the bridge's own queue is taken away; it makes it again",
		provoke: func(ctx context.Context, g *ground) error {
			if err := g.deleteQueue(ctx, "rs.rpc."+g.name); err != nil {
				return err
			}
			return g.edit(5)
		},
	}, {
		name: "poison in the command queue", hurts: theFile,
		what:    "garbage, a message of an unknown type, one that is no batch and one that does not unpack, among the batches of a save: dead letters, and no loop",
		provoke: func(ctx context.Context, g *ground) error { return g.poison(ctx, g.commands()) },
	}, {
		name: "poison in the request queue", hurts: theFile,
		what:    "the same among requests",
		provoke: func(ctx context.Context, g *ground) error { return g.poison(ctx, "rs.rpc."+g.name) },
	}, {
		name: "dead letter queue full", hurts: theBroker | theFile,
		what: "no dead letter finds room; commands go on",
		provoke: func(ctx context.Context, g *ground) error {
			if err := g.ctl(ctx, "set_policy", "full", `^rs\.dead$`, `{"max-length":1,"overflow":"reject-publish"}`); err != nil {
				return err
			}
			for range 3 {
				if err := g.put(ctx, g.commands(), "", "garbage"); err != nil {
					return err
				}
			}
			if err := g.edit(5); err != nil {
				return err
			}
			if err := g.shows(ctx, 0, "dead-letters", "rs.dead"); err != nil {
				return err
			}
			g.over()
			return g.ctl(ctx, "clear_policy", "full")
		},
	}, {
		name: "broker restarted without its data", hurts: theBroker | theFile, bound: 20 * time.Second,
		what: "killed, its folder emptied, started, with a save while it is away",
		provoke: func(ctx context.Context, g *ground) error {
			if err := g.broker.Kill(ctx); err != nil {
				return err
			}
			if err := os.RemoveAll(filepath.Join(g.broker.Dir(), "data")); err != nil {
				return fmt.Errorf("empty the broker's folder: %w", err)
			}
			if err := g.edit(5); err != nil {
				return err
			}
			return g.broker.Start(ctx)
		},
	}, {
		name: "command queue without a leader", hurts: theBroker | theFile, bound: 90 * time.Second,
		what:    "the queue is there and nobody answers for it, as after a kill right behind its declaration; it has a name, and goes when the queue is deleted",
		provoke: noLeader,
	}, {
		name: "acknowledgement timeout", hurts: theBroker | theSpeaker | theFile, bound: 40 * time.Second,
		what:    "exaBGP is frozen for longer than the broker waits for an acknowledgement",
		provoke: ackTimeout,
	}, {
		name: "batch dropped at the delivery limit", hurts: theBroker | theBridge | theFile, deaths: 3, bound: 40 * time.Second,
		what:    "the bridge dies again and again with a batch unanswered, until the broker makes it a dead letter",
		provoke: deliveryLimit,
	}, {
		name: "message size limit", hurts: theBroker | theFile, routes: manyRoutes, bound: 40 * time.Second,
		what:    "the broker takes no message of the size that is needed; the log says what to raise, and the save goes through then",
		provoke: sizeLimit,
	}, {
		name: "connection limit", hurts: theBroker | theFile, bound: 40 * time.Second,
		what:    "all connections are closed and no new one is taken, until the limit is lifted",
		provoke: connectionLimit,
	}}
	for i := range all {
		all[i].needs = own
	}
	all = append(all, fault{
		name: "command queue of others", hurts: theBroker | theBridge | theFile, needs: needs{variant: foreignQueue()}, bound: 20 * time.Second,
		what:    "it was there before, classic, shared, and drops what is older than half a second: it is used, has a name, and what it drops is noticed",
		provoke: holes,
	})
	for i := range all {
		all[i].group = group
	}
	return all
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
	if err := g.asleep(ctx, func() error {
		published, err := g.logged("msg=publishing")
		if err != nil {
			return err
		}
		if err := g.edit(5); err != nil {
			return err
		}
		if err := g.logsMore(ctx, "msg=publishing", published); err != nil {
			return err
		}
		if err := g.ctl(ctx, "close_all_connections", "lab"); err != nil {
			return err
		}
		return wait(ctx, 2*time.Second)
	}); err != nil {
		return err
	}
	g.over()
	return nil
}

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
		publishing(queue, "rs.batch.v1", "garbage"), publishing(queue, "rs.batch.v9", "{}"), publishing(queue, "rs.batch.v1", `{\"v\":1,\"body\":[]}`),
		strings.Replace(publishing(queue, "rs.batch.v1", "not gzip"), "[{type", `[{content_encoding, <<"gzip">>}, {type`, 1),
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
	if err := g.shows(ctx, 0, "dead-letters", "4 messages in queue rs.dead", "purge_queue"); err != nil {
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

func deliveryLimit(ctx context.Context, g *ground) error {
	if err := g.ctl(ctx, "set_policy", "limit", `^rs\.cmd\.`, `{"delivery-limit":1}`); err != nil {
		return err
	}
	// exaBGP must not answer what a bridge asks, and the next bridge must come.
	for range 3 {
		if err := g.edit(5); err != nil {
			return err
		}
		if err := g.killBridge(ctx); err != nil {
			return err
		}
	}
	g.over()
	return g.ctl(ctx, "clear_policy", "limit")
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
	if err := g.logsMore(ctx, "raise max_message_size", 0); err != nil {
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
