package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"routesync/reconcile"
	"routesync/reconcile/watch"
	"routesync/state"
	"routesync/state/rpki"
)

// noVRPs is what is noted while the VRPs say nothing that a policy asks them for.
const noVRPs = "no-vrps"

// vrpsEvery is how often it is looked whether VRPs have become old.
const vrpsEvery = time.Minute

// vrpKeeper keeps up the VRPs of a watch: with their file, whenever that changes, and
// with the time, for they grow old. A file apart from the others: it is large, and
// when it changes, no file with routes has.
type vrpKeeper struct {
	ctx   context.Context // of everything it starts
	group *errgroup.Group
	log   *slog.Logger

	mu      sync.Mutex
	rpki    state.RPKI // of the policy in force
	file    *rpki.File // of it; nil before it was read
	leave   context.CancelFunc
	fault   string // that was said
	judging map[*reconcile.Target]reconcile.Notes
}

func newVRPKeeper(ctx context.Context, group *errgroup.Group, log *slog.Logger) *vrpKeeper {
	return &vrpKeeper{ctx: ctx, group: group, log: log, judging: map[*reconcile.Target]reconcile.Notes{}}
}

// get is what is known now of the file that a policy names.
func (k *vrpKeeper) get(r state.RPKI) *rpki.File {
	k.mu.Lock()
	defer k.mu.Unlock()
	if vrpPath(r) != vrpPath(k.rpki) {
		return nil
	}
	return k.file
}

// join has the plans of a target judged again when there are other VRPs, and what is
// wrong with these noted, until ctx ends.
func (k *vrpKeeper) join(ctx context.Context, t *reconcile.Target, notes reconcile.Notes) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.judging[t] = notes
	if k.fault != "" {
		notes.Note(noVRPs, k.fault, doVRPs)
	}
	context.AfterFunc(ctx, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.judging, t)
	})
}

const doVRPs = "see whether the validator still writes the file; guard: rpki says how old it may be"

// follow keeps up with what a policy names from now on. The first look is before it
// returns: what is in force with the policy is judged by it.
func (k *vrpKeeper) follow(r state.RPKI) {
	if !r.Asks() {
		r = state.RPKI{}
	}
	k.mu.Lock()
	was := k.rpki
	k.rpki = r
	same := vrpPath(was) == vrpPath(r)
	if !same {
		k.file = nil
		if k.leave != nil {
			k.leave()
			k.leave = nil
		}
	}
	k.mu.Unlock()
	if same {
		k.look(time.Now()) // it may be older now, or must not any more
		return
	}
	if r.VRPs == "" {
		k.look(time.Now())
		return
	}
	k.take(r, readVRPs(r))
	ctx, leave := context.WithCancel(k.ctx)
	k.mu.Lock()
	k.leave = leave
	k.mu.Unlock()
	k.group.Go(func() error { return k.keep(ctx, r) })
}

// keep follows one file.
func (k *vrpKeeper) keep(ctx context.Context, r state.RPKI) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		w := watch.New(vrpPath(r), watch.Options{Settle: 200 * time.Millisecond, MaxSize: maxVRPs}, k.log)
		return w.Run(ctx, func(c watch.Content) { k.take(r, rpki.Read(r.VRPs, c.Data, bare(c.Err))) })
	})
	group.Go(func() error {
		every := time.NewTicker(vrpsEvery)
		defer every.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case now := <-every.C:
				k.look(now)
			}
		}
	})
	return group.Wait()
}

// take takes what was read of a file.
func (k *vrpKeeper) take(r state.RPKI, f *rpki.File) {
	k.mu.Lock()
	if vrpPath(r) != vrpPath(k.rpki) {
		k.mu.Unlock()
		return
	}
	again := alike(f, k.file) // as it was read when it began to be followed, or is copied anew
	k.file = f
	targets := make([]*reconcile.Target, 0, len(k.judging))
	for t := range k.judging {
		targets = append(targets, t)
	}
	k.mu.Unlock()
	if again {
		return
	}
	if f.Table != nil {
		k.log.Info("VRPs are in force", "file", f.Name, "VRPs", f.Table.Len(), "made", f.Table.Made().UTC().Format(time.RFC3339))
	}
	k.look(time.Now())
	for _, t := range targets {
		t.Reconsider()
	}
}

// alike tells whether two readings of a file of VRPs came to the same.
func alike(a, b *rpki.File) bool {
	switch {
	case a == nil || b == nil || a.Name != b.Name:
		return false
	case a.Err != nil || b.Err != nil:
		return a.Err != nil && b.Err != nil && a.Err.Error() == b.Err.Error()
	}
	return a.Table.Equal(b.Table)
}

// look says once what is wrong with the VRPs, and that nothing is any more.
func (k *vrpKeeper) look(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	text := ""
	if k.file != nil {
		if err := k.file.Fault(now, k.rpki.Oldest()); err != nil {
			text = err.Error()
		}
	}
	if text == k.fault {
		return
	}
	was := k.fault
	k.fault = text
	switch {
	case text != "":
		k.log.Error("no origin can be judged: "+text, "do", doVRPs)
	case was != "":
		k.log.Info("origins can be judged again, or need not be")
	}
	for _, notes := range k.judging {
		notes.Note(noVRPs, text, doVRPs)
	}
}
