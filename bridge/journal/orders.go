package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"routesync/state"
)

// Process is who gave an order, or commands.
type Process struct {
	ID   string `json:"id"` // unique to one life of one process
	Host string `json:"host"`
	PID  int    `json:"pid"`
	Verb string `json:"verb"`
	User string `json:"user,omitempty"`
}

// Pause is that no watch commands for an owner. Times are in Unix milliseconds.
type Pause struct {
	By     Process `json:"by"`
	At     int64   `json:"at_unix_ms"`
	Reason string  `json:"reason"`
}

// Override lifts rules of the guard for one plan.
type Override struct {
	By     Process `json:"by"`
	At     int64   `json:"at_unix_ms"`
	Reason string  `json:"reason,omitempty"`
	Text   string  `json:"text"` // RULE[,RULE...]@DIGEST
}

// Trial is a file in force until it is confirmed, or for a time.
type Trial struct {
	By       Process        `json:"by"`
	Revision state.Revision `json:"revision"` // of the file
	Began    int64          `json:"began_unix_ms"`
	Deadline int64          `json:"deadline_unix_ms"`
	// Before is of the file that was in force before it, and Host has that.
	Before state.Revision `json:"before"`
	Host   string         `json:"before_host,omitempty"`
	// Reverting: what was before is being brought back.
	Reverting bool `json:"reverting,omitempty"`
}

// Ended is what became of the last trial of an owner.
type Ended struct {
	Digest   string  `json:"digest"` // of the file that was tried
	Of       string  `json:"of"`     // the ID of who tried it
	At       int64   `json:"at_unix_ms"`
	By       Process `json:"by"` // who confirmed or reverted it; zero if it was the time
	Reverted bool    `json:"reverted"`
}

// Orders is the part of an [Owner] that the first version of its record has not. It
// is written in JSON, for it is read as often as a person looks at it.
type Orders struct {
	// Epoch is that of the lease under which a file was put in force last, or a
	// change of it was carried out, and Commander the ID of who held it.
	Epoch     int64      `json:"epoch,omitempty"`
	Commander string     `json:"commander,omitempty"`
	Pause     *Pause     `json:"pause,omitempty"`     // nil: it is not paused
	Overrides []Override `json:"overrides,omitempty"` // in the order in which they came
	Trial     *Trial     `json:"trial,omitempty"`     // nil: there is none
	Ended     *Ended     `json:"ended,omitempty"`     // of the trial before; nil for none
}

// any tells whether there is something that the first version can't say.
func (x *Orders) any() bool {
	return x.Epoch != 0 || x.Commander != "" || x.Pause != nil || len(x.Overrides) > 0 || x.Trial != nil || x.Ended != nil
}

func (x *Orders) encode() (string, error) {
	text, err := json.Marshal(x)
	return string(text), err
}

// decodeOrders reads exactly what encode writes.
func decodeOrders(text []byte) (Orders, error) {
	var x Orders
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&x); err != nil {
		return Orders{}, fmt.Errorf("orders: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return Orders{}, errors.New("orders: something stands behind them")
	}
	again, err := x.encode()
	if err != nil {
		return Orders{}, fmt.Errorf("orders: %w", err)
	}
	if again != string(text) || !x.any() {
		return Orders{}, errors.New("orders are not as they are written")
	}
	return x, nil
}
