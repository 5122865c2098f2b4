package main

import "testing"

// TestAgain: the command line that a refusal prints is the one that was given, and can
// be given to a shell.
func TestAgain(t *testing.T) {
	t.Parallel()
	back := &rollbackFlags{historyFlags: historyFlags{file: "routes.yaml", owner: "team"}, speakers: []string{"a", "b"}}
	for want, f := range map[string]*applyFlags{
		"routesync apply -f routes.yaml --yes":                           {file: "routes.yaml", yes: true},
		"routesync apply -f 'my routes.yaml' --older-file-ok":            {file: "my routes.yaml", olderOK: true},
		"routesync apply plan.json":                                      {plan: "plan.json", file: "routes.yaml"},
		"routesync apply plan.json -f other.yaml":                        {plan: "plan.json", file: "other.yaml", fileGiven: true},
		"routesync apply -f 'it'\\''s.yaml' --override x@9b1d2c3f4a5b":   {file: "it's.yaml", overrides: []string{"x@9b1d2c3f4a5b"}},
		"routesync rollback 3 -f routes.yaml --owner team --speaker a,b": {file: "entry 3", instead: back.again("3")},
	} {
		if got := f.again(); got != want {
			t.Errorf("it is %s\nwant %s", got, want)
		}
	}
}
