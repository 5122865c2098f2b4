package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestTidy: memory is given back some time after the work, now and then at most, and
// nobody waits for that.
func TestTidy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		reached, done := make(chan struct{}, 1), make(chan error, 1)
		go func() { done <- tidy(ctx, reached) }()
		begun := time.Now()
		for range 3 {
			reached <- struct{}{}
		}
		// The first is taken at once, the next when the pause behind it is over, and
		// the third waits in the channel meanwhile.
		if took := time.Since(begun); took != tidyAfter+tidyEvery {
			t.Errorf("three took %s, want %s", took, tidyAfter+tidyEvery)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
	if used, live := inUse(); used < 1<<20 || used > 1<<40 || live > used {
		t.Errorf("%d bytes in use, %d of them live", used, live)
	}
}
