//go:build integration

package main

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"routesync/examples/lab/rig"
)

// answered is where a watch answers over HTTP.
func (s *scene) answered(p *rig.Program) string {
	s.t.Helper()
	s.says(p, "answering /metrics")
	log, err := p.Wrote()
	s.must(err)
	return "http://" + regexp.MustCompile(`answering /metrics and /healthz" at=(\S+)`).FindStringSubmatch(log)[1]
}

// get is what is answered at an address, and whether that is a success.
func (s *scene) get(url string) (string, bool) {
	s.t.Helper()
	r, err := http.Get(url)
	s.must(err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	s.must(err)
	return string(text), r.StatusCode == http.StatusOK
}

// shows waits until the metrics have these lines, of the speaker of the test.
func (s *scene) shows(url string, lines ...string) {
	s.t.Helper()
	labels := regexp.MustCompile(`owner="` + owner + `",|,?speaker="` + s.name + `"|,owner="` + owner + `"`)
	for _, line := range lines {
		s.until("the metrics have "+line, func() bool {
			text, _ := s.get(url + "/metrics")
			return strings.Contains("\n"+strings.ReplaceAll(labels.ReplaceAllString(text, ""), "{}", ""), "\nroutesync_"+line+"\n")
		})
	}
}

// public is a file with so many routes of address space that nobody but its holder may
// say anything against, and the guards that a file has which says nothing of them.
func (s *scene) public(routes int) string {
	text := fmt.Sprintf("version: 1\nowner: %s\nspeakers: [%s]\ndefaults: { next-hop: 192.0.2.1 }\nroutes: []\n", owner, s.name)
	if routes > 0 {
		text = strings.Replace(text, " []", "", 1)
	}
	for i := range routes {
		text += fmt.Sprintf("  - prefix: 1.0.%d.0/24\n", i)
	}
	return text
}

// TestMetrics: what the real watch tells of itself, from a good file over a faulty one and
// a dead bridge to a second watch that stands by.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.must(s.save("version: 1\n"))
	watch := s.watches("watch", "--listen", "127.0.0.1:0")
	at := s.answered(watch)
	s.shows(at, `file_held{reason="faulty-file"} 1`, "file_in_force_timestamp_seconds 0")
	if text, ok := s.get(at + "/healthz"); ok || !strings.Contains(text, "no good file yet: faulty-file") {
		t.Errorf("health without a file: %s", text)
	}

	s.must(s.save(s.public(5)))
	s.shows(at, "routes_desired 5", "routes_unchanged 5", `changes_pending{change="announce"} 0`, `changes_published_total{change="announce"} 5`, "connected 1", "commands 1")
	if text, ok := s.get(at + "/healthz"); !ok || !strings.Contains(text, "5 of 5 routes as the file has them") {
		t.Errorf("health: %s", text)
	}
	if text, _ := s.get(at + "/metrics"); strings.Contains(text, "routesync_file_held{") || !regexp.MustCompile(`last_convergence_timestamp_seconds\{.*\} 1\.\d+e\+09`).MatchString(text) {
		t.Errorf("metrics:\n%s", text)
	}
	s.must(s.save(s.public(0)))
	s.shows(at, `guarded{rule="withdraw"} 1`, `guard_refusals_total{rule="withdraw"} 1`, `changes_pending{change="withdraw"} 5`)
	if text, ok := s.get(at + "/healthz"); !ok || !strings.Contains(text, ": held: withdraw") {
		t.Errorf("health: %s", text)
	}
	s.must(s.save(s.public(4)))
	s.shows(at, "routes_unchanged 4")
	if text, _ := s.get(at + "/metrics"); strings.Contains(text, "routesync_guarded{") || strings.Contains(text, "routesync_held{") {
		t.Errorf("metrics:\n%s", text)
	}
	s.must(s.save(s.public(3)))
	s.shows(at, "routes_desired 3", `changes_published_total{change="withdraw"} 2`, `changes_pending{change="withdraw"} 0`)

	s.expect(0, "pause --speaker "+s.name+" --owner "+owner+" --reason maintenance")
	s.shows(at, "paused 1", "commands 0", "connected 1")
	if text, ok := s.get(at + "/healthz"); !ok || !strings.Contains(text, s.name+": paused") {
		t.Errorf("health of a watch that is paused: %s", text)
	}
	s.must(s.save(s.public(4)))
	s.expect(0, "apply --yes --confirm-within 1m")
	onTrial := regexp.MustCompile(`trial_deadline_timestamp_seconds\{.*\} 1\.\d+e\+09`)
	s.until("the trial is told", func() bool {
		text, _ := s.get(at + "/metrics")
		return onTrial.MatchString(text)
	})
	s.expect(0, "confirm --speaker "+s.name+" --owner "+owner)
	s.expect(0, "resume --speaker "+s.name+" --owner "+owner)
	s.shows(at, "paused 0", "commands 1", "trial_deadline_timestamp_seconds 0", "routes_unchanged 4")
	s.must(s.save(s.public(3)))

	second := s.answered(s.watches("second", "--listen", "127.0.0.1:0"))
	s.shows(second, "connected 1", "commands 0")
	if text, ok := s.get(second + "/healthz"); !ok || !strings.Contains(text, "stands by") {
		t.Errorf("health of a watch that stands by: %s", text)
	}
	s.must(watch.Stop(s.ctx))
	s.shows(second, "commands 1", "routes_unchanged 3")

	// An address that somebody has is said at once.
	s.expect(64, "watch --listen "+strings.TrimPrefix(second, "http://"), "error: --listen: ", "address already in use", "hint: give an address")
}
