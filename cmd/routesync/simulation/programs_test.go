package simulation

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"routesync/bridge"
	"routesync/bridge/exabgp"
	"routesync/bridge/journal"
	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/reconcile"
	"routesync/state"
)

var errKilled = errors.New("killed")

// startBridge starts a helper of exaBGP.
func (w *world) startBridge(e *daemon) *helper {
	w.mu.Lock()
	w.runs++
	over := w.over
	h := &helper{process: newProcess(fmt.Sprintf("bridge %d", w.runs)), stdin: newPipe(), stdout: newPipe()}
	w.bridge = h
	w.mu.Unlock()
	w.law.note("%s starts", h.name)
	h.onDeath(func() {
		w.law.note("%s is killed; %d bytes of it are not read", h.name, h.stdout.unread())
		w.mu.Lock()
		torn := w.torn
		w.mu.Unlock()
		switch torn {
		case lost:
			h.stdout.cut(0)
		case halved:
			h.stdout.cut(h.stdout.unread() / 2)
		}
		h.stdout.close()
		h.stdin.close()
		notify(e.wake)
	})
	if over {
		h.kill()
		close(h.done)
		return h
	}
	w.all.Go(func() {
		defer close(h.done)
		err := w.runBridge(h, e)
		if !h.alive() {
			return
		}
		// One that waits for the journal while exaBGP goes may find it with the next.
		if e.ctx.Err() == nil || !bridge.IsGone(err) && !errors.Is(err, context.DeadlineExceeded) {
			w.law.fail("%s ended by itself: %v", h.name, err)
		}
		h.kill()
	})
	return h
}

func (w *world) runBridge(h *helper, e *daemon) error {
	j, err := journal.Open(h.ctx, w.dir, speaker, time.Now())
	if err != nil {
		return err
	}
	defer j.Close()
	if path, reason := j.SetAside(); path != "" {
		w.law.fail("the journal is put aside: %s", reason)
	}
	s, err := bridge.NewServer(bridge.Options{
		Speaker: speaker, Boot: e.boot, Version: "test", Host: "host", PID: 1, Run: h.name,
		Journal: disk{j, h.process}, Slate: slate{&w.whole, h.process},
		Pipe:   exabgp.NewPipe(stdin{h.stdin, h.process}, stdout{h.stdout, h.process, e.wake}),
		Broker: client{w.broker, h.process},
	}, w.log.With("who", h.name))
	if err != nil {
		return err
	}
	return s.Run(h.ctx)
}

// slate is what a supervisor keeps for its bridges.
type slate struct {
	whole   *atomic.Bool
	process *process
}

func (s slate) Whole() bool { return s.whole.Load() }

func (s slate) Note(whole bool) error {
	if !s.process.effect() {
		return errKilled
	}
	s.whole.Store(whole)
	return nil
}

// disk is a journal as a process writes it.
type disk struct {
	*journal.Journal
	process *process
}

func (d disk) Begin(boot string) error {
	return d.write(func() error { return d.Journal.Begin(boot) })
}

func (d disk) SetEpoch(epoch int64) error {
	return d.write(func() error { return d.Journal.SetEpoch(epoch) })
}

func (d disk) Keep(entries []journal.Entry, proof *journal.Proof) error {
	return d.write(func() error { return d.Journal.Keep(entries, proof) })
}

func (d disk) PutOwners(owners []journal.Owner) error {
	return d.write(func() error { return d.Journal.PutOwners(owners) })
}

func (d disk) Try(owner string, entries []journal.Entry) error {
	return d.write(func() error { return d.Journal.Try(owner, entries) })
}

func (d disk) Sync() error { return d.write(d.Journal.Sync) }

func (d disk) Replace(entries []journal.Entry) error {
	return d.write(func() error { return d.Journal.Replace(entries) })
}

func (d disk) Quarantine(all []journal.Quarantined) error {
	return d.write(func() error { return d.Journal.Quarantine(all) })
}

func (d disk) Replayed() error { return d.write(d.Journal.Replayed) }

func (d disk) write(f func() error) error {
	if !d.process.effect() {
		return errKilled
	}
	return f()
}

// startWatcher starts a watcher, which is started again when it is killed.
func (w *world) startWatcher(x *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x.lives++
	p := newProcess(fmt.Sprintf("%s, life %d", x.name, x.lives))
	x.process, x.target = p, reconcile.NewTarget()
	file := w.files[x.owner]
	x.force = w.law.inForce(file)
	x.target.Set(file)
	target := x.target
	w.law.note("%s starts", p.name)
	p.onDeath(func() {
		w.law.note("%s is killed", p.name)
		w.mu.Lock()
		force := x.force
		w.mu.Unlock()
		w.law.replaced(force)
		x.view.forget()
		time.AfterFunc(x.again, func() {
			w.mu.Lock()
			over := w.over
			w.mu.Unlock()
			if !over {
				w.startWatcher(x)
			}
		})
	})
	w.all.Go(func() {
		defer close(p.done)
		err := client{w.broker, p}.run(p.ctx, func(ctx context.Context, s *session) error {
			defer x.view.forget()
			return w.command(ctx, s, x, p, target)
		})
		if p.alive() {
			w.law.fail("%s ended by itself: %v", p.name, err)
		}
	})
}

// command is what `watch` does with a session.
func (w *world) command(ctx context.Context, s *session, x *watcher, p *process, target *reconcile.Target) error {
	const again = time.Second
	for {
		err := s.Lock(ctx, speaker+"."+x.owner)
		if err == nil {
			break
		}
		if !errors.Is(err, rabbit.ErrLocked) {
			return err
		}
		if !sleep(ctx, again) {
			return ctx.Err()
		}
	}
	me := wire.Commander{ID: p.name, Host: "host", PID: 1, Verb: "watch"}
	log := w.log.With("who", p.name)
	m := bridge.Mandate{Owner: x.owner, From: me, Locate: target.Locate, Held: bridge.NewConditions(log), Revision: target.Revision()}
	c := bridge.NewCommander(s, speaker, m, log)
	if err := c.Open(ctx); err != nil {
		return err
	}
	return reconcile.Converge(ctx, witness{c, w, x, p.name}, target, w.log.With("who", p.name))
}

// witness looks at what a watcher knows.
type witness struct {
	*bridge.Commander
	world   *world
	watcher *watcher
	name    string
}

func (x witness) Await(ctx context.Context, wake <-chan struct{}) error {
	err := x.Commander.Await(ctx, wake)
	a := x.Advertised()
	x.world.law.claims(x.name, x.Boot(), a)
	x.watcher.view.look(a, x.Settled())
	return err
}

func (x witness) Send(ctx context.Context, changes []state.Change) error {
	x.watcher.view.unsettle()
	return x.Commander.Send(ctx, changes)
}

// look keeps what a watcher takes for advertised.
func (v *view) look(a *state.Advertised, settled bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.complete, v.settled, v.routes = a.Complete, settled, map[place]known{}
	for k, adverts := range a.Routes.All() {
		for _, advert := range adverts {
			for _, at := range advert.At {
				v.routes[place{at.Peer, k}] = known{advert.Attrs, advert.Owner, at.Grade}
			}
		}
	}
}

func (v *view) unsettle() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.settled = false
}

func (v *view) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.complete, v.routes = false, nil
}
