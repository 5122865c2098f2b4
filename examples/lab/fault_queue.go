package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
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
	all := append(alarmFaults(), []fault{{
		name: "command queue purged", hurts: theBroker | theFile, routes: manyRoutes,
		what:    "rabbitmqctl purge_queue while the bridge sleeps with batches in it",
		provoke: purgeCommands,
	}, {
		name: "command queue deleted", hurts: theBroker | theFile, routes: manyRoutes,
		what:    "rabbitmqctl delete_queue at a random moment of a save of 5,000 routes",
		provoke: deleteCommands,
	}, {
		name: "command queue full", hurts: theBroker | theFile,
		what:    "a policy leaves it no room for a byte; saves wait, and one difference is sent when there is room",
		provoke: full,
	}, {
		name: "exchange of events deleted", hurts: theBroker | theFile, bound: 5 * time.Second,
		what:    "nobody is told that the subscription went with it; the watch subscribes again",
		provoke: deleteEvents,
	}, {
		name: "request queue deleted", bound: 15 * time.Second, hurts: theBroker | theFile,
		what:    "the bridge's own queue is taken away; it makes it again",
		provoke: deleteRequests,
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
		what:    "no dead letter finds room; commands go on",
		provoke: fillDeadLetters,
	}, {
		name: "broker restarted without its data", hurts: theBroker | theFile, bound: 20 * time.Second,
		what:    "killed, its folder emptied, started, with a save while it is away",
		provoke: emptyBroker,
	}, {
		name: "command queue without a leader", hurts: theBroker | theFile, bound: 90 * time.Second,
		what:    "the queue is there and nobody answers for it, as after a kill right behind its declaration; it has a name, and goes when the queue is deleted",
		provoke: noLeader,
	}, {
		name: "acknowledgement timeout", hurts: theBroker | theSpeaker | theFile, bound: 40 * time.Second,
		what:    "exaBGP is frozen for longer than the broker waits for an acknowledgement",
		provoke: ackTimeout,
	}, {
		name: "batch dropped at the delivery limit", hurts: theBroker | theBridge | theFile, bound: 20 * time.Second,
		what:    "a bridge was lost with a batch as often as the broker lets it: the batch is a dead letter, and what it lacks is sent anew",
		provoke: deliveryLimit,
	}, {
		name: "message size limit", hurts: theBroker | theFile, routes: manyRoutes, bound: 40 * time.Second,
		what:    "the broker takes no message of the size that is needed; the log says what to raise, and the save goes through then",
		provoke: sizeLimit,
	}, {
		name: "connection limit", hurts: theBroker | theFile, bound: 40 * time.Second,
		what:    "all connections are closed and no new one is taken, until the limit is lifted",
		provoke: connectionLimit,
	}}...)
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

// alarmFaults are those in which the broker takes no messages.
func alarmFaults() []fault {
	return []fault{{
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
	}}
}

func purgeCommands(ctx context.Context, g *ground) error {
	return g.asleep(ctx, func() error {
		if err := g.edit(manyRoutes); err != nil {
			return err
		}
		return g.queued(ctx, func() error { return g.ctl(ctx, "purge_queue", g.commands()) })
	})
}

func deleteCommands(ctx context.Context, g *ground) error {
	if err := g.beginEdit(ctx); err != nil {
		return err
	}
	return g.ctl(ctx, "delete_queue", g.commands())
}

// deleteEvents takes the answers of a bridge away. The watch misses that of its batch,
// or, if the bridge was just away for it, all that comes after.
func deleteEvents(ctx context.Context, g *ground) error {
	const batch, all = "asking for its state again", "so it is subscribed to again"
	before, err := g.logged(batch, all)
	if err != nil {
		return err
	}
	if err := g.eval(ctx, `rabbit_exchange:delete(rabbit_misc:r(<<"/">>, exchange, <<"rs.evt">>), false, <<"lab">>)`); err != nil {
		return err
	}
	if err := g.edit(5); err != nil {
		return err
	}
	if err := g.logsMore(ctx, before, batch, all); err != nil {
		return err
	}
	g.over()
	return g.edit(5)
}

func deleteRequests(ctx context.Context, g *ground) error {
	if err := g.deleteQueue(ctx, "rs.rpc."+g.name); err != nil {
		return err
	}
	return g.edit(5)
}

func fillDeadLetters(ctx context.Context, g *ground) error {
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
	return errors.Join(g.ctl(ctx, "clear_policy", "full"), g.ctl(ctx, "purge_queue", "rs.dead"))
}

func emptyBroker(ctx context.Context, g *ground) error {
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
}
