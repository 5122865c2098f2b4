package rabbit

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBackoffBounds(t *testing.T) {
	most := func(n int64) int64 { return n - 1 }
	want := []time.Duration{
		200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond,
		1600 * time.Millisecond, 3200 * time.Millisecond, 5 * time.Second, 5 * time.Second,
	}
	for n, w := range want {
		if got := backoff(n, 5*time.Second, most); got != w {
			t.Errorf("attempt %d: %s, want %s", n, got, w)
		}
	}
	if got := backoff(3, time.Minute, func(int64) int64 { return 0 }); got != 0 {
		t.Errorf("least wait %s, want 0: the jitter is full", got)
	}
	if got := backoff(9, 10*time.Millisecond, most); got != 10*time.Millisecond {
		t.Errorf("%s with a limit below the base", got)
	}
}

func TestBackoffNeverLeavesItsRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 1<<20).Draw(t, "attempt")
		limit := time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "limit"))
		got := backoff(n, limit, func(n int64) int64 {
			if n <= 0 {
				t.Fatalf("random number below %d asked for", n)
			}
			return rapid.Int64Range(0, n-1).Draw(t, "random")
		})
		if got < 0 || got > limit {
			t.Fatalf("%s, limit %s", got, limit)
		}
	})
}
