package main

import (
	"fmt"

	"routesync/bridge/wire"
	"routesync/state"
)

// What people ordered, as status shows it.

type pauseJSON struct {
	Owner  string `json:"owner"`
	By     string `json:"by"`
	At     string `json:"at"`
	Reason string `json:"reason"`
}

type overrideJSON struct {
	Owner    string `json:"owner"`
	Override string `json:"override"` // RULE[,RULE...]@DIGEST
	By       string `json:"by"`
	At       string `json:"at"`
	Until    string `json:"until"`
	Reason   string `json:"reason"`
}

type trialStatus struct {
	Owner     string `json:"owner"`
	By        string `json:"by"`
	Host      string `json:"host"`
	Digest    string `json:"file_digest"`
	Before    string `json:"file_before"` // "": none was in force
	Began     string `json:"began"`
	Deadline  string `json:"reverts_at"`
	Changed   int    `json:"routes_changed"`
	Reverting bool   `json:"reverting"`
}

type revertedJSON struct {
	Digest string `json:"digest"` // of the file
	At     string `json:"at"`
	By     string `json:"by"` // "": nobody confirmed it in time
}

// orders is what people ordered.
func (s *speakerStatus) orders(a *wire.About) {
	for _, p := range a.Pauses {
		s.Pauses = append(s.Pauses, pauseJSON{p.Owner, p.By.By(), timeJSON(p.At), p.Reason})
	}
	for _, o := range a.Overrides {
		s.Overrides = append(s.Overrides, overrideJSON{o.Owner, o.Text, o.By.By(), timeJSON(o.At), timeJSON(o.Until), o.Reason})
	}
	for _, t := range a.Trials {
		s.Trials = append(s.Trials, trialStatus{
			t.Owner, t.By.By(), t.By.Host, t.Revision.Digest, t.Before.Digest, timeJSON(t.Began), timeJSON(t.Deadline), t.Changed, t.Revert,
		})
	}
}

func newReverted(r *wire.Reverted) *revertedJSON {
	if r == nil {
		return nil
	}
	j := &revertedJSON{Digest: r.Digest, At: timeJSON(r.At)}
	if r.By.ID != "" {
		j.By = r.By.By()
	}
	return j
}

// orderLines writes what people ordered.
func (s speakerStatus) orderLines(line func(name, format string, args ...any)) {
	for _, p := range s.Pauses {
		line("PAUSED", "for owner %s by %s at %s: %s; over with routesync resume --speaker %s --owner %s", p.Owner, p.By, p.At, p.Reason, s.Speaker, p.Owner)
	}
	for _, t := range s.Trials {
		if t.Reverting {
			line("TRIAL", "for owner %s of %s: what was before its %s is being brought back", t.Owner, t.By, count(t.Changed, "change"))
			continue
		}
		line("TRIAL", "for owner %s of %s: %s since %s, taken back at %s unless it is confirmed with routesync confirm --speaker %s --owner %s",
			t.Owner, t.By, count(t.Changed, "changed route"), t.Began, t.Deadline, s.Speaker, t.Owner)
	}
	for _, o := range s.Overrides {
		reason := ""
		if o.Reason != "" {
			reason = ": " + o.Reason
		}
		line("override", "for owner %s until %s: %s, by %s at %s%s", o.Owner, o.Until, o.Override, o.By, o.At, reason)
	}
}

// text says what was reverted, and why.
func (r *revertedJSON) text() string {
	if r == nil {
		return ""
	}
	why := "nobody confirmed it"
	if r.By != "" {
		why = "by " + r.By
	}
	return fmt.Sprintf("; digest %s was reverted at %s, %s", state.Short(r.Digest), r.At, why)
}
