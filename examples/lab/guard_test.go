//go:build integration

package main

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"routesync/examples/lab/table"
)

// fileGuarded is a file with these routes and this guard.
func (s *scene) fileGuarded(guard string, routes ...string) string {
	return strings.Replace(s.file(routes...), table.Unguarded, "guard: { "+guard+" }\n", 1)
}

// guardedFile is a file with these routes and the guards that hold without a word,
// but that private prefixes may be announced.
func (s *scene) guardedFile(override string, routes ...string) string {
	guard := "allow: [private]"
	if override != "" {
		guard += `, override: ["` + override + `"]`
	}
	return s.fileGuarded(guard, routes...)
}

// overrideIn is the override that a text has.
func (s *scene) overrideIn(text string) string {
	s.t.Helper()
	found := regexp.MustCompile(`[a-z,-]+@[0-9a-f]{12}`).FindString(text)
	if found == "" {
		s.t.Fatalf("there is no override in:\n%s", text)
	}
	return found
}

// TestGuardHoldsACutFile: half of the routes are gone from the file, behind the end of
// a line, so that it is a good file. Nothing is withdrawn; status, plan and the log say
// why, and what to do; and it goes on when it is told that exactly this is meant.
func TestGuardHoldsACutFile(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	routes := prefixes(40)
	whole := s.guardedFile("", routes...)
	s.must(s.save(whole))
	watch := s.watches("watch")
	s.sees(s.router, "10.0.39.0/24", "")
	s.says(watch, "converged")
	before := s.held(s.router)

	cut := strings.Join(strings.SplitAfter(whole, "\n")[:5+20], "")
	if cut != s.guardedFile("", routes[:20]...) {
		t.Fatalf("the file is not cut as it was meant to be:\n%s", cut)
	}
	s.quiet(s.router, func() {
		s.must(s.save(cut))
		s.says(watch, "nothing is sent: a guard refuses the plan")
		s.expect(0, "plan", "20 to withdraw", "Refused by guard withdraw: 20 of 40 routes would be withdrawn (50%); at most 12 may be (max-withdraw: 30%)")
		s.until("status tells what is held", func() bool {
			r := s.expect(0, "status")
			return strings.Contains(r.stdout, "guarded since ") && strings.Contains(r.stdout, "20 to withdraw") && strings.Contains(r.stdout, "routesync override withdraw,withdraw-space@") && strings.Contains(r.stdout, " --owner ")
		})
	})
	s.untouched(s.router, before)
	if n := s.count(watch.Log(), "refused by guard withdraw\""); n != 1 {
		t.Errorf("it says %d times that it is refused", n)
	}

	t.Log("a file with all of them, and one more, goes on by itself")
	s.must(s.save(s.guardedFile("", prefixes(41)...)))
	s.sees(s.router, "10.0.40.0/24", "")
	s.says(watch, "no guard refuses the plan any more")
	s.untouched(s.router, before)
	s.until("status has nothing held", func() bool { return !strings.Contains(s.expect(0, "status").stdout, "guarded since") })

	t.Log("cut again, and meant; but first meant for another plan")
	s.must(s.save(s.guardedFile("withdraw,withdraw-space@000000000000", routes[:20]...)))
	s.until("it is held again", func() bool { return s.count(watch.Log(), "nothing is sent: a guard refuses the plan") == 2 })
	s.untouched(s.router, before)
	override := s.overrideIn(s.guardHolds())
	s.must(s.save(s.guardedFile(override, routes[:20]...)))
	s.lacks(s.router, "10.0.40.0/24")
	s.until("the others have gone", func() bool { return len(s.held(s.router)) == 20 })
	kept := make([]netip.Prefix, 20)
	for i, p := range routes[:20] {
		kept[i] = netip.MustParsePrefix(p)
	}
	s.holds(s.router, kept...)
	s.nothingToDo()

	t.Log("cut once more, and meant, by an order to the running watch")
	s.must(s.save(s.guardedFile("", routes[:10]...)))
	s.until("it is held once more", func() bool { return s.count(watch.Log(), "nothing is sent: a guard refuses the plan") == 3 })
	s.expect(0, "override withdraw,withdraw-space@000000000000 --reason wrong")
	order := s.overrideIn(s.guardHolds())
	if len(s.held(s.router)) != 20 {
		t.Error("an order for another plan lets something through")
	}
	s.expect(0, "override "+order+" --reason moving")
	s.until("the others have gone", func() bool { return len(s.held(s.router)) == 10 })
	s.holds(s.router, kept[:10]...)
	s.until("it is on record", func() bool {
		r, err := s.routesync(s.ctx, "show", "4")
		s.must(err)
		return r.code == 0
	})
	if r := s.expect(0, "show 4"); !strings.Contains(r.stdout, "guard overridden: withdraw: 10 of 20 routes would be withdrawn (50%)") || !strings.Contains(r.stdout, "; "+order+" by ") || !strings.Contains(r.stdout, "(override): moving") {
		t.Errorf("on record is:\n%s", r.stdout)
	}
	s.until("the order is done, and forgotten", func() bool {
		r := s.expect(0, "status")
		return !strings.Contains(r.stdout, order) && strings.Contains(r.stdout, "000000000000")
	})
}

// guardHolds waits until status says that a guard holds a plan, and is why, and what
// to do.
func (s *scene) guardHolds() (says string) {
	s.t.Helper()
	var report struct {
		Speakers []struct {
			Leases []struct {
				Conditions []struct{ Name, Text, Do string }
			}
		}
	}
	s.until("status tells what is held", func() bool {
		r := s.expect(0, "status -o json")
		s.must(json.Unmarshal([]byte(r.stdout), &report))
		for _, speaker := range report.Speakers {
			for _, l := range speaker.Leases {
				for _, x := range l.Conditions {
					if x.Name == "guarded" {
						says = x.Text + ": " + x.Do
					}
				}
			}
		}
		return says != ""
	})
	return says
}

// TestGuardStopsApply: nothing is sent, it ends with 3, and the command line that it
// prints does exactly that, and nothing else.
func TestGuardStopsApply(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.must(s.save(s.guardedFile("", prefixes(40)...)))
	s.expect(0, "apply --yes --wait sent --timeout 30s")
	s.sees(s.router, "10.0.39.0/24", "")
	before := s.held(s.router)

	s.must(s.save(s.guardedFile("", append(prefixes(20), "0.0.0.0/0")...)))
	var r result
	s.quiet(s.router, func() {
		r = s.expect(3, "apply --yes", "refused by a guard; nothing was sent of plan", "1 to announce, 0 to change and 20 to withdraw",
			"withdraw: 20 of 40 routes would be withdrawn (50%)", "never: 1 route in 0.0.0.0/0 would be announced; that is the default route",
			"if it is meant, and exactly this: routesync apply -f routes.yaml --yes --override withdraw,withdraw-space,never,prefix-length@")
		s.expect(3, "apply --yes --override withdraw,withdraw-space@"+strings.Split(s.overrideIn(r.stderr), "@")[1], "never: 1 route in 0.0.0.0/0")
		s.expect(64, "apply --yes --override all", "override \"all\" does not say for which plan")
	})
	s.untouched(s.router, before)
	// Another change makes another plan of it: the override is for the one that was shown.
	override := s.overrideIn(r.stderr)
	s.must(s.save(s.guardedFile("", append(prefixes(19), "0.0.0.0/0")...)))
	s.quiet(s.router, func() { s.expect(3, "apply --yes --override "+override, "withdraw: 21 of 40 routes") })
	s.must(s.save(s.guardedFile("", append(prefixes(20), "0.0.0.0/0")...)))
	s.expect(0, "apply --yes --wait sent --timeout 30s --override "+override)
	s.sees(s.router, "0.0.0.0/0", "")
	s.until("the others have gone", func() bool { return len(s.held(s.router)) == 21 })
	s.nothingToDo()
}

// TestGuardByFlag: a change that the file lets through is refused where a flag is
// stricter, by all that take one; and it goes through where there is none.
func TestGuardByFlag(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	routes := prefixes(10)
	put := func(n int) {
		t.Helper()
		s.must(s.save(s.fileGuarded("allow: [private], max-withdraw: off, max-withdraw-space: off", routes[:n]...)))
	}
	const flag = ` --guard {"max-withdraw":0}` // YAML, too, and without a blank
	put(10)
	s.expect(0, "apply --yes --wait sent --timeout 30s")
	s.sees(s.router, "10.0.9.0/24", "")

	t.Log("apply refuses it, and its override is for the same flag")
	put(9)
	before := s.held(s.router)
	s.quiet(s.router, func() {
		r := s.expect(3, "apply --yes"+flag, "withdraw: 1 of 10 routes would be withdrawn (10%); at most 0 may be (max-withdraw: 0)",
			`If exactly this is meant, apply it with --guard '{"max-withdraw":0}' --override withdraw@`,
			`routesync apply -f routes.yaml --guard '{"max-withdraw":0}' --yes --override withdraw@`)
		s.expect(3, "apply --yes --override "+s.overrideIn(r.stderr)+` --guard {"max-withdraw":0,"min-routes":1}`, "withdraw: 1 of 10 routes")
		s.expect(64, "apply --yes"+flag+` --guard {"override":["withdraw@9b1d2c3f4a5b"]}`, "override lifts guards")
	})
	s.untouched(s.router, before)

	t.Log("a saved plan keeps it")
	s.expect(0, "plan --out plan.json"+flag)
	s.quiet(s.router, func() { s.expect(3, "apply plan.json", "routesync apply plan.json --override withdraw@") })
	s.untouched(s.router, before)
	s.expect(0, "plan --out free.json")
	s.expect(0, "apply free.json --wait sent --timeout 30s")
	s.lacks(s.router, "10.0.9.0/24")

	t.Log("rollback refuses it")
	before = s.held(s.router)
	s.quiet(s.router, func() {
		s.expect(3, `rollback 1 --yes --guard {"never":["10.0.9.0/24"]}`, "never: 1 route in 10.0.9.0/24 would be announced",
			`routesync rollback 1 -f routes.yaml --guard '{"never":["10.0.9.0/24"]}' --yes --override never@`)
	})
	s.untouched(s.router, before)
	s.expect(0, "rollback 1 --yes --wait sent --timeout 30s")
	s.sees(s.router, "10.0.9.0/24", "")

	t.Log("a watch holds it, and one without the flag does not")
	put(10)
	watch := s.watches("watch", "--guard", "max-withdraw: 0", "--guard", "prefix-length: { ipv4: 24-32 }")
	s.says(watch, "converged")
	before = s.held(s.router)
	s.quiet(s.router, func() {
		put(8)
		s.says(watch, "nothing is sent: a guard refuses the plan")
		if says := s.guardHolds(); !strings.Contains(says, "2 of 10 routes would be withdrawn") {
			t.Errorf("status says %s", says)
		}
	})
	s.untouched(s.router, before)

	t.Log("guards of the file that it can't stand beside are like a fault of it")
	s.quiet(s.router, func() {
		s.must(s.save(s.fileGuarded("allow: [private], max-withdraw: off, prefix-length: { ipv4: 8-23 }", routes[:7]...)))
		s.says(watch, "its guards can't be in force; the last good one stays in force")
		s.until("status tells so", func() bool {
			return strings.Contains(s.expect(0, "status").stdout, "prefix-length of ipv4 is 8-23 already, and of 24-32 that leaves none")
		})
	})
	s.untouched(s.router, before)
	s.must(watch.Stop(s.ctx))
	put(8)
	s.says(s.watches("free"), "converged")
	s.lacks(s.router, "10.0.8.0/24")
	s.until("the others have gone", func() bool { return len(s.held(s.router)) == 8 })
}
