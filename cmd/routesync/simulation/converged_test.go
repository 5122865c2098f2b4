package simulation

import (
	"fmt"
	"slices"
	"time"

	"routesync/state"
)

// mend ends all faults.
func (w *world) mend() {
	w.law.note("-- the faults are over")
	b := w.broker
	b.mu.Lock()
	b.plan, b.full = [kinds]plan{}, false
	down := b.down
	b.mu.Unlock()
	b.thaw()
	if down {
		b.start()
	}
	w.mu.Lock()
	e, bridge := w.exabgp, w.bridge
	w.mu.Unlock()
	if bridge != nil {
		bridge.killAfter(0)
		bridge.resume()
	}
	for _, x := range w.watchers {
		p := w.life(x)
		p.killAfter(0)
		p.resume()
		w.follow(x)
	}
	if e == nil {
		return
	}
	e.do(func() {
		e.lose, e.refuse, e.frozen = 0, 0, time.Time{}
		for _, n := range w.peers {
			n.stalled = time.Time{}
			if !n.up {
				e.sessionUp(n, 100*time.Millisecond)
			}
		}
	})
}

// missing says what is not yet as the files say, "" if all is.
func (w *world) missing() string {
	w.mu.Lock()
	e := w.exabgp
	w.mu.Unlock()
	if e == nil {
		return "there is no exaBGP"
	}
	if w.broker.busy() {
		return "commands are on their way"
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(e.queue) > 0 || e.helper == nil || e.helper.stdout.unread() > 0 || e.helper.stdin.unread() > 0 {
		return "exaBGP has something to do"
	}
	now := time.Now().UnixMilli()
	for _, n := range w.peers {
		if what := w.wrongAt(n, now); what != "" {
			return what
		}
	}
	for owner := range w.files {
		if what := w.unknownTo(owner, now); what != "" {
			return what
		}
	}
	return ""
}

// candidates are the values that files ask for at a place.
func (w *world) candidates(at place, now int64) []state.Attrs {
	var all []state.Attrs
	for _, d := range w.files {
		if r := d.Find(at.key, at.peer); r != nil && (r.Expires == 0 || r.Expires > now) {
			all = append(all, r.Attrs)
		}
	}
	return all
}

// allowed are those of them with which the session to a peer does not fall.
func (w *world) allowed(n *neighbor, k state.Key, now int64) []state.Attrs {
	all := w.candidates(place{n.addr, k}, now)
	return slices.DeleteFunc(all, func(a state.Attrs) bool { return poisonous(a) && n.carries(k.Family) })
}

// wrongAt compares a peer, and exaBGP's table for it, with the files.
func (w *world) wrongAt(n *neighbor, now int64) string {
	if !n.up || n.rib.pending() {
		return fmt.Sprintf("%s is not up, or not sent everything", n.addr)
	}
	if len(n.stale) > 0 {
		return fmt.Sprintf("%s still waits for End-of-RIB", n.addr)
	}
	for _, has := range []map[state.Key]state.Attrs{n.holds, n.rib.seen} {
		if _, there := has[static()]; !there {
			return fmt.Sprintf("%s lacks exaBGP's own route", n.addr)
		}
		for k, a := range has {
			a = valueOf(a)
			if k != static() && k != elsewhere() && !slices.Contains(w.allowed(n, k, now), a) {
				return fmt.Sprintf("%s has %s %s", n.addr, k, a)
			}
		}
	}
	for _, k := range fileKeys() {
		if len(w.allowed(n, k, now)) == 0 || len(w.allowed(n, k, now)) < len(w.candidates(place{n.addr, k}, now)) {
			continue
		}
		if _, there := n.rib.seen[k]; !there {
			return fmt.Sprintf("exaBGP lacks %s at %s", k, n.addr)
		}
		if _, there := n.holds[k]; !there && n.carries(k.Family) {
			return fmt.Sprintf("%s lacks %s", n.addr, k)
		}
	}
	return ""
}

// unknownTo compares what the watchers of an owner take for advertised with
// exaBGP's tables.
func (w *world) unknownTo(owner string, now int64) string {
	why := "nobody commands for " + owner
	for _, x := range w.watchers {
		if x.owner != owner {
			continue
		}
		x.view.mu.Lock()
		complete, routes := x.view.complete && x.view.settled, x.view.routes
		x.view.mu.Unlock()
		if !complete {
			continue
		}
		if why = w.misknown(routes); why == "" {
			return ""
		}
		why = x.name + ": " + why
	}
	return why
}

func (w *world) misknown(routes map[place]known) string {
	count := 0
	for _, n := range w.peers {
		for k, a := range n.rib.seen {
			count++
			a = valueOf(a)
			r, there := routes[place{n.addr, k}]
			want := state.Sent
			if !n.carries(k.Family) {
				want = state.Unsent
			}
			if !there || r.attrs != a || r.grade != want {
				return fmt.Sprintf("%s at %s is taken for %s, %s", k, n.addr, r.attrs, r.grade)
			}
			if k != elsewhere() && r.owner != ownerOf(a) {
				return fmt.Sprintf("%s at %s is taken for a route of %q", k, n.addr, r.owner)
			}
		}
	}
	if count != len(routes) {
		return fmt.Sprintf("%d routes are taken for advertised, and %d are", len(routes), count)
	}
	return ""
}
