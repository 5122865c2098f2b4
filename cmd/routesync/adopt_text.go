package main

import (
	"bufio"
	"fmt"
	"slices"
	"time"

	"routesync/bridge"
)

// write writes what is picked and the plan behind it; false if it is nothing.
func (a *adopter) write(out *bufio.Writer, seen []observation) (bool, error) {
	var refusals failures
	found, total := map[string]bool{}, 0
	a.picked = make([][]adoption, len(seen))
	for i, o := range seen {
		c := a.selection.pick(a.desired, o.advertised)
		a.picked[i] = c.picked
		total += len(c.picked)
		for name := range c.found {
			found[name] = true
		}
		for _, p := range c.refused {
			refusals = append(refusals, hinted(fmt.Errorf("%s: %w", o.speaker, p), p.hint))
		}
		for _, p := range c.skipped {
			if _, err := fmt.Fprintf(a.stderr, "warning: %s: not adopted: %v\n", o.speaker, p); err != nil {
				return false, err
			}
		}
	}
	for _, name := range a.selection.names {
		if !found[name] {
			refusals = append(refusals, hinted(fmt.Errorf("%s is not announced by %s", name, a.whose("anybody")), "routesync plan lists what is foreign"))
		}
	}
	if len(refusals) > 0 {
		return false, refusals // all of what was named, or nothing
	}
	after := slices.Clone(seen)
	for i := range seen {
		after[i].advertised = adopted(seen[i].advertised, a.picked[i], a.desired.Owner)
	}
	if total == 0 {
		_, err := fmt.Fprintf(out, "Nothing to adopt: %s asks for no route that %s announces.\n", fileName(a.flags.file), a.whose("somebody else"))
		return false, err
	}
	plans, err := planAll(fileName(a.flags.file), a.whole, time.Now().UnixMilli(), after)
	if err != nil {
		return false, err
	}
	for i, s := range plans.speakers {
		writeAdoptions(out, s, a.picked[i], a.desired.Owner, a.palette())
	}
	fmt.Fprint(out, "The plan that would be left:\n\n")
	return true, plans.text(out, a.palette())
}

// whose are the routes that are meant; any is the word for everybody.
func (a *adopter) whose(any string) string {
	switch {
	case a.selection.anyOwner:
		return any
	case a.selection.from == "":
		return "exaBGP itself"
	}
	return bridge.OwnerName(a.selection.from)
}

const exabgpsOwn = `
warning: what exaBGP's own configuration announces has to be taken out of it: exaBGP
announces it again when it starts or reloads, and it is foreign then
`

// writeAdoptions writes the routes that are to be adopted at one speaker.
func writeAdoptions(out *bufio.Writer, s speakerPlan, picked []adoption, owner string, colours palette) {
	fmt.Fprintf(out, "%s: %s to adopt for owner %s\n", s.speaker, count(len(picked), "route"), owner)
	var rows []row
	for _, a := range picked {
		note := "nothing asks for it: the next apply withdraws it"
		switch {
		case a.wanted != nil && a.wanted.Attrs == a.advert.Attrs:
			note = fmt.Sprintf("%s asks for it", a.wanted.Pos)
		case a.wanted != nil:
			note = fmt.Sprintf("%s asks for it with other attributes: the next apply changes it", a.wanted.Pos)
		}
		rows = append(rows, row{
			sign: ">", nlri: a.key.String(), detail: a.advert.Attrs.String(), where: s.where(peersOf(a.advert), a.key.Family),
			notes: []string{"announced by " + whose(a.advert), note},
		})
	}
	if len(rows) > 0 {
		fmt.Fprintln(out)
		writeRows(out, rows, colours)
	}
	fmt.Fprintln(out)
}
