package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"routesync/examples/lab/rig"
)

const (
	// faultLimit bounds one round, all in all.
	faultLimit = 4 * time.Minute
	// baseLimit bounds the convergence before a fault.
	baseLimit = 60 * time.Second
	// extraPatience is how long a round that has missed its bound may go on, so that
	// the table says how long it does take.
	extraPatience = 60 * time.Second
	// queueAge is how old the ground's queues are before the broker is hurt: a
	// quorum queue that was made within half a second before a kill -9 of
	// RabbitMQ has no leader ever again. A fault of that name is about it.
	queueAge = 2 * time.Second
	// planEvery is the beat of the question whether anything is left to do.
	planEvery = 50 * time.Millisecond
)

// outcome is how one round ended.
type outcome struct {
	verdict
	took time.Duration // from the fault's end until all was as the file says
	late bool          // later than the bound
	err  error         // the round could not be played to its end
}

func (o *outcome) failed() bool { return o.err != nil || o.late || !o.clean() }

// arena runs faults, one after the other, at one broker.
type arena struct {
	stage         // the lab of the broker, and where grounds are made
	seed   uint64 // of everything random
	short  bool   // what takes long takes less
	room   int    // bounds are stretched by it: 1 for what the issue names
	ground *ground
	opened int
	kept   string // the ground's folder, if something went wrong on it
}

// close ends what runs.
func (a *arena) close() error {
	if a.ground == nil {
		return nil
	}
	g := a.ground
	a.ground = nil
	return g.close(a.kept == g.lab.Dir())
}

// draws is what is random in a round: it follows from the seed, the fault's
// name and the round alone.
func (a *arena) draws(f *fault, round int) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(f.name))
	return rand.New(&lockedSource{src: rand.NewPCG(a.seed, h.Sum64()+uint64(round))})
}

// lockedSource may be drawn from by several goroutines.
type lockedSource struct {
	mu  sync.Mutex
	src rand.Source
}

// Uint64 implements [rand.Source].
func (s *lockedSource) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.src.Uint64()
}

// round plays a fault once.
func (a *arena) round(ctx context.Context, f *fault, number int) outcome {
	ctx, cancel := context.WithTimeout(ctx, faultLimit)
	defer cancel()
	if err := a.prepare(ctx, f, number); err != nil {
		return outcome{err: fmt.Errorf("before the fault: %w", err)}
	}
	g := a.ground
	g.begin()
	err := f.provoke(ctx, g)
	o := outcome{}
	if err != nil {
		o.err = fmt.Errorf("provoke it: %w", err)
	} else {
		o = g.recover(ctx, a.boundOf(f))
	}
	o.add(g.judge())
	if f.hurts&(theSpeaker|theRouter) == 0 {
		o.err = errors.Join(o.err, g.stayed())
	}
	if o.failed() {
		a.kept = g.lab.Dir()
	}
	if o.failed() || f.spoils {
		o.err = errors.Join(o.err, a.close())
	}
	return o
}

func (a *arena) boundOf(f *fault) time.Duration {
	bound := f.bound
	if bound == 0 {
		bound = usualBound
	}
	return bound * time.Duration(max(1, a.room))
}

// prepare has a ground as the fault needs it, converged to a file as long as it
// needs.
func (a *arena) prepare(ctx context.Context, f *fault, number int) error {
	draws := a.draws(f, number)
	if a.ground != nil && a.ground.needs != f.needs {
		if err := a.close(); err != nil {
			return err
		}
	}
	if a.ground == nil {
		a.opened++
		g, err := openGround(ctx, a.stage, fmt.Sprintf("edge%d", a.opened), f.needs, draws, a.short)
		if err != nil {
			return err
		}
		a.ground = g
	}
	g := a.ground
	g.rand = draws
	if g.startsLeft() <= f.deaths {
		if err := g.renewSpeaker(ctx); err != nil {
			return err
		}
	}
	routes := f.routes
	if routes == 0 {
		routes = usualRoutes
	}
	if len(g.last()) != routes {
		if err := g.resize(routes); err != nil {
			return err
		}
	}
	base, cancel := context.WithTimeout(ctx, baseLimit)
	defer cancel()
	if err := g.converge(base); err != nil || f.hurts&theBroker == 0 {
		return err
	}
	return wait(ctx, time.Until(g.born.Add(queueAge)))
}

// renewSpeaker has another exaBGP, which has started no bridge before.
func (g *ground) renewSpeaker(ctx context.Context) error {
	if err := g.speaker.Stop(ctx); err != nil {
		return err
	}
	for _, r := range g.routers {
		if err := r.WaitDown(ctx); err != nil {
			return err
		}
	}
	if err := g.startSpeaker(ctx); err != nil {
		return err
	}
	return g.established(ctx)
}

// begin forgets what was before the fault.
func (g *ground) begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.files = g.files[len(g.files)-1:]
	g.ended, g.healed = time.Time{}, time.Time{}
	clear(g.excused)
	for _, r := range g.routers {
		mark := r.Tape().Mark()
		g.marks[r.Tape()] = mark
		r.Tape().Forget(mark)
	}
}

// converge waits until every router holds what the last file asks for, and
// nothing is left to do.
func (g *ground) converge(ctx context.Context) error {
	last := "not asked yet"
	for {
		for _, r := range g.routers {
			want := g.want(r)
			if err := r.Tape().Wait(ctx, fmt.Sprintf("it holds the %d routes of the file", len(want)),
				func() bool { return r.Tape().Holds(want) }); err != nil {
				return err
			}
		}
		r, err := g.routesync(ctx, "plan", "-o", "json")
		if err != nil {
			return fmt.Errorf("wait until nothing is left to do: %w; before: %s", err, last)
		}
		if r.code == 0 && nothingToSend(r.stdout) && g.holds() {
			return nil
		}
		last = r.stderr + r.stdout
		if err := wait(ctx, planEvery); err != nil {
			return fmt.Errorf("wait until nothing is left to do: %w; plan said:\n%s", err, last)
		}
	}
}

// nothingToSend tells whether a plan changes nothing. Routes that somebody else keeps
// are no change: after the loss of a journal that is what is left.
func nothingToSend(plan string) bool {
	var p struct {
		Summary *struct{ Announce, Change, Withdraw int }
	}
	return json.Unmarshal([]byte(plan), &p) == nil && p.Summary != nil && p.Summary.Announce+p.Summary.Change+p.Summary.Withdraw == 0
}

func (g *ground) holds() bool {
	for _, r := range g.routers {
		if !r.Tape().Holds(g.want(r)) {
			return false
		}
	}
	return true
}

// recover waits until all is well again. What is missing at the bound is lost,
// and what should be gone is stranded, also if it comes or goes later.
func (g *ground) recover(ctx context.Context, bound time.Duration) (o outcome) {
	g.mu.Lock()
	if g.ended.IsZero() {
		g.ended = time.Now()
	}
	ended, healed := g.ended, g.healed
	g.mu.Unlock()
	deadline := ended.Add(bound)
	if !healed.IsZero() {
		deadline = time.Now().Add(usualBound)
	}
	inTime, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	err := g.converge(inTime)
	if err != nil {
		o.late = true
		for _, r := range g.routers {
			o.add(left(g.want(r), r.Tape().Table()))
		}
		patient, cancel := context.WithTimeout(ctx, extraPatience)
		defer cancel()
		if err2 := g.converge(patient); err2 != nil {
			o.err = err2
		}
	}
	o.took = time.Since(ended)
	if !healed.IsZero() {
		o.took = healed.Sub(ended)
		o.late = o.late || o.took > bound
	}
	for _, r := range g.routers {
		o.err = errors.Join(o.err, agrees(ctx, r))
	}
	o.err = errors.Join(o.err, g.truthful(ctx))
	return o
}

// agrees is an error if a router says that it holds something else than its
// tape does: then the fault's figures are worth nothing.
func agrees(ctx context.Context, r *rig.Router) error {
	routes, err := r.Routes(ctx)
	if err != nil {
		return err
	}
	held := routeSet{}
	for _, route := range routes {
		held[route.Prefix] = pathOf(route)
	}
	if v := left(r.Tape().Table(), held); !v.clean() {
		return fmt.Errorf("router %s disagrees with its tape: %q", r.Name, append(v.lost, v.stranded...))
	}
	return r.Tape().Fault()
}

// pathOf has a route's attributes in the words of the tape.
func pathOf(r rig.Route) string {
	text := fmt.Sprintf("origin %s as-path [%s] next-hop %s", strings.ToLower(r.Attributes["BGP.origin"]), r.Attributes["BGP.as_path"], r.NextHop)
	if med := r.Attributes["BGP.med"]; med != "" {
		text += " med " + med
	}
	if c := r.Attributes["BGP.community"]; c != "" {
		text += " community [" + strings.NewReplacer("(", "", ",", ":", ")", "").Replace(c) + "]"
	}
	return text
}

// stayed is an error if a session ended since the fault began.
func (g *ground) stayed() error {
	for _, r := range g.routers {
		for _, e := range r.Tape().Since(g.marks[r.Tape()]) {
			if e.What == rig.Down {
				return fmt.Errorf("the session of %s ended: %s", r.Name, e)
			}
		}
	}
	return nil
}

// judge says what must not have happened since the fault began.
func (g *ground) judge() verdict {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := trial{files: g.files, foreign: g.foreign, excused: g.excused, graceful: g.needs.graceful}
	var v verdict
	for _, r := range g.routers {
		v.add(t.judge(r.Tape().Since(g.marks[r.Tape()])))
	}
	return v
}
