package wire

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"routesync/state"
)

// Order is what a person tells a bridge about the owner of a file, besides routes.
// It goes to the bridge's request queue, and is carried out at once. One that comes
// again is answered again: nothing of it happens twice.
type Order struct {
	Speaker string    `json:"speaker"`
	ID      string    `json:"id"` // unique, for the answer
	Kind    OrderKind `json:"kind"`
	Owner   string    `json:"owner"`
	From    Commander `json:"from"`
	Reason  string    `json:"reason,omitempty"`
	Text    string    `json:"text,omitempty"` // of OrderOverride: RULE[,RULE...]@DIGEST
}

// OrderKind is what an [Order] is about.
type OrderKind string

const (
	// OrderPause: no watch commands for the owner until OrderResume. Nothing that
	// one sent, and exaBGP was not told yet, is carried out any more.
	OrderPause  OrderKind = "pause"
	OrderResume OrderKind = "resume"
	// OrderOverride lifts rules of the guard for one plan.
	OrderOverride OrderKind = "override"
	// OrderConfirm ends a trial: what it changed stays. OrderRevert ends it too:
	// what was before is brought back now.
	OrderConfirm OrderKind = "confirm"
	OrderRevert  OrderKind = "revert"
)

// Ordered answers an [Order].
type Ordered struct {
	Speaker string `json:"speaker"`
	ID      string `json:"id"`                // of the order
	Refused string `json:"refused,omitempty"` // why nothing was done
	Done    string `json:"done,omitempty"`    // what was, for people
}

// Pause is that no watch commands for an owner.
type Pause struct {
	Owner  string    `json:"owner"`
	By     Commander `json:"by"`
	At     int64     `json:"at_unix_ms"`
	Reason string    `json:"reason,omitempty"`
}

// Override lifts rules of the guard for one plan, until that is carried out.
type Override struct {
	Owner  string    `json:"owner"`
	By     Commander `json:"by"`
	At     int64     `json:"at_unix_ms"`
	Until  int64     `json:"until_unix_ms"` // at the latest
	Reason string    `json:"reason,omitempty"`
	Text   string    `json:"text"` // RULE[,RULE...]@DIGEST
}

// Trial is a file in force that what was before replaces again, at the deadline, if
// nobody confirms it.
type Trial struct {
	Owner    string         `json:"owner"`
	By       Commander      `json:"by"`
	Revision state.Revision `json:"revision"`        // of the file
	Before   state.Revision `json:"before,omitzero"` // of what was in force; zero for nothing
	Began    int64          `json:"began_unix_ms"`
	Deadline int64          `json:"deadline_unix_ms"`
	Changed  int            `json:"changed"`             // routes
	Revert   bool           `json:"reverting,omitempty"` // what was before is being brought back
	Free     bool           `json:"free,omitempty"`      // all of that was tried: others may command
}

// Reverted is what was in force before, and nobody confirmed.
type Reverted struct {
	Digest string    `json:"digest"` // of the file
	At     int64     `json:"at_unix_ms"`
	By     Commander `json:"by,omitzero"` // who ordered it; zero if it was the time
}

const (
	// MaxTrial is how long a trial may wait for its confirmation.
	MaxTrial = 24 * time.Hour
	// MaxOverrides bounds the overrides of an owner.
	MaxOverrides = 20
	// maxOrderText bounds a text of an order: readers get it with every update.
	maxOrderText = 500
	// maxOwners bounds what is told of owners.
	maxOwners = 10_000
)

// CheckOverride is the error of a text that is not an override of any release. Who
// passes one on need not know the rules that it names.
func CheckOverride(text string) error {
	isName := func(r state.Rule) bool {
		return r != "" && strings.Trim(string(r), "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
	}
	rules, _, err := state.SplitOverride(text)
	if err != nil || slices.ContainsFunc(rules, func(r state.Rule) bool { return !isName(r) }) {
		return fmt.Errorf("override %q is not RULE[,RULE...]@DIGEST, with %d hex digits of the digest of a plan", text, state.ShortDigest)
	}
	return nil
}

func (o *Order) check() error {
	switch o.Kind {
	case OrderPause, OrderResume, OrderConfirm, OrderRevert:
		if o.Text != "" {
			return fmt.Errorf("order %s: it has a text", o.Kind)
		}
	case OrderOverride:
		if err := CheckOverride(o.Text); err != nil {
			return err
		}
	default:
		return fmt.Errorf("order %q is not known", o.Kind)
	}
	if len(o.Reason) > maxOrderText || len(o.Text) > maxOrderText {
		return fmt.Errorf("order %s: its reason or its text is longer than %d bytes", o.Kind, maxOrderText)
	}
	if err := state.CheckName(o.Owner); err != nil {
		return fmt.Errorf("order %s: owner %w", o.Kind, err)
	}
	return errors.Join(o.From.check(), checkPrintable(o.Speaker, o.ID, o.Reason))
}

// EncodeOrder returns the body of an order. One that [DecodeOrder] would refuse is
// an error.
func EncodeOrder(o Order) ([]byte, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	return encode(o)
}

// DecodeOrder reads what [EncodeOrder] wrote.
func DecodeOrder(data []byte) (Order, error) {
	o, err := decode[Order]("order", data)
	if err == nil {
		err = o.check()
	}
	if err != nil {
		return Order{}, fmt.Errorf("decode order: %w", err)
	}
	return o, nil
}

// EncodeOrdered returns the body of the answer to an order.
func EncodeOrdered(o Ordered) ([]byte, error) { return encode(o) }

// DecodeOrdered reads what [EncodeOrdered] wrote.
func DecodeOrdered(data []byte) (Ordered, error) {
	o, err := decode[Ordered]("answer to an order", data)
	if err == nil {
		err = checkPrintable(o.Speaker, o.ID, o.Refused, o.Done)
	}
	if err != nil {
		return Ordered{}, fmt.Errorf("decode answer to an order: %w", err)
	}
	return o, nil
}

func (p *Pause) check() error {
	if p == nil {
		return nil
	}
	return errors.Join(p.By.check(), checkPrintable(p.Owner, p.Reason))
}

func (o *Override) check() error {
	return errors.Join(CheckOverride(o.Text), o.By.check(), checkPrintable(o.Owner, o.Reason))
}

func (t *Trial) check() error {
	if t == nil {
		return nil
	}
	return errors.Join(t.By.check(), checkRevision(t.Revision), checkRevision(t.Before), checkPrintable(t.Owner))
}

func (r *Reverted) check() error {
	if r == nil {
		return nil
	}
	return errors.Join(r.By.check(), checkPrintable(r.Digest))
}

func (a *About) checkOrders() error {
	if len(a.Pauses) > maxOwners || len(a.Trials) > maxOwners || len(a.Overrides) > maxOwners*MaxOverrides {
		return errors.New("more pauses, trials or overrides than there can be")
	}
	for i := range a.Pauses {
		if err := a.Pauses[i].check(); err != nil {
			return err
		}
	}
	for i := range a.Trials {
		if err := a.Trials[i].check(); err != nil {
			return err
		}
	}
	for i := range a.Overrides {
		if err := a.Overrides[i].check(); err != nil {
			return err
		}
	}
	return nil
}
