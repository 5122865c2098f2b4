package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"routesync/examples/lab/figures"
	"routesync/examples/lab/rig"
	"routesync/examples/lab/table"
)

// benchLimit bounds the whole bench. It takes half an hour on two cores that have
// nothing else to do.
const benchLimit = 4 * time.Hour

// What hangs is to fail by itself: these are far more than anything takes, a round
// of one experiment and a step of it. With a small table a tenth of it does.
const (
	roundMost = 30 * time.Minute
	stepMost  = 6 * time.Minute
)

//go:embed classic/*.py
var classicSources embed.FS

// benchOptions are those of the command line.
type benchOptions struct {
	n      int // routes of the big table
	rounds int // that count
	warm   int // that do not
	output string
	plot   string
	run    *regexp.Regexp
}

// bench measures systems side by side: one broker for all, and for each round
// an exaBGP and a router of its own, so that none finds what another left.
type bench struct {
	benchOptions
	lab     *rig.Lab
	broker  *rig.Broker
	binary  string // routesync
	sources string // folder of the Python sources
	table   []netip.Prefix
	report  *figures.Report
	says    io.Writer // what it does just now
	round   int       // from 1; up to 0 what is measured is dropped
	lanes   int
	// firehoses is how often the broker was listened to.
	firehoses int
}

// benchCommand reads the arguments after "bench"; nil if they are wrong.
func benchCommand(args []string, stderr io.Writer) func(context.Context, *slog.Logger, io.Writer) error {
	o := benchOptions{warm: 1}
	run := ""
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.n, "n", math.MaxInt, "how many routes the big table has, all of the Internet's by default; smaller work has no more either")
	flags.IntVar(&o.rounds, "rounds", 5, "how often each system does the work, beside once to warm up")
	flags.StringVar(&o.output, "o", "text", "text, json or markdown")
	flags.StringVar(&o.plot, "plot", "", "file to draw the figures into, as SVG")
	flags.StringVar(&run, "run", "", "regular expression of the rows to measure")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("what is %q?", flags.Args())
	}
	if err == nil && (o.n < benchFew || o.rounds < 1) {
		err = fmt.Errorf("at least %d routes and a round", benchFew)
	}
	if err == nil && o.show(&figures.Report{}) == nil {
		err = fmt.Errorf("-o %s is not text, json or markdown", o.output)
	}
	if err == nil {
		o.run, err = regexp.Compile(run)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return nil
	}
	return func(ctx context.Context, log *slog.Logger, out io.Writer) error {
		report, err := measure(ctx, log, o, stderr)
		if err != nil {
			return err
		}
		return o.write(report, out)
	}
}

// show is how the report is to be shown; nil if there is no such way.
func (o benchOptions) show(r *figures.Report) func(io.Writer) error {
	return map[string]func(io.Writer) error{"text": r.Text, "json": r.JSON, "markdown": r.Markdown}[o.output]
}

// write shows the report. Rows that failed are in it, and an error all the same.
func (o benchOptions) write(r *figures.Report, out io.Writer) (err error) {
	if o.plot != "" {
		f, err := os.Create(o.plot)
		if err != nil {
			return fmt.Errorf("draw the figures: %w", err)
		}
		if err := errors.Join(r.Plot(f), f.Close()); err != nil {
			return err
		}
	}
	if err := o.show(r)(out); err != nil {
		return err
	}
	for _, row := range r.Rows {
		if len(row.Faults) > 0 {
			return fmt.Errorf("%s: %s", row.Name, row.Faults[0])
		}
	}
	return nil
}

// measure runs what the options ask for.
func measure(ctx context.Context, log *slog.Logger, o benchOptions, says io.Writer) (_ *figures.Report, err error) {
	ctx, cancel := context.WithTimeout(ctx, benchLimit)
	defer cancel()
	if err := rig.Install(ctx, log); err != nil {
		return nil, err
	}
	b := &bench{benchOptions: o, says: says}
	if b.lab, err = rig.New(ctx, rig.Options{Log: log}); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.lab.Close()) }()
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	for _, e := range experiments() {
		for b.round = 1 - b.warm; b.round <= b.rounds && b.wants(e.rows...); b.round++ {
			fmt.Fprintf(says, "%s: round %d of %d\n", strings.Join(e.rows, ", "), b.round, b.rounds)
			b.try(ctx, e.rows, roundMost, func(ctx context.Context) error { return e.run(ctx, b) })
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
	}
	return b.report, nil
}

func (b *bench) prepare(ctx context.Context) (err error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	if b.binary, err = build(ctx, b.lab.Dir()); err != nil {
		return err
	}
	b.sources = filepath.Join(b.lab.Dir(), "classic")
	if err := os.CopyFS(b.lab.Dir(), classicSources); err != nil {
		return fmt.Errorf("write the classic system: %w", err)
	}
	made := ""
	if b.table, err = table.Read(filepath.Join(root, "..", "shared", "data", "full-table.txt.gz")); errors.Is(err, os.ErrNotExist) {
		b.table, made, err = table.Generate(), ", made up with its lengths", nil
	}
	if err != nil {
		return err
	}
	b.table = table.Some(b.table, b.n)
	if b.broker, err = b.lab.Broker(ctx); err != nil {
		return err
	}
	if b.report, err = b.newReport(ctx, root); err != nil {
		return err
	}
	b.report.Notes = append(b.report.Notes, fmt.Sprintf("The table is %s prefixes of the Internet's%s.", figures.Count(len(b.table)), made))
	return nil
}

// wants says whether any of the rows is asked for.
func (b *bench) wants(rows ...string) bool {
	for _, name := range rows {
		if b.run.MatchString(name) {
			return true
		}
	}
	return false
}

// add keeps a sample, but for those of the warm-up.
func (b *bench) add(row, system string, sample float64) {
	fmt.Fprintf(b.says, "  %s: %s: %.4g\n", row, system, sample)
	if r := b.report.Row(row); r != nil && b.round > 0 {
		r.Add(system, sample)
	}
}

func (b *bench) addTime(row, system string, d time.Duration) {
	b.add(row, system, float64(d)/float64(time.Millisecond))
}

// try runs what some rows need, if they are asked for, and notes its failure with
// them: the others go on.
func (b *bench) try(ctx context.Context, rows []string, limit time.Duration, f func(context.Context) error) {
	if !b.wants(rows...) {
		return
	}
	if b.small() {
		limit /= 10
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := f(ctx)
	if err == nil {
		return
	}
	fmt.Fprintf(b.says, "  FAILED: %s: %v\n", strings.Join(rows, ", "), err)
	first, _, _ := strings.Cut(err.Error(), "\n")
	for _, name := range rows {
		if r := b.report.Row(name); r != nil {
			r.Faults = append(r.Faults, fmt.Sprintf("round %d: %s", b.round, first))
		}
	}
}

// big is the whole table. To warm up, a tenth of it does.
func (b *bench) big() []netip.Prefix {
	if b.round > 0 {
		return b.table
	}
	return b.some(len(b.table) / 10)
}

// some are n prefixes of the table, or all if it has no more.
func (b *bench) some(n int) []netip.Prefix { return table.Some(b.table, max(n, benchFew)) }

// some4 are n of IPv4. In its own configuration exaBGP 4.2.21 can't have an IPv6 /32
// beside a neighbor of IPv4: it shares the netmask, of which the last user says how
// long an address is, and takes the neighbor for a range (protocol/ip/netmask.py).
func (b *bench) some4(n int) []netip.Prefix {
	return table.Some(slices.DeleteFunc(slices.Clone(b.table), func(p netip.Prefix) bool { return p.Addr().Is6() }), n)
}

// small says that the run is to see that all of it works, not for its figures.
func (b *bench) small() bool { return len(b.table) < 100_000 }
