package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// restartRoutes is how many routes the faults have in which exaBGP is started
// again.
const restartRoutes = 10_000

// replayBound is how long after its session a router may have to wait for what
// exaBGP had.
const replayBound = 3 * time.Second

// restartFaults are those in which exaBGP loses its table, and the bridge's
// journal is all that is left of it.
func restartFaults() []fault {
	const group, hurts = "restart", theSpeaker | theBridge
	graceful := needs{graceful: true}
	return []fault{{
		name: "exaBGP killed, broker down", group: group, bound: replayBound, routes: restartRoutes, deaths: 1, hurts: hurts | theBroker,
		what:    "kill -9 of exaBGP, and nobody but the bridge to announce again; from the session",
		provoke: restartWithoutBroker,
	}, {
		name: "exaBGP killed, broker down, graceful restart", group: group, needs: graceful, bound: replayBound, routes: restartRoutes, deaths: 1, hurts: hurts | theBroker,
		what:    "as above, and nothing may leave the router's table; from the session",
		provoke: restartWithoutBroker,
	}, {
		name: "exaBGP killed, a save meanwhile, graceful restart", group: group, needs: graceful, bound: replayBound, routes: restartRoutes, deaths: 1, hurts: hurts | theFile,
		what:    "kill -9 of exaBGP and a save before it is back: only what the save takes away goes; from the session",
		provoke: killThenSave,
	}, {
		name: "exaBGP killed in the midst of a change, graceful restart", group: group, needs: graceful, bound: replayBound, routes: manyRoutes, deaths: 1, hurts: hurts | theFile,
		what:    "kill -9 of exaBGP at a random moment of a change of 5,000 routes; from the session",
		provoke: killInTheMidst,
	}, {
		// A router drops what is stale already when the session ends again
		// (RFC 4724 section 4.2), so nothing is asked of its table here.
		name: "exaBGP killed in the midst of its replay", group: group, bound: replayBound, routes: restartRoutes, deaths: 1, hurts: hurts,
		what:    "kill -9 of exaBGP, and twice more at random moments of the replay; from the last session",
		provoke: killInTheReplay,
	}, {
		name: "bridge killed in the midst of its replay, graceful restart", group: group, needs: graceful, bound: replayBound, routes: restartRoutes, deaths: 2, hurts: hurts,
		what:    "kill -9 of exaBGP, and of the next bridge at a random moment of the replay; from the second kill",
		provoke: killBridgeInTheReplay,
	}, {
		name: "exaBGP killed, journal lost, graceful restart", group: group, needs: graceful, bound: 2 * replayBound, routes: restartRoutes, deaths: 1, hurts: hurts,
		what:    "kill -9 of exaBGP, and its bridge's journal is gone: the End-of-RIB waits for the watch; from the session",
		provoke: killWithoutJournal,
	}, {
		name: "exaBGP killed, journal torn, graceful restart", group: group, needs: graceful, bound: 2 * replayBound, routes: restartRoutes, deaths: 1, hurts: hurts,
		what:    "as above, with half of the journal there: it is not believed",
		provoke: killWithTornJournal,
	}, {
		name: "exaBGP stopped, graceful restart", group: group, needs: graceful, bound: replayBound, routes: restartRoutes, deaths: 1, hurts: hurts,
		what:    "SIGTERM of exaBGP, and started again; from the session",
		provoke: stopExaBGP,
	}}
}

func killThenSave(ctx context.Context, g *ground) error {
	if err := g.speaker.Kill(ctx); err != nil {
		return err
	}
	if err := g.edit(100); err != nil {
		return err
	}
	return g.startsAgain(ctx)
}

func killInTheMidst(ctx context.Context, g *ground) error {
	mark := g.router.Tape().Mark()
	if err := g.edit(manyRoutes); err != nil {
		return err
	}
	if err := g.midst(ctx, mark, manyRoutes); err != nil {
		return err
	}
	if err := g.speaker.Kill(ctx); err != nil {
		return err
	}
	return g.startsAgain(ctx)
}

func killInTheReplay(ctx context.Context, g *ground) error {
	for range 2 {
		if err := g.speaker.Kill(ctx); err != nil {
			return err
		}
		if err := g.startsAgain(ctx); err != nil {
			return err
		}
		if err := g.pause(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
	if err := g.speaker.Kill(ctx); err != nil {
		return err
	}
	return g.startsAgain(ctx)
}

func killBridgeInTheReplay(ctx context.Context, g *ground) error {
	if err := g.speaker.Kill(ctx); err != nil {
		return err
	}
	if err := g.startSpeaker(ctx); err != nil {
		return err
	}
	if err := g.pause(ctx, 500*time.Millisecond); err != nil {
		return err
	}
	if err := g.killBridge(ctx); err != nil {
		return err
	}
	g.over()
	return g.established(ctx)
}

func killWithoutJournal(ctx context.Context, g *ground) error {
	if err := g.speaker.Kill(ctx); err != nil {
		return err
	}
	if err := os.Remove(g.journal()); err != nil {
		return fmt.Errorf("lose the journal: %w", err)
	}
	return g.startsAgain(ctx)
}

func killWithTornJournal(ctx context.Context, g *ground) error {
	if err := g.speaker.Kill(ctx); err != nil {
		return err
	}
	file, err := os.Stat(g.journal())
	if err == nil {
		err = os.Truncate(g.journal(), file.Size()/2)
	}
	if err != nil {
		return fmt.Errorf("tear the journal: %w", err)
	}
	return g.startsAgain(ctx)
}

func stopExaBGP(ctx context.Context, g *ground) error {
	if err := g.speaker.Stop(ctx); err != nil {
		return err
	}
	return g.startsAgain(ctx)
}

// journal is the file of the ground's bridge.
func (g *ground) journal() string { return filepath.Join(g.lab.Dir(), "state", g.name+".db") }

// startsAgain starts exaBGP, and the clock with its sessions.
func (g *ground) startsAgain(ctx context.Context) error {
	if err := g.startSpeaker(ctx); err != nil {
		return err
	}
	if err := g.established(ctx); err != nil {
		return err
	}
	g.over()
	return nil
}

// restartWithoutBroker has the bridge announce again by itself. The broker comes
// back once it has.
func restartWithoutBroker(ctx context.Context, g *ground) error {
	if err := g.broker.Stop(ctx); err != nil {
		return err
	}
	err := g.speaker.Kill(ctx)
	if err == nil {
		err = g.startsAgain(ctx)
	}
	if err == nil {
		err = g.held(ctx)
	}
	return errors.Join(err, g.broker.Start(ctx))
}

// held waits until the routers hold what the last file says, for a fault after
// which nobody can be asked yet whether anything is left to do.
func (g *ground) held(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, usualBound)
	defer cancel()
	for _, r := range g.routers {
		want := g.want(r)
		if err := r.Tape().Wait(ctx, fmt.Sprintf("it holds the %d routes of the file", len(want)), func() bool { return r.Tape().Holds(want) }); err != nil {
			return err
		}
	}
	g.recovered()
	return nil
}
