//go:build integration

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestHistory: what watch and apply did is on record, with its causes and what the
// router got; what was in force is brought back.
func TestHistory(t *testing.T) {
	t.Parallel()
	s, say := openWithOther(t)
	s.put("1.0.0.0/24", "1.0.1.0/24, med: 1, tags: [ddos], comment: ticket 4711")
	planned := regexp.MustCompile(`Plan digest: ([0-9a-f]{12})`).FindStringSubmatch(s.expect(0, "plan").stdout)
	s.apply()
	shown := s.expect(0, "show 1", "+ 1.0.1.0/24", "[ddos]", "ticket 4711", "127.0.0.2: all 2 confirmed at ").stdout
	if planned == nil || !strings.Contains(shown, "plan "+planned[1]) {
		t.Errorf("the plan was %v, and on record is\n%s", planned, shown)
	}

	t.Log("a watch, drift that it repairs, and a route whose time is over")
	w := s.watches("watch")
	s.says(w, "converged")
	s.put("1.0.0.0/24", "1.0.1.0/24, med: 2, tags: [web]", "1.0.2.0/24, expires: "+time.Now().Add(8*time.Second).UTC().Format(time.RFC3339))
	s.sees(s.router, "1.0.1.0/24", "2")
	s.sees(s.router, "1.0.2.0/24", "")
	s.until("it has converged", func() bool { return s.count(w.Log(), "msg=converged") >= 2 })
	say("withdraw route 1.0.0.0/24 next-hop 192.0.2.1")
	s.until("the drift is on record", func() bool { return strings.Contains(s.expect(0, "history").stdout, "the speaker had lost it") })
	s.sees(s.router, "1.0.0.0/24", "")
	s.until("the end of a route is on record", func() bool {
		return strings.Contains(s.expect(0, "blame 1.0.2.0/24").stdout, "a route started or expired")
	})
	s.until("all is confirmed", func() bool { return !strings.Contains(s.expect(0, "history").stdout, "not seen") })
	s.expect(0, "blame 1.0.1.0/24 -o json", `"cause": "file"`, `"tags": [`)

	t.Log("by hand, and covered")
	s.console(0, "announce route 1.8.0.0/16 next-hop 192.0.2.1")
	s.expect(0, "blame 1.8.0.0/16", "announced by owner console, given by ", "why is not on record here")
	s.expect(0, "blame 1.8.3.4", "nothing is on record of it", "covered by 1.8.0.0/16")

	t.Log("while the watch commands, it is said what has to change")
	r := s.expect(1, "rollback 1 --yes", "is commanded by ", "- 1.0.1.0/24", "+ 1.0.1.0/24", "rollback 1 -o new.yaml")
	if strings.Contains(r.stdout, "sent") {
		t.Errorf("it says\n%s", r.stdout)
	}
	s.expect(0, "rollback 1 -o new.yaml")
	s.must(os.Rename(filepath.Join(s.dir, "new.yaml"), filepath.Join(s.dir, "routes.yaml")))
	s.sees(s.router, "1.0.1.0/24", "1")
	s.lacks(s.router, "1.0.2.0/24")
}

// TestHistoryOfADeadWatch: what a watch sent that was killed before anything was
// confirmed is on record as what it is.
func TestHistoryOfADeadWatch(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.put()
	w := s.watches("watch")
	s.says(w, "converged")
	s.must(s.speaker.Freeze())
	s.put("1.0.0.0/24")
	s.until("it is on record", func() bool { return strings.Contains(s.expect(0, "history").stdout, "1 announced") })
	s.must(w.Kill(s.ctx))
	s.must(s.speaker.Thaw())
	s.expect(0, "history", "1 announced (the file changed): sent; confirmation not seen")
	s.expect(0, "blame 1.0.0.0/24", "confirmation not seen")
	// It was on record before it was sent, and whether that came about nobody knows.
	s.expect(0, "rollback 1 --yes -o json")
	s.sees(s.router, "1.0.0.0/24", "")
	s.expect(0, "blame 1.0.0.0/24", "confirmation not seen", "now: next-hop 192.0.2.1")
}

// TestHistoryWithoutADisk: a place where nothing can be written stops no route, and is
// said.
func TestHistoryWithoutADisk(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.must(os.WriteFile(filepath.Join(s.dir, "history"), []byte("in the way"), 0o644))
	s.put("1.0.0.0/24")
	w := s.watches("watch")
	s.sees(s.router, "1.0.0.0/24", "")
	s.says(w, "the history can't be kept; routes go on without it")
	s.until("status says so", func() bool { return strings.Contains(s.expect(0, "status").stdout, "no-history") })
	s.must(os.Remove(filepath.Join(s.dir, "history")))
	s.until("it is kept again", func() bool { return strings.Contains(s.expect(0, "history").stdout, "1 announced") })
	s.until("status says so", func() bool { return !strings.Contains(s.expect(0, "status").stdout, "no-history") })
}

// TestHistoryOfATrial: what nobody confirmed, and the bridge took back, is on record.
func TestHistoryOfATrial(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.put("1.0.0.0/24, med: 1")
	s.apply()
	s.put("1.0.0.0/24, med: 2")
	s.expect(0, "apply --yes --confirm-within "+inTrial.String())
	s.sees(s.router, "1.0.0.0/24", "2")
	s.until("it is over", func() bool {
		text := s.expect(0, "status").stdout
		return strings.Contains(text, "was reverted at") && !strings.Contains(text, "TRIAL")
	})
	s.sees(s.router, "1.0.0.0/24", "1")
	for range 2 {
		s.expect(1, "apply --yes")
	}
	if text := s.expect(0, "history", "nobody had confirmed it in time, and brought back the one before").stdout; strings.Count(text, "brought back") != 1 {
		t.Errorf("the history is\n%s", text)
	}
	s.expect(0, "blame 1.0.0.0/24", "since entry 2 it was changed at 127.0.0.2 by somebody who is not on record here")
	s.quiet(s.router, func() { s.expect(0, "rollback 1 --yes", "advertises exactly what entry 1 asks for") })
}

// TestHistoryOfATakeover: a watch that takes over from another says so.
func TestHistoryOfATakeover(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.put("1.0.0.0/24")
	first := s.watches("first")
	s.sees(s.router, "1.0.0.0/24", "")
	second := s.watches("second")
	s.says(second, "standing by: watch on ")
	s.must(first.Kill(s.ctx))
	s.until("the takeover is on record", func() bool {
		return strings.Contains(s.expect(0, "history").stdout, s.name+": took over from watch on ")
	})
	s.says(second, "msg=converged")
	s.put("1.0.0.0/24, med: 1")
	s.until("what it does is on record", func() bool {
		return strings.Contains(s.expect(0, "history").stdout, "1 changed (the file changed): confirmed at 1 of 1 peer")
	})
}
