package main

import (
	"bytes"
	"strings"
	"testing"
)

// The file that is shipped as an example is a valid one.
func TestShippedFileIsValid(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"validate", "-f", "../../examples/routes.yaml"}, func(string) string { return "" }, strings.NewReader(""), &stdout, &stderr)
	if code != 0 || !strings.Contains(stdout.String(), "4 routes for edge1") {
		t.Errorf("validate ended with %d: %s%s", code, stdout.String(), stderr.String())
	}
}
