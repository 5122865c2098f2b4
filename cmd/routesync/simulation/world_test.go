package simulation

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"routesync/reconcile"
	"routesync/state"
)

// world is everything, from the files to the peers.
type world struct {
	law    *law
	broker *broker
	peers  []*neighbor
	dir    string // of the journal
	seed   uint64
	log    *slog.Logger
	all    sync.WaitGroup
	whole  atomic.Bool // what the slate says

	mu       sync.Mutex
	over     bool // nothing is started any more
	exabgp   *daemon
	boots    int
	runs     int
	bridge   *helper
	torn     tear // what becomes of what a bridge wrote that is killed
	watchers []*watcher
	files    map[string]*state.Desired // by owner
}

// watcher is one `routesync watch`.
type watcher struct {
	name    string
	owner   string
	process *process
	target  *reconcile.Target
	force   *version
	lives   int
	again   time.Duration // after which it is started again
	view    view
}

// view is what a watcher knew when it last looked.
type view struct {
	mu       sync.Mutex
	complete bool
	settled  bool // what it sent was answered
	routes   map[place]known
}

type known struct {
	attrs state.Attrs
	owner string
	grade state.Grade
}

// tear is what becomes of bytes that a killed bridge had written and exaBGP had
// not read.
type tear int

const (
	kept tear = iota
	lost
	halved
)

func newWorld(dir string, s *script, log *slog.Logger) *world {
	w := &world{law: newLaw(), dir: dir, seed: s.seed, log: log, files: map[string]*state.Desired{}}
	w.law.poison = s.poison
	w.broker = newBroker(w.random(1), w.law.note)
	w.broker.batch, w.broker.taken = w.law.published, w.law.taken
	w.peers = []*neighbor{newNeighbor("127.0.0.2", 65001, []state.Family{state.IPv4Unicast, state.IPv6Unicast}), newNeighbor("127.0.0.3", 65000, s.negotiated)}
	for _, n := range w.peers {
		n.graceful = s.graceful
	}
	for i, owner := range s.owners {
		if w.files[owner] == nil {
			w.files[owner] = desired(owner)
		}
		w.watchers = append(w.watchers, &watcher{name: fmt.Sprintf("watcher %d of %s", i, owner), owner: owner, again: time.Second})
	}
	return w
}

// random is a source of its own, so that what one part draws changes nothing
// for another.
func (w *world) random(part uint64) *rand.Rand { return rand.New(rand.NewPCG(w.seed, part)) }

func (w *world) start() {
	w.startExaBGP()
	for _, x := range w.watchers {
		w.startWatcher(x)
	}
}

// startExaBGP begins a life of exaBGP: its table has what its configuration has.
func (w *world) startExaBGP() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	w.boots++
	e := newDaemon(w.law, fmt.Sprintf("boot-%d", w.boots), w.random(100+uint64(w.boots)), w.peers)
	w.law.note("exaBGP starts: %s", e.boot)
	rng := w.random(200 + uint64(w.boots))
	e.spawn = w.startBridge
	e.ended = func(e *daemon) { // it had too many helpers that died
		w.law.note("exaBGP ends: too many helpers died")
		time.AfterFunc(0, func() { w.killExaBGP(time.Second) })
	}
	for _, n := range w.peers {
		n.rib.add(&change{key: static(), attrs: attrsOf("", static(), 0)}, true)
		n.rib.reset()
		e.sessionUp(n, time.Duration(1+rng.IntN(100))*time.Millisecond)
	}
	w.exabgp = e
	w.all.Go(e.run)
}

// killExaBGP ends exaBGP; it is started again after a while.
func (w *world) killExaBGP(again time.Duration) {
	w.mu.Lock()
	e := w.exabgp
	w.exabgp = nil
	w.mu.Unlock()
	if e == nil {
		return // it is being started
	}
	w.law.note("exaBGP is killed")
	e.kill()
	time.AfterFunc(again, w.startExaBGP)
}

// stop kills everything, and returns when nothing runs any more.
func (w *world) stop() {
	w.mu.Lock()
	w.over = true
	e, bridge := w.exabgp, w.bridge
	w.mu.Unlock()
	if e != nil {
		e.kill()
	}
	if bridge != nil {
		bridge.kill()
	}
	for _, x := range w.watchers {
		w.life(x).kill()
	}
	w.broker.thaw()
	w.all.Wait()
}
