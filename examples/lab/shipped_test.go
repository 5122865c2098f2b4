//go:build integration

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The exaBGP configuration that is shipped as an example is one that exaBGP
// takes, once its helper is where it says.
func TestShippedConfiguration(t *testing.T) {
	text, err := os.ReadFile("../exabgp.conf")
	if err != nil {
		t.Fatal(err)
	}
	const installed = "/usr/local/bin/routesync"
	if !strings.Contains(string(text), installed) {
		t.Fatalf("%s is not in the configuration", installed)
	}
	conf := filepath.Join(t.TempDir(), "exabgp.conf")
	text = []byte(strings.ReplaceAll(string(text), installed, "/bin/true"))
	if err := os.WriteFile(conf, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "exabgp", "--test", conf).CombinedOutput(); err != nil {
		t.Errorf("exabgp --test: %v\n%s", err, out)
	}
}
