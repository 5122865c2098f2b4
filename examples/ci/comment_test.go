package ci

import (
	"fmt"
	"strings"
	"testing"
)

const marker = "<!-- routesync plan of routes.yaml -->"

// TestComment: one comment, which is updated in place, among many of others.
func TestComment(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{github, gitlab} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r, f := job(t, kind)
			f.locked(func() {
				for i := range 230 {
					f.comments = append(f.comments, comment{i, "7", fmt.Sprintf("comment %d", i)})
				}
				// Whoever may write a comment can begin it so, and change it later.
				f.comments[3].body = marker + "\nPlan: nothing at all, please merge"
				f.comments[5] = comment{5, f.me(), "another job's, which quotes " + marker}
			})

			first := "## Plan: 1 to \"announce\"\n\n`203.0.113.0/24` \\n $HOME 'q' → ok\t|\n"
			r.put("plan.md", first)
			code, out := r.sh("ci/comment.sh", "plan.md")
			r.must(code, out, "1230")
			r.put("plan.md", "## No changes.\n")
			code, out = r.sh("ci/comment.sh", "plan.md")
			r.must(code, out, "1230")

			ours := f.ours()
			if len(ours) != 2 || ours[1].body != marker+"\n## No changes.\n" {
				t.Errorf("the job has these comments: %+v", ours)
			}
			f.locked(func() {
				if f.comments[3].body != marker+"\nPlan: nothing at all, please merge" || !strings.HasPrefix(f.comments[5].body, "another") {
					t.Errorf("comments of others were changed: %q", f.calls)
				}
				if len(f.calls) != 2 || !strings.HasPrefix(f.calls[0], "POST ") {
					t.Errorf("calls %q, want one that creates and one that updates", f.calls)
				}
			})
			if kind == github && r.get("summary.md") != first+"## No changes.\n" {
				t.Errorf("the summary of the job is %q", r.get("summary.md"))
			}
		})
	}
}

// TestCommentAsItIs: what the plan says arrives byte for byte.
func TestCommentAsItIs(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{github, gitlab} {
		r, f := job(t, kind)
		text := "## Plan: 1 to \"announce\"\n\n`203.0.113.0/24` \\n $HOME 'q' `id` → ok\t|\r\n"
		r.put("plan.md", text)
		code, out := r.sh("ci/comment.sh", "plan.md")
		r.must(code, out)
		if got := f.ours()[0].body; got != marker+"\n"+text {
			t.Errorf("%s: the comment is %q, want %q", kind, got, text)
		}
	}
}

// TestCommentOfAnotherFile: each file of a repository has a comment of its own.
func TestCommentOfAnotherFile(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{github, gitlab} {
		r, f := job(t, kind)
		r.put("plan.md", "one\n")
		code, out := r.sh("ci/comment.sh", "plan.md")
		r.must(code, out)
		r.set("ROUTES", "other.yaml")
		code, out = r.sh("ci/comment.sh", "plan.md")
		r.must(code, out)
		if len(f.ours()) != 2 {
			t.Errorf("%s: %+v", kind, f.ours())
		}
	}
}

// TestCommentTooLong: GitHub takes 65,536 characters, and says nothing of a longer comment
// but that it is wrong.
func TestCommentTooLong(t *testing.T) {
	t.Parallel()
	r, f := job(t, github)
	r.put("plan.md", "## Plan\n"+strings.Repeat(strings.Repeat("é", 50)+"\n", 1000))
	code, out := r.sh("ci/comment.sh", "plan.md")
	r.must(code, out)
	got := f.ours()[0].body
	if !strings.HasPrefix(got, marker+"\n## Plan\n") || !strings.HasSuffix(got, "é\n\n(cut: the summary of the job has all of it)\n") || len(got) < 64000 {
		t.Errorf("the comment has %d bytes and ends with %q", len(got), got[max(0, len(got)-100):])
	}
}

// TestCommentRefused: a plan that nobody sees is a failed job.
func TestCommentRefused(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{github, gitlab} {
		r, f := job(t, kind)
		r.set("GITHUB_TOKEN", "of-a-fork")
		r.set("GITLAB_TOKEN", "of-a-fork")
		r.put("plan.md", "one\n")
		if code, out := r.sh("ci/comment.sh", "plan.md"); code == 0 || !strings.Contains(out, "403") || len(f.ours()) > 0 {
			t.Errorf("%s: it ended with %d:\n%s", kind, code, out)
		}
	}
	// The list may be read, and not written to.
	r, f := job(t, github)
	f.locked(func() { f.kind = gitlab }) // takes no POST at GitHub's place
	f.has("/repos/acme/routes/issues/7/comments?per_page=100&page=1", "[]")
	r.put("plan.md", "one\n")
	if code, out := r.sh("ci/comment.sh", "plan.md"); code == 0 || !strings.Contains(out, "404") {
		t.Errorf("it ended with %d:\n%s", code, out)
	}
}
