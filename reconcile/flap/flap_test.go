package flap

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"routesync/state"
)

var begin = time.Unix(1_800_000_000, 0)

func key(i int) state.Key {
	return state.UnicastKey(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), 0}), 24), 0)
}

// announce is a change that gives a route a value.
func announce(t testing.TB, i int, med string) state.Change {
	t.Helper()
	attrs, err := state.NewAttrs(map[state.Name][]string{state.NextHop: {"192.0.2.9"}, state.MED: {med}})
	if err != nil {
		t.Fatal(err)
	}
	return state.Change{Key: key(i), Wanted: &state.Wanted{Key: key(i), Terms: &state.Terms{Attrs: attrs}}}
}

func withdraw(i int) state.Change { return state.Change{Key: key(i), Advert: &state.Advert{}} }

// The seventh change of a route in a quarter of an hour is held until the first of
// them is so long ago; the change of another goes on.
func TestHold(t *testing.T) {
	var g Governor
	for i := range 6 {
		c := []state.Change{announce(t, 1, fmt.Sprint(i))}
		now := begin.Add(time.Duration(i) * time.Minute)
		if free, held := g.Part(c, 6, 15*time.Minute, now); len(free) != 1 || held != nil {
			t.Fatalf("change %d: %d are free, held %v", i+1, len(free), held)
		}
		g.Sent(c, now)
		g.Settle(nil)
	}
	both := []state.Change{announce(t, 1, "7"), announce(t, 2, "7")}
	free, held := g.Part(both, 6, 15*time.Minute, begin.Add(6*time.Minute))
	if want := []Held{{key(1), 6, begin.Add(15 * time.Minute)}}; len(free) != 1 || free[0].Key != key(2) || !slices.Equal(held, want) {
		t.Errorf("free %v, held %v; want %v held", free, held, want)
	}
	if _, held := g.Part(both, 6, 15*time.Minute, begin.Add(15*time.Minute-time.Millisecond)); len(held) != 1 {
		t.Errorf("held %v before the time", held)
	}
	if free, held := g.Part(both, 6, 15*time.Minute, begin.Add(15*time.Minute)); len(free) != 2 {
		t.Errorf("held %v at the time", held)
	}
}

// What did not stick is not counted, however often it is tried.
func TestWhatDidNotStickIsNoChange(t *testing.T) {
	var g Governor
	again := []state.Change{announce(t, 1, "1")}
	for range 20 {
		g.Sent(again, begin)
		g.Settle(again)
	}
	if _, held := g.Part(again, 6, time.Minute, begin); held != nil {
		t.Errorf("held %v, which was refused each time", held)
	}
	// That something else is to be done now tells that it did.
	for i := range 6 {
		g.Sent([]state.Change{announce(t, 1, fmt.Sprint(i))}, begin)
		g.Settle([]state.Change{withdraw(1)})
	}
	if _, held := g.Part([]state.Change{withdraw(1)}, 6, time.Minute, begin); len(held) != 1 {
		t.Errorf("held %v; want the one that was changed each time", held)
	}
}

// A route that ends at another time than before is no other route to any peer.
func TestAnotherEndIsNoChange(t *testing.T) {
	var g Governor
	c := announce(t, 1, "1")
	c.Advert = &state.Advert{Attrs: c.Wanted.Attrs}
	for range 20 {
		g.Sent([]state.Change{c}, begin)
		g.Settle(nil)
	}
	if _, held := g.Part([]state.Change{c}, 6, time.Minute, begin); held != nil {
		t.Errorf("held %v", held)
	}
}

func TestOff(t *testing.T) {
	var g Governor
	for range 20 {
		g.Note([]state.Key{key(1)}, begin)
	}
	c := []state.Change{withdraw(1)}
	if free, held := g.Part(c, 0, 0, begin); len(free) != 1 || held != nil || g.waves != nil {
		t.Errorf("held %v", held)
	}
}

// TestLikeTheSlowWay: as who remembers each change of each route would have it.
func TestLikeTheSlowWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g Governor
		changed := map[int][]time.Time{}
		now := begin
		most, within := rapid.IntRange(1, 4).Draw(t, "most"), 10*time.Second
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "seconds")) * time.Second)
			which := rapid.SliceOfNDistinct(rapid.IntRange(0, 3), 1, 4, rapid.ID).Draw(t, "routes")
			slices.Sort(which)
			var changes []state.Change
			var free []state.Key
			var held []Held
			for _, i := range which {
				changes = append(changes, withdraw(i))
				if rapid.Bool().Draw(t, "two peers") {
					changes = append(changes, withdraw(i))
				}
				var recent []time.Time
				for _, at := range changed[i] {
					if now.Sub(at) < within {
						recent = append(recent, at)
					}
				}
				if len(recent) >= most {
					held = append(held, Held{key(i), len(recent), recent[len(recent)-most].Add(within)})
					continue
				}
				free = append(free, key(i))
				changed[i] = append(recent, now)
			}
			gotFree, gotHeld := g.Part(changes, most, within, now)
			var keys []state.Key
			for _, c := range gotFree {
				if len(keys) == 0 || keys[len(keys)-1] != c.Key {
					keys = append(keys, c.Key)
				}
			}
			if !slices.Equal(keys, free) || !slices.Equal(gotHeld, held) {
				t.Fatalf("free %v, held %v; want %v and %v", keys, gotHeld, free, held)
			}
			g.Sent(gotFree, now)
			g.Settle(nil)
		}
	})
}

func BenchmarkMillion(b *testing.B) {
	changes := make([]state.Change, 1_000_000)
	for i := range changes {
		changes[i].Key = state.UnicastKey(netip.PrefixFrom(netip.AddrFrom4([4]byte{1 + byte(i>>16), byte(i >> 8), byte(i), 0}), 24), 0)
		changes[i].Advert = &state.Advert{}
	}
	b.ReportAllocs()
	for b.Loop() {
		var g Governor
		g.Part(changes, 6, time.Minute, begin)
		g.Sent(changes, begin)
		g.Settle(nil)
	}
}
