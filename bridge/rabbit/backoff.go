package rabbit

import "time"

const (
	// retryBase bounds the wait before the first attempt to connect again.
	retryBase = 200 * time.Millisecond
	// slow is an attempt, with the session that came of it, that has itself kept the
	// next one waiting: waits need not grow by it.
	slow = time.Second
)

// backoff returns how long to wait before attempt number n (the first is 0): a
// random part of a bound that doubles up to limit. The whole range is used
// ("full jitter"), because a broker that comes back meets all its clients at once.
// random returns a number in [0,n).
func backoff(n int, limit time.Duration, random func(n int64) int64) time.Duration {
	bound := min(retryBase, limit)
	for range n {
		if bound >= limit/2 {
			bound = limit
			break
		}
		bound *= 2
	}
	return time.Duration(random(int64(bound) + 1))
}
