package main

import (
	"fmt"
	"strings"

	"routesync/reconcile"
	"routesync/state"
)

// closing is the count, and what the peers do not have although nothing can be
// done about it here.
func (s speakerPlan) closing(p plans) []string {
	a := reconcile.Assess(p.desired, s.advertised, state.Sent)
	lines := []string{s.verdict(p.file, a)}
	lines = append(lines, s.judgement(p)...)
	if drift, _ := s.drift(); len(drift) > 0 {
		lines = append(lines, driftText(p.file, drift))
	}
	if len(a.Held) > 0 {
		lines = append(lines, fmt.Sprintf("Held: %s for peers that are down; exaBGP sends them when the session is up.", count(len(a.Held), "route")))
	}
	if len(a.Unsent) > 0 {
		lines = append(lines, fmt.Sprintf("Unsent: %s that exaBGP was told and has not reported as sent; routesync status says why.", count(len(a.Unsent), "route")))
	}
	for i, w := range s.Nowhere {
		if i == maxListed {
			lines = append(lines, fmt.Sprintf("... and %d more for no peer (all with -o json)", len(s.Nowhere)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("For no peer of %s: %s, which is for %s (%s).", s.speaker, w.Key, w.Peers, w.Pos))
	}
	lines = append(lines, timedLines(s.whole, s.now)...)
	if len(s.Changes) > 0 {
		lines = append(lines, fmt.Sprintf("Plan digest: %s.", state.Short(s.digest(p))))
	}
	return lines
}

// verdict is the count of what the plan does, or that it does nothing, and why.
func (s speakerPlan) verdict(file string, a reconcile.Assessment) string {
	announce, replace, withdraw := s.Count()
	conflicts := s.conflicts()
	switch {
	case len(s.Changes) > 0:
		return fmt.Sprintf("Plan: %d to announce, %d to change, %d to withdraw; %d foreign left alone; %d unchanged.",
			announce, replace, withdraw, len(s.Foreign), s.Unchanged)
	case s.file != "" && len(s.Foreign) > 0:
		return fmt.Sprintf("No changes. %s is of another owner than %s.", file, s.file)
	case s.file != "":
		return fmt.Sprintf("No changes. %s asks of %s what %s does.", file, s.speaker, s.file)
	case conflicts > 0:
		return fmt.Sprintf("No changes. %s advertises what %s asks for, less %s that somebody else announces.", s.speaker, file, count(conflicts, "route"))
	case len(s.Overlaps) > 0:
		return fmt.Sprintf("No changes. %s asks for %s twice at a peer; nothing is done about that.", file, count(len(s.Overlaps), "route"))
	case len(a.Unsent) > 0:
		return fmt.Sprintf("No changes. %s was told all that %s asks for, and has not reported all of it as sent.", s.speaker, file)
	case len(a.Held) > 0:
		return fmt.Sprintf("No changes. %s holds all that %s asks for.", s.speaker, file)
	case len(s.Foreign) > 0:
		return fmt.Sprintf("No changes. %s advertises all that %s asks for, and %s besides.", s.speaker, file, count(len(s.Foreign), "foreign route"))
	default:
		return fmt.Sprintf("No changes. %s advertises exactly what %s asks for.", s.speaker, file)
	}
}

// conflicts are the routes that the file asks for and somebody else announces.
func (s speakerPlan) conflicts() int {
	n := 0
	for _, f := range s.Foreign {
		if f.Wanted != nil {
			n++
		}
	}
	return n
}

// driftText says how many routes are not as the file in force asks for.
func driftText(file string, drift []stray) string {
	n := map[string]int{}
	for _, x := range drift {
		n[x.kind]++
	}
	var words []string
	for _, kind := range []struct{ name, text string }{
		{strayMissing, "missing"}, {strayModified, "with other attributes"}, {strayGhost, "not asked for"}, {strayTaken, "announced by somebody else"},
	} {
		if n[kind.name] > 0 {
			words = append(words, fmt.Sprintf("%d %s", n[kind.name], kind.text))
		}
	}
	return fmt.Sprintf("Drift: %s is in force already, and of its routes %s: somebody else moved them, or they are not done yet.", file, strings.Join(words, ", "))
}
