//go:build integration

package main

import (
	"bytes"
	"log/slog"
	"testing"
)

// TestDemoGitops: every step of the demo shows what it says.
func TestDemoGitops(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := demoGitops(t.Context(), slog.New(slog.NewTextHandler(&out, nil)), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
}
