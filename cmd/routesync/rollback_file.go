package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"routesync/state"
)

// absent is the error of a file that a command would write, and that is there.
func absent(path, command string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return hinted(fmt.Errorf("%s is there already", path), command+" writes a new file")
	}
	return nil
}

// instead says, where a watch commands, how its file has to change.
func (b *rollback) instead(t *goal, err error) failures {
	if taken := (*takenError)(nil); !errors.As(err, &taken) || b.file == nil {
		return failures{err}
	}
	now, _ := b.file.At(time.Now().UnixMilli()) // what starts later stays
	rows := fileRows(now.Routes, t.desired.Routes)
	out := bufio.NewWriter(b.stderr)
	if len(rows) == 0 {
		fmt.Fprintf(out, "%s asks for what was in force after entry %d\n", b.flags.file, b.number)
	} else {
		fmt.Fprintf(out, "To go back to entry %d, %s has to change:\n\n", b.number, b.flags.file)
		writeRows(out, rows[:min(len(rows), maxShown)], plain)
		if len(rows) > maxShown {
			fmt.Fprintf(out, "  ... and %d more\n", len(rows)-maxShown)
		}
		fmt.Fprintln(out)
	}
	if flushed := out.Flush(); flushed != nil {
		return failures{err, flushed}
	}
	return failures{err, hinted(errors.New("nothing was sent"),
		fmt.Sprintf("routesync rollback %d -o new.yaml writes a file that asks for it; put it in the place of the watched one", b.number))}
}

// fileRows are what has to change in a file, in the order of the routes.
func fileRows(file, want []state.Wanted) []row {
	is := func(a state.Wanted) func(state.Wanted) bool {
		return func(b state.Wanted) bool {
			return a.Key == b.Key && a.Attrs == b.Attrs && a.Peers == b.Peers && a.Expires == b.Expires && a.Lease == b.Lease
		}
	}
	type keyed struct {
		key state.Key
		row row
	}
	var all []keyed
	add := func(sign string, w state.Wanted) {
		r := row{sign: sign, nlri: w.Key.String(), detail: w.Attrs.String(), where: "for " + w.Peers.String()}
		if w.Expires != 0 {
			r.detail += ", expires " + clockText(w.Expires)
		}
		if w.Pos != (state.Position{}) {
			r.notes = append(r.notes, w.Pos.String())
		}
		all = append(all, keyed{w.Key, r})
	}
	has, needs := index(file), index(want)
	for _, w := range file {
		if !slices.ContainsFunc(needs[w.Key], is(w)) {
			add("-", w)
		}
	}
	for _, w := range want {
		if !slices.ContainsFunc(has[w.Key], is(w)) {
			add("+", w)
		}
	}
	slices.SortStableFunc(all, func(a, b keyed) int {
		return cmp.Or(state.CompareKeys(a.key, b.key), cmp.Compare(b.row.sign, a.row.sign))
	})
	rows := make([]row, len(all))
	for i := range all {
		rows[i] = all[i].row
	}
	return rows
}

func index(routes []state.Wanted) map[state.Key][]state.Wanted {
	of := map[state.Key][]state.Wanted{}
	for _, w := range routes {
		of[w.Key] = append(of[w.Key], w)
	}
	return of
}
