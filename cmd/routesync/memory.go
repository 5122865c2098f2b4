package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A watch of 1,062,046 routes lives on 104 MB. While it works it has up to as much
// again: the next set beside the one in force, the text, and what is published. With
// the runtime's own settings alone the garbage of one save was still there at the
// next, and it came to 680 MB with a gcPercent of 400, and to 440 MB with 50. So what
// is garbage goes when the work is done, which takes 50 ms of a core: then it has
// 154 MB, and a save needs no collection and comes to 240 MB. The percentage is only
// for what happens before that: with 100 the first load comes to 380 MB.
const (
	watchGCPercent = 100
	// tidyOver is how much memory is worth it, of which a third at least is garbage.
	tidyOver = 64 << 20
	// tidyAfter is for the confirmations to be over, and tidyEvery bounds the cost
	// where a large file is saved all the time.
	tidyAfter = time.Second
	tidyEvery = 30 * time.Second
)

// tidy gives memory back when the work is done, until ctx ends: in a watch when a
// speaker has come to where it is to be, or a file had faults; in a bridge when
// exaBGP has done all. The runtime would do it by and by, with a hundredth of a core,
// which is more than an idle bridge takes for all else.
func tidy(ctx context.Context, reached <-chan struct{}) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-reached:
		}
		if !pause(ctx, tidyAfter) {
			return nil
		}
		if used, live := inUse(); used > tidyOver && 2*used > 3*live {
			debug.FreeOSMemory()
		}
		if !pause(ctx, tidyEvery) {
			return nil
		}
	}
}

// inUse is how much memory this process has of the system, and how much of that was
// in use at the last collection, in bytes.
func inUse() (used, live uint64) {
	all := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(all)
	return all[0].Value.Uint64() - all[1].Value.Uint64(), all[2].Value.Uint64()
}

// pause waits; false if ctx ended meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
