package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"routesync/bridge"
	"routesync/bridge/rabbit"
	"routesync/reconcile"
	"routesync/state"
)

// adoptKeys bounds the routes of one batch.
const adoptKeys = 1000

func adoptCommand(w *world, g *globalFlags, f *adoptFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "adopt [ROUTE...]",
		Short: "Make routes that others announce those of the file",
		Long: `Make routes that others announce those of the file, as they are: exaBGP is told
nothing, no peer is sent anything. Shows whose the routes are, and the plan that
would be left, and asks. ROUTE is the text that plan and status have: a prefix,
or "10.9.0.0/24 rd 65000:1" as one word.

A route that the file does not ask for is left alone: as the file's own, the
next apply would withdraw it. Routes of another file's owner are taken only with
--from. A watch for the same owner has to be stopped before.

exaBGP's own configuration goes on to announce what is in it: what was adopted
from there has to be taken out, or it is foreign again when exaBGP has started
anew.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.fromGiven = cmd.Flags().Changed("from")
			return runAdopt(cmd.Context(), w, g, f, args)
		},
	}
	addFile(cmd, &f.file)
	cmd.Flags().BoolVar(&f.wanted, "wanted", false, "all foreign routes that the file asks for")
	cmd.Flags().StringVar(&f.from, "from", "", `only routes of this owner; exabgp is for those of exaBGP itself`)
	cmd.Flags().BoolVar(&f.unwanted, "unwanted", false, "also routes that the file does not ask for, so that the next apply withdraws them")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	cmd.Flags().DurationVar(&f.timeout, "timeout", time.Minute, "how long to wait for the confirmation")
	return cmd
}

// check reads what the flags mean.
func (f *adoptFlags) check(w *world, args []string) (selection, error) {
	if err := checkTimeout(f.timeout); err != nil {
		return selection{}, err
	}
	s := selection{wanted: f.wanted, unwanted: f.unwanted, from: f.from, anyOwner: !f.fromGiven}
	for _, name := range args {
		if p, err := state.ParsePrefix(name); err == nil {
			name = p.String()
		}
		s.names = append(s.names, name)
	}
	if s.from == state.OwnerExaBGP {
		s.from = ""
	}
	switch {
	case len(args) == 0 && !f.wanted:
		return s, usage(errors.New("adopt is not told what"), "name routes, or take all that the file asks for with --wanted")
	case len(args) == 0 && f.unwanted:
		return s, usage(errors.New("--unwanted is about routes that are named"), "name them")
	case f.fromGiven && f.from == "":
		return s, usage(errors.New("--from has no owner"), "exaBGP's own routes are meant by --from exabgp")
	case f.yes:
	case f.file == stdinName:
		return s, usage(errors.New("adopt can't ask when the file is stdin"), "agree beforehand with --yes")
	case !isTerminal(w.stdin):
		return s, usage(errors.New("adopt can't ask: stdin is not a terminal"), "agree beforehand with --yes")
	}
	return s, nil
}

func runAdopt(ctx context.Context, w *world, g *globalFlags, f *adoptFlags, args []string) error {
	s, err := f.check(w, args)
	if err != nil {
		return err
	}
	cfg, err := g.broker("adopt")
	if err != nil {
		return err
	}
	whole, err := readDesired(f.file, w.stdin)
	if err != nil {
		return err
	}
	a := &adopter{undertaking: newUndertaking(w, "adopt", observer{cfg: cfg, timeout: f.timeout, log: w.log}, whole), flags: f, selection: s}
	a.record = newRecord(w, g, whole.Owner, f.file, a.me)
	defer a.record.close()
	if f.yes {
		a.agreement = givenBefore
	}
	last, err := a.run(ctx, a)
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return errInterrupted
	case last != nil:
		return &failure{code: exitUnconfirmed, err: fmt.Errorf("not confirmed within %s: %w", duration(f.timeout), last),
			hints: []string{"routesync status shows whose the routes are"}}
	}
	return a.conclude()
}

// adopter is one run of adopt.
type adopter struct {
	*undertaking
	flags     *adoptFlags
	selection selection

	record  *record
	picked  [][]adoption // in the order of the speakers
	results []adoptionResult
}

// show shows what is picked and the plan behind it.
func (a *adopter) show(seen []observation) (bool, error) {
	out := bufio.NewWriter(a.stdout)
	some, err := a.write(out, seen)
	if flushed := out.Flush(); err == nil && flushed != nil {
		err = hinted(flushed)
	}
	return some, err
}

// carryOut adopts what is picked. What was adopted over the session before is
// the file's now, and nothing to do.
func (a *adopter) carryOut(session context.Context, s *rabbit.Session, _ *clock) error {
	a.results = make([]adoptionResult, len(a.desired.Speakers))
	for i, speaker := range a.desired.Speakers {
		if len(a.picked[i]) == 0 {
			continue
		}
		var err error
		if a.results[i], err = a.adopt(session, s, speaker, a.picked[i]); err != nil {
			return fmt.Errorf("%s: %w", speaker, err)
		}
	}
	return nil
}

// adopt adopts routes at one speaker, and waits for what the bridge says.
func (a *adopter) adopt(ctx context.Context, s *rabbit.Session, speaker string, picked []adoption) (adoptionResult, error) {
	c := bridge.NewCommander(s, speaker, bridge.Mandate{Owner: a.desired.Owner, From: a.me}, a.log)
	if err := c.Open(ctx); err != nil {
		return adoptionResult{}, err
	}
	a.record.adopting(speaker, picked, a.whole.Revision)
	for _, batch := range adoptionBatches(picked, adoptKeys) {
		if err := settled(ctx, c); err != nil {
			return adoptionResult{}, err
		}
		if err := c.Adopt(ctx, batch); err != nil {
			return adoptionResult{}, err
		}
	}
	if err := settled(ctx, c); err != nil {
		return adoptionResult{}, err
	}
	a.record.adopted(speaker, picked, c.Advertised(), a.desired.Owner)
	return judge(c.Advertised(), picked, a.desired.Owner), nil
}

// settled waits until the bridge has answered everything.
func settled(ctx context.Context, sp reconcile.Speaker) error {
	for !sp.Advertised().Complete || !sp.Settled() {
		if err := sp.Await(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// conclude reports what came of it.
func (a *adopter) conclude() error {
	var all failures
	fromExaBGP := false
	for i, speaker := range a.desired.Speakers {
		r, picked := a.results[i], a.picked[i]
		if len(picked) == 0 {
			continue
		}
		if _, err := fmt.Fprintf(a.stdout, "%s: %d of %s adopted for owner %s\n", speaker, r.done, count(len(picked), "route"), a.desired.Owner); err != nil {
			return err
		}
		for _, p := range r.refused {
			all = append(all, hinted(fmt.Errorf("%s: not adopted: %w", speaker, p)))
		}
		fromExaBGP = fromExaBGP || r.done > 0 && slices.ContainsFunc(picked, func(a adoption) bool { return a.advert.Owner == "" })
	}
	if fromExaBGP {
		if _, err := fmt.Fprintln(a.stderr, strings.TrimSpace(exabgpsOwn)); err != nil {
			return err
		}
	}
	return all.err()
}
