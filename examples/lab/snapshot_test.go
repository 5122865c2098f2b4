//go:build integration

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"routesync/examples/lab/rig"
)

// TestSnapshot: a plan against a snapshot, which needs no broker, is to the byte the
// plan that was made against the speaker, in every form and whatever there is to say.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	s := open(t, setting{neighbors: func(n []rig.Neighbor) {
		n[0].Static = []string{"route 203.0.113.0/24 next-hop 192.0.2.1 med 10"}
	}})
	same := func() {
		t.Helper()
		s.expect(0, "snapshot -o state.json")
		for _, form := range []string{"text", "json", "markdown", "html"} {
			live := s.expect(0, "plan -o "+form)
			kept := s.expect(0, "plan --amqp amqp://127.0.0.1:1/ --against state.json -o "+form)
			if diff := cmp.Diff(live.stdout, kept.stdout); diff != "" {
				t.Fatalf("%s (-live +snapshot):\n%s", form, diff)
			}
			if again := s.expect(0, "plan -o "+form); again.stdout != live.stdout {
				t.Fatalf("%s of the same is another one:\n%s", form, cmp.Diff(live.stdout, again.stdout))
			}
		}
	}
	s.put("10.0.0.0/24", "10.0.1.0/24, med: 1", "203.0.113.0/24")
	t.Log("before anything is announced, and with a route that somebody else has")
	same()
	s.expect(1, "plan --against state.json --detailed-exitcode", "routes.yaml:8:14 asks for it too", "2 to announce")
	s.expect(1, "apply --yes --timeout 20s", "1 foreign")

	t.Log("with something to announce, to change and to withdraw")
	s.put("10.0.1.0/24, med: 2", "10.0.2.0/24")
	same()
	s.expect(0, "plan", "- 10.0.0.0/24", "last set by ", "goes dark")
	s.expect(2, "plan --against state.json --detailed-exitcode", "1 to announce, 1 to change, 1 to withdraw")
	s.expect(0, "apply --yes --timeout 20s")
	s.expect(2, "plan --against state.json --detailed-exitcode", "1 to announce, 1 to change, 1 to withdraw", "note: against what was advertised at ")

	t.Log("with nothing to do")
	same()
	s.expect(0, "plan --against state.json --detailed-exitcode", "No changes.")

	t.Log("an edited snapshot")
	data, err := os.ReadFile(filepath.Join(s.dir, "state.json"))
	s.must(err)
	s.must(os.WriteFile(filepath.Join(s.dir, "edited.json"), []byte(strings.Replace(string(data), "10.0.2.0/24", "10.0.3.0/24", 1)), 0o644))
	s.expect(1, "plan --against edited.json", "routes at peers of digest")

	t.Log("many routes")
	s.put(prefixes(5000)...)
	s.expect(0, "apply --yes --timeout 60s")
	s.put(append(prefixes(5000)[1:], fmt.Sprintf("%s, med: 5", prefixes(5000)[0]))...)
	same()
}
