package bridge

import (
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"routesync/state"
)

// TestFreshAsAMap: only what is old enough is looked at, all of it, and each key
// stays as long as whoever looks wants it to.
func TestFreshAsAMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var f fresh
		model := map[state.Key]time.Time{}
		keys := scaleKeys(8)
		now := time.Unix(1_800_000_000, 0)
		begin := now
		for range rapid.IntRange(1, 200).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 60, 500, 3000}).Draw(rt, "ms")) * time.Millisecond)
			if k := rapid.SampledFrom(keys).Draw(rt, "key"); rapid.IntRange(0, 3).Draw(rt, "what") > 0 {
				at := now
				if rapid.IntRange(0, 9).Draw(rt, "late") == 0 {
					at = begin.Add(time.Duration(rapid.Int64Range(0, int64(now.Sub(begin))).Draw(rt, "at")))
				}
				f.put(k, at)
				model[k] = at
				if rapid.IntRange(0, 9).Draw(rt, "sort") == 0 {
					f.sort()
				}
				continue
			}
			keep := rapid.SampledFrom(keys).Draw(rt, "keep")
			old := map[state.Key]time.Time{}
			for k, at := range model {
				if now.Sub(at) >= 5*time.Second {
					old[k] = at
					if k != keep {
						delete(model, k)
					}
				}
			}
			looked := map[state.Key]time.Time{}
			f.older(5*time.Second, now, func(k state.Key, at time.Time) bool {
				looked[k] = at
				return k != keep
			})
			if !maps.Equal(looked, old) || !maps.Equal(f.at, model) {
				rt.Fatalf("looked at %v, want %v; left %v, want %v", looked, old, f.at, model)
			}
		}
	})
}

func TestFreshIsBoundedByItsKeys(t *testing.T) {
	var f fresh
	now := time.Unix(1_800_000_000, 0)
	for range 10 * generationRoom {
		now = now.Add(time.Second)
		f.put(scaleKeys(1)[0], now)
	}
	if f.held > 2+generationRoom || len(f.generations) > 2+generationRoom {
		t.Errorf("%d keys in %d generations of one route", f.held, len(f.generations))
	}
}
