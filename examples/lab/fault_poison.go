package main

import (
	"context"
	"time"

	"routesync/examples/lab/rig"
)

// poisonFaults are those of a route that ends the session whenever it is sent.
func poisonFaults() []fault {
	return []fault{{
		name: "poison route among 10,000", group: "poison", bound: poisonLimit, hurts: theRouter | theFile,
		what: "a save of 10,000 routes, one of which BIRD answers with a NOTIFICATION: it is found and quarantined, and BIRD has the others",
		needs: needs{variant: &variant{
			router: func(o *rig.RouterOptions) { *o = bearing(*o) },
			speaker: func(_ *ground, o *rig.SpeakerOptions) {
				for i := range o.Neighbors {
					offered(&o.Neighbors[i])
				}
			},
		}},
		provoke: poisonAmong,
		spoils:  true, // the route stays in quarantine, and exaBGP waits ever longer
	}}
}

// poisonLimit is how long it may take from the save until the one is quarantined
// and the router has the others.
const poisonLimit = time.Minute

func poisonAmong(ctx context.Context, g *ground) error {
	n := 9_999
	if g.short {
		n = 299
	}
	next := g.last().grown(g.rand, n)
	g.saving.Lock()
	defer g.saving.Unlock()
	g.inForce(next)
	if err := g.save(next.yaml(faultOwner, g.name) + poisonRoute(true)); err != nil {
		return err
	}
	g.over()
	limited, cancel := context.WithTimeout(ctx, 2*poisonLimit)
	defer cancel()
	if err := g.watches[0].WaitWrote(limited, "quarantined: the session to "); err != nil {
		return err
	}
	return g.savesNow(next) // or something would be left to do for ever
}
