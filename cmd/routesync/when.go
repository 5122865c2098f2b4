package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"routesync/state"
)

// untimely counts the routes that have not started, and those that have
// expired.
func untimely(d *state.Desired, now int64) (waiting, over int) {
	for i := range d.Routes {
		switch w := &d.Routes[i]; {
		case w.InForce(now):
		case w.Starts > now:
			waiting++
		default:
			over++
		}
	}
	return waiting, over
}

// untimelyText says how many routes are not asked for now; "" for none.
func untimelyText(waiting, over int) string {
	switch {
	case waiting > 0 && over > 0:
		return fmt.Sprintf("%d not started yet, %d expired", waiting, over)
	case waiting > 0:
		return fmt.Sprintf("%d not started yet", waiting)
	case over > 0:
		return fmt.Sprintf("%d expired", over)
	}
	return ""
}

// clockText is a time in whole seconds.
func clockText(ms int64) string {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format(time.RFC3339)
}

// whenNotes says when a route starts and when it expires, or did.
func whenNotes(w *state.Wanted, now int64) []string {
	if w == nil {
		return nil
	}
	var notes []string
	if w.Starts > now {
		notes = append(notes, "starts "+clockText(w.Starts))
	}
	switch {
	case w.Expires > now:
		notes = append(notes, "expires "+clockText(w.Expires))
	case w.Expires != 0:
		notes = append(notes, "expired "+clockText(w.Expires))
	}
	return notes
}

// timed lists the routes that are still to start or to expire, by their next
// time.
func timed(d *state.Desired, now int64) []*state.Wanted {
	var all []*state.Wanted
	for i := range d.Routes {
		if w := &d.Routes[i]; w.Starts > now || w.Expires > now {
			all = append(all, w)
		}
	}
	slices.SortStableFunc(all, func(a, b *state.Wanted) int { return cmp.Compare(nextTime(a, now), nextTime(b, now)) })
	return all
}

func nextTime(w *state.Wanted, now int64) int64 {
	if w.Starts > now {
		return w.Starts
	}
	return w.Expires
}

// timedLines says what starts and ends by itself, and how much is not asked for
// now.
func timedLines(d *state.Desired, now int64) []string {
	var lines []string
	if text := untimelyText(untimely(d, now)); text != "" {
		lines = append(lines, "Not in force now: "+text+".")
	}
	for i, w := range timed(d, now) {
		if i == maxListed {
			lines = append(lines, "... and more that start or expire (all with -o json)")
			break
		}
		lines = append(lines, fmt.Sprintf("By itself: %s %s (%s).", w.Key, strings.Join(whenNotes(w, now), ", "), w.Pos))
	}
	return lines
}

type timedJSON struct {
	Family   string        `json:"family"`
	NLRI     string        `json:"nlri"`
	Starts   string        `json:"starts,omitempty"`
	Expires  string        `json:"expires,omitempty"`
	Position *positionJSON `json:"position"`
}

func timedToJSON(d *state.Desired, now int64) []timedJSON {
	all := []timedJSON{}
	for _, w := range timed(d, now) {
		all = append(all, timedJSON{w.Key.Family.String(), w.Key.String(), clockText(w.Starts), clockText(w.Expires), placeJSON(w.Pos)})
	}
	return all
}
