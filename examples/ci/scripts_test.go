package ci

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

const routes = "version: 1\nowner: edge-team\nspeakers: [edge1]\nroutes:\n  - prefix: 203.0.113.0/24\n    next-hop: 192.0.2.1\n"

func TestInstall(t *testing.T) {
	t.Parallel()
	program := "#!/bin/sh\necho routesync 1.0\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, program) }))
	defer server.Close()
	r := newRepo(t, github)
	r.set("ROUTESYNC_URL", server.URL+"/routesync")
	r.set("GITHUB_PATH", "path")
	r.set("ROUTESYNC_SHA256", fmt.Sprintf("%x", sha256.Sum256([]byte("another"))))
	code, out := r.sh("ci/install.sh")
	r.ends(1, code, out, "is not what ROUTESYNC_SHA256 says")
	if r.get("bin/routesync") != "" || r.get("bin/routesync.new") != "" {
		t.Error("it was installed all the same")
	}
	r.set("ROUTESYNC_SHA256", fmt.Sprintf("%x", sha256.Sum256([]byte(program))))
	code, out = r.sh("ci/install.sh")
	r.must(code, out, "routesync 1.0")
	if want := r.dir + "/bin\n"; r.get("path") != want {
		t.Errorf("the path has %q, want %q", r.get("path"), want)
	}
	r.pretend(0, "routesync 2.0\n", "") // is on the machine
	code, out = r.sh("ci/install.sh")
	r.must(code, out, "routesync 2.0")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	r := newRepo(t, github)
	r.real()
	r.put("routes.yaml", routes)
	code, out := r.sh("ci/check.sh")
	r.must(code, out, "1 route for edge1")

	r.put("routes.yaml", strings.Replace(routes, "  - prefix: 203.0.113.0/24\n    next-hop: 192.0.2.1", "  - next-hop: 192.0.2.1\n    prefix: 203.0.113.0/24", 1))
	code, out = r.sh("ci/check.sh")
	r.ends(2, code, out, "routes.yaml", "run routesync fmt")

	r.put("routes.yaml", routes+"  - prefix: 203.0.113.0/33\n    next-hop: 192.0.2.1\n")
	code, out = r.sh("ci/check.sh")
	r.ends(1, code, out, "routes.yaml:7:13")

	r.put("my routes.yaml", routes)
	r.set("ROUTES", "my routes.yaml")
	code, out = r.sh("ci/check.sh")
	r.must(code, out, "my routes.yaml: ok")
	r.set("ROUTES", "routes.yaml")

	r.put("routes.yaml", routes)
	r.put("customers/acme.yaml", "routes: []\nversion: 1\n")
	r.set("ROUTES_FORMAT", "routes.yaml customers/*.yaml")
	code, out = r.sh("ci/check.sh")
	r.ends(2, code, out, "customers/acme.yaml")
}

// TestPlanCodes: a plan of changes is a success, and whatever is none says so where it
// is read.
func TestPlanCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]int{0: 0, 2: 0, 1: 1, 3: 3, 5: 5, 64: 64} {
		r := newRepo(t, github)
		r.pretend(code, "## Plan\n", "warning: <b>edge1</b> `x`\n~~~\n")
		got, out := r.sh("ci/plan.sh")
		r.ends(want, got, out, "warning: <b>edge1</b>")
		said := r.get("plan.md")
		if !strings.Contains(said, "## Plan\n") || !strings.Contains(said, "\n    warning: <b>edge1</b> `x`\n    ~~~\n") {
			t.Errorf("%d: plan.md is\n%s", code, said)
		}
		if strings.HasPrefix(said, "## Plan") != (want == 0) || strings.HasPrefix(said, "**Refused by a guard") != (want == 3) {
			t.Errorf("%d: plan.md is\n%s", code, said)
		}
	}
}

func TestPlanWords(t *testing.T) {
	t.Parallel()
	r := newRepo(t, github)
	r.pretend(0, "No changes.\n", "")
	r.put("plan.json", "of another time")
	code, out := r.sh("ci/plan.sh")
	r.must(code, out)
	if r.get("plan.json") != "" || r.get("plan.md") != "No changes.\n" {
		t.Errorf("plan.json is %q, plan.md %q", r.get("plan.json"), r.get("plan.md"))
	}
	r.set("AGAINST", "base/routes.yaml")
	r.set("ROUTES", "my routes.yaml")
	r.set("ASSERT", "my expectations.yaml")
	code, out = r.sh("ci/plan.sh")
	r.must(code, out)
	if !strings.Contains(r.get("plan.md"), "Compared with base/routes.yaml, and not") {
		t.Errorf("plan.md is %q", r.get("plan.md"))
	}
	want := "plan -f routes.yaml --out plan.json -o markdown --detailed-exitcode\n" +
		"plan -f my routes.yaml --against base/routes.yaml --assert my expectations.yaml -o markdown --detailed-exitcode\n"
	if r.get("called") != want {
		t.Errorf("routesync was called with\n%swant\n%s", r.get("called"), want)
	}
}

// TestPlanOfAFork: without a broker, two files are compared.
func TestPlanOfAFork(t *testing.T) {
	t.Parallel()
	r := newRepo(t, github)
	r.real()
	r.put("base/routes.yaml", routes)
	r.put("routes.yaml", strings.Replace(routes, "203.0.113.0/24", "8.8.8.0/24", 1))
	r.set("AGAINST", "base/routes.yaml")
	code, out := r.sh("ci/plan.sh")
	r.must(code, out)
	for _, text := range []string{"Compared with base/routes.yaml,", "1 to announce, 0 to change, 1 to withdraw", "`8.8.8.0/24`", "`203.0.113.0/24`"} {
		if !strings.Contains(r.get("plan.md"), text) {
			t.Errorf("plan.md does not say %q:\n%s", text, r.get("plan.md"))
		}
	}
	if r.get("plan.json") != "" {
		t.Error("there is a plan to apply, of which nobody saw what is advertised")
	}

	// What is not as it is expected to be is no success.
	r.put("expectations.yaml", "version: 1\nmust-announce: [203.0.113.0/24]\n")
	r.set("ASSERT", "expectations.yaml")
	code, out = r.sh("ci/plan.sh")
	r.ends(1, code, out, "not as expected: expectations.yaml:2:17")
	if said := r.get("plan.md"); !strings.HasPrefix(said, "**There is no plan") || !strings.Contains(said, "\n    error: not as expected: ") {
		t.Errorf("plan.md is\n%s", said)
	}
	r.set("ASSERT", "")

	// What no guard lets pass is no success.
	r.put("routes.yaml", strings.Replace(routes, "203.0.113.0/24", "0.0.0.0/0", 1))
	code, out = r.sh("ci/plan.sh")
	r.ends(3, code, out)
	if said := r.get("plan.md"); !strings.HasPrefix(said, "**Refused by a guard") || !strings.Contains(said, "`0.0.0.0/0`") {
		t.Errorf("plan.md is\n%s", said)
	}

	r.put("routes.yaml", routes+"oops: 1\n")
	code, out = r.sh("ci/plan.sh")
	r.ends(1, code, out, "routes.yaml:7:1")
	if said := r.get("plan.md"); !strings.HasPrefix(said, "**There is no plan") || !strings.Contains(said, "\n    error: routes.yaml:7:1: ") {
		t.Errorf("plan.md is\n%s", said)
	}
}

// cloned is a repository with one commit, which its origin has on main.
func cloned(t *testing.T) *repo {
	t.Helper()
	r := newRepo(t, github)
	r.put("routes.yaml", routes)
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"}, {"config", "user.name", "ana"}, {"config", "user.email", "ana@example.net"},
		{"add", "."}, {"commit", "--quiet", "--message=first"}, {"clone", "--quiet", "--bare", ".", "origin.git"}, {"remote", "add", "origin", "origin.git"},
	} {
		r.git(args...)
	}
	r.set("BRANCH", "main")
	r.set("GITHUB_STEP_SUMMARY", "summary.md")
	return r
}

func (r *repo) git(args ...string) {
	r.t.Helper()
	code, out := r.run("git", args...)
	r.must(code, out)
}

func TestApplyCodes(t *testing.T) {
	t.Parallel()
	for code, verdict := range map[int]string{
		0: "Applied, and confirmed", 1: "Failed with exit code 1", 3: "Refused by a guard; nothing was sent",
		4: "Something moved since", 5: "Sent, and not confirmed", 64: "Failed with exit code 64",
	} {
		r := cloned(t)
		r.pretend(code, "Plan: 1 to <announce>\n", "stale: *x*\n")
		got, out := r.sh("ci/apply.sh")
		r.ends(code, got, out, verdict, "Plan: 1 to <announce>", "stale: *x*")
		if said := r.get("summary.md"); !strings.HasPrefix(said, "**"+verdict) || !strings.Contains(said, "\n    Plan: 1 to <announce>\n    stale: *x*\n") {
			t.Errorf("%d: the summary is\n%s", code, said)
		}
		if want := "apply plan.json -f routes.yaml --yes\n"; r.get("called") != want {
			t.Errorf("routesync was called with %q, want %q", r.get("called"), want)
		}
	}
}

// TestApplyOnTrial: what reverts itself is not said to be done with.
func TestApplyOnTrial(t *testing.T) {
	t.Parallel()
	for _, code := range []int{0, 5} {
		r := cloned(t)
		r.pretend(code, "edge1: 2 of 2 routes sent\n  on trial until 2026-09-21T14:13:20.000Z: what was before comes back then, unless it is confirmed with routesync confirm\n", "")
		r.set("CONFIRM_WITHIN", "5m")
		got, out := r.sh("ci/apply.sh")
		r.ends(code, got, out, "It is on trial: it is reverted by itself, unless")
		if said := r.get("summary.md"); !strings.Contains(said, "It is on trial: ") {
			t.Errorf("%d: the summary is\n%s", code, said)
		}
	}
}

// TestApplyOldCommit: a job that is run again would bring back what was replaced.
func TestApplyOldCommit(t *testing.T) {
	t.Parallel()
	r := cloned(t)
	r.pretend(0, "", "")
	r.git("commit", "--quiet", "--allow-empty", "--message=second")
	r.git("push", "--quiet", "origin", "main")
	r.set("CONFIRM_WITHIN", "5m")
	code, out := r.sh("ci/apply.sh")
	r.must(code, out)
	if want := "apply plan.json -f routes.yaml --yes --confirm-within 5m\n"; r.get("called") != want {
		t.Errorf("routesync was called with %q, want %q", r.get("called"), want)
	}
	if err := os.Remove(r.dir + "/called"); err != nil {
		t.Fatal(err)
	}
	r.git("checkout", "--quiet", "HEAD~")
	for _, branch := range []string{"main", "gone"} {
		r.set("BRANCH", branch)
		code, out = r.sh("ci/apply.sh")
		r.ends(4, code, out, "nothing was sent")
		if r.get("called") != "" {
			t.Errorf("routesync was called with %q", r.get("called"))
		}
	}
}
