package ci

import (
	"fmt"
	"strings"
	"testing"
)

const (
	merged = "aaaa000000000000000000000000000000000000" // the commit that was pushed
	head   = "bbbb000000000000000000000000000000000000" // of the pull request
)

// artifact is one of https://docs.github.com/en/rest/actions/artifacts, of a run.
func artifact(run int, created, sha, from string, expired bool) string {
	return fmt.Sprintf(`{"name": "routesync-plan-%s", "expired": %t, "created_at": %q,
		"workflow_run": {"id": %d, "repository_id": 1, "head_repository_id": %s, "head_sha": %q}}`, head, expired, created, run, from, sha)
}

func TestSavedPlanGitHub(t *testing.T) {
	t.Parallel()
	pull := fmt.Sprintf(`[{"merged_at": null, "merge_commit_sha": %[1]q, "head": {"sha": "cccc"}},
		{"merged_at": "2026-11-01T00:00:00Z", "merge_commit_sha": "other", "head": {"sha": "dddd"}},
		{"merged_at": "2026-11-01T00:00:00Z", "merge_commit_sha": %[1]q, "head": {"sha": %[2]q}}]`, merged, head)
	const own = "1"
	for name, c := range map[string]struct {
		pulls     string
		artifacts []string
		run, says string
	}{
		"found":                {pulls: pull, artifacts: []string{artifact(5, "2026-11-01T00:00:00Z", head, own, false)}, run: "5"},
		"the newest":           {pulls: pull, artifacts: []string{artifact(6, "2026-11-02T00:00:00Z", head, own, false), artifact(5, "2026-11-01T00:00:00Z", head, own, false)}, run: "6"},
		"of a fork":            {pulls: pull, artifacts: []string{artifact(5, "2026-11-01T00:00:00Z", head, "2", false)}, says: "there is no routesync-plan-" + head},
		"of a fork gone":       {pulls: pull, artifacts: []string{artifact(5, "2026-11-01T00:00:00Z", head, "null", false)}, says: "there is no routesync-plan-"},
		"of another commit":    {pulls: pull, artifacts: []string{artifact(5, "2026-11-01T00:00:00Z", "eeee", own, false)}, says: "there is no routesync-plan-"},
		"expired":              {pulls: pull, artifacts: []string{artifact(5, "2026-11-01T00:00:00Z", head, own, true)}, says: "or not any more: start this workflow by hand"},
		"none":                 {pulls: pull, says: "there is no routesync-plan-"},
		"without pull request": {pulls: "[]", says: "no plan was reviewed: start this workflow by hand"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, f := job(t, github)
			r.set("GITHUB_SHA", merged)
			f.has("/repos/acme/routes/commits/"+merged+"/pulls", c.pulls)
			f.has("/repos/acme/routes/actions/artifacts?name=routesync-plan-"+head+"&per_page=100", `{"artifacts": [`+strings.Join(c.artifacts, ",")+`]}`)
			code, out := r.sh("ci/saved-plan.sh")
			if c.run == "" {
				r.ends(1, code, out, c.says)
			} else {
				r.must(code, out)
			}
			want := ""
			if c.run != "" {
				want = "run-id=" + c.run + "\nname=routesync-plan-" + head + "\n"
			}
			if got := r.get("output"); got != want {
				t.Errorf("the job gets %q, want %q", got, want)
			}
		})
	}
}

func TestSavedPlanGitLab(t *testing.T) {
	t.Parallel()
	const project = "/api/v4/projects/11"
	request := func(iid int, state, at string, source int) string {
		return fmt.Sprintf(`{"iid": %d, "state": %q, "merged_at": %q, "target_branch": "main", "source_project_id": %d}`, iid, state, at, source)
	}
	pipelines := `[{"id": 8, "project_id": 99}, {"id": 5, "project_id": 11}, {"id": 7, "project_id": 11}, {"id": 6, "project_id": 11}]`
	jobs := func(f *forge, pipeline int, name, status string, id int) {
		f.has(fmt.Sprintf("%s/pipelines/%d/jobs?per_page=100", project, pipeline), fmt.Sprintf(`[{"id": 1, "name": "check", "status": "success"}, {"id": %d, "name": %q, "status": %q}]`, id, name, status))
	}
	for name, c := range map[string]struct {
		requests []string
		fill     func(*forge)
		plan     string
		says     string
	}{
		"found in the newest that has one": {
			requests: []string{request(6, "closed", "2026-11-03T00:00:00Z", 11), request(7, "merged", "2026-11-02T00:00:00Z", 11), request(5, "merged", "2026-11-01T00:00:00Z", 11)},
			fill: func(f *forge) {
				jobs(f, 7, "plan", "failed", 70)
				jobs(f, 6, "plan", "success", 60)
				jobs(f, 5, "plan", "success", 50)
				f.has(project+"/jobs/60/artifacts/plan.json", `{"saved": true}`)
				f.has(project+"/jobs/50/artifacts/plan.json", `{"older": true}`)
			},
			plan: `{"saved": true}`, says: "the plan of merge request 7, job 60",
		},
		"no plan": {
			requests: []string{request(7, "merged", "2026-11-02T00:00:00Z", 11)},
			fill: func(f *forge) {
				jobs(f, 7, "compare", "success", 70)
				jobs(f, 6, "plan", "failed", 60)
				jobs(f, 5, "plan", "canceled", 50)
			},
			says: "merge request 7 has no plan",
		},
		"artifacts gone": {
			requests: []string{request(7, "merged", "2026-11-02T00:00:00Z", 11)},
			fill:     func(f *forge) { jobs(f, 7, "plan", "success", 70) },
			says:     "404",
		},
		"of a fork": {requests: []string{request(7, "merged", "2026-11-02T00:00:00Z", 12)}, says: "no plan was reviewed"},
		"none":      {says: "no plan was reviewed: run a pipeline on main by hand"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, f := job(t, gitlab)
			r.set("CI_COMMIT_SHA", merged)
			r.set("CI_COMMIT_BRANCH", "main")
			f.has(project+"/repository/commits/"+merged+"/merge_requests", "["+strings.Join(c.requests, ",")+"]")
			f.has(project+"/merge_requests/7/pipelines?per_page=20", pipelines)
			if c.fill != nil {
				c.fill(f)
			}
			code, out := r.sh("ci/saved-plan.sh")
			if (code == 0) != (c.plan != "") || !strings.Contains(out, c.says) {
				t.Errorf("it ended with %d:\n%s", code, out)
			}
			if code == 0 && r.get("plan.json") != c.plan {
				t.Errorf("plan.json is %q, want %q", r.get("plan.json"), c.plan)
			}
		})
	}
}
