//go:build integration

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"routesync/examples/lab/rig"
)

// plan saves a plan.
func (s *scene) plan() {
	s.t.Helper()
	s.expect(0, "plan --out plan.json", "is saved to plan.json. Apply exactly this with: routesync apply plan.json")
}

// stale fails unless the saved plan is refused with these texts, and no router is told
// anything.
func (s *scene) stale(texts ...string) {
	s.t.Helper()
	s.quiet(s.router, func() { s.expect(4, "apply plan.json", append(texts, "stale plan: plan.json was made at ")...) })
}

// TestSavedPlan: exactly that is carried out, once; each thing that moves after it was
// made stops it, by name.
func TestSavedPlan(t *testing.T) {
	t.Parallel()
	s, say := openWithOther(t)
	s.put("10.0.0.0/24", "10.0.1.0/24, med: 1")
	s.plan()
	s.told(s.router, rig.Counters{Updates: 2}, func() { s.expect(0, "apply plan.json", "2 of 2 routes sent") })
	s.stale("what it leads to was put in force since then, by ", "a plan is carried out once")
	s.nothingToDo()

	t.Log("a change and a withdrawal, after the file was touched")
	s.put("10.0.1.0/24, med: 2")
	s.plan()
	later := time.Now().Add(time.Second)
	s.must(os.Chtimes(filepath.Join(s.dir, "routes.yaml"), later, later))
	s.expect(0, "apply plan.json -o json", `"routes_confirmed": 1`)
	s.sees(s.router, "10.0.1.0/24", "2")
	s.lacks(s.router, "10.0.0.0/24")
	s.nothingToDo()

	t.Log("the file")
	s.put("10.0.1.0/24, med: 2", "10.0.2.0/24")
	s.plan()
	s.put("10.0.1.0/24, med: 2", "10.0.3.0/24")
	s.stale("routes.yaml asks for something else now", "+ 10.0.3.0/24", "is to be done, and is not in the plan", "+ 10.0.2.0/24", "is not to be done any more")
	s.put("10.0.1.0/24, med: 2", "10.0.2.0/24")

	t.Log("a route of ours, behind our back")
	withdrawn := func() {
		t.Helper()
		say("withdraw route 10.0.1.0/24 next-hop 192.0.2.1")
		s.lacks(s.router, "10.0.1.0/24")
		s.until("the bridge knows", func() bool { return strings.Contains(s.expect(0, "plan").stdout, "+ 10.0.1.0/24") })
	}
	withdrawn()
	s.stale("advertises something else than then", "- 10.0.1.0/24", "was announced by owner "+owner)
	s.plan()
	s.expect(0, "apply plan.json", "2 of 2 routes sent")
	withdrawn() // all is as it was when that was planned
	s.stale("a plan is carried out once")
	s.apply()

	t.Log("routes of others")
	s.put("10.0.1.0/24, med: 2")
	s.plan()
	s.must(os.WriteFile(filepath.Join(s.dir, "other.yaml"), []byte(file("other-team", s.name, "10.9.0.0/16")), 0o644))
	s.expect(0, "apply --yes -f other.yaml")
	s.console(0, "announce route 10.8.0.0/16 next-hop 192.0.2.1")
	s.sees(s.router, "10.8.0.0/16", "")
	s.stale("+ 10.9.0.0/16", "announced by owner other-team", "owner other-team has put a file in force since then", "+ 10.8.0.0/16", "announced by owner console, given by ")

	t.Log("the plan itself")
	s.plan()
	path := filepath.Join(s.dir, "plan.json")
	text, err := os.ReadFile(path)
	s.must(err)
	s.must(os.WriteFile(path, []byte(strings.Replace(string(text), `"10.0.2.0/24"`, `"10.0.9.0/24"`, 1)), 0o644))
	s.quiet(s.router, func() { s.expect(1, "apply plan.json", "it was edited after it was saved") })
	s.must(os.WriteFile(path, text, 0o644))
	s.told(s.router, rig.Counters{Withdraws: 1}, func() { s.expect(0, "apply plan.json") })
	s.nothingToDo()
}

// TestSavedPlanFromNothing: a plan that was made when nothing was in force is used once,
// also when all is as it was then.
func TestSavedPlanFromNothing(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.put("10.0.0.0/24")
	s.plan()
	s.expect(0, "apply plan.json")
	s.sees(s.router, "10.0.0.0/24", "")
	s.put()
	s.apply()
	s.lacks(s.router, "10.0.0.0/24")
	s.put("10.0.0.0/24")
	s.stale("another file was put in force since then")
	s.must(os.Remove(filepath.Join(s.dir, "plan.json")))
	s.expect(1, "apply plan.json", "read plan.json: no such file", "routesync plan --out")
}

// TestSavedPlanUnderGuards: under other guards it is another plan; what a guard refuses
// when it is saved is refused when it is applied, and lifted then for exactly that plan.
func TestSavedPlanUnderGuards(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	guarded := func(guard string, routes ...string) {
		t.Helper()
		s.must(s.save(s.fileGuarded(guard, routes...)))
	}
	s.put("10.0.0.0/24", "10.0.1.0/24")
	s.apply()
	guarded("max-withdraw: 1", "10.0.0.0/24")
	s.plan()
	guarded("max-withdraw: 50%", "10.0.0.0/24")
	s.stale("the guards of routes.yaml say something else now")
	guarded("protect: [10.0.1.0/24]", "10.0.0.0/24")
	s.plan()
	var refused result
	s.quiet(s.router, func() { refused = s.expect(3, "apply plan.json", "protect", "10.0.1.0/24") })
	_, line, found := strings.Cut(refused.stderr, "exactly this: routesync ")
	line, _, _ = strings.Cut(line, "\n")
	if !found || !strings.HasPrefix(line, "apply plan.json --override ") {
		t.Fatalf("apply does not say how it is lifted:\n%s", refused.stderr)
	}
	guarded("protect: [10.0.1.0/24]")
	s.stale("routes.yaml asks for something else now")
	guarded("protect: [10.0.1.0/24]", "10.0.0.0/24")
	s.told(s.router, rig.Counters{Withdraws: 1}, func() { s.expect(0, line, "1 of 1 route sent") })
	s.stale("a plan is carried out once")
}

// TestSavedPlanForTwo: if one speaker has moved, nothing is sent to the other.
func TestSavedPlanForTwo(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	second, err := s.lab.Router(s.ctx, router(3, routerAS))
	s.must(err)
	name := s.name + "-b"
	other, err := s.lab.Speaker(s.ctx, rig.SpeakerOptions{
		Name: name, LocalAS: speakerAS, ExaBGP: shared.exabgp, Neighbors: []rig.Neighbor{second.Neighbor()},
		Run: []string{s.binary, "bridge", "--speaker", name, "--amqp", s.broker.URL, "--state", filepath.Join(s.lab.Dir(), "state")},
	})
	s.must(err)
	s.must(second.WaitEstablished(s.ctx))
	s.must(s.save(file(owner, s.name+", "+name, "10.0.0.0/24")))
	s.until("both bridges are there", func() bool {
		r, err := s.routesync(s.ctx, "plan", "--out", "plan.json")
		s.must(err)
		return r.code == 0
	})
	r, err := s.routesync(s.ctx, "console", "--speaker", name, "--command", "announce route 10.8.0.0/16 next-hop 192.0.2.1")
	s.must(err)
	if r.code != 0 {
		t.Fatalf("the console ended with %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
	s.sees(second, "10.8.0.0/16", "")
	s.quiet(second, func() { s.stale(name+" advertises something else than then", "+ 10.8.0.0/16") })
	s.plan()
	s.expect(0, "apply plan.json", s.name+": 1 of 1 route sent", name+": 1 of 1 route sent")
	s.sees(s.router, "10.0.0.0/24", "")
	s.sees(second, "10.0.0.0/24", "")
	if s.t.Failed() {
		s.show("the other exaBGP", other.Log())
	}
}

// carries begins to carry out a saved plan of n routes, and leaves it where the lease is
// granted and nothing can be confirmed, for exaBGP stands still.
func (s *scene) carries(n int) *rig.Program {
	s.t.Helper()
	s.put(prefixes(n)...)
	s.plan()
	s.must(s.stage.speaker.Freeze())
	p, err := s.lab.Program(s.ctx, "apply", s.dir, s.env(), s.binary, "apply", "plan.json", "--timeout", "60s")
	s.must(err)
	s.programs = append(s.programs, p)
	s.until("the file is in force", func() bool { return s.count(s.stage.speaker.Log(), "a file is in force") > 0 })
	return p
}

// TestSavedPlanOvertaken: what moves while a plan is carried out is not put right with
// it; what was confirmed is said, and what is left.
func TestSavedPlanOvertaken(t *testing.T) {
	t.Parallel()
	s, say := openWithOther(t)
	const n = 2000
	before := []string{"10.200.0.0/16, med: 7"}
	s.put(before...)
	s.apply()
	s.put(append(before, prefixes(n)...)...)
	s.plan()
	s.must(s.stage.speaker.Freeze())
	ended := make(chan result, 1)
	go func() {
		r, _ := s.routesync(s.ctx, "apply", "plan.json", "--timeout", "60s") // its code tells
		ended <- r
	}()
	s.until("changes are on their way", func() bool {
		queues, err := shared.broker.Ctl(s.ctx, "list_queues", "-q", "name", "messages_unacknowledged")
		s.must(err)
		return regexp.MustCompile(`rs\.cmd\.` + s.name + `\s+[1-9]`).MatchString(queues)
	})
	say("withdraw route 10.200.0.0/16 next-hop 192.0.2.1 med 7")
	s.must(s.stage.speaker.Thaw())
	r := <-ended
	if r.code != 4 || !strings.Contains(r.stdout, "2000 of 2001 routes sent; 1 pending\n  pending  10.200.0.0/16 at 127.0.0.2 (not sent)") {
		t.Errorf("apply ended with %d:\n%s%s", r.code, r.stderr, r.stdout)
	}
	for _, text := range []string{" moved while plan.json was carried out", "+ 10.200.0.0/16  next-hop 192.0.2.1 med 7"} {
		if !strings.Contains(r.stderr, text) {
			t.Errorf("apply does not say %q:\n%s", text, r.stderr)
		}
	}
	s.lacks(s.router, "10.200.0.0/16")
	s.apply()
}

// TestSavedPlanOverBroker: a broker that is restarted between the lease and the
// confirmation makes a plan neither stale nor used for who carries it out.
func TestSavedPlanOverBroker(t *testing.T) {
	s := open(t, setting{})
	p := s.carries(20)
	s.must(shared.broker.Stop(s.ctx))
	s.must(shared.broker.Start(s.ctx))
	s.must(s.stage.speaker.Thaw())
	s.says(p, "20 of 20 routes sent")
	s.nothingToDo()
	s.stale("a plan is carried out once")
}

// TestSavedPlanOverBridge is the same of a bridge that dies there.
func TestSavedPlanOverBridge(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	p := s.carries(20)
	s.must(s.stage.speaker.KillBridge(s.ctx))
	s.must(s.stage.speaker.Thaw())
	s.says(p, "20 of 20 routes sent")
	s.nothingToDo()
	s.stale("a plan is carried out once")
}
