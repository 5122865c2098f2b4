package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"routesync/examples/lab/rig"
)

const (
	prompt = speaker + "> " // the console's
	// stepLimit bounds a step of the session; the longest is exaBGP's next
	// attempt to connect.
	stepLimit = 20 * time.Second
)

// session is the original system's session: commands are typed at one terminal,
// and routes that the router announces are shown at another, or at the same.
type session struct {
	*play
	prompt       string // of the program that is typed to
	typed, shown *rig.Terminal
}

func demoConsole(ctx context.Context, log *slog.Logger, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, demoLimit)
	defer cancel()
	fmt.Fprintln(out, "Starting RabbitMQ, and the exaBGP and the BIRD of examples/ibgp on loopback ...")
	s, err := newStage(ctx, log, append(parts(), rig.Tmux)...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.openIBGP(ctx, s.bridgeSwap()); err != nil {
		return err
	}
	console, err := s.lab.Terminal(ctx, "console", s.dir, s.env(), s.binary, "console", "--speaker", speaker)
	if err != nil {
		return err
	}
	if err := console.WaitScreen(ctx, prompt); err != nil {
		return err
	}
	c := &session{play: &play{stage: s, out: out}, prompt: prompt, typed: console, shown: console}
	for _, act := range []func(context.Context) error{c.up, c.announce, c.withdraw, c.learn, c.unlearn, c.foreign, c.leave} {
		if err := c.step(ctx, act); err != nil {
			return fmt.Errorf("demo console, step %d: %w", c.number, err)
		}
	}
	fmt.Fprintln(out, "\nDone. Every screen is the terminal's and every table the router's; all of it is stopped now.")
	return nil
}

// step bounds an act: what does not come within seconds does not come.
func (c *session) step(ctx context.Context, act func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	return act(ctx)
}

// both shows what is on the terminals, and what the router holds.
func (c *session) both(ctx context.Context) error {
	terminals := []*rig.Terminal{c.typed}
	if c.shown != c.typed {
		terminals = append(terminals, c.shown)
	}
	for _, t := range terminals {
		screen, err := t.Screen(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.out, "the terminal of %s:\n%s", t.Name, indent(screen))
	}
	return c.ask(ctx, "route")
}

// received waits until the terminal shows what the router said.
func (c *session) received(ctx context.Context, routes ...string) error {
	for _, route := range routes {
		if err := c.shown.WaitScreen(ctx, "[recv]"+route); err != nil {
			return err
		}
	}
	return nil
}

// routed waits until the router holds a prefix from exaBGP, with the next hop.
func (c *session) routed(ctx context.Context, prefix string) error {
	return c.router.WaitRoute(ctx, netip.MustParsePrefix(prefix), func(r *rig.Route) bool {
		return r != nil && r.NextHop == netip.MustParseAddr(hop)
	})
}

// The routes of the session; own is in exaBGP's configuration.
const (
	own     = "203.0.113.0/24"
	asked   = "1.1.0.0/24"
	hop     = "192.168.41.2"
	learned = "192.168.41.6/32"
)

func (c *session) up(ctx context.Context) error {
	c.title("The session comes up: the router's static routes arrive, exaBGP's own is at the router")
	if err := c.startRouter(ctx); err != nil {
		return err
	}
	if err := c.received(ctx, "announce 192.168.41.4/32", "announce 192.168.41.5/32"); err != nil {
		return err
	}
	if err := c.routed(ctx, own); err != nil {
		return err
	}
	fmt.Fprintln(c.out, "(next hops are unreachable here: 192.168.41.0/30 is not on this machine)")
	return c.both(ctx)
}

func (c *session) announce(ctx context.Context) error {
	c.title("An announce is typed")
	if err := c.typed.Line(ctx, "announce route "+asked+" next-hop "+hop); err != nil {
		return err
	}
	if err := c.routed(ctx, asked); err != nil {
		return err
	}
	return c.both(ctx)
}

func (c *session) withdraw(ctx context.Context) error {
	c.title("The withdraw is typed")
	if err := c.typed.Line(ctx, "withdraw route "+asked+" next-hop "+hop); err != nil {
		return err
	}
	if err := c.router.WaitRoute(ctx, netip.MustParsePrefix(asked), func(r *rig.Route) bool { return r == nil }); err != nil {
		return err
	}
	return c.both(ctx)
}

// The line that a person adds to bird.conf, behind one that is there.
const (
	staticBefore = "    route 192.168.41.5/32 blackhole;\n"
	staticAdded  = "    route " + learned + " blackhole;\n"
)

func (c *session) learn(ctx context.Context) error {
	c.title("A static route is added to the router")
	fmt.Fprint(c.out, "bird.conf has one line more; birdc configure:\n", indent(staticAdded))
	if err := c.router.Reconfigure(ctx, func(conf string) string {
		return strings.Replace(conf, staticBefore, staticBefore+staticAdded, 1)
	}); err != nil {
		return err
	}
	if err := c.received(ctx, "announce "+learned); err != nil {
		return err
	}
	return c.both(ctx)
}

func (c *session) unlearn(ctx context.Context) error {
	c.title("It is removed again")
	if err := c.router.Reconfigure(ctx, func(conf string) string {
		return strings.Replace(conf, staticAdded, "", 1)
	}); err != nil {
		return err
	}
	if err := c.received(ctx, "withdraw "+learned); err != nil {
		return err
	}
	return c.both(ctx)
}

// ownIsForeign is how routesync status tells of a route that nobody asked it for.
const ownIsForeign = "1 route of exaBGP itself"

func (c *session) foreign(ctx context.Context) error {
	c.title("The route of exaBGP's own configuration is foreign, and was left alone")
	if err := c.typed.Line(ctx, "show foreign"); err != nil {
		return err
	}
	if err := c.typed.WaitScreen(ctx, own); err != nil {
		return err
	}
	if err := c.both(ctx); err != nil {
		return err
	}
	r, err := c.command(ctx, 0, strings.TrimSpace, "status", "--speaker", speaker)
	if err != nil {
		return err
	}
	if !strings.Contains(r.stdout, ownIsForeign) {
		return fmt.Errorf("routesync status does not say %q", ownIsForeign)
	}
	return c.routed(ctx, own)
}

func (c *session) leave(ctx context.Context) error {
	c.title("^D ends it; nothing moves")
	before, err := c.router.Updates(ctx)
	if err != nil {
		return err
	}
	if err := c.typed.WaitScreen(ctx, c.prompt); err != nil {
		return err
	}
	if err := c.typed.Key(ctx, "C-d"); err != nil {
		return err
	}
	status, err := c.typed.WaitExit(ctx)
	if err != nil {
		return err
	}
	if status != 0 {
		return fmt.Errorf("%s ended with %d", c.typed.Name, status)
	}
	after, err := c.router.Updates(ctx)
	if err != nil {
		return err
	}
	return c.expect(after.Sub(before), rig.Counters{})
}
