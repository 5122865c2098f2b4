//go:build integration

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The configurations of exaBGP that are shipped as examples are such that
// exaBGP takes them, once their helper is where they say.
func TestShippedConfiguration(t *testing.T) {
	for _, shipped := range []string{"../exabgp.conf", "../ibgp/exabgp.conf"} {
		t.Run(shipped, func(t *testing.T) {
			text, err := os.ReadFile(shipped)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), shippedRoutesync) {
				t.Fatalf("%s is not in the configuration", shippedRoutesync)
			}
			conf := filepath.Join(t.TempDir(), "exabgp.conf")
			text = []byte(strings.ReplaceAll(string(text), shippedRoutesync, "/bin/true"))
			if err := os.WriteFile(conf, text, 0o644); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.CommandContext(t.Context(), "exabgp", "--test", conf).CombinedOutput(); err != nil {
				t.Errorf("exabgp --test: %v\n%s", err, out)
			}
		})
	}
}

func TestShippedRouter(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `PATH=$PATH:/usr/sbin exec bird -p -c ../ibgp/bird.conf`)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("bird -p: %v\n%s", err, out)
	}
}
