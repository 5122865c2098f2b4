package main

import (
	"encoding/json"
	"io"
	"net/netip"
	"time"

	"routesync/state"
)

// formatVersion is the version of all JSON on stdout: a new key raises the
// second number, anything else the first.
const formatVersion = "1.4"

func writeJSON(to io.Writer, v any) error {
	enc := json.NewEncoder(to)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// attrsJSON is a set of attributes: a list for those that take several values,
// true for a flag, else the value; null for no set.
func attrsJSON(a state.Attrs) map[string]any {
	var m map[string]any
	for name, values := range a.All() {
		if m == nil {
			m = map[string]any{}
		}
		switch {
		case name.IsFlag():
			m[string(name)] = true
		case name.IsList():
			m[string(name)] = values
		default:
			m[string(name)] = values[0]
		}
	}
	return m
}

type positionJSON struct {
	File   string `json:"file"`
	Line   int32  `json:"line"`
	Column int32  `json:"column"`
}

// placeJSON is a position, nil for none.
func placeJSON(p state.Position) *positionJSON {
	if p == (state.Position{}) {
		return nil
	}
	return &positionJSON{p.File, p.Line, p.Column}
}

// addrsJSON are addresses, never null.
func addrsJSON(addrs []netip.Addr) []string {
	words := make([]string, len(addrs))
	for i, a := range addrs {
		words[i] = a.String()
	}
	return words
}

// listJSON makes null an empty list.
func listJSON[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// timeJSON is a time of the wire, in Unix milliseconds, as RFC 3339; "" for
// never.
func timeJSON(ms int64) string {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// momentJSON is a time as [timeJSON] writes one; "" for the zero time.
func momentJSON(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return timeJSON(t.UnixMilli())
}
