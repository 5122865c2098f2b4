package main

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"routesync/reconcile/history"
)

// maxShown is how many changes of a part are listed in text.
const maxShown = 200

type showFlags struct{ historyFlags }

func showCommand(w *world, g *globalFlags, f *showFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show N",
		Short: "Show an entry of the history: what it changed, and what was seen of it",
		Args:  numbersOf("show", 1),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := f.open(w, g)
			if err != nil {
				return err
			}
			n, err := parseEntry(s, args[0])
			if err != nil {
				return err
			}
			e, err := s.Entry(n)
			if err != nil {
				return hinted(err, "nothing of it is believed")
			}
			if f.output == outputJSON {
				return showJSON(w, s, e)
			}
			return showText(w, s, e)
		},
	}
	f.add(cmd)
	return cmd
}

// numbersOf is the rule for the arguments of a command that takes n entries.
func numbersOf(name string, n int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return usage(fmt.Errorf("%s takes the %s", name, map[int]string{1: "number of an entry", 2: "numbers of two entries"}[n]), "routesync history lists them")
	}
}

type shownJSON struct {
	FormatVersion string    `json:"format_version"`
	Owner         string    `json:"owner"`
	Entry         entryJSON `json:"entry"`
}

func showJSON(w *world, s *history.Store, e *history.Entry) error {
	j := shownJSON{formatVersion, s.Owner(), entryToJSON(e)}
	for i := range e.Parts {
		var g gathered
		if err := s.Changes(e.Number, &e.Parts[i].Part, func(c *history.Change) error { g.add(c); return nil }); err != nil {
			return hinted(err)
		}
		j.Entry.Speakers[i].Changes = g.all
	}
	return writeJSON(w.stdout, j)
}

func showText(w *world, s *history.Store, e *history.Entry) error {
	out := bufio.NewWriter(w.stdout)
	fmt.Fprintf(out, "%d  %s  %s\n", e.Number, momentJSON(e.At), headText(e.Head))
	if e.Note != "" {
		fmt.Fprintf(out, "    %s\n", printable(e.Note))
	}
	if e.Revision.Digest != "" {
		fmt.Fprintf(out, "    the file: digest %s, changed at %s\n", e.Revision.Short(), timeJSON(e.Revision.Changed))
	}
	for i := range e.Parts {
		p := &e.Parts[i]
		fmt.Fprintf(out, "\n%s  %s: %s (%s), plan %s\n", p.Speaker, momentJSON(p.At), tallyText(p.Tally), causeText(p.Cause), shortDigest(p.Plan))
		for _, x := range p.Lifted {
			fmt.Fprintf(out, "  %s\n", liftedText(x))
		}
		if p.Missed > 0 {
			fmt.Fprintf(out, "  %s\n", missedText(&p.Part))
		}
		var rows []row
		n := 0
		err := s.Changes(e.Number, &p.Part, func(c *history.Change) error {
			if n++; n <= maxShown {
				rows = append(rows, recordedRow(c))
			}
			return nil
		})
		if err != nil {
			return hinted(err)
		}
		fmt.Fprintln(out)
		writeRows(out, rows, w.palette())
		if n > maxShown {
			fmt.Fprintf(out, "  ... and %d more (all with -o json)\n", n-maxShown)
		}
		fmt.Fprintln(out)
		writeSeen(out, p.Outcome)
	}
	return out.Flush()
}

// recordedRow is a change as a plan shows one.
func recordedRow(c *history.Change) row {
	signs := map[history.Op]string{history.Announce: "+", history.Replace: "~", history.Withdraw: "-", history.Adopt: "!"}
	r := row{sign: signs[c.Op()], nlri: c.Key.String(), detail: changedText(c)}
	if len(c.Peers) > 0 {
		r.where = "at " + addrList(c.Peers)
	}
	if c.After != nil && c.After.Asked != nil {
		if len(c.After.Asked.Tags) > 0 {
			r.where = strings.TrimSpace(r.where + " [" + strings.Join(c.After.Asked.Tags, " ") + "]")
		}
		if c.After.Asked.Comment != "" {
			r.notes = append(r.notes, printable(c.After.Asked.Comment))
		}
	}
	return r
}

// writeSeen writes what was seen of a part.
func writeSeen(out *bufio.Writer, o *history.Outcome) {
	if o == nil {
		fmt.Fprintln(out, "It was sent, or was about to be; its confirmation was not seen.")
		return
	}
	for _, p := range o.Peers {
		if p.Confirmed == p.Changes {
			fmt.Fprintf(out, "%s: all %d confirmed at %s\n", p.Peer, p.Changes, momentJSON(p.When))
		} else {
			fmt.Fprintf(out, "%s: %d of %d confirmed by %s\n", p.Peer, p.Confirmed, p.Changes, momentJSON(o.At))
		}
	}
	for i, c := range o.Cases {
		if i == maxListed {
			fmt.Fprintf(out, "  ... and %d more (all with -o json)\n", len(o.Cases)-i)
			break
		}
		text := fmt.Sprintf("  %-9s  %s", printable(c.State), c.Key)
		if c.Peer.IsValid() {
			text += " at " + c.Peer.String()
		}
		if c.Reason != "" {
			text += " (" + printable(c.Reason) + ")"
		}
		fmt.Fprintln(out, text)
	}
	if !o.Final {
		fmt.Fprintf(out, "Last seen at %s.\n", momentJSON(o.At))
	}
}
