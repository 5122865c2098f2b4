// Package web tells over HTTP how a watch fares: /metrics for Prometheus, /healthz for
// who looks whether it works. It shows numbers and the names of speakers, no route, and
// takes nothing in.
//
// Each answer is made of one look at the watch: its numbers belong together.
package web

import "time"

// Watch is a watch at one moment.
type Watch struct {
	Version string
	// InForce is since when its file is in force; zero while it has had no good one.
	InForce time.Time
	// Held are the names of what keeps the file as it is now from being in force.
	Held     []string
	Speakers []Speaker // each name once
}

// Speaker is one speaker as the watch has it.
type Speaker struct {
	Name, Owner string
	Connected   bool      // there is a session with the broker
	Commands    bool      // it is this watch's to command; else it stands by
	Paused      bool      // somebody has paused the owner's watch there
	Held        []string  // names of what keeps it from its work there, each once
	Guarded     []string  // rules of the guard that hold a plan, each once
	Trial       time.Time // until when what was applied has to be confirmed; zero for nothing

	Known              bool // the three that follow are
	Desired, Unchanged int  // routes
	Pending            Changes
	Converged          time.Time         // last; zero for never
	Published          Changes           // since the watch began
	Refusals           map[string]uint64 // by the guard, by rule, since the watch began
}

// Changes are numbers of changes.
type Changes struct{ Announce, Change, Withdraw int }
