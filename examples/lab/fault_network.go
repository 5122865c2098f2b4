package main

import (
	"context"
	"fmt"
	"time"

	"routesync/examples/lab/amqpproxy"
)

const (
	// heartbeat is that of our sessions, outside of a short round. Silence is noticed
	// after two.
	heartbeat = 5 * time.Second
	// cutBound is for what is noticed at once, and silenceBound for what is
	// noticed by its silence.
	cutBound     = 5 * time.Second
	silenceBound = 2*heartbeat + cutBound
	// saveEvery is how often the file is saved until the fault is there.
	saveEvery = 300 * time.Millisecond
	// networkRoutes are enough for a save of more than one batch.
	networkRoutes = 2500
)

// network is a proxy between a ground and its broker.
type network struct{ *amqpproxy.Proxy }

func (n *network) before(ctx context.Context, g *ground) (err error) {
	if n.Proxy, err = g.broker.Proxy(ctx, g.lab); err != nil {
		return err
	}
	url := n.URL()
	if g.short {
		url += fmt.Sprintf("?heartbeat=%.0f", g.span(heartbeat).Seconds())
	}
	g.bridgeURL, g.watchURL = url, url
	return nil
}

// end is who has the connections that break, by what stands in their names.
type end struct {
	name, conn string
	hurts      part
}

// networkFaults are those between the broker and who talks to it.
func networkFaults() []fault {
	n := &network{}
	needs := needs{variant: &variant{before: n.before}}
	var all []fault
	for _, e := range []end{{"watcher", "watch ", theWatch}, {"bridge", "bridge ", theBridge}} {
		add := func(bound time.Duration, name, what string, provoke func(context.Context, *ground) error) {
			all = append(all, fault{
				name: name, group: "network", what: what, needs: needs, bound: bound, routes: networkRoutes,
				hurts: e.hurts | theFile, provoke: provoke,
			})
		}
		for _, at := range []amqpproxy.Point{amqpproxy.Publish, amqpproxy.Confirm, amqpproxy.Deliver, amqpproxy.Ack} {
			for _, when := range []amqpproxy.When{amqpproxy.Before, amqpproxy.After} {
				add(cutBound, fmt.Sprintf("%s cut off %v its %v", e.name, when, at), "the connection ends at a drawn one, in the midst of saves",
					n.strike(amqpproxy.Rule{At: at, When: when, Do: amqpproxy.Cut(), Conn: e.conn}))
			}
			add(silenceBound, fmt.Sprintf("%v of the %s lost", at, e.name), "a drawn one never arrives, and nothing ends by that",
				n.strike(amqpproxy.Rule{At: at, Do: amqpproxy.Drop(), Conn: e.conn}))
			add(silenceBound, fmt.Sprintf("%v of the %s doubled", at, e.name), "a drawn one arrives twice",
				n.strike(amqpproxy.Rule{At: at, Do: amqpproxy.Duplicate(), Conn: e.conn}))
		}
		for _, way := range []amqpproxy.Direction{amqpproxy.ToBroker, amqpproxy.ToClient, amqpproxy.Both} {
			add(2*cutBound, fmt.Sprintf("network of the %s frozen %v", e.name, way), "nothing passes for longer than two heartbeats, and then all of it",
				n.freeze(way, e))
			add(silenceBound+heartbeat, fmt.Sprintf("network of the %s half-open %v", e.name, way), "what is sent vanishes, and so does the end of the connection; new ones are good",
				n.halfOpen(way, e))
		}
		add(silenceBound, fmt.Sprintf("broker mute right after the %s connects", e.name), "it takes the connection and says nothing more", n.muteAtOnce(e.conn))
	}
	return append(all, fault{
		name: "broker takes connections and never speaks", group: "network", needs: needs, bound: silenceBound, routes: networkRoutes,
		what:  "all connections end, and on the new ones nothing comes from the broker for longer than two heartbeats",
		hurts: theWatch | theBridge | theFile, provoke: n.neverSpeaks,
	})
}

// strike saves until the n-th of something was hit.
func (n *network) strike(r amqpproxy.Rule) func(context.Context, *ground) error {
	return func(ctx context.Context, g *ground) error {
		r.Nth = 1 + g.rand.IntN(4)
		defer n.Disarm()
		return n.savesUntil(ctx, g, n.Arm(r).Struck())
	}
}

// savesUntil saves until a rule has struck, and once more: what is hurt must be
// well again to carry that out.
func (n *network) savesUntil(ctx context.Context, g *ground, struck <-chan struct{}) error {
	again := time.NewTicker(saveEvery)
	defer again.Stop()
	for {
		if err := n.edit(g); err != nil {
			return err
		}
		select {
		case <-struck:
			return n.edit(g)
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// edit changes a few routes, or most of them.
func (n *network) edit(g *ground) error {
	return g.edit([]int{5, 50, networkRoutes}[g.rand.IntN(3)])
}

// freeze is a net that stands still.
func (n *network) freeze(way amqpproxy.Direction, e end) func(context.Context, *ground) error {
	return func(ctx context.Context, g *ground) error {
		defer n.Thaw()
		n.Freeze(way, e.conn)
		if err := n.edit(g); err != nil {
			return err
		}
		if err := n.outlast(ctx, g); err != nil {
			return err
		}
		if err := n.meanwhile(ctx, g, way, e); err != nil {
			return err
		}
		return n.edit(g)
	}
}

// meanwhile is an error if status does not say how it is while the net stands
// still. In a short round that does not last for long enough to be called silent.
func (n *network) meanwhile(ctx context.Context, g *ground, way amqpproxy.Direction, e end) error {
	if e.hurts == theBridge {
		return g.outOfReach(ctx)
	}
	if err := g.truthful(ctx); err != nil || g.short || way&amqpproxy.ToBroker == 0 {
		return err
	}
	return g.watchSilent(ctx)
}

// outlast waits until a silence must have been noticed.
func (n *network) outlast(ctx context.Context, g *ground) error {
	return wait(ctx, g.span(2*heartbeat+time.Second+time.Duration(g.rand.Int64N(int64(4*time.Second)))))
}

// halfOpen is a firewall that has forgotten the connections there are.
func (n *network) halfOpen(way amqpproxy.Direction, e end) func(context.Context, *ground) error {
	return func(ctx context.Context, g *ground) error {
		defer n.Thaw() // for new connections: these have lost something for good
		n.Mute(way, e.conn)
		if err := n.edit(g); err != nil {
			return err
		}
		if err := wait(ctx, g.span(heartbeat)); err != nil { // within which each side has spoken
			return err
		}
		return n.edit(g)
	}
}

// muteAtOnce has one of the two connections of a session go mute as soon as it is
// open, when the client itself may watch for nothing yet.
func (n *network) muteAtOnce(conn string) func(context.Context, *ground) error {
	return func(ctx context.Context, g *ground) error {
		defer n.Disarm()
		armed := n.Arm(amqpproxy.Rule{
			At: amqpproxy.Opened, Nth: 1 + g.rand.IntN(2), When: amqpproxy.After, Do: amqpproxy.Mute(amqpproxy.Both), Conn: conn,
		})
		n.Cut(conn)
		return n.savesUntil(ctx, g, armed.Struck())
	}
}

func (n *network) neverSpeaks(ctx context.Context, g *ground) error {
	defer n.Thaw()
	n.Mute(amqpproxy.ToClient, "")
	n.Cut("")
	if err := n.edit(g); err != nil {
		return err
	}
	if err := n.outlast(ctx, g); err != nil {
		return err
	}
	return n.edit(g)
}
