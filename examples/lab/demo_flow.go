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
)

const (
	// flowLimit bounds the demo once everything is installed and built.
	flowLimit = time.Minute
	// lead is how long before the first end the file is saved.
	lead = 15 * time.Second
	// late is how long after its end a route may still be at the router.
	late = 2 * time.Second
	// flowTable is BIRD's table of IPv4 FlowSpec.
	flowTable = "flows"
	// birdLog is a time in BIRD's log.
	birdLog = "2006-01-02 15:04:05.000"
)

// The routes of the demo, in BIRD's words.
const (
	kept    = "203.0.113.0/24"
	victim  = "203.0.113.7/32"
	filter  = "flow4 { dst 203.0.113.7/32; proto 17; sport 53; length > 512; }"
	removed = "removed [sole] "                   // in BIRD's log
	limited = "(generic, 0x80060000, 0x49742400)" // 1,000,000 bytes a second (RFC 8955 §7.1)
)

// attack is the demo: what is said against an attack ends by itself.
type attack struct {
	*play
	blackholed, filtered time.Time // when they end
}

func demoFlow(ctx context.Context, log *slog.Logger, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, demoLimit)
	defer cancel()
	fmt.Fprintln(out, "Starting RabbitMQ, exaBGP with routesync's bridge, and BIRD as the router ...")
	s, err := newStage(ctx, log, parts()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	ctx, end := context.WithTimeout(ctx, flowLimit)
	defer end()
	if err := s.openFlow(ctx); err != nil {
		return err
	}
	a := &attack{play: &play{stage: s, out: out}}
	for _, act := range []func(context.Context) error{a.plan, a.announce, a.end, a.endAlone, a.after} {
		if err := act(ctx); err != nil {
			return fmt.Errorf("demo flow, step %d: %w", a.number, err)
		}
	}
	fmt.Fprintln(out, "\nDone. Tables and times are the router's own; all of it is stopped now.")
	return nil
}

// openFlow starts a router that has IPv4 FlowSpec, and that logs what comes and
// goes, and exaBGP.
func (s *stage) openFlow(ctx context.Context) (err error) {
	if s.router, err = s.lab.Router(ctx, rig.RouterOptions{
		Name: "r1", Address: netip.MustParseAddr("127.0.0.2"), AS: routerAS, PeerAS: speakerAS,
		Extra:     "timeformat log iso long ms;\nflow4 table " + flowTable + ";",
		PeerExtra: "debug { routes }; flow4 { table " + flowTable + "; import all; export none; validate off; };",
	}); err != nil {
		return err
	}
	neighbor := s.router.Neighbor()
	neighbor.Families = append(neighbor.Families, "ipv4 flow")
	if s.speaker, err = s.lab.Speaker(ctx, s.bridged(neighbor)); err != nil {
		return err
	}
	if err := s.router.WaitEstablished(ctx); err != nil {
		return err
	}
	_, err = s.routesync(ctx, "status", "--speaker", speaker) // waits for the bridge
	return err
}

// text is the file: both ends are whole seconds.
func (a *attack) text() string {
	a.blackholed = time.Now().Add(lead).Truncate(time.Second).UTC()
	a.filtered = a.blackholed.Add(4 * time.Second)
	return fmt.Sprintf(`version: 1
owner: noc
speakers: [%s]
guard: { allow: [documentation] }
defaults: { next-hop: 192.0.2.1 }
routes:
  - prefix: %s
  - prefix: %s
    community: [blackhole]
    expires: %s
    comment: remotely triggered blackhole, ticket 4711
flows:
  - match: { destination: %[3]s, protocol: udp, source-port: 53, packet-length: ">512" }
    then: { rate-limit: 1000000 }
    expires: %[5]s
    comment: DNS amplification, ticket 4711
`, speaker, kept, victim, a.blackholed.Format(time.RFC3339), a.filtered.Format(time.RFC3339))
}

func (a *attack) plan(ctx context.Context) error {
	a.title("An attack: a blackhole and a FlowSpec rule, each with its end in the file")
	if err := a.save(a.text()); err != nil {
		return err
	}
	if err := a.show(20); err != nil {
		return err
	}
	r, err := a.command(ctx, 2, strings.TrimSpace, "plan", "--detailed-exitcode")
	if err != nil {
		return err
	}
	for _, text := range []string{a.blackholed.Format(time.RFC3339), a.filtered.Format(time.RFC3339)} {
		if !strings.Contains(r.stdout, text) {
			return fmt.Errorf("the plan does not say what ends at %s", text)
		}
	}
	return nil
}

func (a *attack) announce(ctx context.Context) (err error) {
	a.title("routesync watch carries it out; the router has both")
	fmt.Fprintln(a.out, "$ routesync watch &")
	if a.watch, err = a.stage.watch(ctx); err != nil {
		return err
	}
	if err := a.router.WaitRoute(ctx, netip.MustParsePrefix(victim), func(r *rig.Route) bool {
		return r != nil && r.Attributes["BGP.community"] == "(65535,666)"
	}); err != nil {
		return err
	}
	if err := a.until(ctx, "the router has the rule", func() (bool, error) {
		rules, err := a.router.Show(ctx, "route", "all", "table", flowTable)
		return strings.Contains(rules, filter) && strings.Contains(rules, limited), err
	}); err != nil {
		return err
	}
	if err := a.ask(ctx, "route", "all", "table", flowTable); err != nil {
		return err
	}
	return a.ask(ctx, "route", victim, "all")
}

func (a *attack) end(ctx context.Context) error {
	a.title("Nobody does anything; the blackhole is gone at its time")
	return a.gone(ctx, victim, a.blackholed)
}

func (a *attack) endAlone(ctx context.Context) error {
	a.title("The watcher is killed with -9; the rule is gone at its time all the same")
	if err := a.watch.Kill(ctx); err != nil {
		return err
	}
	return a.gone(ctx, filter, a.filtered)
}

// gone waits until the router has removed a route, and says when that was.
func (a *attack) gone(ctx context.Context, route string, ends time.Time) error {
	fmt.Fprintf(a.out, "it is %s\n", time.Now().UTC().Format(time.RFC3339))
	var line string
	seen, err := a.during(ctx, func() error {
		return a.until(ctx, "the router has removed "+route, func() (found bool, err error) {
			line, found, err = a.logged(removed + route)
			return found, err
		})
	})
	if err != nil {
		return err
	}
	at, err := time.ParseInLocation(birdLog, line[:min(len(line), len(birdLog))], time.Local)
	if err != nil {
		return fmt.Errorf("read the router's log: %w", err)
	}
	after := at.Sub(ends)
	fmt.Fprintf(a.out, "the router's log, %d ms after the end:\n%s", after.Milliseconds(), indent(line))
	if after < 0 || after > late {
		return fmt.Errorf("%s was removed %v after its end", route, after)
	}
	return a.expect(seen, rig.Counters{Withdraws: 1})
}

// logged is the line of the router's log that says so, if there is one.
func (a *attack) logged(what string) (line string, found bool, err error) {
	log, err := os.ReadFile(a.router.Log())
	if err != nil {
		return "", false, fmt.Errorf("read the router's log: %w", err)
	}
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, what) {
			return strings.TrimSpace(line), true, nil
		}
	}
	return "", false, nil
}

func (a *attack) after(ctx context.Context) error {
	a.title("What has no end is still there, and the file asks for nothing else")
	if err := a.ask(ctx, "route", "count", "table", flowTable); err != nil {
		return err
	}
	if err := a.ask(ctx, "route", "table", "master4"); err != nil {
		return err
	}
	if err := a.router.WaitCount(ctx, 1); err != nil {
		return err
	}
	_, err := a.command(ctx, 0, strings.TrimSpace, "plan", "--detailed-exitcode")
	return err
}
