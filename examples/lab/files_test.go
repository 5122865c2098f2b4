//go:build integration

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFileOfSeveralFiles: an included file, a list of prefixes, a group for the
// router's AS and a route that starts and ends by itself, at the router; one
// fault in any of them changes nothing.
func TestFileOfSeveralFiles(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	put := func(name, text string) {
		t.Helper()
		s.must(os.MkdirAll(filepath.Join(s.dir, filepath.Dir(name)), 0o755))
		s.must(os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644))
	}
	put("lists/drop.txt", "# dropped\n10.0.1.0/24\n10.0.2.0/24\n")
	put("customers/a.yaml", "version: 1\nroutes:\n  - { prefix: 10.0.3.0/24, med: 3 }\n")
	save := func(timed string) {
		t.Helper()
		s.must(s.save(strings.TrimSuffix(s.file(), " []\n") + timed + fmt.Sprintf(`
  - { prefix: 10.0.9.0/24 }
include: [customers/*.yaml]
defaults: { next-hop: 192.0.2.1 }
groups:
  - name: drop
    peers: [as %d]
    routes:
      - { prefixes-from: lists/drop.txt, med: 2 }
  - name: nobody
    peers: [as 64999]
    routes:
      - { prefix: 10.0.8.0/24 }
`, routerAS)))
	}
	save("")
	watch := s.watches("watch")
	s.sees(s.router, "10.0.1.0/24", "2")
	s.sees(s.router, "10.0.2.0/24", "2")
	s.sees(s.router, "10.0.3.0/24", "3")
	s.lacks(s.router, "10.0.8.0/24")

	put("lists/drop.txt", "# dropped\n10.0.1.0/24\n10.0.4.0/24\n")
	s.sees(s.router, "10.0.4.0/24", "2")
	s.lacks(s.router, "10.0.2.0/24")
	put("customers/b.yaml", "version: 1\nroutes:\n  - { prefix: 10.0.5.0/24, med: 5 }\n")
	s.sees(s.router, "10.0.5.0/24", "5")

	// Whole seconds, late enough for what is said before them.
	starts := time.Now().Add(4 * time.Second).Truncate(time.Second)
	expires := starts.Add(4 * time.Second)
	save(fmt.Sprintf("\n  - { prefix: 10.0.0.0/24, med: 1, starts: %s, expires: %s }", starts.UTC().Format(time.RFC3339), expires.UTC().Format(time.RFC3339)))
	s.expect(0, "validate", "1 not started yet")
	s.expect(0, "plan", "By itself: 10.0.0.0/24 starts")
	s.sees(s.router, "10.0.0.0/24", "1")
	if late := time.Since(starts); late < 0 || late > 2*time.Second {
		t.Errorf("the route was there %s after its start", late)
	}
	s.lacks(s.router, "10.0.0.0/24")
	if late := time.Since(expires); late < 0 || late > 2*time.Second {
		t.Errorf("the route was gone %s after its end", late)
	}

	s.quiet(s.router, func() {
		put("lists/drop.txt", "10.0.1.0/24\n10.0.4.0\n")
		s.says(watch, `lists/drop.txt:2:1: prefix "10.0.4.0" has no length`)
		s.must(os.Remove(filepath.Join(s.dir, "lists/drop.txt")))
		s.says(watch, "lists/drop.txt is not there")
		s.must(os.Rename(filepath.Join(s.dir, "customers"), filepath.Join(s.dir, "moved")))
		s.says(watch, "customers is not there")
	})
	s.must(os.Rename(filepath.Join(s.dir, "moved"), filepath.Join(s.dir, "customers")))
	put("lists/drop.txt", "# none\n")
	s.lacks(s.router, "10.0.1.0/24")
	s.lacks(s.router, "10.0.4.0/24")
	s.sees(s.router, "10.0.9.0/24", "")
	s.lacks(s.router, "10.0.8.0/24") // it was never for this router
	s.expect(0, "plan", "No changes", "For no peer of "+s.name+": 10.0.8.0/24, which is for as 64999")
}
