package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"routesync/state"
)

// difference names the attributes that change.
func difference(before, after state.Attrs) []string {
	var words []string
	for _, name := range append(state.Names(), state.Label) {
		old, had := before.Get(name)
		now, has := after.Get(name)
		if had == has && slices.Equal(old, now) {
			continue
		}
		words = append(words, fmt.Sprintf("%s %s -> %s", name, value(old, had), value(now, has)))
	}
	return words
}

// changeText is what a route is changed in.
func changeText(c state.Change) string {
	was, now := c.Was(), c.Wanted
	return strings.Join(slices.Concat(difference(c.Before(), c.After()), expiryDifference(was.Expires, now.Expires, timeJSON), leaseDifference(was.Lease, now.Lease)), ", ")
}

// expiryDifference names when a route expires, if that changes.
func expiryDifference(was, now int64, clock func(ms int64) string) []string {
	if was == now {
		return nil
	}
	return []string{fmt.Sprintf("expires %s -> %s", cmp.Or(clock(was), "never"), cmp.Or(clock(now), "never"))}
}

// leaseDifference names for how long a route stays without a sign of life, if that
// changes.
func leaseDifference(was, now int64) []string {
	if was == now {
		return nil
	}
	return []string{fmt.Sprintf("lease %s -> %s", leaseText(was), leaseText(now))}
}

func leaseText(ms int64) string {
	if ms == 0 {
		return "(none)"
	}
	return duration(time.Duration(ms) * time.Millisecond)
}

func value(values []string, there bool) string {
	switch {
	case !there:
		return "(none)"
	case len(values) == 0:
		return "set"
	}
	return state.FormatValues(values)
}
