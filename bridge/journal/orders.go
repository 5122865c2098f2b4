package journal

import (
	"bytes"
	"encoding/json"
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

// orders is the part of an [Owner] that the first version of its record has not,
// as it is written: in JSON, for it is read as often as a person looks at it.
type orders struct {
	Epoch     int64      `json:"epoch,omitempty"`
	Commander string     `json:"commander,omitempty"`
	Pause     *Pause     `json:"pause,omitempty"`
	Overrides []Override `json:"overrides,omitempty"`
	Trial     *Trial     `json:"trial,omitempty"`
	Ended     *Ended     `json:"ended,omitempty"`
}

func (o *Owner) orders() orders {
	return orders{o.Epoch, o.Commander, o.Pause, o.Overrides, o.Trial, o.Ended}
}

func (o *Owner) set(x orders) {
	o.Epoch, o.Commander, o.Pause, o.Overrides, o.Trial, o.Ended = x.Epoch, x.Commander, x.Pause, x.Overrides, x.Trial, x.Ended
}

// any tells whether there is something that the first version can't say.
func (x *orders) any() bool {
	return x.Epoch != 0 || x.Commander != "" || x.Pause != nil || len(x.Overrides) > 0 || x.Trial != nil || x.Ended != nil
}

func (x orders) encode() (string, error) {
	text, err := json.Marshal(x)
	return string(text), err
}

// decodeOrders reads exactly what encode writes.
func decodeOrders(text []byte) (orders, error) {
	var x orders
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&x); err != nil {
		return orders{}, fmt.Errorf("orders: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return orders{}, fmt.Errorf("orders: something stands behind them")
	}
	again, err := x.encode()
	if err != nil {
		return orders{}, fmt.Errorf("orders: %w", err)
	}
	if again != string(text) || !x.any() {
		return orders{}, fmt.Errorf("orders are not as they are written")
	}
	return x, nil
}
