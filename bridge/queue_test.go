package bridge

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestQueue compares a queue with a slice.
func TestQueue(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var q queue
		var want []*op
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			owner := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "owner")
			switch rapid.SampledFrom([]string{"push", "push", "push", "pop", "leave"}).Draw(rt, "step") {
			case "push":
				o := &op{claimant: claimant{owner: owner}}
				q.push(o)
				want = append(want, o)
			case "pop":
				if len(want) == 0 {
					continue
				}
				if o := q.pop(); o != want[0] || o.next != nil {
					rt.Fatalf("popped %p with %p behind it, want %p alone", o, o.next, want[0])
				}
				want = want[1:]
			case "leave":
				others := func(o *op) bool { return o.owner != owner }
				if got, left := q.leave(owner), slices.DeleteFunc(slices.Clone(want), others); !slices.Equal(got, left) {
					rt.Fatalf("left %v, want %v", got, left)
				}
				want = slices.DeleteFunc(want, func(o *op) bool { return !others(o) })
			}
			if q.empty() != (len(want) == 0) || len(want) > 0 && q.first() != want[0] || q.empty() && q.first() != nil {
				rt.Fatalf("first %p, want that of %v", q.first(), want)
			}
		}
	})
}
