//go:build integration

package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"routesync/examples/lab/rig"
)

// inTrial is for how long the trials of these tests wait, which nobody confirms; longer,
// where there is much to do in it.
const (
	inTrial   = 8 * time.Second
	longTrial = 20 * time.Second
)

// before puts a file in force.
func (s *scene) before() {
	s.t.Helper()
	s.put("10.0.0.0/24, med: 1", "10.0.1.0/24", "10.0.2.0/24")
	s.apply()
}

func (s *scene) isBefore() {
	s.t.Helper()
	for _, r := range s.routers {
		s.sees(r, "10.0.0.0/24", "1")
		s.sees(r, "10.0.1.0/24", "")
		s.sees(r, "10.0.2.0/24", "")
		s.lacks(r, "10.0.3.0/24")
	}
}

func (s *scene) isAfter() {
	s.t.Helper()
	for _, r := range s.routers {
		s.sees(r, "10.0.0.0/24", "2")
		s.lacks(r, "10.0.1.0/24")
		s.sees(r, "10.0.3.0/24", "")
	}
}

// tries applies a file on trial, and returns between which times it is reverted.
func (s *scene) tries(within time.Duration) (earliest, latest time.Time) {
	s.t.Helper()
	s.put("10.0.0.0/24, med: 2", "10.0.2.0/24", "10.0.3.0/24")
	begun := time.Now()
	s.expect(0, "apply --yes --confirm-within "+within.String(), "on trial until", "routesync confirm --speaker "+s.name+" --owner "+owner)
	ended := time.Now()
	s.isAfter()
	return begun.Add(within), ended.Add(within)
}

// isReverted fails unless what was tried is an older file now, and what was before is
// welcome.
func (s *scene) isReverted() {
	s.t.Helper()
	s.isBefore()
	s.until("others may command", func() bool {
		r, err := s.routesync(s.ctx, "status") // the bridge may not be back at the broker
		s.must(err)
		return r.code == 0 && strings.Contains(r.stdout, "nobody confirmed it") && !strings.Contains(r.stdout, "TRIAL")
	})
	s.expect(0, "status", "was reverted at", "nobody confirmed it")
	s.expect(1, "apply --yes", "was reverted at", "for it was not confirmed", "touch routes.yaml")
	s.put("10.0.0.0/24, med: 1", "10.0.1.0/24", "10.0.2.0/24")
	s.nothingToDo()
}

// TestTrial: what nobody confirms is taken back by the bridge, whoever is killed in
// between, as the router sees it; what somebody confirms stays.
func TestTrial(t *testing.T) {
	// Not at the same time as others: the broker is stopped.
	for _, test := range []struct {
		name   string
		within time.Duration
		death  func(s *scene, latest time.Time)
	}{
		{"nobody dies", inTrial, func(*scene, time.Time) {}},
		{"the bridge", inTrial, func(s *scene, _ time.Time) { s.must(s.stage.speaker.KillBridge(s.ctx)) }},
		{"exaBGP", longTrial, func(s *scene, _ time.Time) {
			s.must(s.stage.speaker.Kill(s.ctx))
			s.must(s.stage.speaker.Start(s.ctx))
			s.must(s.router.WaitEstablished(s.ctx))
			s.isAfter()
		}},
		{"exaBGP until it is too late", inTrial, func(s *scene, latest time.Time) {
			s.must(s.stage.speaker.Kill(s.ctx))
			s.waitFor(latest)
			s.withoutWithdraw(s.router, func() { // it is told nothing of the trial any more
				s.must(s.stage.speaker.Start(s.ctx))
				s.isBefore()
			})
		}},
		{"the broker", inTrial, func(s *scene, _ time.Time) {
			s.killBroker()
			defer func() { s.must(shared.broker.Start(s.ctx)) }()
			s.isBefore()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t, setting{})
			s.before()
			earliest, latest := s.tries(test.within)
			test.death(s, latest)
			s.isBefore()
			if now := time.Now(); now.Before(earliest) {
				t.Errorf("it is reverted %s before its time", earliest.Sub(now))
			}
			s.isReverted()
		})
	}
}

// waitFor waits until a time that the bridge goes by.
func (s *scene) waitFor(at time.Time) {
	s.t.Helper()
	s.until("it is "+at.String(), func() bool { return time.Now().After(at) })
}

// TestTrialOfApplyThatDies: it is killed when the router has the first of its routes.
func TestTrialOfApplyThatDies(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.before()
	const n = 20_000
	many := prefixes(n)[1000:]
	s.put(append(slices.Clone(many), "10.0.0.0/24, med: 1", "10.0.1.0/24", "10.0.2.0/24")...)
	apply, err := s.lab.Program(s.ctx, "apply", s.dir, s.env(), s.binary, "apply", "--yes", "--confirm-within", inTrial.String())
	s.must(err)
	s.programs = append(s.programs, apply)
	s.sees(s.router, many[0], "")
	s.must(apply.Kill(s.ctx))
	held := len(s.held(s.router))
	t.Logf("%d routes when apply is killed", held)
	s.until("it is reverted", func() bool { return len(s.held(s.router)) == 3 })
	s.isReverted()
}

// TestTrialConfirmed: it stays, and while it waits nobody else commands.
func TestTrialConfirmed(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.before()
	_, latest := s.tries(longTrial)
	s.expect(0, "status", "TRIAL", "3 changed routes", "unless it is confirmed with routesync confirm --speaker "+s.name)
	s.expect(1, "apply --yes", "waits to be confirmed", "routesync confirm --speaker "+s.name+" --owner ", "routesync revert --speaker "+s.name+" --owner ")
	s.expect(0, "history -n 1", "apply --confirm-within ")
	s.expect(0, "plan", "waits to be confirmed", "until then apply is refused")
	watch := s.watches("watch")
	s.says(watch, "standing by: a trial of apply on")
	s.must(s.stage.speaker.KillBridge(s.ctx))
	s.expect(0, "confirm --speaker "+s.name, "confirmed")
	s.expect(1, "confirm", "no trial waits; of the last one, it was confirmed at")
	s.says(watch, "converged")
	s.waitFor(latest.Add(2 * time.Second))
	s.isAfter()
	s.nothingToDo()
}

// TestTrialRevertedByOrder: a person takes it back before its time.
func TestTrialRevertedByOrder(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.before()
	s.tries(longTrial)
	s.told(s.router, rig.Counters{Updates: 2, Withdraws: 1}, func() {
		s.expect(0, "revert -f routes.yaml", "3 routes are brought back")
		s.isBefore()
	})
	s.expect(1, "confirm", "no trial waits; of the last one, it was reverted at")
}

// TestPause: a watch that is paused lets go, apply acts, and resume brings it back.
func TestPause(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.put("10.0.0.0/24")
	watch := s.watches("watch")
	s.says(watch, "converged")
	s.expect(1, "apply --yes", "is commanded by watch on")
	s.expect(0, "pause --speaker "+s.name+" --reason maintenance", "paused")
	s.says(watch, "standing by")
	s.expect(0, "status", "PAUSED", "maintenance")
	s.quiet(s.router, func() {
		s.put("10.0.0.0/24", "10.0.1.0/24")
		s.expect(0, "plan", "+ 10.0.1.0/24")
	})
	s.must(s.stage.speaker.KillBridge(s.ctx)) // the next one may have exaBGP send again what there is
	s.expect(0, "plan", "+ 10.0.1.0/24")
	s.until("the watch has let go", func() bool {
		r, err := s.routesync(s.ctx, "apply", "--yes", "--timeout", "20s")
		s.must(err)
		return r.code == 0
	})
	s.sees(s.router, "10.0.1.0/24", "")
	s.quiet(s.router, func() {
		s.put("10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24")
		s.expect(0, "plan", "+ 10.0.2.0/24")
	})
	s.expect(0, "resume --speaker "+s.name+" --owner "+owner, "resumed")
	s.sees(s.router, "10.0.2.0/24", "")
	s.expect(0, "resume", "it was not paused")
	if got := s.expect(0, "status").stdout; len(got) == 0 || s.count(watch.Log(), "paused by") == 0 {
		t.Error("the watch does not say why it stood by")
	}
}
