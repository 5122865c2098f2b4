package main

import (
	"fmt"

	"routesync/bridge/wire"
	"routesync/state"
)

// inForceJSON is the file of an owner that was accepted last.
type inForceJSON struct {
	Owner   string `json:"owner"`
	Digest  string `json:"digest"`
	Changed string `json:"changed"` // by the clock of host
	Host    string `json:"host"`
}

func forceJSON(f wire.InForce) inForceJSON {
	return inForceJSON{f.Owner, f.Revision.Digest, timeJSON(f.Revision.Changed), f.Host}
}

// forceStatus is what status shows of it.
type forceStatus struct {
	inForceJSON
	// Reverted is what it replaced again; null if it was put in force otherwise.
	Reverted *revertedJSON `json:"reverted"`
}

// watchStatus is what a commander, or a watch that is none, says of itself.
type watchStatus struct {
	Owner   string `json:"owner"`
	Verb    string `json:"verb"`
	Host    string `json:"host"`
	PID     int    `json:"pid"`
	Digest  string `json:"file_digest"` // "": it has no good file
	Changed string `json:"file_changed"`
	// Conditions are what keeps its file from being in force.
	Conditions []conditionJSON `json:"conditions"`
	// Conflict: it has another file than who commands.
	Conflict bool `json:"conflict"`
	text     string
}

// watches is what is in force, and which watches there are that do not command.
func (s *speakerStatus) watches(a *wire.About) {
	for _, f := range a.InForce {
		s.InForce = append(s.InForce, forceStatus{forceJSON(f), newReverted(f.Reverted)})
	}
	for _, b := range a.Standbys {
		w := watchStatus{
			Owner: b.Owner, Verb: b.From.Verb, Host: b.From.Host, PID: b.From.PID,
			Digest: b.Revision.Digest, Changed: timeJSON(b.Revision.Changed), Conditions: newConditions(b.Conditions),
		}
		for _, l := range a.Leases {
			if l.Owner == b.Owner && l.Silent == 0 && l.Revision.Differs(b.Revision) {
				w.Conflict = true
				w.text = fmt.Sprintf("%s stands by for owner %s with another file (%s) than %s has, which commands (%s)",
					b.From, b.Owner, revisionText(b.Revision), l.Holder, revisionText(l.Revision))
			}
		}
		s.Standbys = append(s.Standbys, w)
	}
}

func revisionText(r state.Revision) string {
	if r.Digest == "" {
		return "none that is good"
	}
	return fmt.Sprintf("digest %s, changed at %s", r.Short(), timeJSON(r.Changed))
}

// watchLines writes who commands, who stands by, and what keeps them from what
// they are to do.
func (s speakerStatus) watchLines(line func(name, format string, args ...any)) {
	conditions := func(all []conditionJSON) {
		for _, c := range all {
			line("  condition", "%s", c.text())
		}
	}
	for _, l := range s.Leases {
		last := ""
		switch {
		case l.Silent == "":
		case l.Verb == watchName:
			last = "; it is gone, or silent: last heard " + l.Silent
		default:
			last = "; last heard " + l.Silent
		}
		line("commander", "%s on %s (pid %d) for owner %s, epoch %d%s", l.Verb, l.Host, l.PID, l.Owner, l.Epoch, last)
		conditions(l.Conditions)
	}
	for _, f := range s.InForce {
		line("in force", "for owner %s, from %s: the file changed at %s, digest %s%s", f.Owner, f.Host, f.Changed, state.Short(f.Digest), f.Reverted.text())
	}
	for _, w := range s.Standbys {
		if w.Conflict {
			line("CONFLICT", "%s", w.text)
		} else {
			line("standby", "%s on %s (pid %d) for owner %s", w.Verb, w.Host, w.PID, w.Owner)
		}
		conditions(w.Conditions)
	}
}
