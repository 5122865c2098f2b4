package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"routesync/reconcile"
	"routesync/state"
)

// maxListed is how long a list is in text.
const maxListed = 20

// outcome is what came of apply.
type outcome struct {
	plans   plans
	grade   state.Grade
	timeout time.Duration
	results []result
}

// code is what a result means for the exit code.
func (r result) code() int {
	switch {
	case len(r.Refused) > 0, len(r.Foreign) > 0:
		return exitError
	case !r.tried, r.err != nil, len(r.Pending) > 0, len(r.Unsent) > 0:
		return exitUnconfirmed
	}
	return exitDone
}

// kind is one of the lists of an assessment, and what it is called.
type kind struct {
	name, reason string // reason is that of a case that has none of its own
	cases        []reconcile.Case
}

func kinds(a reconcile.Assessment, timeout time.Duration) []kind {
	return []kind{
		{"pending", "not confirmed within " + duration(timeout) + "; may still be done", a.Pending},
		{"held", "peer is down, exaBGP sends it at session up", a.Held},
		{"unsent", "exaBGP does not say why", a.Unsent},
		{"refused", "no reason given", a.Refused},
		{"foreign", "somebody else announces it, and keeps it", a.Foreign},
		{"nowhere", "the speaker has none of its peers", a.Nowhere},
	}
}

// text writes what came of it for people.
func (o outcome) text(to io.Writer) error {
	out := bufio.NewWriter(to)
	fmt.Fprintln(out)
	for _, r := range o.results {
		if !r.tried {
			fmt.Fprintf(out, "%s: nothing was confirmed\n", r.speaker)
			continue
		}
		line := fmt.Sprintf("%s: %d of %s %s", r.speaker, r.Confirmed, count(r.Routes, "route"), o.grade)
		all := kinds(r.Assessment, o.timeout)
		for _, k := range all {
			if len(k.cases) > 0 {
				line += fmt.Sprintf("; %d %s", len(k.cases), k.name)
			}
		}
		fmt.Fprintln(out, line)
		for _, k := range all {
			writeCases(out, k)
		}
		if r.trial != nil {
			fmt.Fprintf(out, "  on trial until %s: what was before comes back then, unless it is confirmed with %s\n", timeJSON(r.trial.Deadline), confirmWith(r.speaker, r.trial))
		}
	}
	return out.Flush()
}

// writeCases lists cases by name.
func writeCases(out *bufio.Writer, k kind) {
	for i, c := range k.cases {
		if i == maxListed {
			fmt.Fprintf(out, "  ... and %d more %s (all with -o json)\n", len(k.cases)-i, k.name)
			return
		}
		fmt.Fprintf(out, "  %-7s  %s\n", k.name, caseText(c, k.reason))
	}
}

// caseText is one case: the route, the peer, why, and where the file has it.
func caseText(c reconcile.Case, reason string) string {
	var b strings.Builder
	b.WriteString(c.Key.String())
	if c.Peer.IsValid() {
		b.WriteString(" at " + c.Peer.String())
	}
	if c.Reason != "" {
		reason = c.Reason
	}
	b.WriteString(" (" + reason + ")")
	if c.Pos != (state.Position{}) {
		b.WriteString(" " + c.Pos.String())
	}
	return b.String()
}

type outcomeJSON struct {
	FormatVersion string       `json:"format_version"`
	Plan          plansJSON    `json:"plan"`
	Wait          string       `json:"wait"`
	Speakers      []resultJSON `json:"speakers"`
}

type resultJSON struct {
	Speaker   string     `json:"speaker"`
	Confirmed bool       `json:"confirmed"` // all that can be
	Routes    int        `json:"routes"`
	Done      int        `json:"routes_confirmed"`
	Pending   []caseJSON `json:"pending"`
	Held      []caseJSON `json:"held"`
	Unsent    []caseJSON `json:"unsent"`
	Refused   []caseJSON `json:"refused"`
	Foreign   []caseJSON `json:"foreign"`
	Nowhere   []caseJSON `json:"nowhere"`
	Trial     *trialJSON `json:"trial,omitempty"` // that waits to be confirmed
	Error     string     `json:"error,omitempty"`
}

type caseJSON struct {
	Family   string        `json:"family"`
	NLRI     string        `json:"nlri"`
	Peer     string        `json:"peer,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	Position *positionJSON `json:"position"`
}

func casesJSON(cases []reconcile.Case) []caseJSON {
	all := make([]caseJSON, len(cases))
	for i, c := range cases {
		all[i] = caseJSON{Family: c.Key.Family.String(), NLRI: c.Key.String(), Reason: c.Reason, Position: placeJSON(c.Pos)}
		if c.Peer.IsValid() {
			all[i].Peer = c.Peer.String()
		}
	}
	return all
}

// json is the outcome for programs.
func (o outcome) json() outcomeJSON {
	j := outcomeJSON{FormatVersion: formatVersion, Plan: o.plans.json(), Wait: o.grade.String(), Speakers: []resultJSON{}}
	for _, r := range o.results {
		one := resultJSON{
			Speaker: r.speaker, Confirmed: r.code() == exitDone, Routes: r.Routes, Done: r.Confirmed,
			Pending: casesJSON(r.Pending), Held: casesJSON(r.Held), Unsent: casesJSON(r.Unsent),
			Refused: casesJSON(r.Refused), Foreign: casesJSON(r.Foreign), Nowhere: casesJSON(r.Nowhere),
		}
		one.Trial = newTrialJSON(r.speaker, r.trial)
		if r.err != nil {
			one.Error = r.err.Error()
		}
		j.Speakers = append(j.Speakers, one)
	}
	return j
}

// duration is a time for people: 1m, not 1m0s.
func duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
