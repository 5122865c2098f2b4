package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"slices"
	"time"
)

// faultOptions are those of the command line.
type faultOptions struct {
	run    *regexp.Regexp
	rounds int
	seed   uint64
	list   bool
	output string
}

// faultsCommand reads the arguments after "faults"; nil if they are wrong.
func faultsCommand(args []string, stderr io.Writer) func(context.Context, *slog.Logger, io.Writer) error {
	var o faultOptions
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	flags.SetOutput(stderr)
	run := flags.String("run", "", "only the faults whose names match, or GROUP/NAME")
	flags.IntVar(&o.rounds, "rounds", 3, "how often each")
	flags.Uint64Var(&o.seed, "seed", rand.Uint64(), "of everything random: the same seed draws the same")
	flags.BoolVar(&o.list, "list", false, "list them")
	flags.StringVar(&o.output, "o", "text", "text, json or markdown")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("what is %q?", flags.Args())
		fmt.Fprintln(stderr, err)
	}
	if err == nil && !slices.Contains([]string{"text", "json", "markdown"}, o.output) {
		err = fmt.Errorf("-o is text, json or markdown, not %q", o.output)
		fmt.Fprintln(stderr, err)
	}
	if err == nil {
		o.run, err = regexp.Compile(*run)
		if err != nil {
			fmt.Fprintln(stderr, err)
		}
	}
	if err != nil {
		return nil
	}
	return func(ctx context.Context, log *slog.Logger, out io.Writer) error {
		return runFaults(ctx, log, out, stderr, o)
	}
}

// chosen are the faults to run. Those that can share a ground follow each other.
func (o *faultOptions) chosen() []fault {
	var all []fault
	for _, f := range faults() {
		if o.run.MatchString(f.name) || o.run.MatchString(f.group+"/"+f.name) {
			all = append(all, f)
		}
	}
	return all
}

func runFaults(ctx context.Context, log *slog.Logger, out, progress io.Writer, o faultOptions) error {
	chosen := o.chosen()
	if o.list {
		for _, f := range chosen {
			fmt.Fprintf(out, "%s\n    %s\n", f.name, f.what)
		}
		return nil
	}
	if len(chosen) == 0 {
		return errors.New("no fault has such a name; -list lists them")
	}
	if o.output == "text" {
		progress = out
	}
	return inArena(ctx, log, o.seed, func(a *arena) error {
		rows := a.play(ctx, chosen, o.rounds, progress)
		if err := ctx.Err(); err != nil {
			return err
		}
		fmt.Fprintln(progress)
		if err := printFaults(out, o.output, o.seed, rows); err != nil {
			return err
		}
		return summary(progress, o.seed, rows)
	})
}

// play plays faults, and tells of each as it is done.
func (a *arena) play(ctx context.Context, chosen []fault, rounds int, progress io.Writer) []row {
	var rows []row
	for i := range chosen {
		r := row{fault: &chosen[i], bound: a.boundOf(&chosen[i])}
		for n := range rounds {
			if ctx.Err() != nil {
				return rows
			}
			o := a.round(ctx, r.fault, n)
			r.outcomes = append(r.outcomes, o)
			if o.failed() {
				r.kept = a.kept
				break // its ground is gone with the logs
			}
		}
		rows = append(rows, r)
		r.tell(progress, i+1, len(chosen))
	}
	return rows
}

func (r *row) tell(out io.Writer, number, of int) {
	f := r.figures()
	word := "ok    "
	if f.Failed {
		word = "FAILED"
	}
	fmt.Fprintf(out, "%3d/%d %s %-60s %d rounds, %d lost, %d invented, %d withdrawn, converged in %v, worst %v\n", number, of, word, f.Fault,
		f.Rounds, f.Lost, f.Invented, f.Withdrawn, time.Duration(f.MedianMS)*time.Millisecond, time.Duration(f.WorstMS)*time.Millisecond)
	for _, n := range f.Notes {
		fmt.Fprintf(out, "%s\n", indent(n))
	}
	if r.kept != "" {
		fmt.Fprintf(out, "    logs: %s\n", r.kept)
	}
}

// summary is the last line, and the error if something failed.
func summary(out io.Writer, seed uint64, rows []row) error {
	rounds, failed := 0, 0
	for i := range rows {
		rounds += len(rows[i].outcomes)
		if rows[i].failed() {
			failed++
		}
	}
	fmt.Fprintf(out, "\n%d faults, %d rounds, %d failed; -seed %d draws the same\n", len(rows), rounds, failed, seed)
	if failed > 0 {
		return errSaid
	}
	return nil
}
