package ci

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const token = "secret-of-the-job"

// comment is one below a pull request.
type comment struct {
	id   int
	by   string // at GitLab the number of the user
	body string
}

// forge answers as GitHub and GitLab do, of one pull request, number 7. Other processes
// ask it, so all of it is under its lock.
//
// https://docs.github.com/en/rest/issues/comments
// https://docs.gitlab.com/api/notes/
type forge struct {
	mu       sync.Mutex
	kind     string
	comments []comment
	files    map[string]string // what else can be had, by its path and query
	calls    []string          // what was changed, by method and path
}

func newForge(t *testing.T, kind string) (*forge, *httptest.Server) {
	t.Helper()
	f := &forge{kind: kind, files: map[string]string{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, server
}

// has serves a file at a path.
func (f *forge) has(path, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files[path] = text
}

// locked has f changed by a test, or looked at.
func (f *forge) locked(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

// me is who the token is of.
func (f *forge) me() string {
	if f.kind == gitlab {
		return "42"
	}
	return "github-actions[bot]"
}

func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+token {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"message": "Resource not accessible by integration"}`)
		return
	}
	if r.Method != http.MethodGet {
		f.calls = append(f.calls, r.Method+" "+r.URL.Path)
	}
	list := "/repos/acme/routes/issues/7/comments"
	one := "/repos/acme/routes/issues/comments/"
	update := http.MethodPatch
	if f.kind == gitlab {
		list, update = "/api/v4/projects/11/merge_requests/7/notes", http.MethodPut
		one = list + "/"
	}
	file, there := f.files[r.URL.RequestURI()]
	switch {
	case there && r.Method == http.MethodGet:
		fmt.Fprint(w, file)
	case r.URL.Path == list && r.Method == http.MethodGet:
		f.list(w, r)
	case r.URL.Path == list && r.Method == http.MethodPost:
		f.comments = append(f.comments, comment{1000 + len(f.comments), f.me(), body(r)})
		w.WriteHeader(http.StatusCreated)
		f.write(w, f.comments[len(f.comments)-1])
	case strings.HasPrefix(r.URL.Path, one) && r.Method == update:
		i := slices.IndexFunc(f.comments, func(c comment) bool { return strconv.Itoa(c.id) == r.URL.Path[len(one):] })
		f.comments[i].body = body(r)
		f.write(w, f.comments[i])
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"message": "Not Found"}`)
	}
}

// body is what a comment is to be. GitHub takes no more than 65,536 characters.
func body(r *http.Request) string {
	var c struct{ Body string }
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil || !strings.HasPrefix(r.URL.Path, "/api/v4") && len(c.Body) > 65536 {
		return fmt.Sprintf("not taken: %v, %d bytes", err, len(c.Body))
	}
	return c.Body
}

func (f *forge) list(w http.ResponseWriter, r *http.Request) {
	size, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	size = min(size, 100)
	from := min((page-1)*size, len(f.comments))
	out := []any{}
	for _, c := range f.comments[from:min(from+size, len(f.comments))] {
		out = append(out, f.shown(c))
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (f *forge) write(w http.ResponseWriter, c comment) { _ = json.NewEncoder(w).Encode(f.shown(c)) }

func (f *forge) shown(c comment) any {
	if f.kind == gitlab {
		id, _ := strconv.Atoi(c.by)
		return map[string]any{"id": c.id, "body": c.body, "author": map[string]any{"id": id}}
	}
	return map[string]any{"id": c.id, "body": c.body, "html_url": "https://example.net/7#" + strconv.Itoa(c.id), "user": map[string]any{"login": c.by}}
}

// ours are the comments of the job.
func (f *forge) ours() []comment {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []comment
	for _, c := range f.comments {
		if c.by == f.me() {
			all = append(all, c)
		}
	}
	return all
}

// job is a repository in a job of the pull request.
func job(t *testing.T, kind string) (*repo, *forge) {
	t.Helper()
	r := newRepo(t, kind)
	f, server := newForge(t, kind)
	if kind == gitlab {
		f.has("/api/v4/user", `{"id": 42}`)
		r.set("GITLAB_TOKEN", token)
		r.set("CI_API_V4_URL", server.URL+"/api/v4")
		r.set("CI_MERGE_REQUEST_PROJECT_ID", "11")
		r.set("CI_PROJECT_ID", "11")
		r.set("CI_MERGE_REQUEST_IID", "7")
		return r, f
	}
	r.set("GITHUB_TOKEN", token)
	r.set("GITHUB_API_URL", server.URL)
	r.set("GITHUB_REPOSITORY", "acme/routes")
	r.set("GITHUB_EVENT_PATH", "event.json")
	r.set("GITHUB_STEP_SUMMARY", "summary.md")
	r.set("GITHUB_OUTPUT", "output")
	r.put("event.json", `{"pull_request": {"number": 7}}`)
	return r, f
}
