package main

import (
	"bufio"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"routesync/reconcile/history"
)

type diffFlags struct{ historyFlags }

func diffCommand(w *world, g *globalFlags, f *diffFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diff N M",
		Short: "Show what separates the routes that were in force after two entries of the history",
		Long: `Show what separates the routes that were in force after two entries of the
history, as far as that has them: routes that no entry has are in both.`,
		Args: numbersOf("diff", 2),
		RunE: func(_ *cobra.Command, args []string) error { return runDiff(w, g, f, args) },
	}
	f.add(cmd)
	return cmd
}

type diffJSON struct {
	FormatVersion string            `json:"format_version"`
	Owner         string            `json:"owner"`
	From          int               `json:"from"`
	To            int               `json:"to"`
	Speakers      []diffSpeakerJSON `json:"speakers"`
}

type diffSpeakerJSON struct {
	Speaker string         `json:"speaker"`
	Changes []recordedJSON `json:"changes"`
}

func runDiff(w *world, g *globalFlags, f *diffFlags, args []string) error {
	s, err := f.open(w, g)
	if err != nil {
		return err
	}
	var numbers [2]int
	for i := range numbers {
		if numbers[i], err = parseEntry(s, args[i]); err != nil {
			return err
		}
	}
	pasts, err := s.PastsAfter(numbers[:]...)
	if err != nil {
		return hinted(err, damagedHint)
	}
	j := diffJSON{formatVersion, s.Owner(), numbers[0], numbers[1], []diffSpeakerJSON{}}
	out := bufio.NewWriter(w.stdout)
	for i, speaker := range slices.Sorted(maps.Keys(pasts[0])) {
		all := history.Difference(pasts[0][speaker], pasts[1][speaker])
		if f.output == outputJSON {
			var g gathered
			for i := range all {
				g.add(&all[i])
			}
			j.Speakers = append(j.Speakers, diffSpeakerJSON{speaker, listJSON(g.all)})
			continue
		}
		if i > 0 {
			fmt.Fprintln(out)
		}
		writeDifference(out, w, speaker, all, numbers)
	}
	if f.output == outputJSON {
		return writeJSON(w.stdout, j)
	}
	return out.Flush()
}

// damagedHint is what can be done about an entry that is needed and damaged.
const damagedHint = "nothing of it is believed, so what was in force is known only after later entries; put it back from a backup"

func writeDifference(out *bufio.Writer, w *world, speaker string, all []history.Change, numbers [2]int) {
	if len(all) == 0 {
		fmt.Fprintf(out, "%s: the same after %d and after %d\n", speaker, numbers[0], numbers[1])
		return
	}
	var t history.Tally
	var rows []row
	for i := range all {
		if i < maxShown {
			rows = append(rows, recordedRow(&all[i]))
		}
		t.Add(&all[i])
	}
	fmt.Fprintf(out, "%s, from %d to %d:\n\n", speaker, numbers[0], numbers[1])
	writeRows(out, rows, w.palette())
	if len(all) > maxShown {
		fmt.Fprintf(out, "  ... and %d more (all with -o json)\n", len(all)-maxShown)
	}
	fmt.Fprintf(out, "\n%d more, %d otherwise, %d fewer.\n", t.Announce, t.Change, t.Withdraw)
}
