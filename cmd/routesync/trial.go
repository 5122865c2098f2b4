package main

import (
	"fmt"
	"io"
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

// refuseTrial refuses to do something while another's trial waits, or is being
// reverted.
func (a *applier) refuseTrial(seen []observation) error {
	var all failures
	for _, o := range seen {
		if f := o.onTrial(a.desired.Owner); f != nil {
			all = append(all, f)
		}
	}
	return all.err()
}

// onTrial is the error of a trial of an owner that waits at the speaker, or is being
// reverted; nil if there is none.
func (o observation) onTrial(owner string) *failure {
	t := o.about.TrialOf(owner)
	switch {
	case t == nil, t.Free:
		return nil
	case t.Revert:
		return &failure{code: exitError, err: fmt.Errorf("%s: what was before the trial of %s is being brought back", o.speaker, t.By), hints: []string{"routesync status shows when that is over"}}
	}
	return &failure{
		code: exitError, err: fmt.Errorf("%s: a trial of %s waits to be confirmed; it is reverted at %s if nobody does that", o.speaker, t.By, timeJSON(t.Deadline)),
		hints: []string{"end it with " + confirmWith(o.speaker, t) + ", or " + revertWith(o.speaker, t)},
	}
}

// warnTrials says where apply would be refused for a trial, and what is advertised may
// not stay.
func (p plans) warnTrials(to io.Writer) error {
	for _, s := range p.speakers {
		f := s.onTrial(p.whole.Owner)
		if f == nil {
			continue
		}
		if _, err := fmt.Fprintf(to, "warning: %v; until then apply is refused\n", f); err != nil {
			return err
		}
		for _, hint := range f.hints {
			if _, err := fmt.Fprintf(to, "hint: %s\n", hint); err != nil {
				return err
			}
		}
	}
	return nil
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
