//go:build integration

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"routesync/bridge"
	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/reconcile"
	"routesync/state"
)

// by runs a command as a role.
func (g *guarded) by(role string, args ...string) result {
	g.t.Helper()
	r, err := g.routesync(g.ctx, append(args, "--amqp", g.url(role))...)
	g.must(err)
	return r
}

// TestWhoMayDoWhat: with the rights of who only looks, all that looks works, and nothing
// can be commanded, neither with a command of routesync's nor with messages of one's
// own; with those of who gives orders, orders are carried out.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	g := openGuarded(t)
	g.put("10.0.0.0/24, med: 1", "10.0.1.0/24")
	g.sees(g.router, "10.0.1.0/24", "")
	for _, args := range []string{
		"plan --detailed-exitcode", "plan --out plan.json", "snapshot -o state.json", "plan --against state.json", "status",
		"received --peer 127.0.0.2", "import --speaker " + g.name + " --owner " + owner, "history", "blame 10.0.0.0/24",
	} {
		if r := g.by("reader", strings.Fields(args)...); r.code != 0 {
			t.Errorf("routesync %s ended with %d for who only looks:\n%s%s", args, r.code, r.stdout, r.stderr)
		}
	}
	before := g.held(g.router)
	const lacks = "lacks the permission write for exchange 'rs.cmd'"
	console := []string{"console", "--speaker", g.name, "--command", "announce route 10.8.0.0/16 next-hop 192.0.2.1", "--timeout", "3s"}
	orders := []string{"pause --reason maintenance", "resume", "override withdraw@9b1d2c3f4a5b", "confirm", "revert"}
	g.quiet(g.router, func() {
		tries := [][]string{console, {"apply", "--yes", "--timeout", "3s"}}
		for _, args := range orders {
			tries = append(tries, append(strings.Fields(args), "--timeout", "3s"))
		}
		for _, args := range tries {
			r := g.by("reader", args...)
			if r.code == 0 || args[0] != "apply" && !strings.Contains(r.stdout+r.stderr, lacks) {
				t.Errorf("routesync %q ended with %d for who only looks:\n%s%s", args, r.code, r.stdout, r.stderr)
			}
		}
		g.forge()
	})
	g.untouched(g.router, before)
	if n := g.count(g.watch.Log(), "somebody else commands"); n > 0 {
		t.Error("who only looks has taken the lease")
	}
	if r := g.by("operator", console...); r.code != 0 {
		t.Errorf("the console ended with %d for who gives orders:\n%s%s", r.code, r.stdout, r.stderr)
	}
	g.sees(g.router, "10.8.0.0/16", "")
	order := func(args string) {
		t.Helper()
		if r := g.by("operator", strings.Fields(args)...); r.code != 0 {
			t.Fatalf("routesync %s ended with %d for who gives orders:\n%s%s", args, r.code, r.stdout, r.stderr)
		}
	}
	order(orders[0])
	order(orders[2])
	g.says(g.watch, "paused")
	g.put("10.0.0.0/24, med: 2")
	g.until("the watch lets go", func() bool {
		return g.by("commander", "apply", "--yes", "--confirm-within", "1m", "--timeout", "5s").code == 0
	})
	g.sees(g.router, "10.0.0.0/24", "2")
	order("confirm")
	order("resume")
	g.put("10.0.0.0/24, med: 3")
	g.sees(g.router, "10.0.0.0/24", "3")
}

// forge sends the bridge, as who only looks, everything that commands, each as good as
// that of who may: past the exchange, to the queues that it leads to.
func (g *guarded) forge() {
	g.t.Helper()
	urls, err := rabbit.ParseURLs(g.url("reader"))
	g.must(err)
	log := slog.New(slog.DiscardHandler)
	session := func(work func(context.Context, *rabbit.Session) error) error {
		ctx, cancel := context.WithTimeout(g.ctx, 20*time.Second)
		defer cancel()
		err := rabbit.New(rabbit.Config{URLs: urls, Name: "forger", Final: rabbit.Refused}, log).Run(ctx, func(ctx context.Context, s *rabbit.Session) error {
			return errors.Join(work(ctx, s), rabbit.ErrStop)
		})
		return err
	}
	var forged []rabbit.Message
	err = session(func(ctx context.Context, s *rabbit.Session) error {
		r := bridge.NewReader(s, g.name, log)
		if err := errors.Join(r.Open(ctx), reconcile.Observe(ctx, r)); err != nil {
			return err
		}
		forged = forgeries(g.name, r)
		for _, m := range forged {
			for _, queue := range []string{rabbit.RequestQueue(g.name), rabbit.CommandQueue(g.name)} {
				m.Key = queue
				if err := s.Publish(ctx, m); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if !errors.Is(err, rabbit.ErrStop) {
		g.t.Fatal(err)
	}
	g.until("all of it is refused", func() bool {
		for _, m := range forged {
			if g.count(g.stage.speaker.Log(), fmt.Sprintf("message %q is not taken", m.ID)) < 1 &&
				g.count(g.stage.speaker.Log(), fmt.Sprintf(`message \"%s\" is not taken`, m.ID)) < 1 {
				return false
			}
		}
		return true
	})
	err = session(func(ctx context.Context, s *rabbit.Session) error {
		m := forged[0]
		m.Exchange, m.Key = rabbit.CommandExchange, g.name
		return s.Publish(ctx, m)
	})
	var denied *rabbit.DeniedError
	if !errors.As(err, &denied) || denied.Permission != rabbit.Write {
		g.t.Errorf("to publish to the exchange ended with %v", err)
	}
}

// forgeries are what a commander, a console and an operator would send next.
func forgeries(speaker string, r *bridge.Reader) []rabbit.Message {
	lease := r.About().Leases[0]
	me := wire.Commander{ID: "forger", Host: "h", Verb: "apply"}
	attrs, err := state.NewAttrs(map[state.Name][]string{state.NextHop: {"192.0.2.1"}, state.MED: {"66"}})
	key := state.UnicastKey(netip.MustParsePrefix("10.0.0.0/24"), 0)
	group := wire.Group{Family: state.IPv4Unicast, Attrs: attrs, Keys: []state.Key{key}}
	var all []rabbit.Message
	add := func(kind string, body []byte, encodeErr error) {
		err = errors.Join(err, encodeErr)
		all = append(all, rabbit.Message{Type: kind, ID: fmt.Sprintf("forged-%d", len(all)), Body: body})
	}
	batch, e := wire.EncodeBatch(wire.Batch{
		Speaker: speaker, Boot: r.Boot(), Owner: lease.Owner, Epoch: lease.Epoch, Seq: lease.Applied + 1, Revision: lease.Revision, Announce: []wire.Group{group},
	})
	add(wire.TypeBatch, batch, e)
	request, e := wire.EncodeRequest(wire.Request{Kind: wire.RequestLease, Owner: lease.Owner, From: me, Revision: state.Revision{Digest: "00", Changed: time.Now().UnixMilli()}})
	add(wire.TypeRequest, request, e)
	alive, e := wire.EncodeRequest(wire.Request{Kind: wire.RequestAlive, Owner: lease.Owner, From: lease.Holder, Revision: state.Revision{Digest: "00", Changed: time.Now().UnixMilli()}})
	add(wire.TypeRequest, alive, e)
	typed, e := wire.EncodeTyped(wire.Typed{
		Speaker: speaker, From: me, Seq: 1, At: time.Now().UnixMilli(),
		Commands: []wire.Command{{Attrs: attrs, Keys: []state.Key{state.UnicastKey(netip.MustParsePrefix("10.66.0.0/24"), 0)}}},
	})
	add(wire.TypeTyped, typed, e)
	order, e := wire.EncodeOrder(wire.Order{Speaker: speaker, ID: "forged", Kind: wire.OrderPause, Owner: lease.Owner, From: me, Reason: "forged"})
	add(wire.TypeOrder, order, e)
	if err != nil {
		panic(err)
	}
	return all
}

// TestCommandExchangeDeleted: the exchange that commands come by is deleted, of which
// nobody is told; a save arrives all the same, with nobody having more rights than it
// needs.
func TestCommandExchangeDeleted(t *testing.T) {
	t.Parallel()
	g := openGuarded(t)
	_, err := shared.broker.Ctl(g.ctx, "eval", fmt.Sprintf(`rabbit_exchange:delete(rabbit_misc:r(<<"%s">>, exchange, <<"rs.cmd">>), false, <<"lab">>).`, g.vhost))
	g.must(err)
	g.withoutWithdraw(g.router, func() {
		g.within(30*time.Second, "a save after it", func() {
			g.put("10.0.0.0/24, med: 1", "10.0.1.0/24")
			g.sees(g.router, "10.0.1.0/24", "")
		})
	})
	g.until("nothing is wrong any more", func() bool {
		r := g.look()
		return r.code == 0 && !strings.Contains(r.stdout, "condition")
	})
}
