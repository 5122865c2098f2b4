package bridge

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"testing"

	"routesync/bridge/wire"
	"routesync/state"
)

// advertise has the core take n routes for advertised.
func (w *world) advertise(n int, attrs func(i int) state.Attrs) {
	for i, k := range plainKeys(n) {
		w.core.table.set(k, slot{peer: w.core.peers[0], claimant: claimant{owner: "team"}, attrs: attrs(i), grade: state.Sent})
	}
}

func (w *world) sameAsCore(t *testing.T) {
	t.Helper()
	if n := w.replica.set.Routes.Len(); !w.replica.set.Complete || n != len(w.core.table.entries) {
		t.Fatalf("the reader has %d routes, complete %v; the bridge %d", n, w.replica.set.Complete, len(w.core.table.entries))
	}
	for k, adverts := range w.replica.set.Routes.All() {
		if want := w.core.table.adverts(k); !reflect.DeepEqual(adverts, want) {
			t.Fatalf("the reader takes %s for %+v, and it is %+v", k, adverts, want)
		}
	}
}

// TestManyRoutesAreTold: what takes several messages arrives whole, also when it
// changes while it is told, and a reader knows of which keys it was told.
func TestManyRoutesAreTold(t *testing.T) {
	w := newWorld(t, testPeer("192.0.2.1", 65001))
	few := []state.Attrs{attrs(t, nh), attrs(t, nh+" med 5"), attrs(t, nh+" med 6")}
	w.advertise(2*updateKeys+updateKeys/2, func(i int) state.Attrs { return few[i/100%2] })
	w.replica.touched.take()
	n := 0
	told := map[state.Key]bool{}
	for w.core.news() {
		u := w.core.update()
		for _, e := range u.Entries {
			for _, k := range e.Keys {
				told[k] = true
			}
		}
		if n++; n <= 2 { // one that was told, one that is still to be, a new one
			if u.About != nil || u.Sum != "" {
				t.Errorf("update %d says how far the bridge is, and is not all", n)
			}
			for _, i := range []int{5, 2*updateKeys + 5} {
				w.core.table.set(plainKeys(i + 1)[i], slot{peer: w.core.peers[0], attrs: few[2], grade: state.Held})
			}
			extra := state.UnicastKey(netip.PrefixFrom(netip.AddrFrom4([4]byte{200, byte(n), 0, 0}), 16), 0)
			w.core.table.set(extra, slot{peer: w.core.peers[0], attrs: few[0], grade: state.Accepted})
		}
		w.apply(u)
	}
	if n < 3 {
		t.Errorf("%d updates, want three at least", n)
	}
	w.sameAsCore(t)
	if keys, all := w.replica.touched.take(); !all {
		got := map[state.Key]bool{}
		for _, k := range keys {
			got[k] = true
		}
		if !maps.Equal(got, told) {
			t.Errorf("%d keys are said to be touched, %d are", len(got), len(told))
		}
	}
	w.replica = newReplica("edge1")
	w.snapshot()
	w.sameAsCore(t)
	if keys, all := w.replica.touched.take(); len(keys) > 0 || !all {
		t.Errorf("after a snapshot %d keys are said to be touched, all %v", len(keys), all)
	}
	if keys, all := w.replica.touched.take(); len(keys) > 0 || all {
		t.Errorf("asked again, %d keys are said to be touched, all %v", len(keys), all)
	}
}

// TestUpdatesAreBounded: however long the attributes are.
func TestUpdatesAreBounded(t *testing.T) {
	w := newWorld(t, testPeer("192.0.2.1", 65001))
	path := make([]string, 255)
	w.advertise(2000, func(i int) state.Attrs {
		for j := range path {
			path[j] = fmt.Sprint(4_200_000_000 + i + j)
		}
		a, err := state.NewAttrs(map[state.Name][]string{state.ASPath: path})
		if err != nil {
			t.Fatal(err)
		}
		return a
	})
	parts := w.core.snapshot()
	for w.core.news() {
		parts = append(parts, w.core.update())
	}
	for i, u := range parts {
		if body, err := wire.EncodeUpdate(u); err != nil || len(body) > 2*updateBytes {
			t.Errorf("update %d has %d bytes, %v", i, len(body), err)
		}
	}
	w.snapshot()
	w.sameAsCore(t)
}

// A table as large as the Internet's, told to a new reader. The size of a message is
// without the compression of large ones.
func BenchmarkSnapshot(b *testing.B) {
	w := newWorld(b, testPeer("192.0.2.1", 65001))
	one := attrs(b, nh)
	w.advertise(1_000_000, func(int) state.Attrs { return one })
	var bodies [][]byte
	b.Run("make", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			bodies = bodies[:0]
			size := 0
			for _, part := range w.core.snapshot() {
				body, err := wire.EncodeUpdate(part)
				if err != nil {
					b.Fatal(err)
				}
				bodies, size = append(bodies, body), size+len(body)
			}
			b.ReportMetric(float64(size)/1_000_000, "B/route")
		}
	})
	b.Run("take", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r := newReplica("edge1")
			for _, body := range bodies {
				u, err := wire.DecodeUpdate(body)
				if err != nil {
					b.Fatal(err)
				}
				if err := r.apply(&u); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

// TestManyRefusalsAreTold: a file may have a whole table of a family that no peer
// has.
func TestManyRefusalsAreTold(t *testing.T) {
	w := newWorld(t, testPeer("192.0.2.1", 65001))
	const n = 30_000
	keys := plainKeys(n)
	tell := func(want int) {
		t.Helper()
		updates := 0
		for ; w.core.news(); updates++ {
			u := w.core.update()
			if body, err := wire.EncodeUpdate(u); err != nil || len(body) > 2*updateBytes {
				t.Errorf("an update has %d bytes, %v", len(body), err)
			}
			if (u.About == nil) != w.core.news() {
				t.Error("an update says how far the bridge is, and is not all")
			}
			w.apply(u)
		}
		if updates < 2 {
			t.Errorf("%d updates", updates)
		}
		if got := len(w.replica.set.Refused); got != want || !w.replica.set.Complete {
			t.Errorf("the reader knows of %d refusals, want %d; complete %v", got, want, w.replica.set.Complete)
		}
	}
	for _, k := range keys {
		id := refusalKey{k, "team"}
		w.core.refused[id] = state.Refusal{Key: k, Owner: "team", Reason: "no peer of edge1 is configured for it"}
		w.core.unsaid[id] = struct{}{}
	}
	tell(n)
	parts := w.core.snapshot()
	for i, u := range parts {
		if body, err := wire.EncodeUpdate(u); err != nil || len(body) > 2*updateBytes {
			t.Errorf("part %d has %d bytes, %v", i, len(body), err)
		}
	}
	w.replica = newReplica("edge1")
	w.snapshot()
	if got := len(w.replica.set.Refused); got != n || !w.replica.set.Complete || len(parts) < 2 {
		t.Errorf("after %d parts the reader knows of %d refusals, want %d; complete %v", len(parts), got, n, w.replica.set.Complete)
	}
	for _, k := range keys[1:] {
		delete(w.core.refused, refusalKey{k, "team"})
		w.core.unsaid[refusalKey{k, "team"}] = struct{}{}
	}
	tell(1)
}
