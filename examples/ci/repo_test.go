package ci

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	github = "github"
	gitlab = "gitlab"
)

// repo is a repository as the jobs find it: the files that the workflows tell to copy are
// in ci/, and a routesync is on the PATH.
type repo struct {
	t   *testing.T
	dir string
	env []string
}

func newRepo(t *testing.T, forge string) *repo {
	t.Helper()
	for _, tool := range []string{"curl", "jq", "git"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not here, and the scripts need it", tool)
		}
	}
	r := &repo{t: t, dir: t.TempDir()}
	for _, pattern := range []string{"*.sh", forge + "/*.sh"} {
		scripts, err := filepath.Glob(pattern)
		if err != nil || len(scripts) == 0 {
			t.Fatalf("no scripts match %s: %v", pattern, err)
		}
		for _, path := range scripts {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			r.put("ci/"+filepath.Base(path), string(text))
		}
	}
	r.set("PATH", filepath.Join(r.dir, "tools")+":"+os.Getenv("PATH"))
	r.set("HOME", r.dir)
	return r
}

func (r *repo) set(name, value string) { r.env = append(r.env, name+"="+value) }

func (r *repo) put(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o755)); err != nil {
		r.t.Fatal(err)
	}
}

// get is what a file has; "" if it is not there.
func (r *repo) get(name string) string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.t.Fatal(err)
	}
	return string(text)
}

// sh runs a script of the repository, as a step of a job does.
func (r *repo) sh(args ...string) (code int, output string) {
	r.t.Helper()
	return r.run("sh", args...)
}

func (r *repo) run(program string, args ...string) (code int, output string) {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), program, args...)
	cmd.Dir, cmd.Env = r.dir, r.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// must fails the test unless the script ended with 0, and said all of the texts.
func (r *repo) must(code int, output string, texts ...string) {
	r.t.Helper()
	r.ends(0, code, output, texts...)
}

func (r *repo) ends(want, code int, output string, texts ...string) {
	r.t.Helper()
	if code != want {
		r.t.Fatalf("it ended with %d, not %d:\n%s", code, want, output)
	}
	for _, text := range texts {
		if !strings.Contains(output, text) {
			r.t.Errorf("it did not say %q:\n%s", text, output)
		}
	}
}

// pretend has a routesync on the PATH that notes how it was called, prints, and ends
// with a code.
func (r *repo) pretend(code int, stdout, stderr string) {
	r.t.Helper()
	r.put("said", stdout)
	r.put("complained", stderr)
	r.put("tools/routesync", fmt.Sprintf("#!/bin/sh\necho \"$*\" >>called\ncat said\ncat complained >&2\nexit %d\n", code))
}

// real has the program itself on the PATH.
func (r *repo) real() {
	r.t.Helper()
	path, err := program()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(filepath.Join(r.dir, "tools"), 0o755), os.Symlink(path, filepath.Join(r.dir, "tools", "routesync"))); err != nil {
		r.t.Fatal(err)
	}
}

// built is where the program is; TestMain makes it.
var built string

var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(built, "routesync")
	out, err := exec.Command("go", "build", "-o", path, "routesync/cmd/routesync").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build routesync: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "rs-ci-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
