package ci

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"gopkg.in/yaml.v3"
)

// TestActionlint: GitHub takes the workflows: keys, expressions, permissions, and the
// inputs of the actions that they use.
func TestActionlint(t *testing.T) {
	t.Parallel()
	for _, file := range workflows(t, github) {
		linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// The lab's label of a runner is one's own.
		text = bytes.ReplaceAll(text, []byte("[self-hosted, routesync]"), []byte("[self-hosted]"))
		faults, err := linter.Lint(file, text, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range faults {
			t.Error(f)
		}
	}
}

func workflows(t *testing.T, forge string) []string {
	t.Helper()
	files, err := filepath.Glob(forge + "/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no workflows of %s: %v", forge, err)
	}
	return files
}

// TestScriptsAreThere: every script that a job calls is shipped, and is named where the
// workflow says what to copy; what it sources is, too.
func TestScriptsAreThere(t *testing.T) {
	t.Parallel()
	called := regexp.MustCompile(`sh ci/(\S+\.sh)`)
	for _, forge := range []string{github, gitlab} {
		for _, file := range workflows(t, forge) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var comment strings.Builder
			for line := range strings.Lines(string(text)) {
				if !strings.HasPrefix(line, "#") {
					break
				}
				comment.WriteString(line)
			}
			calls := called.FindAllStringSubmatch(string(text), -1)
			if len(calls) == 0 {
				t.Errorf("%s calls no script", file)
			}
			for _, call := range calls {
				script := call[1]
				at := script
				if _, err := os.Stat(at); err != nil {
					at = filepath.Join(forge, script)
				}
				code, err := os.ReadFile(at)
				if err != nil {
					t.Errorf("%s calls ci/%s, which is not there", file, script)
					continue
				}
				needs := []string{script}
				if bytes.Contains(code, []byte("/api.sh")) {
					needs = append(needs, "api.sh")
				}
				for _, name := range needs {
					if !strings.Contains(comment.String(), name) {
						t.Errorf("%s does not say that %s is to be copied", file, name)
					}
				}
			}
		}
	}
}

// gitlabJob is what the test looks at of a job.
type gitlabJob struct {
	Stage  string
	Script []string
	Needs  []string
	Rules  []struct{ If string }
	Tags   []string
}

// TestGitLab: every job is of a stage, has a script, and runs in pipelines that there are;
// the right to command is used on the default branch alone, and the right to plan in no
// pipeline of a fork's.
func TestGitLab(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("gitlab/gitlab-ci.yml")
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]yaml.Node
	if err := yaml.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	var stages []string
	node := whole["stages"]
	if err := node.Decode(&stages); err != nil {
		t.Fatal(err)
	}
	jobs := map[string]gitlabJob{}
	for name, node := range whole {
		if slices.Contains([]string{"stages", "default", "workflow"}, name) {
			continue
		}
		var j gitlabJob
		if err := node.Decode(&j); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		jobs[name] = j
	}
	const own = "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_MERGE_REQUEST_PROJECT_ID"
	for name, j := range jobs {
		if !slices.Contains(stages, j.Stage) || len(j.Script) == 0 || len(j.Rules) != 1 {
			t.Errorf("job %s: stage %q, %d lines of script, %d rules", name, j.Stage, len(j.Script), len(j.Rules))
			continue
		}
		rule, script := j.Rules[0].If, strings.Join(j.Script, "\n")
		onMain := strings.Contains(rule, "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH")
		if strings.Contains(script, "$ROUTESYNC_APPLY_AMQP") && !onMain {
			t.Errorf("job %s may command, in pipelines of %s", name, rule)
		}
		if strings.Contains(script, "$ROUTESYNC_PLAN_AMQP") && !onMain && !strings.Contains(rule, own) {
			t.Errorf("job %s has the broker, in pipelines of %s", name, rule)
		}
		if strings.Contains(script, "_AMQP") != slices.Equal(j.Tags, []string{"routesync"}) {
			t.Errorf("job %s has the tags %q", name, j.Tags)
		}
		for _, need := range j.Needs {
			if other, ok := jobs[need]; !ok || other.Rules[0].If != rule {
				t.Errorf("job %s needs %s, which is not in the same pipelines", name, need)
			}
		}
	}
}

// githubJob is what the test looks at of a job.
type githubJob struct {
	If          string
	Environment string
	Permissions map[string]string
	Steps       []yaml.Node
}

// TestGitHubRights: who may command does so in an environment, which is how GitHub keeps a
// secret to one branch; a pull request from a fork meets neither a secret nor a runner of
// one's own; and no token may write more than comments.
func TestGitHubRights(t *testing.T) {
	t.Parallel()
	for _, file := range workflows(t, github) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var w struct {
			Permissions map[string]string
			Jobs        map[string]yaml.Node
		}
		if err := yaml.Unmarshal(text, &w); err != nil {
			t.Fatal(err)
		}
		if w.Permissions == nil || len(w.Permissions) > 0 {
			t.Errorf("%s: what a job does not say, it has: %v", file, w.Permissions)
		}
		for name, node := range w.Jobs {
			var j githubJob
			if err := node.Decode(&j); err != nil {
				t.Fatal(err)
			}
			said, err := yaml.Marshal(&node)
			if err != nil {
				t.Fatal(err)
			}
			trusted := strings.Contains(j.If, "head.repo.full_name == github.repository &&") || strings.Contains(j.If, "github.ref == 'refs/heads/main'")
			if !trusted && (bytes.Contains(said, []byte("secrets.")) || bytes.Contains(said, []byte("self-hosted"))) {
				t.Errorf("%s: job %s has secrets or a runner for pull requests of anybody", file, name)
			}
			if bytes.Contains(said, []byte("secrets.ROUTESYNC_AMQP")) && j.Environment != "routes" {
				t.Errorf("%s: job %s may command, in environment %q", file, name, j.Environment)
			}
			for scope, right := range j.Permissions {
				if right == "write" && scope != "pull-requests" {
					t.Errorf("%s: job %s may write %s", file, name, scope)
				}
			}
		}
	}
}
