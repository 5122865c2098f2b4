package wire

import (
	"errors"
	"fmt"

	"routesync/state"
)

// InForce is the file of an owner that was accepted last.
type InForce struct {
	Owner    string         `json:"owner"`
	Revision state.Revision `json:"revision"`
	Host     string         `json:"host"` // that has it
	// Epoch is that of the lease under which it was put in force, or a change for it
	// was taken, whichever was last; or of the revert that brought it back.
	Epoch int64 `json:"epoch,omitempty"`
	// Reverted is what it replaced again; nil if it was put in force otherwise.
	Reverted *Reverted `json:"reverted,omitempty"`
}

// Standby is a watch that does not command: another one does, or it holds.
type Standby struct {
	Owner    string         `json:"owner"`
	From     Commander      `json:"from"`
	Revision state.Revision `json:"revision,omitzero"` // of its file; zero if it has no good one
	// Conditions are those of the watch: what keeps its file from being in force.
	Conditions []Condition `json:"conditions,omitempty"`
}

// Standing answers RequestStandby: who commands for the owner, what is in force,
// and what keeps a watch from commanding. All are nil for nothing.
type Standing struct {
	Speaker, Owner string
	Lease          *Lease
	InForce        *InForce
	Pause          *Pause
	Trial          *Trial
}

// EncodeStanding returns the body of the answer to who stands by.
func EncodeStanding(s Standing) ([]byte, error) { return encode(s) }

// DecodeStanding reads what [EncodeStanding] wrote.
func DecodeStanding(data []byte) (Standing, error) {
	s, err := decode[Standing]("standing", data)
	if err == nil {
		err = errors.Join(s.Lease.check(), s.InForce.check(), s.Pause.check(), s.Trial.check())
	}
	if err != nil {
		return Standing{}, fmt.Errorf("decode standing: %w", err)
	}
	return s, nil
}

// InForceOf is what is in force of an owner; nil for nothing, and of a nil About.
func (a *About) InForceOf(owner string) *InForce {
	if a == nil {
		return nil
	}
	for i := range a.InForce {
		if f := &a.InForce[i]; f.Owner == owner {
			return f
		}
	}
	return nil
}

// TrialOf is the trial of an owner; nil for none, and of a nil About.
func (a *About) TrialOf(owner string) *Trial {
	if a == nil {
		return nil
	}
	for i := range a.Trials {
		if t := &a.Trials[i]; t.Owner == owner {
			return t
		}
	}
	return nil
}

// What these messages say comes from other machines, and goes to terminals.

func (c Commander) check() error { return checkPrintable(c.Host, c.Verb, c.User) }

func checkRevision(r state.Revision) error { return checkPrintable(r.Digest) }

func (f *InForce) check() error {
	if f == nil {
		return nil
	}
	return errors.Join(checkRevision(f.Revision), checkPrintable(f.Owner, f.Host), f.Reverted.check())
}

func (s *Standby) check() error {
	return errors.Join(checkRevision(s.Revision), checkConditions(s.Conditions), checkPrintable(s.Owner), s.From.check())
}

func (l *Lease) check() error {
	if l == nil {
		return nil
	}
	return errors.Join(checkRevision(l.Revision), checkConditions(l.Conditions))
}

func (a *About) checkWatchers() error {
	for i := range a.Leases {
		if err := a.Leases[i].check(); err != nil {
			return err
		}
	}
	for i := range a.Standbys {
		if err := a.Standbys[i].check(); err != nil {
			return err
		}
	}
	for i := range a.InForce {
		if err := a.InForce[i].check(); err != nil {
			return err
		}
	}
	return nil
}
