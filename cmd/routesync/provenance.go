package main

import (
	"routesync/bridge"
	"routesync/state"
)

// fromJSON is who gave a route by hand, for programs.
type fromJSON struct {
	By      string `json:"by"`
	At      string `json:"at"`
	Expires string `json:"expires,omitempty"`
	Lease   int64  `json:"lease_ms,omitempty"`
}

// provenanceJSON is a provenance, nil for none.
func provenanceJSON(p state.Provenance) *fromJSON {
	if p == (state.Provenance{}) {
		return nil
	}
	return &fromJSON{p.By, timeJSON(p.At), timeJSON(p.Expires), p.Lease}
}

// whose says who announces a route: an owner, and of a route by hand who gave
// it and when.
func whose(a state.Advert) string {
	text := bridge.OwnerName(a.Owner)
	if a.From.By != "" {
		text += ", given by " + a.From.By
	}
	if a.From.At != 0 {
		text += " at " + timeJSON(a.From.At)
	}
	if a.From.Expires != 0 {
		text += ", expires " + timeJSON(a.From.Expires)
	}
	if a.From.Lease != 0 {
		text += ", for a lease of " + leaseText(a.From.Lease)
	}
	return text
}
