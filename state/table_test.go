package state_test

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"routesync/state"
)

// TestTableIsAMap: whatever is done to a table, it says what a map would, and in
// order.
func TestTableIsAMap(t *testing.T) {
	all := plainKeys(3000) // a dozen leaves
	rapid.Check(t, func(t *rapid.T) {
		var table state.Table
		want := map[state.Key]string{}
		some := func() []state.Key {
			keys := slices.Clone(all[rapid.IntRange(0, len(all)-1).Draw(t, "from"):])
			keys = keys[:rapid.IntRange(0, len(keys)).Draw(t, "n")]
			if rapid.Bool().Draw(t, "shuffled") {
				keys = rapid.Permutation(keys[:min(len(keys), 50)]).Draw(t, "keys")
			}
			if step := rapid.IntRange(1, 40).Draw(t, "step"); len(keys) > 0 {
				few := keys[:0]
				for i := 0; i < len(keys); i += step {
					few = append(few, keys[i])
				}
				keys = append(few, few[0]) // twice
			}
			return keys
		}
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			owner := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "owner")
			adverts := []state.Advert{{Owner: owner}}
			if rapid.IntRange(0, 2).Draw(t, "delete") == 0 {
				adverts = nil
			}
			keys := some()
			told := 0
			table.Swap(adverts, keys, func(k state.Key, was []state.Advert) {
				if k != keys[told] {
					t.Fatalf("told of %s, want %s", k, keys[told])
				}
				told++
				if old, there := want[k]; there != (len(was) == 1) || there && was[0].Owner != old {
					t.Fatalf("%s was %v, want %q, %t", k, was, old, there)
				}
				if want[k] = owner; len(adverts) == 0 {
					delete(want, k)
				}
			})
			if told != len(keys) {
				t.Fatalf("told of %d keys, want %d", told, len(keys))
			}
			clone := table.Clone()
			table.Set(nil, some()...)
			table = clone
		}
		if table.Len() != len(want) {
			t.Fatalf("it has %d keys, want %d", table.Len(), len(want))
		}
		for _, k := range all {
			owner, there := want[k]
			if got := table.Get(k); there != (len(got) == 1) || there && got[0].Owner != owner {
				t.Fatalf("%s is %v, want %q, %t", k, got, owner, there)
			}
		}
		var order []state.Key
		for k := range table.All() {
			order = append(order, k)
		}
		if !slices.Equal(order, slices.SortedFunc(maps.Keys(want), state.CompareKeys)) {
			t.Fatal("its keys are not those, or not in order")
		}
	})
}

func BenchmarkTableSetInOrder(b *testing.B) {
	keys, adverts := plainKeys(100_000), []state.Advert{{Owner: "a"}}
	b.ReportAllocs()
	for b.Loop() {
		var t state.Table
		for part := range slices.Chunk(keys, 20_000) {
			t.Set(adverts, part...)
		}
	}
}
