package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommitOf(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	for _, name := range []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"} {
		t.Setenv(name, "") // of a hook that the tests may run in
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	repo, outside := t.TempDir(), t.TempDir()
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", repo, "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	write := func(path, text string) string {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	is := func(what string, want *gitCommit, files ...string) {
		t.Helper()
		if diff := cmp.Diff(want, commitOf(t.Context(), files)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	routes, customer := write(filepath.Join(repo, "routes.yaml"), "a"), write(filepath.Join(repo, "customers", "a.yaml"), "a")
	is("no repository", nil, routes)
	is("no file", nil)
	is("a file that is not there", nil, filepath.Join(repo, "missing.yaml"))
	run("init", "-q")
	is("no commit", nil, routes)
	run("add", "routes.yaml")
	run("commit", "-qm", "one")
	commit := run("rev-parse", "HEAD")
	is("as it was committed", &gitCommit{commit, false}, routes)
	is("a file that is not in it", &gitCommit{commit, true}, routes, customer)
	run("add", ".")
	is("a file that is to be in the next", &gitCommit{commit, true}, routes, customer)
	run("commit", "-qm", "two")
	commit = run("rev-parse", "HEAD")
	is("both", &gitCommit{commit, false}, routes, customer)
	write(filepath.Join(repo, "report.json"), "of CI")
	is("a file that is none of them", &gitCommit{commit, false}, routes, customer)
	is("one of another place", &gitCommit{commit, true}, routes, write(filepath.Join(outside, "list.txt"), "a"))
	link := filepath.Join(outside, "routes.yaml")
	if err := os.Symlink(routes, link); err != nil {
		t.Fatal(err)
	}
	is("a link to it", &gitCommit{commit, false}, link)
	write(customer, "b")
	is("one that was changed", &gitCommit{commit, true}, routes, customer)
	write(customer, "a")
	is("and changed back", &gitCommit{commit, false}, routes, customer)
	if err := os.Remove(customer); err != nil {
		t.Fatal(err)
	}
	is("one that was removed, and is not read any more", &gitCommit{commit, true}, routes)
	t.Setenv("PATH", outside)
	is("no git", nil, routes)
}
