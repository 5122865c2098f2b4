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
	"routesync/examples/lab/table"
)

// demoLimit bounds the whole demo.
const demoLimit = 3 * time.Minute

// edits is the demo of a file that is edited, and of what may go wrong.
type edits struct {
	*play
	routes []netip.Prefix
}

func demo(ctx context.Context, log *slog.Logger, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, demoLimit)
	defer cancel()
	fmt.Fprintln(out, "Starting RabbitMQ, exaBGP with routesync's bridge, and BIRD as the router ...")
	s, err := openStage(ctx, log, "route 203.0.113.0/24 next-hop 192.0.2.254")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	p := &edits{play: &play{stage: s, out: out}, routes: table.Sample(3000, 1000)}
	for _, act := range []func(context.Context) error{
		p.apply, p.change, p.remove, p.typo, p.death, p.nothing,
	} {
		if err := act(ctx); err != nil {
			return fmt.Errorf("demo, step %d: %w", p.number, err)
		}
	}
	fmt.Fprintln(out, "\nDone. Every table and count was read from the router; all of it is stopped now.")
	return nil
}

// changed is the route that the demo plays with.
func (p *edits) changed() netip.Prefix { return p.routes[0] }

func (p *edits) apply(ctx context.Context) error {
	p.title("A file with %d routes of the Internet's table, and the first apply", len(p.routes))
	if err := p.save(table.YAML(speaker, p.routes, "")); err != nil {
		return err
	}
	if err := p.show(6); err != nil {
		return err
	}
	if _, err := p.command(ctx, 2, ends(3, 2), "plan", "--detailed-exitcode"); err != nil {
		return err
	}
	if _, err := p.command(ctx, 0, ends(0, 3), "apply", "--yes"); err != nil {
		return err
	}
	if err := p.ask(ctx, "route", "count"); err != nil {
		return err
	}
	if err := p.router.WaitCount(ctx, len(p.routes)+1); err != nil { // one is exaBGP's own
		return err
	}
	return p.ask(ctx, "route", p.changed().String(), "all")
}

func (p *edits) change(ctx context.Context) (err error) {
	p.title("routesync watch keeps the file; a save changes one attribute of one route")
	fmt.Fprintln(p.out, "$ routesync watch &")
	if p.watch, err = p.stage.watch(ctx); err != nil {
		return err
	}
	if err := p.watch.WaitWrote(ctx, "converged"); err != nil {
		return err
	}
	seen, err := p.during(ctx, func() error {
		start := time.Now()
		extra := fmt.Sprintf("  - prefix: %s\n    next-hop: 192.0.2.1\n    med: 50\n", p.changed())
		if err := p.save(table.YAML(speaker, p.routes[1:], extra)); err != nil {
			return err
		}
		err := p.router.WaitRoute(ctx, p.changed(), func(r *rig.Route) bool { return r != nil && r.Attributes["BGP.med"] == "50" })
		fmt.Fprintf(p.out, "saved; the router had it after %d ms\n", time.Since(start).Milliseconds())
		return err
	})
	if err != nil {
		return err
	}
	if err := p.expect(seen, rig.Counters{Updates: 1}); err != nil {
		return err
	}
	return p.ask(ctx, "route", p.changed().String(), "all")
}

func (p *edits) remove(ctx context.Context) error {
	p.title("A save removes that route")
	p.routes = p.routes[1:]
	gone := netip.Prefix{}
	seen, err := p.during(ctx, func() error {
		removed, err := p.router.Routes(ctx)
		if err != nil {
			return err
		}
		for _, r := range removed {
			if r.Attributes["BGP.med"] == "50" {
				gone = r.Prefix
			}
		}
		if err := p.save(table.YAML(speaker, p.routes, "")); err != nil {
			return err
		}
		return p.router.WaitRoute(ctx, gone, func(r *rig.Route) bool { return r == nil })
	})
	if err != nil {
		return err
	}
	if err := p.expect(seen, rig.Counters{Withdraws: 1}); err != nil {
		return err
	}
	return p.ask(ctx, "route", "count")
}

func (p *edits) typo(ctx context.Context) error {
	p.title("A save with a typo: nothing moves, and the error names the place")
	seen, err := p.during(ctx, func() error {
		if err := p.save(table.YAML(speaker, p.routes, "  - prefix: 10.0.300.0/24\n    next-hop: 192.0.2.1\n")); err != nil {
			return err
		}
		return p.watch.WaitWrote(ctx, "routes.yaml:6:13")
	})
	if err != nil {
		return err
	}
	log, err := p.watch.Wrote()
	if err != nil {
		return err
	}
	fmt.Fprint(p.out, "watch says:\n", indent(from(log, "error: ")))
	if err := p.expect(seen, rig.Counters{}); err != nil {
		return err
	}
	return p.save(table.YAML(speaker, p.routes, ""))
}

func (p *edits) death(ctx context.Context) error {
	p.title("The bridge is killed with -9: no route moves, and the next save still converges")
	seen, err := p.during(ctx, func() error {
		before, err := p.speaker.BridgePID(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "$ kill -9 %d\n", before)
		if err := p.speaker.KillBridge(ctx); err != nil {
			return err
		}
		after, err := p.speaker.NextBridgePID(ctx, before)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "exaBGP has started it again as %d\n", after)
		return nil
	})
	if err != nil {
		return err
	}
	if seen.Withdraws != 0 {
		return fmt.Errorf("the router saw %d withdraws", seen.Withdraws)
	}
	extra := netip.MustParsePrefix("198.51.100.0/24")
	if err := p.save(table.YAML(speaker, p.routes, fmt.Sprintf("  - prefix: %s\n    next-hop: 192.0.2.1\n", extra))); err != nil {
		return err
	}
	before, err := p.router.Updates(ctx)
	if err != nil {
		return err
	}
	if err := p.router.WaitRoute(ctx, extra, func(r *rig.Route) bool { return r != nil }); err != nil {
		return err
	}
	after, err := p.router.Updates(ctx)
	if err != nil {
		return err
	}
	if w := after.Sub(before).Withdraws; w != 0 {
		return fmt.Errorf("the router saw %d withdraws", w)
	}
	fmt.Fprintln(p.out, "saved one more route; the router saw no withdraw, and has it:")
	return p.ask(ctx, "route", extra.String())
}

func (p *edits) nothing(ctx context.Context) error {
	p.title("A plan finds nothing to do, and the route of exaBGP's own configuration was left alone")
	if _, err := p.command(ctx, 0, strings.TrimSpace, "plan", "--detailed-exitcode"); err != nil {
		return err
	}
	if _, err := p.command(ctx, 0, strings.TrimSpace, "status"); err != nil {
		return err
	}
	return p.watch.Stop(ctx)
}
