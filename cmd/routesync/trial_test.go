package main

import (
	"bytes"
	"strings"
	"testing"

	"routesync/bridge/wire"
	"routesync/state"
)

// Who is kept off by a trial is told the commands that end it, each to be pasted.
func TestTrialHint(t *testing.T) {
	t.Parallel()
	desired := &state.Desired{Owner: "edge-team"}
	a := &applier{undertaking: &undertaking{desired: desired}}
	about := &wire.About{Trials: []wire.Trial{{Owner: "edge-team", By: wire.Commander{Verb: "apply", Host: "noc1", PID: 7}, Deadline: 1790000000000}}}
	var text bytes.Buffer
	(&world{stderr: &text, ran: true}).report(a.refuseTrial([]observation{{speaker: "edge1", about: about}}))
	const want = `error: edge1: a trial of apply on noc1 (pid 7) waits to be confirmed; it is reverted at 2026-09-21T14:13:20.000Z if nobody does that
hint: end it with routesync confirm --speaker edge1 --owner edge-team, or routesync revert --speaker edge1 --owner edge-team
`
	if text.String() != want {
		t.Errorf("%s\nwant\n%s", text.String(), want)
	}

	// Who only plans is told so, too.
	text.Reset()
	p := plans{timing: timing{whole: desired}, speakers: []speakerPlan{{observation: observation{speaker: "edge1", about: about}}, {observation: observation{speaker: "edge2"}}}}
	if err := p.warnTrials(&text); err != nil {
		t.Fatal(err)
	}
	if got := strings.NewReplacer("warning: ", "error: ", "; until then apply is refused", "").Replace(text.String()); got != want {
		t.Error(text.String())
	}
}
