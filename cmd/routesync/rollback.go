package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"routesync/reconcile/history"
	"routesync/state"
	"routesync/state/routefile"
)

type rollbackFlags struct {
	historyFlags
	speakers  []string
	yes       bool
	wait      string
	timeout   time.Duration
	overrides []string
	guards    []string
}

func rollbackCommand(w *world, g *globalFlags, f *rollbackFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollback N",
		Short: "Go back to the routes that were in force after an entry of the history",
		Long: `Go back to the routes that were in force after an entry of the history: shows the
plan, asks, and carries it out, as apply does. With -o FILE it writes a file that
asks for them instead, and sends nothing.

What has expired is not brought back. Nor are routes that were still to start: the
history has what was announced. Routes that no entry has are left as they are.

While a watch keeps a file, that has to change: it says what, and -o FILE writes
a file to put in its place. After a rollback the file is older than what is in
force, and is refused until it is changed or touched.`,
		Args: numbersOf("rollback", 1),
		RunE: func(cmd *cobra.Command, args []string) error { return runRollback(cmd.Context(), w, g, f, args[0]) },
	}
	cmd.Flags().StringVarP(&f.file, "file", "f", defaultFile, "the file of the owner that is meant, whose guards hold")
	cmd.Flags().StringVar(&f.owner, "owner", "", "the owner that is meant; if not given, that of the file, or the only one that has a history")
	cmd.Flags().StringVarP(&f.output, "output", "o", outputText, "text, json, or the file to write, which must not be there yet and ends in .yaml or .yml")
	cmd.Flags().StringSliceVar(&f.speakers, "speaker", nil, "only at these speakers")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	addOverride(cmd, &f.overrides)
	addGuard(cmd, &f.guards)
	cmd.Flags().StringVar(&f.wait, "wait", state.Sent.String(), "wait until routes are accepted by exaBGP, or sent to the peers")
	cmd.Flags().DurationVar(&f.timeout, "timeout", time.Minute, "how long to wait for the confirmation")
	return cmd
}

// again is the command line, without what asks nothing and overrides.
func (f *rollbackFlags) again(entry string) []string {
	words := []string{"routesync", "rollback", shellWord(entry), "-f", shellWord(f.file)}
	if f.owner != "" {
		words = append(words, "--owner", shellWord(f.owner))
	}
	if len(f.speakers) > 0 {
		words = append(words, "--speaker", shellWord(strings.Join(f.speakers, ",")))
	}
	return append(words, guardWords(f.guards)...)
}

// writes is the file that is to be written; "" for none.
func (f *rollbackFlags) writes() string {
	if ext := filepath.Ext(f.output); ext == ".yaml" || ext == ".yml" {
		return f.output
	}
	return ""
}

// rollback is one run.
type rollback struct {
	*world
	flags   *rollbackFlags
	apply   *applyFlags
	number  int
	file    *state.Desired // the file of the owner; nil if there is none
	guards  *state.Policy  // that were given by flag; nil for none
	policy  *state.Policy  // of the file, with them; nil for the default one
	targets []*goal
}

// goal is what some speakers go back to.
type goal struct {
	desired *state.Desired
	// known is what is said of it, of each speaker.
	known map[string]history.Restored
}

func runRollback(ctx context.Context, w *world, g *globalFlags, f *rollbackFlags, text string) error {
	b := &rollback{world: w, flags: f, apply: &applyFlags{file: "entry " + text, output: f.output, yes: f.yes, wait: f.wait, timeout: f.timeout, overrides: f.overrides, guards: f.guards, instead: f.again(text)}}
	read := f.historyFlags
	if path := f.writes(); path != "" {
		read.output, b.apply.output = outputText, outputText
		b.apply.yes = true // it asks nothing
		if err := absent(path, "rollback"); err != nil {
			return err
		}
	}
	grade, err := b.apply.check(w)
	if err != nil {
		return err
	}
	overrides, err := b.apply.checkOverrides()
	if err != nil {
		return err
	}
	if b.guards, err = checkGuards(f.guards); err != nil {
		return err
	}
	s, err := read.open(w, g)
	if err != nil {
		return err
	}
	if b.number, err = parseEntry(s, text); err != nil {
		return err
	}
	b.apply.file = fmt.Sprintf("entry %d", b.number)
	if err := b.readFile(s.Owner()); err != nil {
		return err
	}
	cfg, err := g.broker("rollback")
	if err != nil {
		return err
	}
	seen := observer{cfg: cfg, timeout: f.timeout, log: w.log, hasty: true, past: newPast(w, g, s.Owner())}
	if err := b.restore(ctx, s, seen); err != nil {
		return err
	}
	if err := b.sayUnknown(); err != nil {
		return err
	}
	if path := f.writes(); path != "" {
		return b.write(path)
	}
	if f.output == outputJSON && len(b.targets) > 1 {
		return usage(errors.New("the speakers had different routes, and json is of one plan"), "name one with --speaker")
	}
	var all failures
	for _, t := range b.targets {
		seen.hasty = false
		a := newApplier(newUndertaking(w, "roll back", seen, t.desired), b.apply, grade)
		a.me.Verb, a.overrides = "rollback", overrides
		if f.yes {
			a.agreement = givenBefore
		}
		r := newRecord(w, g, s.Owner(), "", a.me)
		if r != nil {
			r.head.Rollback = b.number
		}
		if err := a.do(ctx, r); err != nil {
			all = append(all, b.instead(t, err)...)
		}
	}
	if len(all) == 0 {
		return b.sayOlder()
	}
	return all
}

// readFile reads the file of the owner, if there is one: its guards hold. One that is
// faulty may be why somebody goes back, and what it protects is not given up for that.
func (b *rollback) readFile(owner string) error {
	d, err := readDesired(b.flags.file, b.stdin)
	switch {
	case err == nil && d.Owner == owner:
		b.file = d
		b.policy, err = tighten(d.Policy, "the guards of "+fileName(b.flags.file), b.guards)
		return err
	case err == nil || errors.Is(err, fs.ErrNotExist) && b.flags.file == defaultFile:
		if b.policy, err = tighten(nil, "the default guards", b.guards); err != nil {
			return err
		}
		_, err := fmt.Fprintf(b.stderr, "warning: there is no file of owner %s here, so the default guards hold; its file is given with -f\n", owner)
		return err
	}
	return failures{err, hinted(fmt.Errorf("the guards of %s are not known, and nothing was sent", fileName(b.flags.file)),
		"mend it, or give the last good one with -f")}
}

// restore looks what the speakers advertise, and makes what they go back to. Those that
// go back to the same are one target.
func (b *rollback) restore(ctx context.Context, s *history.Store, o observer) error {
	all, err := s.PastsAfter(b.number)
	if err != nil {
		return hinted(err, damagedHint)
	}
	pasts := all[0]
	speakers := b.flags.speakers
	if len(speakers) == 0 {
		speakers = slices.Sorted(maps.Keys(pasts))
	}
	for _, name := range speakers {
		if pasts[name] == nil {
			return usage(fmt.Errorf("the history has nothing of speaker %s", name), "routesync history lists what there is")
		}
	}
	if len(speakers) == 0 {
		return hinted(errors.New("no entry changed a route"))
	}
	seen, err := o.look(ctx, speakers)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, x := range seen {
		r := pasts[x.speaker].Restore(s.Owner(), x.advertised, now.UnixMilli())
		d := &state.Desired{Owner: s.Owner(), Speakers: []string{x.speaker}, Routes: r.Routes, Policy: b.policy}
		d.Revision = state.Revision{Digest: d.Digest(), Changed: now.UnixMilli()}
		i := slices.IndexFunc(b.targets, func(t *goal) bool { return t.desired.Revision == d.Revision })
		if i < 0 {
			b.targets = append(b.targets, &goal{desired: d, known: map[string]history.Restored{x.speaker: r}})
			continue
		}
		b.targets[i].desired.Speakers = append(b.targets[i].desired.Speakers, x.speaker)
		b.targets[i].known[x.speaker] = r
	}
	return nil
}

// sayUnknown says which part of what was asked for can't be done, or is not known.
func (b *rollback) sayUnknown() error {
	for _, t := range b.targets {
		for _, speaker := range t.desired.Speakers {
			for _, text := range unknownTexts(t.known[speaker]) {
				if _, err := fmt.Fprintf(b.stderr, "warning: %s: %s\n", speaker, text); err != nil {
					return hinted(err)
				}
			}
		}
	}
	return nil
}

func unknownTexts(r history.Restored) []string {
	var all []string
	say := func(keys []state.Key, what string) {
		if len(keys) == 0 {
			return
		}
		text := fmt.Sprintf("%s %s: ", count(len(keys), "route"), what)
		for i, k := range keys {
			switch {
			case i == maxListed:
				all = append(all, text+fmt.Sprintf(" and %d more", len(keys)-i))
				return
			case i > 0:
				text += ", "
			}
			text += k.String()
		}
		all = append(all, text)
	}
	say(r.Expired, "expired since, and not brought back")
	say(r.Unseen, "taken as sent, though never seen confirmed")
	say(r.Broken, "changed by somebody who is not on record, and taken as the history has them")
	if r.Untouched > 0 {
		all = append(all, fmt.Sprintf("%s that no entry has left as they are", count(r.Untouched, "route")))
	}
	return all
}

// write writes the file that asks for it.
func (b *rollback) write(path string) error {
	if len(b.targets) > 1 {
		return hinted(errors.New("the speakers had different routes, and a file is the same for all; nothing was written"), "name one with --speaker")
	}
	d := *b.targets[0].desired
	d.Policy = nil
	if b.file != nil {
		d.Policy = b.file.Policy // what was given by flag is of this run
	}
	text, err := routefile.Write(&d, []string{fmt.Sprintf("What was in force after entry %d of the history of owner %s.", b.number, d.Owner)})
	if err != nil {
		return hinted(err)
	}
	return replaceFile(path, text)
}

// sayOlder says what the rollback means for the file.
func (b *rollback) sayOlder() error {
	if b.file == nil {
		return nil
	}
	_, err := fmt.Fprintf(b.stderr, "%s is older now than what is in force: apply and watch refuse it until it is changed, or touched\n", b.flags.file)
	return err
}
