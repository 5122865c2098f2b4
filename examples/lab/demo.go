package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"time"

	"routesync/examples/lab/rig"
	"routesync/examples/lab/table"
)

// demoLimit bounds the whole demo.
const demoLimit = 3 * time.Minute

// play is the demo: what it says goes to a person, what it checks is asked of
// the router.
type play struct {
	*stage
	out    io.Writer
	routes []netip.Prefix
	watch  *rig.Program
	number int
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
	p := &play{stage: s, out: out, routes: table.Sample(3000, 1000)}
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

func (p *play) title(format string, args ...any) {
	p.number++
	fmt.Fprintf(p.out, "\n== %d. %s\n", p.number, fmt.Sprintf(format, args...))
}

// command shows and runs a command of routesync, and expects an exit code.
func (p *play) command(ctx context.Context, code int, show func(string) string, args ...string) (result, error) {
	fmt.Fprintf(p.out, "$ routesync %s\n", strings.Join(args, " "))
	r, err := p.routesync(ctx, args...)
	if err != nil {
		return r, err
	}
	fmt.Fprint(p.out, indent(show(r.stderr+r.stdout)))
	if r.code != code {
		return r, fmt.Errorf("routesync %s ended with %d, not %d:\n%s%s", strings.Join(args, " "), r.code, code, r.stderr, r.stdout)
	}
	return r, nil
}

// ask shows what the router says.
func (p *play) ask(ctx context.Context, args ...string) error {
	fmt.Fprintf(p.out, "router> show %s\n", strings.Join(args, " "))
	text, err := p.router.Show(ctx, args...)
	if err != nil {
		return err
	}
	fmt.Fprint(p.out, indent(text))
	return nil
}

// during runs what f does and returns how many routes the router was sent and
// had withdrawn meanwhile.
func (p *play) during(ctx context.Context, f func() error) (rig.Counters, error) {
	before, err := p.router.Updates(ctx)
	if err != nil {
		return before, err
	}
	if err := f(); err != nil {
		return before, err
	}
	after, err := p.router.Updates(ctx)
	return after.Sub(before), err
}

func (p *play) expect(got, want rig.Counters) error {
	fmt.Fprintf(p.out, "the router saw %d announced and %d withdrawn\n", got.Updates, got.Withdraws)
	if got != want {
		return fmt.Errorf("the router saw %+v, not %+v", got, want)
	}
	return nil
}

// changed is the route that the demo plays with.
func (p *play) changed() netip.Prefix { return p.routes[0] }

func (p *play) apply(ctx context.Context) error {
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

// show prints the first lines of routes.yaml.
func (p *play) show(lines int) error {
	text, err := os.ReadFile(p.file())
	if err != nil {
		return fmt.Errorf("show the file: %w", err)
	}
	fmt.Fprint(p.out, "$ head routes.yaml\n", indent(ends(lines, 0)(string(text))))
	return nil
}

func (p *play) change(ctx context.Context) (err error) {
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

func (p *play) remove(ctx context.Context) error {
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

func (p *play) typo(ctx context.Context) error {
	p.title("A save with a typo: nothing moves, and the error names the place")
	seen, err := p.during(ctx, func() error {
		if err := p.save(table.YAML(speaker, p.routes, "  - prefix: 10.0.300.0/24\n    next-hop: 192.0.2.1\n")); err != nil {
			return err
		}
		return p.watch.WaitWrote(ctx, "routes.yaml:5:13")
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

func (p *play) death(ctx context.Context) error {
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

func (p *play) nothing(ctx context.Context) error {
	p.title("A plan finds nothing to do, and the route of exaBGP's own configuration was left alone")
	if _, err := p.command(ctx, 0, strings.TrimSpace, "plan", "--detailed-exitcode"); err != nil {
		return err
	}
	if _, err := p.command(ctx, 0, strings.TrimSpace, "status"); err != nil {
		return err
	}
	return p.watch.Stop(ctx)
}

func indent(text string) string {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return ""
	}
	return "    " + strings.ReplaceAll(text, "\n", "\n    ") + "\n"
}

// ends shortens a text to its first and last lines.
func ends(first, last int) func(string) string {
	return func(text string) string {
		lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
		if len(lines) <= first+last+1 {
			return text
		}
		cut := fmt.Sprintf("... %d more lines ...", len(lines)-first-last)
		short := append(append(lines[:first:first], cut), lines[len(lines)-last:]...)
		return strings.Join(short, "\n")
	}
}

// from is a text from the line on in which mark stands.
func from(text, mark string) string {
	i := strings.LastIndex(text, mark)
	if i < 0 {
		return text
	}
	return text[i:]
}
