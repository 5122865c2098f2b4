//go:build integration

package main

import (
	"testing"
	"time"

	"routesync/examples/lab/rig"
)

// TestLease: a route with a lease stays while its watcher lives, is withdrawn
// by the bridge when it has been silent that long, and comes back with it. A
// route without one stays whatever becomes of its watcher.
func TestLease(t *testing.T) {
	t.Parallel()
	const lease = 10 * time.Second
	s := open(t, setting{})
	// A route that ends later than the lease would tells that it did not run out.
	ends := time.Now().Add(lease + 2*time.Second).UTC().Format(time.RFC3339)
	s.put("10.0.0.0/24, lease: 10s", "10.0.1.0/24", "10.0.2.0/24, expires: "+ends)
	watch := s.watches("watch")
	s.sees(s.router, "10.0.0.0/24", "")
	s.sees(s.router, "10.0.1.0/24", "")
	s.sees(s.router, "10.0.2.0/24", "")
	s.told(s.router, rig.Counters{Withdraws: 1}, func() { s.lacks(s.router, "10.0.2.0/24") })

	silent := func(what string, f func() error) {
		s.must(f())
		since := time.Now()
		s.lacks(s.router, "10.0.0.0/24")
		// It may have spoken up to a beat before, and a machine be busy.
		if gone := time.Since(since); gone < lease/3 || gone > lease+recovery {
			t.Errorf("%s: the route was gone after %v", what, gone)
		}
		s.sees(s.router, "10.0.1.0/24", "")
	}
	silent("frozen", watch.Freeze)
	s.must(watch.Thaw())
	s.sees(s.router, "10.0.0.0/24", "")
	silent("killed", func() error { return watch.Kill(s.ctx) })
	s.watches("again")
	s.sees(s.router, "10.0.0.0/24", "")
}
