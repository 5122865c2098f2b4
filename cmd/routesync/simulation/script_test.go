package simulation

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"routesync/state"
)

// script is a history: who there is, and what happens to them when.
type script struct {
	seed       uint64
	owners     []string // of the watchers
	negotiated []state.Family
	graceful   bool
	poison     bool // files may have routes with which a session falls
	steps      []step
}

// step is one thing that happens, after a pause.
type step struct {
	after time.Duration
	what  string
	whose int // watcher or peer
	n     int
	d     time.Duration
	file  []entry
}

func (s *script) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, watchers of %q, the second peer has %v, graceful restart %t, poison %t\n", s.seed, s.owners, s.negotiated, s.graceful, s.poison)
	for _, x := range s.steps {
		fmt.Fprintf(&b, "  +%-8s %s\n", x.after, x)
	}
	return b.String()
}

func (x step) String() string {
	if x.what == "save" {
		return fmt.Sprintf("save %d: %v", x.whose, x.file)
	}
	return fmt.Sprintf("%s %d n=%d d=%s", x.what, x.whose, x.n, x.d)
}

// faults are what can happen, those that are to happen more often several
// times.
func faults() []string {
	return []string{
		"save", "save", "save", "save", "save", "save",
		"watcher dies", "watcher dies in", "watcher stops",
		"bridge dies", "bridge dies in", "bridge dies in", "bridge stops",
		"exabgp dies", "reload", "session falls", "session falls", "exabgp stands still", "peer takes nothing",
		"by hand", "by hand",
		"answers are lost", "commands are refused",
		"connection breaks", "connection breaks", "broker dies", "broker freezes", "broker loses", "broker repeats", "broker holds back",
		"old command", "purge", "queue is deleted", "queue is full", "foreign message",
	}
}

func drawScript(rt *rapid.T) *script {
	s := &script{seed: rapid.Uint64().Draw(rt, "seed")}
	s.owners = rapid.SampledFrom([][]string{{"team"}, {"team"}, {"team", "team"}, {"team", "other"}}).Draw(rt, "watchers")
	s.negotiated = rapid.SampledFrom([][]state.Family{{state.IPv4Unicast, state.IPv6Unicast}, {state.IPv4Unicast}}).Draw(rt, "negotiated")
	s.poison = poisoned && rapid.IntRange(0, 3).Draw(rt, "poison") == 3
	s.graceful = rapid.Bool().Draw(rt, "graceful")
	s.steps = append(s.steps, step{what: "save", after: 100 * time.Millisecond, file: s.drawFile(rt)})
	for range rapid.IntRange(1, 12).Draw(rt, "steps") {
		s.steps = append(s.steps, s.drawStep(rt))
	}
	return s
}

func (s *script) drawStep(rt *rapid.T) step {
	x := step{
		after: rapid.SampledFrom([]time.Duration{0, time.Millisecond, 3 * time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second, 8 * time.Second}).Draw(rt, "after"),
		what:  rapid.SampledFrom(faults()).Draw(rt, "what"),
		whose: rapid.IntRange(0, 1).Draw(rt, "whose"),
	}
	switch x.what {
	case "save":
		x.file = s.drawFile(rt)
		return x
	case "by hand":
		x.n = rapid.IntRange(0, 2*len(fileKeys())+1).Draw(rt, "route")
		return x
	}
	x.n = rapid.IntRange(1, 24).Draw(rt, "n")
	x.d = rapid.SampledFrom([]time.Duration{10 * time.Millisecond, 200 * time.Millisecond, time.Second, 4 * time.Second, 15 * time.Second}).Draw(rt, "d")
	return x
}

func (s *script) drawFile(rt *rapid.T) []entry {
	meds := []int{0, 1, 2}
	if s.poison {
		meds = []int{0, 0, 1, 1, 2, 2, poisonMED}
	}
	var file []entry
	for k := range fileKeys() {
		if rapid.IntRange(0, 3).Draw(rt, "route") == 0 {
			continue
		}
		file = append(file, entry{
			key: k, med: rapid.SampledFrom(meds).Draw(rt, "med"), peer: rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(rt, "peer"),
			expires: rapid.SampledFrom([]time.Duration{0, 0, 0, 0, 0, 0, 0, 2 * time.Second, 20 * time.Second}).Draw(rt, "expires"),
		})
	}
	return file
}

// carryOut does a step.
func (w *world) carryOut(x step) {
	w.law.note("-- %s", x)
	watcher, n := w.watchers[x.whose%len(w.watchers)], w.peers[x.whose]
	b := w.broker
	w.mu.Lock()
	e, bridge, commander := w.exabgp, w.bridge, watcher.process
	w.mu.Unlock()
	exabgp := func(f func(e *daemon)) {
		if e != nil {
			e.do(func() { f(e) })
		}
	}
	switch x.what {
	case "save":
		w.save(watcher.owner, desired(watcher.owner, x.file...))
	case "watcher dies":
		commander.kill()
	case "watcher dies in":
		commander.killAfter(x.n)
	case "watcher stops":
		w.pause(commander, x.d, func() { w.follow(watcher) })
	case "bridge dies", "bridge dies in":
		w.mu.Lock()
		w.torn = tear(x.n % 3)
		w.mu.Unlock()
		if x.what == "bridge dies" {
			bridge.kill()
		} else {
			bridge.killAfter(x.n)
		}
	case "bridge stops":
		w.pause(bridge.process, min(x.d, time.Second), func() {}) // it holds the journal, for which the next one does not wait long
	case "exabgp dies":
		w.killExaBGP(max(x.d, time.Second))
	case "reload":
		exabgp(func(e *daemon) { e.reload() })
	case "session falls":
		exabgp(func(e *daemon) { e.sessionDown(n, "peer reset"); e.sessionUp(n, x.d) })
	case "exabgp stands still":
		exabgp(func(e *daemon) { e.frozen = time.Now().Add(min(x.d, 4*time.Second)) })
	case "peer takes nothing":
		exabgp(func(*daemon) { n.stalled = time.Now().Add(min(x.d, 4*time.Second)) })
	case "by hand":
		exabgp(func(e *daemon) { e.someRoute(n, x.n) })
	case "answers are lost":
		exabgp(func(e *daemon) { e.lose = x.n % 4 })
	case "commands are refused":
		exabgp(func(e *daemon) { e.refuse = x.n % 4 })
	case "connection breaks":
		p := commander
		if x.n%2 == 0 {
			p = bridge.process
		}
		b.cut(p, time.Duration(x.n%3)*x.d/2)
	case "broker dies":
		b.crash(x.n%3 == 0)
		time.AfterFunc(x.d, b.start)
	case "broker freezes":
		b.freeze()
		time.AfterFunc(x.d, b.thaw)
	case "broker loses":
		b.misbehave(x.n, func(p *plan) { p.lose = 1 + x.n%3 })
	case "broker repeats":
		b.misbehave(x.n, func(p *plan) { p.repeat = 1 + x.n%3 })
	case "broker holds back":
		b.misbehave(x.n, func(p *plan) { p.hold, p.held = 1+x.n%3, x.d })
	case "old command":
		b.again(x.n % 6)
	case "purge":
		b.purge()
	case "queue is deleted":
		b.deleteCommands()
	case "queue is full":
		b.fill(true)
		time.AfterFunc(x.d, func() { b.fill(false) })
	case "foreign message":
		b.publishForeign()
	default:
		panic(x.what)
	}
}

func (b *broker) misbehave(n int, how func(*plan)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	how(&b.plan[n%int(kinds)])
}

func (b *broker) fill(full bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.full = full
}

// someRoute does something by hand: it withdraws or changes a route, or
// announces one that no file has.
func (e *daemon) someRoute(n *neighbor, what int) {
	keys := fileKeys()
	if what >= 2*len(keys) {
		k := elsewhere()
		_, there := n.rib.seen[k]
		e.byHand(n, k, attrsOf(handOwner, k, 0), there)
		return
	}
	k := keys[what%len(keys)]
	if _, there := n.rib.seen[k]; !there || n.rib.unsent(k) != nil || !n.carries(k.Family) {
		return // exaBGP itself mixes up two changes at once, and says nothing of what it does not send
	}
	e.byHand(n, k, attrsOf(handOwner, k, 7), what >= len(keys))
}

// save puts a file in force at the watchers that run; one that is stopped reads
// it when it goes on.
func (w *world) save(owner string, d *state.Desired) {
	w.mu.Lock()
	w.files[owner] = d
	w.mu.Unlock()
	for _, x := range w.watchers {
		if p := w.life(x); x.owner == owner && p.alive() && !p.stopped() {
			w.follow(x)
		}
	}
}

// life is the process of a watcher.
func (w *world) life(x *watcher) *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return x.process
}

// follow has a watcher read its file.
func (w *world) follow(x *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	file := w.files[x.owner]
	if !x.process.alive() || x.force.desired == file {
		return
	}
	w.law.replaced(x.force)
	x.force = w.law.inForce(file)
	x.target.Set(file)
}

// pause stops a process for a while.
func (w *world) pause(p *process, d time.Duration, then func()) {
	p.halt()
	time.AfterFunc(d, func() {
		p.resume()
		then()
	})
}
