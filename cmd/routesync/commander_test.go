package main

import (
	"strings"
	"testing"
)

// Only a watch has a file to save, and gives way to a pause.
func TestYieldHint(t *testing.T) {
	t.Parallel()
	for verb, want := range map[string]bool{"watch": true, "": true, "apply": false, "rollback": false, "adopt": false} {
		got := yieldHint(verb, "edge1", "edge-team")
		if strings.Contains(got, "save the file it watches") != want || strings.Contains(got, "routesync pause --speaker edge1 --owner edge-team --reason WHY,") != want {
			t.Errorf("%q: %s", verb, got)
		}
	}
}
