package main

import (
	"context"
	"time"

	"routesync/examples/lab/rig"
)

// fault is one way to hurt the system that must cost no route.
type fault struct {
	name  string // what one calls it: "bridge killed"
	group string // faults of one group have a file together
	what  string // a sentence: what is done, and what must hold
	needs needs
	// routes is how many the file has when it begins; usualRoutes if 0.
	routes int
	// bound is how long it may take from the fault's end until all is as the
	// last file says; usualBound if 0.
	bound time.Duration
	// deaths is how many of exaBGP's helpers die of it, supervisors that is:
	// exaBGP ends itself when it starts a sixth one within 64 s.
	deaths int
	// hurts names the parts that are down or changed meanwhile.
	hurts part
	// overlaps says that it may be played while others are that hurt other parts:
	// it waits for nothing that one of them could put off for ever.
	overlaps bool
	// spoils says that the ground can't be used again.
	spoils bool
	// provoke does it, with saves before, meanwhile and after. The clock of the
	// convergence starts when it returns, or at [ground.over] before that. What
	// it takes down it starts again.
	provoke func(ctx context.Context, g *ground) error
}

const (
	usualRoutes = 50
	usualBound  = 30 * time.Second
	// manyRoutes is how many the faults in the midst of a change have.
	manyRoutes = 5000
)

// needs is what a ground must have for a fault. Faults with equal needs share
// one.
type needs struct {
	routers  int  // 1 if 0, each a peer of its own
	watches  int  // 1 if 0; the first commands and the others stand by
	graceful bool // sessions with graceful restart (RFC 4724)
	variant  *variant
}

// variant is how else a ground differs from the usual one. What is nil does
// nothing.
type variant struct {
	// before is called when the broker is all there is. It may set the ground's
	// bridgeURL and watchURL, and start parts in its lab.
	before  func(ctx context.Context, g *ground) error
	speaker func(g *ground, o *rig.SpeakerOptions)
	router  func(o *rig.RouterOptions)
	watch   []string // what the watches are run by: a path, and its arguments
}

// part is a set of the parts of a ground.
type part uint8

const (
	theBroker part = 1 << iota
	theSpeaker
	theBridge
	theWatch
	theRouter
	theFile
)

// faults are all there are, in the order of the table.
func faults() []fault {
	var all []fault
	for _, group := range []func() []fault{
		bridgeFaults, helperFaults, readerFaults,
		watcherFaults, rivalFaults, fileFaults,
		brokerFaults,
		sessionFaults, driftFaults,
		speakerFaults, restartFaults,
		everythingFaults,
		networkFaults,
		queueFaults,
		poisonFaults,
	} {
		all = append(all, group()...)
	}
	return all
}
