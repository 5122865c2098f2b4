package main

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// layout is which packages of this module each package may import.
func layout() map[string][]string {
	return map[string][]string{
		"state":                    nil,
		"state/expect":             {"state"},
		"state/routefile":          {"state", "state/expect"},
		"state/rpki":               {"state"},
		"state/snapshot":           {"state"},
		"reconcile":                {"reconcile/flap", "reconcile/guard", "state"},
		"reconcile/flap":           {"state"},
		"reconcile/guard":          {"state", "state/rpki"},
		"reconcile/history":        {"reconcile", "state"},
		"reconcile/watch":          nil,
		"reconcile/web":            nil,
		"bridge":                   {"bridge/exabgp", "bridge/journal", "bridge/rabbit", "bridge/wire", "state"},
		"bridge/exabgp":            {"state"},
		"bridge/journal":           {"state"},
		"bridge/rabbit":            nil,
		"bridge/wire":              {"state"},
		"cmd/routesync/console":    {"bridge/exabgp", "bridge/wire", "state"},
		"cmd/routesync/simulation": nil, // it has tests alone, which import all
		"cmd/routesync": {
			"bridge", "bridge/exabgp", "bridge/journal", "bridge/rabbit", "bridge/wire", "cmd/routesync/console",
			"reconcile", "reconcile/guard", "reconcile/history", "reconcile/watch", "reconcile/web", "state", "state/expect", "state/routefile", "state/rpki", "state/snapshot",
		},
	}
}

func TestLayout(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-e", "-json=ImportPath,Doc,Imports", "routesync/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	got, users := map[string][]string{}, map[string][]string{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p struct {
			ImportPath, Doc string
			Imports         []string
		}
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(p.ImportPath, "routesync/")
		if p.Doc == "" {
			t.Errorf("package %s has no doc comment", name)
		}
		var own []string
		for _, path := range p.Imports {
			if inner, ok := strings.CutPrefix(path, "routesync/"); ok {
				own = append(own, inner)
			} else if strings.Contains(path, ".") && !strings.HasPrefix(path, "golang.org/x/") {
				users[path] = append(users[path], name)
				if name == "state" {
					t.Errorf("state imports %s; it may import the standard library only", path)
				}
			}
		}
		if !strings.HasPrefix(name, "examples/") {
			got[name] = own
		} else if i := slices.IndexFunc(own, func(s string) bool { return !strings.HasPrefix(s, "examples/") }); i >= 0 {
			t.Errorf("%s imports %s; examples use the program, not its packages", name, own[i])
		}
	}
	if diff := cmp.Diff(layout(), got); diff != "" {
		t.Errorf("imports differ from the layout (-want +got):\n%s", diff)
	}
	for path, packages := range users {
		if len(packages) > 1 {
			t.Errorf("%s is imported by %s; one package has it, and the others ask that one", path, packages)
		}
	}
}
