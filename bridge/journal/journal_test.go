package journal

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"routesync/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func now() time.Time { return time.Unix(1790000000, 0) }

func mustOpen(t testing.TB, dir string) *Journal {
	t.Helper()
	j, err := Open(t.Context(), dir, "edge1", now())
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func mustLoad(t testing.TB, j *Journal) Memory {
	t.Helper()
	m, err := j.Load()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func compareAddrs() gocmp.Option {
	return gocmp.Comparer(func(a, b netip.Addr) bool { return a == b })
}

func key(text string) state.Key { return state.UnicastKey(netip.MustParsePrefix(text), 0) }

func entry(prefix, owner string, peers ...string) Entry {
	c := Claim{Owner: owner}
	for _, p := range peers {
		c.Peers = append(c.Peers, netip.MustParseAddr(p))
	}
	return Entry{Key: key(prefix), Claims: []Claim{c}}
}

func TestRemembersAcrossOpens(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	j := mustOpen(t, dir)
	want := Memory{Boot: "b1", Epoch: 7, Entries: []Entry{
		entry("10.0.0.0/8", "edge", "192.0.2.1", "192.0.2.2"),
		entry("2001:db8::/32", "edge", "2001:db8::1"),
	}}
	err := errors.Join(j.Begin("b1"), j.Put(want.Entries), j.SetEpoch(7), j.Close())
	if err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "edge1.db"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, mode %v, want %v", path, err, info.Mode().Perm(), mode)
		}
	}
	j = mustOpen(t, dir)
	if path, reason := j.SetAside(); path != "" || reason != "" {
		t.Errorf("set aside %q: %q", path, reason)
	}
	if d := gocmp.Diff(want, mustLoad(t, j), compareAddrs()); d != "" {
		t.Error(d)
	}
	if err := j.Begin("b1"); err != nil {
		t.Fatal(err)
	}
	if m := mustLoad(t, j); len(m.Entries) != 2 {
		t.Errorf("the same boot forgot: %v", m)
	}
	if err := j.Begin("b2"); err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(Memory{Boot: "b2", Epoch: 7, Before: want.Entries}, mustLoad(t, j), compareAddrs()); d != "" {
		t.Error(d)
	}
	if err := j.Replayed(); err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(Memory{Boot: "b2", Epoch: 7}, mustLoad(t, j)); d != "" {
		t.Error(d)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

func TestEpochNeverGoesDown(t *testing.T) {
	j := mustOpen(t, t.TempDir())
	defer j.Close()
	if err := errors.Join(j.SetEpoch(5), j.SetEpoch(5)); err != nil {
		t.Fatal(err)
	}
	if err := j.SetEpoch(4); err == nil {
		t.Error("epoch 4 after 5 was taken")
	}
	if m := mustLoad(t, j); m.Epoch != 5 {
		t.Errorf("epoch %d, want 5", m.Epoch)
	}
}

func TestPutIsAllOrNone(t *testing.T) {
	j := mustOpen(t, t.TempDir())
	defer j.Close()
	bad := Entry{Key: key("10.1.0.0/16"), Claims: []Claim{{Owner: "edge", Peers: []netip.Addr{{}}}}}
	if err := j.Put([]Entry{entry("10.0.0.0/8", "edge"), bad}); err == nil {
		t.Fatal("an address that is none was taken")
	}
	if m := mustLoad(t, j); len(m.Entries) != 0 {
		t.Errorf("half of a Put stayed: %v", m.Entries)
	}
}

func TestSpeakerNamesAFile(t *testing.T) {
	for _, name := range []string{"", ".", "..", ".x", "a/b", "../x", `a\b`, "a\x00b"} {
		if j, err := Open(t.Context(), t.TempDir(), name, now()); err == nil {
			j.Close()
			t.Errorf("speaker %q was taken", name)
		}
	}
}

func TestLockedByAnother(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := Open(ctx, dir, "edge1", now())
	if err == nil || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), filepath.Join(dir, "edge1.db")) {
		t.Fatalf("error %v", err)
	}
	opened := make(chan error)
	go func() {
		j, err := Open(t.Context(), dir, "edge1", now())
		if err == nil {
			err = j.Close()
		}
		opened <- err
	}()
	if err := j.Put([]Entry{entry("10.0.0.0/8", "edge")}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Errorf("after the other closed: %v", err)
	}
}

// A waiter must not end with the lock of a file that was put aside meanwhile.
func TestLockFollowsTheName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "edge1.db")
	first, _, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan *os.File)
	go func() {
		file, _, err := lock(t.Context(), path)
		if err != nil {
			t.Error(err)
		}
		got <- file
	}()
	if _, err := putAside(path, now()); err != nil {
		t.Fatal(err)
	}
	first.Close()
	second := <-got
	defer second.Close()
	if !current(second, path) {
		t.Error("the lock is not of the file at the path")
	}
}

func drawEntries() *rapid.Generator[[]Entry] {
	owner := rapid.SampledFrom([]string{"", "a", "edge", "z"})
	addr := rapid.Custom(func(t *rapid.T) netip.Addr {
		b := rapid.SliceOfN(rapid.ByteRange(0, 3), 4, 4).Draw(t, "addr")
		if rapid.Bool().Draw(t, "v6") {
			return netip.AddrFrom16([16]byte{0x20, 0x01, 14: b[0], 15: b[1]})
		}
		return netip.AddrFrom4([4]byte(b))
	})
	claim := rapid.Custom(func(t *rapid.T) Claim {
		c := Claim{Owner: owner.Draw(t, "owner"), Peers: rapid.SliceOfN(addr, 0, 4).Draw(t, "peers")}
		if rapid.Bool().Draw(t, "by hand") {
			c.From = state.Provenance{By: owner.Draw(t, "by"), At: rapid.Int64().Draw(t, "at"), Expires: rapid.Int64().Draw(t, "expires"), Lease: rapid.Int64().Draw(t, "lease")}
		}
		if rapid.Bool().Draw(t, "valued") {
			c.Value, c.Leaving = rapid.SampledFrom([]string{"", "med 1", "med 2"}).Draw(t, "value"), rapid.Bool().Draw(t, "leaving")
			c.Aside = rapid.IntRange(0, 3).Draw(t, "aside") == 0
		}
		return c
	})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Entry {
		return Entry{
			Key:    state.Key{Family: rapid.SampledFrom(append(state.Families(), 1)).Draw(t, "family"), NLRI: rapid.StringMatching(`[a-d]{0,3}`).Draw(t, "nlri")},
			Claims: rapid.SliceOfN(claim, 0, 3).Draw(t, "claims"),
		}
	}), 0, 60)
}

func TestEqualsAMap(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp("", "journal")
		if err != nil {
			r.Fatal(err)
		}
		defer os.RemoveAll(dir)
		j := mustOpen(t, dir)
		defer func() { j.Close() }()
		model, before, boot, epoch := map[state.Key][]Claim{}, map[state.Key][]Claim{}, "", int64(0)
		names := []string{"", "a", "edge"}
		kept := map[int]Quarantined{} // by owner and route
		entries := func(of map[state.Key][]Claim) (all []Entry) {
			for _, k := range slices.SortedFunc(maps.Keys(of), state.CompareKeys) {
				all = append(all, Entry{k, of[k]})
			}
			return all
		}
		r.Repeat(map[string]func(*rapid.T){
			"put": func(r *rapid.T) {
				entries := drawEntries().Draw(r, "entries")
				if err := j.Put(entries); err != nil {
					r.Fatal(err)
				}
				for _, e := range entries {
					if model[e.Key] = canonical(e.Claims); len(e.Claims) == 0 {
						delete(model, e.Key)
					}
				}
			},
			"begin": func(r *rapid.T) {
				next := rapid.SampledFrom([]string{"x", "y"}).Draw(r, "boot")
				if err := j.Begin(next); err != nil {
					r.Fatal(err)
				}
				if next != boot {
					maps.Copy(before, model)
					boot, model = next, map[state.Key][]Claim{}
				}
			},
			"replayed": func(r *rapid.T) {
				if err := j.Replayed(); err != nil {
					r.Fatal(err)
				}
				clear(before)
			},
			"quarantine": func(r *rapid.T) {
				all := quarantined(5)
				i := rapid.IntRange(0, 4).Draw(r, "route")
				owner := rapid.IntRange(0, len(names)-1).Draw(r, "owner")
				all[i].Owner = names[owner]
				id := owner*len(all) + i
				if kept[id] = all[i]; rapid.Bool().Draw(r, "free") {
					all[i].Reason = ""
					delete(kept, id)
				}
				if err := j.Quarantine(all[i : i+1]); err != nil {
					r.Fatal(err)
				}
			},
			"epoch": func(r *rapid.T) {
				epoch += rapid.Int64Range(0, 1<<40).Draw(r, "more")
				if err := j.SetEpoch(epoch); err != nil {
					r.Fatal(err)
				}
			},
			"reopen": func(r *rapid.T) {
				if err := j.Close(); err != nil {
					r.Fatal(err)
				}
				if j = mustOpen(t, dir); j.reason != "" {
					r.Fatalf("set aside: %s", j.reason)
				}
			},
			"": func(r *rapid.T) {
				want := Memory{Boot: boot, Epoch: epoch, Entries: entries(model), Before: entries(before)}
				for _, i := range slices.Sorted(maps.Keys(kept)) {
					want.Quarantined = append(want.Quarantined, kept[i])
				}
				if d := gocmp.Diff(want, mustLoad(t, j), compareAddrs()); d != "" {
					r.Fatal(d)
				}
			},
		})
	})
}

func seeds() []Entry {
	return []Entry{
		entry("10.0.0.0/8", "edge", "192.0.2.1"),
		entry("2001:db8::/32", "", "2001:db8::1", "192.0.2.1", "192.0.2.2"),
		{Key: state.Key{}, Claims: []Claim{{Owner: "b"}, {Owner: "a", Peers: []netip.Addr{netip.MustParseAddr("::ffff:1.2.3.4")}}, {Owner: "b"}}},
		{Key: key("0.0.0.0/0"), Claims: []Claim{{Owner: strings.Repeat("x", 300)}}},
		{Key: key("10.0.0.0/8"), Claims: []Claim{{Owner: "console", From: state.Provenance{By: "al", At: -1, Expires: 1 << 60}}}},
		{Key: key("10.0.0.0/8"), Claims: []Claim{{Owner: "edge", Value: "next-hop 192.0.2.1"}, {Owner: "edge", Value: "med 1", Leaving: true}}},
	}
}

func FuzzClaims(f *testing.F) {
	n := 0
	for _, e := range seeds() {
		k := encodeKey(e.Key)
		value, err := encodeClaims(k, e.Claims)
		if err != nil {
			f.Fatal(err)
		}
		got, err := decodeClaims(k, value)
		if err != nil || !gocmp.Equal(got, canonical(e.Claims), compareAddrs()) {
			f.Fatalf("%v became %v, %v", e.Claims, got, err)
		}
		f.Add(k, value[:len(value)-4])
		n++
	}
	if n == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, k, body []byte) {
		value := binary.BigEndian.AppendUint32(slices.Clone(body), checksum(k, body))
		claims, err := decodeClaims(k, value)
		if err != nil {
			return
		}
		again, err := encodeClaims(k, claims)
		if err != nil || !slices.Equal(again, value) {
			t.Fatalf("%x became %x, %v", value, again, err)
		}
		if decoded, err := decodeKey(k); err == nil && !slices.Equal(encodeKey(decoded), k) {
			t.Fatalf("key %x", k)
		}
	})
}

func many(n int) []Entry {
	entries := make([]Entry, n)
	for i := range entries {
		entries[i] = entry(fmt.Sprintf("10.%d.%d.%d/32", i>>16, i>>8&255, i&255), "edge-team", "192.0.2.1", "192.0.2.2")
	}
	return entries
}

func BenchmarkPut(b *testing.B) {
	for _, c := range []struct{ have, put int }{{0, 1}, {0, 1000}, {100_000, 1}, {100_000, 1000}} {
		b.Run(fmt.Sprintf("%dOf%d", c.put, cmp.Or(c.have, c.put)), func(b *testing.B) {
			j := mustOpen(b, b.TempDir())
			defer j.Close()
			entries := many(max(c.have, c.put))
			if err := j.Put(entries); err != nil {
				b.Fatal(err)
			}
			for i := 0; b.Loop(); i++ {
				from := i * c.put % len(entries)
				batch := slices.Clone(entries[from:min(from+c.put, len(entries))])
				for k := range batch { // another value each time, or there is nothing to write
					batch[k].Claims = []Claim{{Owner: fmt.Sprint("owner", i%7), Peers: batch[k].Claims[0].Peers}}
				}
				if err := j.Put(batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLoad100000(b *testing.B) {
	j := mustOpen(b, b.TempDir())
	defer j.Close()
	if err := j.Put(many(100_000)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		mustLoad(b, j)
	}
}

func BenchmarkOpen100000(b *testing.B) {
	dir := b.TempDir()
	j := mustOpen(b, dir)
	if err := errors.Join(j.Put(many(100_000)), j.Close()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		mustOpen(b, dir).Close()
	}
}
