//go:build integration

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"routesync/examples/lab/rig"
)

// script runs a script of examples/ci in the work folder, with the real program.
func (s *scene) script(code int, name string, texts ...string) {
	s.t.Helper()
	path, err := filepath.Abs("../ci/" + name)
	s.must(err)
	out := s.program(code, append(s.env(), "PATH="+filepath.Dir(s.binary)+":"+os.Getenv("PATH"), "BRANCH=main"), "sh", path)
	for _, text := range texts {
		if !strings.Contains(out, text) {
			s.t.Errorf("%s does not say %q:\n%s", name, text, out)
		}
	}
}

// program runs a program in the work folder, and expects an exit code.
func (s *scene) program(code int, env []string, argv ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		s.t.Fatalf("%s ended with %d, not %d:\n%s", strings.Join(argv, " "), got, code, out)
	}
	return string(out)
}

// reviewed fails unless the plan that was made for people has these texts.
func (s *scene) reviewed(texts ...string) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "plan.md"))
	s.must(err)
	for _, want := range texts {
		if !strings.Contains(string(text), want) {
			s.t.Errorf("plan.md does not say %q:\n%s", want, text)
		}
	}
}

// TestJobs: the scripts of examples/ci plan and apply at the real speaker, and what they
// say is so at the router.
func TestJobs(t *testing.T) {
	t.Parallel()
	if err := rig.Install(context.Background(), nil, rig.Git); err != nil {
		t.Fatal(err)
	}
	s := open(t, setting{})
	git := func(args ...string) {
		t.Helper()
		s.program(0, []string{"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1"},
			append([]string{"git", "-c", "user.name=ana", "-c", "user.email=ana@example.net"}, args...)...)
	}
	commit := func(message string) {
		t.Helper()
		git("add", "routes.yaml")
		git("commit", "--quiet", "--message", message)
		git("push", "--quiet", "origin", "main")
	}
	git("init", "--quiet", "--initial-branch=main")
	git("init", "--quiet", "--bare", "origin.git")
	git("remote", "add", "origin", "origin.git")

	routes := []string{"1.0.0.0/24", "1.0.4.0/24", "1.0.5.0/24", "1.0.6.0/24"}
	put := func(routes ...string) {
		t.Helper()
		text := fmt.Sprintf("version: 1\nowner: %s\nspeakers: [%s]\n\ndefaults:\n  next-hop: 192.0.2.1\n\nroutes:\n", owner, s.name)
		for _, r := range routes {
			text += "  - { prefix: " + r + " }\n"
		}
		s.must(s.save(text))
	}
	s.must(s.save(s.file(routes...)))
	s.script(2, "check.sh", "run routesync fmt")
	put(routes...)
	s.script(0, "check.sh")
	commit("first")
	s.script(0, "plan.sh")
	s.reviewed("4 to announce, 0 to change, 0 to withdraw", "`1.0.0.0/24`")
	s.told(s.router, rig.Counters{Updates: 4}, func() { s.script(0, "apply.sh", "Applied, and confirmed", "4 of 4 routes sent") })

	// It was used, and is not used twice.
	s.quiet(s.router, func() {
		s.script(4, "apply.sh", "Something moved since the plan was made; nothing was sent", "stale plan")
	})

	put(append(routes[1:], "1.0.0.0/24, med: 7")...)
	commit("second")
	s.script(0, "plan.sh")
	s.reviewed("0 to announce, 1 to change, 0 to withdraw")
	put(append(routes[1:], "1.0.0.0/24, med: 8")...)
	commit("third")
	s.quiet(s.router, func() { s.script(4, "apply.sh", "stale plan", "asks for something else now") })
	s.script(0, "plan.sh")
	s.told(s.router, rig.Counters{Updates: 1}, func() { s.script(0, "apply.sh") })
	s.sees(s.router, "1.0.0.0/24", "8")

	put(routes[0])
	commit("most of it goes")
	s.script(3, "plan.sh")
	s.reviewed("**Refused by a guard: this will not be applied as it is.**", "3 of 4 routes would be withdrawn")
	s.quiet(s.router, func() { s.script(3, "apply.sh", "Refused by a guard; nothing was sent", "--override") })

	// Two commits later.
	git("commit", "--quiet", "--allow-empty", "--message", "fifth")
	git("push", "--quiet", "origin", "main")
	git("checkout", "--quiet", "HEAD~")
	s.quiet(s.router, func() { s.script(4, "apply.sh", "nothing was sent") })
}
