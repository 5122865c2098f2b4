package main

import (
	"fmt"
	"time"

	"routesync/bridge/wire"
)

// checkConfirm reads how long a trial is to wait for its confirmation.
func (f *applyFlags) checkConfirm() error {
	switch {
	case !f.confirmGiven:
		return nil
	case f.confirmWithin < time.Second || f.confirmWithin > wire.MaxTrial:
		return usage(fmt.Errorf("--confirm-within %s is not between 1s and %s", f.confirmWithin, duration(wire.MaxTrial)))
	}
	return nil
}

// trialOf is the trial of an owner, as a bridge told; nil for none.
func trialOf(about *wire.About, owner string) *wire.Trial {
	if about == nil {
		return nil
	}
	for i := range about.Trials {
		if t := &about.Trials[i]; t.Owner == owner {
			return t
		}
	}
	return nil
}

// refuseTrial refuses to do something while another's trial waits, or is being
// reverted.
func (a *applier) refuseTrial(seen []observation) error {
	var all failures
	for _, o := range seen {
		t := trialOf(o.about, a.desired.Owner)
		switch {
		case t == nil, t.Free:
		case t.Revert:
			all = append(all, hinted(fmt.Errorf("%s: what was before the trial of %s is being brought back", o.speaker, t.By), "routesync status shows when that is over"))
		default:
			all = append(all, hinted(fmt.Errorf("%s: a trial of %s waits to be confirmed; it is reverted at %s if nobody does that", o.speaker, t.By, timeJSON(t.Deadline)),
				"end it with "+confirmWith(o.speaker, t)+", or "+revertWith(o.speaker, t)))
		}
	}
	return all.err()
}

type trialJSON struct {
	Deadline string `json:"reverts_at"`
	Changed  int    `json:"routes_changed"`
	Confirm  string `json:"confirm_with"`
}

func newTrialJSON(speaker string, t *wire.Trial) *trialJSON {
	if t == nil {
		return nil
	}
	return &trialJSON{Deadline: timeJSON(t.Deadline), Changed: t.Changed, Confirm: confirmWith(speaker, t)}
}

func confirmWith(speaker string, t *wire.Trial) string {
	return fmt.Sprintf("routesync confirm --speaker %s --owner %s", speaker, t.Owner)
}

func revertWith(speaker string, t *wire.Trial) string {
	return fmt.Sprintf("routesync revert --speaker %s --owner %s", speaker, t.Owner)
}
