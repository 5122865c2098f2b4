package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"routesync/reconcile/history"
	"routesync/state"
	"routesync/state/routefile"
)

// historyFlags are those of all commands that read the history.
type historyFlags struct{ file, owner, output string }

type listFlags struct {
	historyFlags
	last int
}

func (f *historyFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.file, "file", "f", defaultFile, "a file of the owner that is meant")
	cmd.Flags().StringVar(&f.owner, "owner", "", "the owner that is meant; if not given, that of the file, or the only one that has a history")
	addOutput(cmd, &f.output)
}

// open is the record of the owner that is meant.
func (f *historyFlags) open(w *world, g *globalFlags) (*history.Store, error) {
	if err := checkOutput(f.output); err != nil {
		return nil, err
	}
	dir, err := g.historyPlace(w.getenv)
	if err == nil && dir == "" {
		err = errors.New("--history-dir " + noHistory + " is no history")
	}
	if err != nil {
		return nil, usage(err)
	}
	owner := f.owner
	if owner == "" {
		if data, err := os.ReadFile(f.file); err == nil {
			owner, _ = routefile.Heading(f.file, data)
		}
	}
	if owner == "" {
		owners, err := history.Owners(dir)
		switch {
		case err != nil:
			return nil, hinted(fmt.Errorf("read the history: %w", err), "another one is given with --history-dir or "+envHistory)
		case len(owners) == 0:
			return nil, hinted(fmt.Errorf("%s has no history", dir), "watch and apply write it; another one is given with --history-dir or "+envHistory)
		case len(owners) > 1:
			return nil, usage(errors.New("whose history is meant?"), "give one of them with --owner: "+strings.Join(owners, ", "))
		}
		owner = owners[0]
	}
	s, err := history.Open(dir, owner)
	if err != nil {
		return nil, usage(err)
	}
	return s, nil
}

func historyCommand(w *world, g *globalFlags, f *listFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List what was done to the routes of an owner, the newest first",
		Long: `List what was done to the routes of an owner, the newest first: by watch, apply,
adopt and rollback on this host. See show for what an entry changed, blame for a
route, diff and rollback for what was in force after an entry.

Without a word on what was confirmed, an entry was sent, or was about to be, and
nobody who wrote the record has seen more.`,
		RunE: func(*cobra.Command, []string) error {
			s, err := f.open(w, g)
			if err != nil {
				return err
			}
			return f.list(w, s)
		},
	}
	f.add(cmd)
	cmd.Flags().IntVarP(&f.last, "last", "n", 20, "how many entries, 0 for all")
	return cmd
}

func (f *listFlags) list(w *world, s *history.Store) error {
	numbers, err := s.Numbers()
	if err != nil {
		return hinted(fmt.Errorf("read the history: %w", err))
	}
	total := len(numbers)
	if f.last > 0 && total > f.last {
		numbers = numbers[total-f.last:]
	}
	var bad failures
	var all []*history.Entry
	for _, n := range slices.Backward(numbers) {
		e, err := s.Entry(n)
		if err != nil {
			bad = append(bad, hinted(err, "nothing of it is believed"))
			continue
		}
		all = append(all, e)
	}
	if f.output == outputJSON {
		err = writeJSON(w.stdout, listToJSON(s.Owner(), total, all, bad))
	} else {
		err = writeList(w, s, all, total, total-len(numbers))
	}
	if err != nil {
		return err
	}
	return bad.err()
}

// writeList writes entries; before is how many there are before them.
func writeList(w *world, s *history.Store, all []*history.Entry, total, before int) error {
	out := bufio.NewWriter(w.stdout)
	for _, e := range all {
		writeEntry(out, e)
	}
	switch {
	case total == 0:
		fmt.Fprintf(out, "Nothing is on record of owner %s in %s.\n", s.Owner(), s.Dir())
	case before > 0:
		fmt.Fprintf(out, "%d more before.\n", before)
	}
	return out.Flush()
}

// writeEntry writes an entry without its changes.
func writeEntry(out *bufio.Writer, e *history.Entry) {
	fmt.Fprintf(out, "%d  %s  %s\n", e.Number, momentJSON(e.At), headText(e.Head))
	if e.Note != "" {
		fmt.Fprintf(out, "    %s\n", printable(e.Note))
	}
	speaker := 0
	for i := range e.Parts {
		speaker = max(speaker, len(e.Parts[i].Speaker))
	}
	for i := range e.Parts {
		p := &e.Parts[i]
		fmt.Fprintf(out, "    %-*s  %s (%s): %s\n", speaker, p.Speaker, tallyText(p.Tally), causeText(p.Cause), seenText(p.Outcome))
		for _, x := range p.Lifted {
			fmt.Fprintf(out, "    %-*s  %s\n", speaker, "", liftedText(x))
		}
		if p.Missed > 0 {
			fmt.Fprintf(out, "    %-*s  %s\n", speaker, "", missedText(&p.Part))
		}
	}
}

// liftedText says which guard was lifted, and by whom.
func liftedText(x history.Lifted) string {
	return printable(fmt.Sprintf("guard overridden: %s: %s; %s by %s", x.Rule, x.Text, x.Override, cmp.Or(x.By, "the file")))
}

// missedText says what is not on record before a part.
func missedText(p *history.Part) string {
	return fmt.Sprintf("not on record before this: %s, from %s on", count(p.Missed, "sending"), momentJSON(p.MissedSince))
}

// headText is who did what.
func headText(h history.Head) string {
	text := h.Verb
	if h.Rollback > 0 {
		text += fmt.Sprintf(" to %d", h.Rollback)
	}
	if h.Trial > 0 {
		text += " --confirm-within " + duration(time.Duration(h.Trial)*time.Millisecond)
	}
	text += " by " + printable(h.Who.String())
	if h.File != "" {
		text += ", " + printable(h.File)
	}
	if h.Commit != "" {
		text += " @ " + (&gitCommit{h.Commit, h.Dirty}).short()
	}
	return text
}

// causeText says why something was sent.
func causeText(cause string) string {
	texts := map[string]string{
		"command": "asked for", "start": "the watch began", "takeover": "the watch took over", "file": "the file changed",
		"time": "a route started or expired", "drift": "the speaker had lost it", "again": "what was left, or had moved meanwhile",
	}
	if text := texts[cause]; text != "" {
		return text
	}
	return printable(cause)
}

func tallyText(t history.Tally) string {
	var words []string
	for _, one := range []struct {
		n    int
		verb string
	}{{t.Announce, "announced"}, {t.Change, "changed"}, {t.Withdraw, "withdrawn"}, {t.Adopt, "adopted"}} {
		if one.n > 0 {
			words = append(words, fmt.Sprintf("%d %s", one.n, one.verb))
		}
	}
	if words == nil {
		return "nothing"
	}
	return strings.Join(words, ", ")
}

// seenText is what was seen of a part, in a line.
func seenText(o *history.Outcome) string {
	if o == nil {
		return "sent; confirmation not seen"
	}
	full, open := 0, map[string]int{}
	for _, p := range o.Peers {
		if p.Confirmed == p.Changes {
			full++
		}
	}
	for _, c := range o.Cases {
		open[c.State]++
	}
	text := fmt.Sprintf("confirmed at %d of %s", full, count(len(o.Peers), "peer"))
	if len(o.Peers) == 0 {
		text = "no peer has the family"
	}
	for _, word := range slices.Sorted(maps.Keys(open)) {
		text += fmt.Sprintf(", %d %s", open[word], printable(word))
	}
	return text
}

// parseEntry reads the number of an entry.
func parseEntry(s *history.Store, text string) (int, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(text, "#"))
	if err != nil || n <= 0 {
		return 0, usage(fmt.Errorf("%q is not the number of an entry", text), "routesync history lists them")
	}
	numbers, err := s.Numbers()
	if err != nil {
		return 0, hinted(fmt.Errorf("read the history: %w", err))
	}
	if slices.Contains(numbers, n) {
		return n, nil
	}
	hint := fmt.Sprintf("nothing is on record of owner %s in %s", s.Owner(), s.Dir())
	if len(numbers) > 0 {
		hint = fmt.Sprintf("there are %d to %d", numbers[0], numbers[len(numbers)-1])
	}
	return 0, hinted(fmt.Errorf("there is no entry %d", n), hint)
}

// valueText is a value for people.
func valueText(v *history.Value) string {
	if v == nil {
		return "nothing"
	}
	text := v.Attrs.String()
	if v.Expires != 0 {
		text += ", expires " + clockText(v.Expires)
	}
	if v.Lease != 0 {
		text += ", lease " + leaseText(v.Lease)
	}
	return text
}

// changedText is what a change did, for people.
func changedText(c *history.Change) string {
	switch c.Op() {
	case history.Announce:
		return valueText(c.After)
	case history.Withdraw:
		text := valueText(c.Before)
		if c.Gone {
			text += " (expired; the bridge had withdrawn it)"
		}
		return text
	case history.Adopt:
		from := c.Before.Owner
		if from == "" {
			from = state.OwnerExaBGP
		}
		text := fmt.Sprintf("%s, from %s", valueText(c.After), from)
		if c.Before.By != "" {
			text += ", given by " + printable(c.Before.By)
		}
		return text
	}
	was, now := c.Before, c.After
	words := slices.Concat(difference(was.Attrs, now.Attrs), expiryDifference(was.Expires, now.Expires, clockText), leaseDifference(was.Lease, now.Lease))
	if len(words) == 0 {
		return valueText(c.After) + " (was being withdrawn)"
	}
	return strings.Join(words, ", ")
}
