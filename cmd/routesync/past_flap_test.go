package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"routesync/reconcile"
	"routesync/reconcile/history"
	"routesync/state"
)

// putOnRecord puts a change of a route on record that was sent some time ago.
func putOnRecord(t *testing.T, s *history.Store, prefix string, ago time.Duration) {
	t.Helper()
	at := time.Now().Add(-ago)
	terms := &state.Terms{Attrs: attrs(t, "next-hop", "198.51.100.1")}
	c := state.Change{Key: key(prefix), Wanted: &state.Wanted{Key: key(prefix), Terms: terms}}
	head := history.Head{At: at, Owner: "edge-team", Who: history.Who{Host: "noc1"}, Verb: "apply"}
	part := history.Part{Speaker: "edge1", Seq: 1, At: at, Cause: string(reconcile.CauseCommand)}
	if _, err := s.Begin(head, part, []state.Change{c}, func(*state.Change) bool { return false }); err != nil {
		t.Fatal(err)
	}
}

// TestPlanOfAFlappingRoute: what apply would change for the seventh time in a quarter
// of an hour, by the record, is refused, with the override for it; without the record,
// or the guard, the same plan goes through.
func TestPlanOfAFlappingRoute(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store, err := history.Open(dir, "edge-team")
	if err != nil {
		t.Fatal(err)
	}
	putOnRecord(t, store, "192.0.2.0/24", time.Hour)
	for i := range 6 {
		putOnRecord(t, store, "192.0.2.0/24", time.Duration(10-i)*time.Minute)
	}
	plan := func(guard string, p *past) plans {
		t.Helper()
		d := desired(t, strings.Replace(plannedFile, "defaults:", guard+"\ndefaults:", 1))
		d.Revision = state.Revision{Digest: d.Digest(), Changed: 1789999998000}
		o := seen(t)
		o.past = p
		made, err := planAll("routes.yaml", d, time.Now().UnixMilli(), []observation{o})
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	const others = "allow: [documentation, private], max-withdraw: off, max-withdraw-space: off"
	for name, tc := range map[string]struct {
		guard string
		past  *past
		want  string
	}{
		"on record":     {"guard: { " + others + " }", &past{store}, "1 route would change again, which did up to 6 times within 15m0s; at most 6 may be, or others damp it (flap)"},
		"another bound": {"guard: { flap: { changes: 7, within: 15m }, " + others + " }", &past{store}, ""},
		"a short time":  {"guard: { flap: { changes: 6, within: 7m }, " + others + " }", &past{store}, ""},
		"off":           {"guard: { flap: off, " + others + " }", &past{store}, ""},
		"no record":     {"guard: { " + others + " }", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := plan(tc.guard, tc.past).speakers[0]
			switch {
			case len(s.guards.Warnings) > 0:
				t.Errorf("warned of %+v", s.guards.Warnings)
			case tc.want == "" && len(s.guards.Refusals) > 0:
				t.Errorf("refused for %+v", s.guards.Refusals)
			case tc.want != "" && (len(s.guards.Refusals) != 1 || s.guards.Refusals[0].Text != tc.want || s.guards.Refusals[0].Rule != state.RuleFlap):
				t.Errorf("refused for %+v\nwant %s", s.guards.Refusals, tc.want)
			}
		})
	}
	refused := plan("guard: { "+others+" }", &past{store})
	if err := refused.refusedBy("routesync apply"); err == nil || !strings.Contains(err.Error(), "flap: 1 route would change again") {
		t.Errorf("refused by %v", err)
	} else if all := (failures)(nil); !errors.As(err, &all) || all[0].(*failure).code != exitGuarded || !strings.Contains(strings.Join(all[0].(*failure).hints, " "), "flap@"+refused.speakers[0].digest(refused)[:state.ShortDigest]) {
		t.Errorf("%+v", err)
	}

	// What can't be read of it is said, and counts for nothing.
	entries, err := filepath.Glob(filepath.Join(store.Dir(), "*", "edge1.1.changes.jsonl"))
	if err != nil || len(entries) != 7 {
		t.Fatal(entries, err)
	}
	if err := os.WriteFile(entries[6], []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := plan("guard: { "+others+" }", &past{store}).speakers[0]
	if len(s.guards.Refusals) != 0 || len(s.guards.Warnings) != 1 || !strings.HasPrefix(s.guards.Warnings[0].Text, "whether a route changes too often can't be told: "+entries[6]+" is damaged") {
		t.Errorf("%+v", s.guards)
	}
}
