package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"routesync/state"
)

// TestAgain: the command line that a refusal prints is the one that was given, and can
// be given to a shell.
func TestAgain(t *testing.T) {
	t.Parallel()
	back := &rollbackFlags{historyFlags: historyFlags{file: "routes.yaml", owner: "team"}, speakers: []string{"a", "b"}}
	guarded := &rollbackFlags{historyFlags: historyFlags{file: "routes.yaml"}, guards: []string{"min-routes: 1"}}
	for want, f := range map[string]*applyFlags{
		"routesync apply -f routes.yaml --yes":                           {file: "routes.yaml", yes: true},
		"routesync apply -f 'my routes.yaml' --older-file-ok":            {file: "my routes.yaml", olderOK: true},
		"routesync apply plan.json":                                      {plan: "plan.json", file: "routes.yaml"},
		"routesync apply plan.json -f other.yaml":                        {plan: "plan.json", file: "other.yaml", fileGiven: true},
		"routesync apply -f 'it'\\''s.yaml' --override x@9b1d2c3f4a5b":   {file: "it's.yaml", overrides: []string{"x@9b1d2c3f4a5b"}},
		"routesync rollback 3 -f routes.yaml --owner team --speaker a,b": {file: "entry 3", instead: back.again("3")},
		"routesync apply -f routes.yaml --guard 'max-withdraw: [5%, 7]' --guard 'protect: ['\\''192.0.2.0/24'\\'']' --override x@9b1d2c3f4a5b": {
			file: "routes.yaml", guards: []string{"max-withdraw: [5%, 7]", "protect: ['192.0.2.0/24']"}, overrides: []string{"x@9b1d2c3f4a5b"},
		},
		"routesync rollback 3 -f routes.yaml --guard 'min-routes: 1' --yes": {file: "entry 3", yes: true, guards: guarded.guards, instead: guarded.again("3")},
	} {
		if got := f.again(); got != want {
			t.Errorf("it is %s\nwant %s", got, want)
		}
	}
}

// TestRollbackHasGuardsByFlag: they hold besides those of the owner's file, or the
// default ones where there is none; the file that it writes has only its own.
func TestRollbackHasGuardsByFlag(t *testing.T) {
	t.Parallel()
	const file = "version: 1\nowner: team\nspeakers: [x]\nguard: { min-routes: 3 }\nroutes: []\n"
	dir := t.TempDir()
	path := filepath.Join(dir, "routes.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	given, err := readGuards([]string{"max-withdraw: 1"})
	if err != nil {
		t.Fatal(err)
	}
	for owner, least := range map[string]int{"team": 3, "another": 0} {
		b := &rollback{world: &world{stderr: io.Discard}, flags: &rollbackFlags{historyFlags: historyFlags{file: path}}, guards: given}
		if err := b.readFile(owner); err != nil {
			t.Fatal(err)
		}
		if want := (state.Limit{Share: 3000, Count: 1}); b.policy.MaxWithdraw != want || b.policy.MinRoutes != least {
			t.Errorf("of %s: the guards are %+v", owner, b.policy)
		}
		b.targets = []*goal{{desired: &state.Desired{Owner: owner, Speakers: []string{"x"}, Policy: b.policy}}}
		if err := b.write(filepath.Join(dir, owner+".yaml")); err != nil {
			t.Fatal(err)
		}
		d, err := readDesired(filepath.Join(dir, owner+".yaml"), nil)
		if err != nil || d.Guards().MinRoutes != least || d.Guards().MaxWithdraw != state.DefaultPolicy().MaxWithdraw {
			t.Errorf("of %s: the file has %+v, %v", owner, d.Guards(), err)
		}
	}
	given, err = readGuards([]string{"prefix-length: { ipv4: 0-7 }"})
	if err != nil {
		t.Fatal(err)
	}
	b := &rollback{world: &world{stderr: io.Discard}, flags: &rollbackFlags{historyFlags: historyFlags{file: path}}, guards: given}
	if err := b.readFile("another"); err == nil || !strings.Contains(err.Error(), "--guard can't stand beside the default guards: prefix-length of ipv4") {
		t.Errorf("it says %v", err)
	}
}
