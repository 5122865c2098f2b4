package main

import (
	"context"
	"net"
	"time"
)

// askBrokerEvery is the beat of the question whether the broker is back.
const askBrokerEvery = 10 * time.Millisecond

// brokerFaults are those of the broker's process.
func brokerFaults() []fault {
	const group, bound = "broker", 5 * time.Second
	return []fault{{
		name: "broker stopped and restarted", group: group, overlaps: true, bound: bound, hurts: theBroker | theFile,
		what: "RabbitMQ ends as an operator has it end, the file is saved, and it is started",
		provoke: func(ctx context.Context, g *ground) error {
			return g.withoutBroker(ctx, g.broker.Stop, func() error { return g.edit(20) })
		},
	}, {
		name: "broker killed and restarted", group: group, overlaps: true, bound: bound, hurts: theBroker | theFile,
		what: "kill -9 of RabbitMQ, a save, and its start",
		provoke: func(ctx context.Context, g *ground) error {
			return g.withoutBroker(ctx, g.broker.Kill, func() error { return g.edit(20) })
		},
	}, {
		name: "broker killed in the midst of a change", group: group, overlaps: true, bound: bound, hurts: theBroker | theFile, routes: manyRoutes,
		what: "kill -9 of RabbitMQ at a random moment of a save of 5,000 routes",
		provoke: func(ctx context.Context, g *ground) error {
			if err := g.changeMuch(ctx, manyRoutes); err != nil {
				return err
			}
			return g.withoutBroker(ctx, g.broker.Kill, func() error { return nil })
		},
	}, {
		name: "broker killed while nothing is to do", group: group, overlaps: true, bound: bound, hurts: theBroker,
		what: "kill -9 of RabbitMQ and its start, and no save: no route moves",
		provoke: func(ctx context.Context, g *ground) error {
			return g.withoutBroker(ctx, g.broker.Kill, func() error { return nil })
		},
	}, {
		name: "broker frozen for 20 s", group: group, overlaps: true, hurts: theBroker | theFile, routes: 1000,
		what: "SIGSTOP to RabbitMQ in the midst of a change, a save, and SIGCONT",
		provoke: func(ctx context.Context, g *ground) error {
			if err := g.changeMuch(ctx, 500); err != nil {
				return err
			}
			return g.brokerSleeps(ctx, g.span(20*time.Second), func() error { return g.edit(100) })
		},
	}, {
		name: "broker frozen for a moment, often", group: group, overlaps: true, hurts: theBroker | theFile, routes: 1000,
		what: "SIGSTOP and SIGCONT to RabbitMQ ten times, at random, with saves in between",
		provoke: func(ctx context.Context, g *ground) error {
			for range 10 {
				if err := g.edit(50); err != nil {
					return err
				}
				if err := g.pause(ctx, 50*time.Millisecond); err != nil {
					return err
				}
				if err := g.brokerSleeps(ctx, 200*time.Millisecond, func() error { return nil }); err != nil {
					return err
				}
			}
			return nil
		},
	}}
}

// withoutBroker does something while there is no broker. The fault is over once
// it answers again.
func (g *ground) withoutBroker(ctx context.Context, end func(context.Context) error, meanwhile func() error) error {
	if err := end(ctx); err != nil {
		return err
	}
	if err := meanwhile(); err != nil {
		return err
	}
	if err := g.pause(ctx, time.Second); err != nil {
		return err
	}
	dialing, stop := context.WithCancel(ctx)
	defer stop()
	answered := make(chan time.Time, 1)
	go func() { answered <- g.answers(dialing) }()
	if err := g.broker.Start(ctx); err != nil {
		return err
	}
	g.overAt(<-answered)
	return nil
}

// answers returns when the broker first takes a connection, which is before it
// says that it is ready.
func (g *ground) answers(ctx context.Context) time.Time {
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", g.broker.Address.String())
		if err == nil {
			_ = conn.Close() // nothing was said
			return time.Now()
		}
		if wait(ctx, askBrokerEvery) != nil {
			return time.Now()
		}
	}
}

func (g *ground) brokerSleeps(ctx context.Context, d time.Duration, meanwhile func() error) error {
	if err := g.broker.Freeze(); err != nil {
		return err
	}
	if err := meanwhile(); err != nil {
		return err
	}
	if err := wait(ctx, d); err != nil {
		return err
	}
	return g.broker.Thaw()
}
