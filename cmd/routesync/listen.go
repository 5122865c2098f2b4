package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"routesync/bridge"
	"routesync/bridge/wire"
	"routesync/reconcile"
	"routesync/reconcile/web"
)

// shown is what a watch shows of itself to others than its own goroutines.
type shown struct {
	mu       sync.Mutex
	since    time.Time // when the file in force was put in force
	digest   string    // of that file
	speakers map[string]*kept
}

// inForce notes that a file is in force; the same again is nothing new.
func (s *shown) inForce(digest string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.digest != digest {
		s.since, s.digest = now, digest
	}
}

func (s *shown) begun(k *kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.speakers == nil {
		s.speakers = map[string]*kept{}
	}
	s.speakers[k.name] = k
}

// ended forgets a speaker, unless another life of it has begun.
func (s *shown) ended(k *kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.speakers[k.name] == k {
		delete(s.speakers, k.name)
	}
}

// look is the watch as it is now.
func (k *keeper) look() web.Watch {
	w := web.Watch{Version: version()}
	if hold := k.hold.Load(); hold != nil {
		w.Held = []string{hold.Name}
	}
	k.shown.mu.Lock()
	defer k.shown.mu.Unlock()
	w.InForce = k.shown.since
	for _, name := range slices.Sorted(maps.Keys(k.shown.speakers)) {
		w.Speakers = append(w.Speakers, k.shown.speakers[name].look())
	}
	return w
}

func (s *kept) look() web.Speaker {
	p := s.target.Progress()
	out := web.Speaker{
		Name: s.name, Owner: s.owner, Connected: s.connected.Load(), Commands: s.commands.Load(),
		Known: p.Known, Desired: p.Desired, Unchanged: p.Unchanged, Converged: p.Converged,
		Pending: changesShown(p.Pending), Published: changesShown(p.Published),
	}
	for _, rule := range p.Guarded {
		out.Guarded = append(out.Guarded, string(rule))
	}
	for rule, n := range p.Refusals {
		if out.Refusals == nil {
			out.Refusals = map[string]uint64{}
		}
		out.Refusals[string(rule)] = n
	}
	if o := s.ordered.Load(); o != nil {
		out.Paused = o.paused
		if o.trial != nil {
			out.Trial = time.UnixMilli(o.trial.Deadline)
		}
	}
	if older := s.older.Load(); older != nil {
		out.Held = append(out.Held, older.Name)
	}
	for _, x := range append(s.held.List(), s.notes.with(nil)...) {
		if x.Name != reconcile.Guarded { // the rules say more
			out.Held = append(out.Held, x.Name)
		}
	}
	slices.Sort(out.Held)
	out.Held = slices.Compact(out.Held)
	return out
}

// ordered is what people ordered at a speaker, as its bridge told last.
type ordered struct {
	paused bool
	trial  *wire.Trial
}

// heeding is a commander of a speaker that notes what people ordered there.
type heeding struct {
	*bridge.Commander
	kept *kept
}

func (h heeding) Await(ctx context.Context, wake <-chan struct{}) error {
	err := h.Commander.Await(ctx, wake)
	if about := h.About(); about != nil {
		h.kept.ordered.Store(&ordered{
			paused: slices.ContainsFunc(about.Pauses, func(p wire.Pause) bool { return p.Owner == h.kept.owner }),
			trial:  about.TrialOf(h.kept.owner),
		})
	}
	return err
}

func changesShown(c reconcile.Changes) web.Changes {
	return web.Changes{Announce: c.Announce, Change: c.Change, Withdraw: c.Withdraw}
}

// listen begins to answer for the watch at addr, unless that is "". An address that can't
// be had ends the watch before it does anything.
func listen(ctx context.Context, group *errgroup.Group, addr string, look func() web.Watch, log *slog.Logger) error {
	if addr == "" {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return usage(fmt.Errorf("--listen: %w", err), "give an address of this machine and a port, such as 127.0.0.1:9179")
	}
	log.Info("answering /metrics and /healthz", "at", l.Addr().String())
	group.Go(func() error { return web.Serve(ctx, l, look, log) })
	return nil
}
