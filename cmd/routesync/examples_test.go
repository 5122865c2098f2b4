package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The files that are shipped as examples are valid.
func TestShippedFilesAreValid(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{"routes.yaml": "4 routes for edge1", "edge/routes.yaml": "owner edge-team, 11 routes"} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{"validate", "-f", "../../examples/" + file}, func(string) string { return "" }, strings.NewReader(""), &stdout, &stderr)
		if code != 0 || !strings.Contains(stdout.String(), want) {
			t.Errorf("validate ended with %d: %s%s", code, stdout.String(), stderr.String())
		}
	}
}

// TestExampleOfExpectations: the example of expectations is met by that of routes, and
// not by a file without them.
func TestExampleOfExpectations(t *testing.T) {
	t.Parallel()
	none := filepath.Join(t.TempDir(), "none.yaml")
	if err := os.WriteFile(none, []byte("version: 1\nowner: edge-team\nspeakers: [edge1]\nroutes: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]int{"../../examples/routes.yaml": exitDone, none: exitError} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{"plan", "-f", file, "--against", "../../examples/routes.yaml", "--assert", "../../examples/expectations.yaml"},
			func(string) string { return "" }, strings.NewReader(""), &stdout, &stderr)
		if code != want || want != exitDone && strings.Count(stderr.String(), "not as expected") != 3 {
			t.Errorf("%s: exit code %d, want %d\n%s", file, code, want, &stderr)
		}
	}
}
