package web

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

var update = flag.Bool("update", false, "write the golden files anew")

func at(second int) time.Time { return time.Date(2026, 11, 26, 12, 0, second, 0, time.UTC) }

// busy is a watch of which something is to be said everywhere.
func busy() Watch {
	return Watch{
		Version: "v1.2.3", InForce: at(0), Held: []string{"faulty-file"},
		Speakers: []Speaker{
			{
				Name: "edge1", Owner: "noc", Connected: true, Commands: true, Held: []string{"blocked", "guarded"}, Guarded: []string{"withdraw", "withdraw-space"},
				Trial: at(59), Known: true, Desired: 1204, Unchanged: 1000, Pending: Changes{1, 2, 512}, Converged: at(1),
				Published: Changes{1000, 20, 7}, Refusals: map[string]uint64{"withdraw": 2, "withdraw-space": 1},
			},
			{Name: "edge2", Owner: "noc", Connected: true, Paused: true, Held: []string{"older-file"}},
			{Name: "edge3", Owner: "noc", Held: []string{"no-broker"}},
		},
	}
}

// TestMetrics: the metrics of a watch, word for word.
func TestMetrics(t *testing.T) {
	golden(t, "testdata/metrics.txt", get(t, busy, "/metrics", http.StatusOK))
	golden(t, "testdata/health.txt", get(t, busy, "/healthz", http.StatusServiceUnavailable))
}

// TestMetricsAreNamedAsUsual: Prometheus' own linter has nothing to say.
func TestMetricsAreNamedAsUsual(t *testing.T) {
	for name, look := range map[string]func() Watch{"busy": busy, "new": func() Watch { return Watch{} }} {
		problems, err := testutil.CollectAndLint(collector{look})
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v, %v", name, problems, err)
		}
	}
}

// TestUnknownIsNoZero: of a speaker that was not seen yet no number says that nothing is to do.
func TestUnknownIsNoZero(t *testing.T) {
	text := get(t, func() Watch { return Watch{Speakers: []Speaker{{Name: "edge1", Connected: true}}} }, "/metrics", http.StatusOK)
	for _, name := range []string{"routes_desired", "routes_unchanged", "changes_pending"} {
		if strings.Contains(text, "routesync_"+name) {
			t.Errorf("%s is told of a speaker that was not seen", name)
		}
	}
}

func TestHealth(t *testing.T) {
	speaker := Speaker{Name: "edge1", Connected: true, Commands: true, Known: true, Desired: 3, Unchanged: 3}
	with := func(change func(*Speaker)) Watch {
		s := speaker
		change(&s)
		return Watch{InForce: at(0), Speakers: []Speaker{s}}
	}
	for _, c := range []struct {
		watch Watch
		code  int
		text  string
	}{
		{with(func(*Speaker) {}), 200, "ok\nedge1: 3 of 3 routes as the file has them\n"},
		{with(func(s *Speaker) { s.Guarded = []string{"withdraw"} }), 200, "ok\nedge1: held: withdraw\n"},
		{with(func(s *Speaker) { s.Commands = false }), 200, "ok\nedge1: stands by\n"},
		{with(func(s *Speaker) { s.Commands, s.Paused = false, true }), 200, "ok\nedge1: paused\n"},
		{with(func(s *Speaker) { s.Connected = false; s.Held = []string{"login"} }), 503, "edge1: no session with the broker: login\n"},
		{Watch{}, 503, "no good file yet\n"},
		{Watch{Held: []string{"faulty-file"}}, 503, "no good file yet: faulty-file\n"},
	} {
		if diff := cmp.Diff(c.text, get(t, func() Watch { return c.watch }, "/healthz", c.code)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

// TestNothingIsTaken: it can only be read.
func TestNothingIsTaken(t *testing.T) {
	for _, path := range []string{"/metrics", "/healthz", "/"} {
		r := httptest.NewRecorder()
		Handler(busy).ServeHTTP(r, httptest.NewRequest(http.MethodPost, path, strings.NewReader("x")))
		if r.Code != http.StatusMethodNotAllowed && r.Code != http.StatusNotFound {
			t.Errorf("POST %s: %d", path, r.Code)
		}
	}
}

// TestServe: it ends with its context, although somebody hangs on it.
func TestServe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, busy, slog.New(slog.DiscardHandler)) }()
	idle, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	r, err := http.Get("http://" + l.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r.Body)
	if err != nil || !strings.Contains(string(text), `routesync_build_info{version="v1.2.3"} 1`) {
		t.Errorf("%v:\n%s", err, text)
	}
	r.Body.Close()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("it ended with %v", err)
	}
	if l, err := net.Listen("tcp", l.Addr().String()); err != nil {
		t.Errorf("the address is not free: %v", err)
	} else {
		l.Close()
	}
	l.Close()
	if err := Serve(t.Context(), l, busy, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "serve metrics on 127.0.0.1:") {
		t.Errorf("on a closed listener: %v", err)
	}
}

// get is an answer, without what Go and the process say of themselves.
func get(t *testing.T, look func() Watch, path string, code int) string {
	t.Helper()
	r := httptest.NewRecorder()
	Handler(look).ServeHTTP(r, httptest.NewRequest(http.MethodGet, path, nil))
	if r.Code != code {
		t.Errorf("GET %s: %d, want %d:\n%s", path, r.Code, code, r.Body)
	}
	if path != "/metrics" {
		return r.Body.String()
	}
	var kept strings.Builder
	for line := range strings.Lines(r.Body.String()) {
		if strings.Contains(line, "routesync_") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s -want +got:\n%s", path, diff)
	}
}

// TestREADME: every metric that there is is in the README, and no other.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	told, are := map[string]bool{}, map[string]bool{}
	for _, name := range regexp.MustCompile(`\broutesync_[a-z_]+`).FindAllString(string(text), -1) {
		told[name] = true
	}
	for _, line := range strings.Split(get(t, busy, "/metrics", http.StatusOK), "\n") {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			are[strings.Fields(rest)[0]] = true
		}
	}
	if diff := cmp.Diff(are, told); diff != "" {
		t.Errorf("-there are +README:\n%s", diff)
	}
}
