package main

import (
	"bytes"
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
