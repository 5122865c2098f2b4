package console

import (
	"context"
	"time"
)

const (
	// quietRoutes is how many received routes a second are shown one by one.
	quietRoutes = 200
	// burstSeconds is how long a burst is counted before the count is shown.
	burstSeconds = 10
)

// tally decides which notices are shown as they are, and counts the others.
type tally struct {
	recent   int            // routes in this second
	printed  map[burst]bool // those of which this second showed some
	counting bool           // there is a burst
	seconds  int            // that it lasts
	order    []burst
	counts   map[burst]int
}

// add returns the lines to print for a notice now.
func (t *tally) add(n Notice, current string) []string {
	if len(n.NLRI) == 0 {
		return noticeLines(n, current)
	}
	t.recent += len(n.NLRI)
	b := burst{n.Speaker, n.Peer.String(), n.Withdraw}
	if t.recent <= quietRoutes && !t.counting {
		if t.printed == nil {
			t.printed = map[burst]bool{}
		}
		t.printed[b] = true
		return noticeLines(n, current)
	}
	t.counting = true
	if t.counts == nil {
		t.counts = map[burst]int{}
	}
	if t.counts[b] == 0 {
		t.order = append(t.order, b)
	}
	t.counts[b] += len(n.NLRI)
	return nil
}

// tick ends a second. It returns the lines that sum up a burst which is over,
// or has lasted long.
func (t *tally) tick(current string) []string {
	quiet := t.recent <= quietRoutes
	t.recent = 0
	if !t.counting {
		t.printed = nil
		return nil
	}
	if t.seconds++; !quiet && t.seconds < burstSeconds {
		return nil
	}
	var out []string
	for _, b := range t.order {
		out = append(out, b.line(t.counts[b], t.printed[b], current))
	}
	*t = tally{counting: !quiet, printed: t.printed}
	if quiet {
		t.printed = nil
	}
	return out
}

// idle tells that there is nothing to come of a tick.
func (t *tally) idle() bool { return t.recent == 0 && !t.counting }

// teller shows notices as they come.
type teller struct {
	notices <-chan Notice
	wants   func(Notice) bool
	current func() string // speaker
	show    func([]string)
}

// run shows notices until ctx ends; those that come together at once.
func (w teller) run(ctx context.Context) {
	var t tally
	second := time.NewTimer(time.Hour)
	second.Stop()
	running := false
	for {
		var out []string
		select {
		case <-ctx.Done():
			return
		case n := <-w.notices:
			out = w.gather(&t, n)
		case <-second.C:
			running = false
			out = t.tick(w.current())
		}
		if len(out) > 0 {
			w.show(out)
		}
		if !running && !t.idle() {
			second.Reset(time.Second)
			running = true
		}
	}
}

// gather is the lines for a notice and for those that are there already.
func (w teller) gather(t *tally, n Notice) []string {
	var out []string
	for {
		if w.wants(n) {
			out = append(out, t.add(n, w.current())...)
		}
		if len(out) > quietRoutes {
			return out
		}
		select {
		case n = <-w.notices:
		default:
			return out
		}
	}
}
