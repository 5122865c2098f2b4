//go:build integration

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// guardedBy is a file with these routes, and these guards besides that private
// prefixes may be announced.
func (s *scene) guardedBy(guard string, routes ...string) string {
	return s.fileGuarded("allow: [private], "+guard, routes...)
}

// authorise puts a file of VRPs in place that lets an AS originate 10.0.0.0/16.
func (s *scene) authorise(as uint32, made time.Time) {
	s.t.Helper()
	path := filepath.Join(s.dir, "vrps.json")
	text := fmt.Sprintf(`{"metadata":{"buildtime":%q},"roas":[{"asn":%d,"prefix":"10.0.0.0/16","maxLength":24}]}`, made.UTC().Format(time.RFC3339), as)
	s.must(os.WriteFile(path+".new", []byte(text), 0o600))
	s.must(os.Rename(path+".new", path))
}

// TestVRPsHoldAnInvalidOrigin: what the VRPs let another AS originate is not announced,
// nor is anything when they are gone or old; it is as soon as they say so, with nobody
// touching the file with the routes. A route like it went through without the guard.
func TestVRPsHoldAnInvalidOrigin(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	const guard = "rpki: { vrps: vrps.json }"
	s.authorise(64511, time.Now())
	s.must(s.save(s.guardedBy("flap: off", "10.0.1.0/24")))
	s.apply()
	s.must(s.save(s.guardedBy(guard, "10.0.1.0/24", "10.0.2.0/24")))
	s.quiet(s.router, func() {
		s.expect(3, "apply --yes", "refused by a guard; nothing was sent of plan", "--override rpki@")
	})
	s.must(s.save(s.guardedBy("flap: off", "10.0.1.0/24")))
	watch := s.watches("watch")
	s.sees(s.router, "10.0.1.0/24", "")

	s.quiet(s.router, func() {
		s.must(s.save(s.guardedBy(guard, "10.0.1.0/24", "10.0.2.0/24")))
		s.says(watch, "refused by guard rpki")
		s.expect(0, "plan", "Refused by guard rpki: 1 route would have an origin that is invalid by the RPKI", fmt.Sprintf("10.0.2.0/24 of AS%d: there is only AS64511 10.0.0.0/16-24", speakerAS))
		s.must(os.Remove(filepath.Join(s.dir, "vrps.json")))
		s.until("status tells that there are no VRPs", func() bool {
			return strings.Contains(s.expect(0, "status").stdout, "VRPs of vrps.json: no such file or directory")
		})
		s.authorise(speakerAS, time.Now().Add(-25*time.Hour))
		s.until("status tells that they are old", func() bool {
			return strings.Contains(s.expect(0, "status").stdout, "older than 24h0m0s")
		})
		s.expect(0, "plan", "Guards: refused", "older than 24h0m0s")
	})
	s.authorise(speakerAS, time.Now())
	s.sees(s.router, "10.0.2.0/24", "")
	s.until("status has nothing held", func() bool {
		return !strings.Contains(s.expect(0, "status").stdout, "vrps.json")
	})
	s.nothingToDo()
}

// TestWatchHoldsAFlappingRoute: a route that is changed a fourth time is held as it is
// and the others go on, until somebody says that exactly this is meant. Without the
// guard each change reaches the router.
func TestWatchHoldsAFlappingRoute(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	watch := s.watches("watch")
	for med := range 6 {
		s.must(s.save(s.guardedBy("flap: off", fmt.Sprintf("10.0.1.0/24, med: %d", med+1))))
		s.sees(s.router, "10.0.1.0/24", fmt.Sprint(med+1))
	}
	const guard = "flap: { changes: 3, within: 1h }"
	for med := range 3 {
		s.must(s.save(s.guardedBy(guard, fmt.Sprintf("10.0.1.0/24, med: %d", med+11))))
		s.sees(s.router, "10.0.1.0/24", fmt.Sprint(med+11))
	}
	s.must(s.save(s.guardedBy(guard, "10.0.1.0/24, med: 99", "10.0.2.0/24, med: 1")))
	s.sees(s.router, "10.0.2.0/24", "1")
	s.says(watch, "the route changes too often, and is held as it is")
	s.sees(s.router, "10.0.1.0/24", "13")
	var override string
	s.until("status tells what is held", func() bool {
		text := s.expect(0, "status").stdout
		if !strings.Contains(text, "10.0.1.0/24 changed 3 times within 1h0m0s, and is held as it is, until ") {
			return false
		}
		// By now the other route is no part of the plan any more.
		override = s.overrideIn(text)
		return strings.Contains(s.expect(0, "plan").stdout, "Plan digest: "+strings.TrimPrefix(override, "flap@"))
	})
	s.must(s.save(s.guardedBy(guard+`, override: ["`+override+`"]`, "10.0.1.0/24, med: 99", "10.0.2.0/24, med: 1")))
	s.sees(s.router, "10.0.1.0/24", "99")
	s.until("status has nothing held", func() bool {
		return !strings.Contains(s.expect(0, "status").stdout, "held as it is")
	})
}
