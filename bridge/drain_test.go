package bridge

import (
	"fmt"
	"slices"
	"testing"

	"routesync/bridge/exabgp"
	"routesync/state"
)

// TestAnswersOwedToTheBridgeBefore: exaBGP carries out what a bridge gave it
// that is dead now, and gives the next one the answers. They are not taken for
// answers to what this one asks, the barriers among them no more than others.
func TestAnswersOwedToTheBridgeBefore(t *testing.T) {
	change := func(n int) string {
		return fmt.Sprintf("neighbor 127.0.0.2 announce attributes %s nlri 10.0.%d.0/24", nh, n)
	}
	for name, given := range map[string][]string{
		"a window":               {change(1), exabgp.Barrier},
		"two windows":            {change(1), change(2), exabgp.Barrier, change(3), exabgp.Barrier},
		"half a window":          {change(1), exabgp.Barrier, change(2), change(3)},
		"questions":              {exabgp.ShowRIB, exabgp.Barrier, exabgp.ShowConfiguration, exabgp.Barrier},
		"nothing but barriers":   slices.Repeat([]string{exabgp.Barrier}, 2*drainSize),
		"a drain":                (&drain{}).begin("run-0"),
		"a drain, and its table": append((&drain{}).begin("run-0"), exabgp.ShowRIB, exabgp.Barrier),
	} {
		t.Run(name, func(t *testing.T) {
			p := testPeer("127.0.0.2", 65001)
			w := newWorld(t, p)
			w.exabgp.sessionUp(p)
			w.settle()
			w.lease("team")
			w.want(desired(t, "10.0.0.0/24 "+nh))
			w.settle()
			for _, line := range given {
				w.exabgp.write(line)
			}
			owed := w.exabgp.out
			w.exabgp.out = nil
			w.core = w.successor("boot-1", "run-2")
			w.step() // asks for the version, which is answered ahead of all else
			// The rest comes a line at a time, and what is asked meanwhile behind it.
			w.exabgp.out = append(w.exabgp.out, owed...)
			for {
				e := w.core.take()
				w.write(e)
				for _, line := range e.lines {
					w.exabgp.write(line)
				}
				if len(w.exabgp.out) == 0 {
					break
				}
				line := w.exabgp.out[0]
				w.exabgp.out = w.exabgp.out[1:]
				w.core.line(line, w.now)
			}
			w.settle()
			w.snapshot()
			if got := len(w.replica.set.Routes); got != len(p.cache) {
				t.Errorf("the bridge knows of %d routes, and exaBGP has %d", got, len(p.cache))
			}
			if w.core.fault != "" {
				t.Errorf("it says %q", w.core.fault)
			}
			for k := range p.cache {
				if s := w.core.table.find(k, w.core.findPeer(p.addr)); s == nil || s.grade != state.Sent {
					t.Errorf("%s is not known to be sent: %+v", k, s)
				}
			}
		})
	}
}

// TestDrainIsBegunAgain: what comes in between breaks the row, and must not
// silence the bridge for ever.
func TestDrainIsBegunAgain(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := newWorld(t, p)
	w.core = w.successor("boot-1", "run-2")
	w.step()
	e := w.core.take()
	for i, line := range e.lines {
		w.exabgp.write(line)
		if i == drainSize/2 {
			w.exabgp.say("done") // of the version, asked for twice
		}
	}
	w.settle()
	if w.core.phase == ready {
		t.Fatal("a broken row was taken for whole")
	}
	w.now = w.now.Add(askAgain)
	w.core.tick(w.now)
	w.settle()
	if w.core.phase != ready {
		t.Errorf("phase %v after it was asked again", w.core.phase)
	}
}
