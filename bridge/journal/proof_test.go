package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"routesync/state"
)

func someProof() *Proof {
	return &Proof{
		Tape: 5, Read: 6, Proven: 2, Launched: []uint64{3, 4, 700},
		Peers: []PeerProof{
			{Peer: netip.MustParseAddr("127.0.0.2"), Whole: true, Up: true, After: 1, Before: 2, Alive: 3, Updates: 1 << 40, Ended: true, Self4: netip.MustParseAddr("127.0.0.1")},
			{Peer: netip.MustParseAddr("2001:db8::1"), Whole: true, After: -1},
		},
	}
}

// TestProof: a proof is of the entries that it came with, and of no others.
func TestProof(t *testing.T) {
	keep := func(j *Journal) error { return errors.Join(j.Begin("a"), j.Keep(many(3), someProof())) }
	for name, test := range map[string]struct {
		then func(*Journal) error
		want *Proof
	}{
		"as it was":                {func(*Journal) error { return nil }, someProof()},
		"the same again":           {func(j *Journal) error { return j.Keep(many(3), someProof()) }, someProof()},
		"alone":                    {func(j *Journal) error { return j.Keep(nil, &Proof{}) }, &Proof{}},
		"entries without":          {func(j *Journal) error { return j.Put(many(4)) }, nil},
		"the same without":         {func(j *Journal) error { return j.Keep(many(3), nil) }, nil},
		"the life after":           {func(j *Journal) error { return j.Begin("b") }, nil},
		"entries replaced":         {func(j *Journal) error { return j.Replace(many(2)) }, nil},
		"owners and an epoch":      {func(j *Journal) error { return errors.Join(j.SetEpoch(7), j.PutOwners(someOwners())) }, someProof()},
		"an address that is none":  {func(j *Journal) error { return refused(j.Keep(many(4), &Proof{Peers: make([]PeerProof, 1)})) }, someProof()},
		"launches that are no set": {func(j *Journal) error { return refused(j.Keep(many(4), &Proof{Launched: []uint64{2, 2}})) }, someProof()},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j := mustOpen(t, dir)
			if err := errors.Join(keep(j), test.then(j), j.Close()); err != nil {
				t.Fatal(err)
			}
			j = mustOpen(t, dir)
			defer j.Close()
			if d := gocmp.Diff(test.want, mustLoad(t, j).Proof, compareAddrs()); d != "" {
				t.Error(d)
			}
		})
	}
}

func refused(err error) error {
	if err == nil {
		return errors.New("it was taken")
	}
	return nil
}

// TestLoadedOnce: what Open has read is not read again, unless it has changed.
func TestLoadedOnce(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir)
	if err := errors.Join(j.Put(many(3)), j.Close()); err != nil {
		t.Fatal(err)
	}
	j = mustOpen(t, dir)
	defer j.Close()
	if err := j.Put(many(5)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if n := len(mustLoad(t, j).Entries); n != 5 {
			t.Errorf("%d entries", n)
		}
	}
}

func TestCorruptProof(t *testing.T) {
	good := func(tx *bbolt.Tx) []byte {
		value, err := encodeProof(tx.Bucket([]byte(bucketMeta)).Get([]byte(keySeal)), someProof())
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	for name, spoil := range map[string]func([]byte) []byte{
		"cut":     func(b []byte) []byte { return b[:len(b)-1] },
		"short":   func(b []byte) []byte { return b[:3] },
		"version": func(b []byte) []byte { return append([]byte{proofVersion + 1}, b[1:]...) },
		"flipped": func(b []byte) []byte { b[20] ^= 1; return b },
	} {
		data := edited(t, func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte(bucketMeta)).Put([]byte(keyProof), spoil(good(tx)))
		})
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "edge1.db"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		j := mustOpen(t, dir)
		if _, reason := j.SetAside(); reason == "" {
			t.Errorf("%s: it is believed", name)
		}
		j.Close()
	}
}

// TestProofVersion holds the record to its bytes.
func TestProofVersion(t *testing.T) {
	t.Parallel()
	got, err := encodeProof(seal{1, 2}.encode(), someProof())
	want := "\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02" + "\x05\x06\x02\x03\x03\x01\xb8\x05" + "\x02" +
		"\x04\x7f\x00\x00\x02\x07\x02\x04\x06\x80\x80\x80\x80\x80\x20\x04\x7f\x00\x00\x01\x00" +
		"\x10\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\x01\x00\x00\x00\x00\x00"
	if err != nil || string(got[:len(got)-4]) != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

func FuzzProof(f *testing.F) {
	value, err := encodeProof(seal{1, 2}.encode(), someProof())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value[:len(value)-4])
	f.Fuzz(func(t *testing.T, body []byte) {
		value := binary.BigEndian.AppendUint32(slices.Clone(body), checksum([]byte(keyProof), body))
		proof, of, err := decodeProof(value)
		if err != nil {
			return
		}
		if again, err := encodeProof(of, proof); err != nil || !slices.Equal(again, value) {
			t.Fatalf("%x became %x, %v", value, again, err)
		}
	})
}

// table is n routes of one owner as a bridge writes them.
func table(n, launch int) []Entry {
	entries := make([]Entry, n)
	for i := range entries {
		claims := []Claim{{
			Owner: "team", Value: "next-hop 192.0.2.1 med 100 community 65000:1", Launch: uint64(launch + i/1000),
			Peers: []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")},
		}}
		at := netip.AddrFrom4([4]byte{byte(10 + i>>16), byte(i >> 8), byte(i), 0})
		entries[i] = Entry{Key: state.UnicastKey(netip.PrefixFrom(at, 24), 0), Claims: claims}
	}
	return entries
}

// BenchmarkKeep1000000 is the journal's part of the announcement of a full table.
func BenchmarkKeep1000000(b *testing.B) {
	entries := table(1_000_000, 1)
	b.ReportAllocs()
	for b.Loop() {
		dir := b.TempDir()
		j := mustOpen(b, dir)
		for i, batch := range slices.Collect(slices.Chunk(entries, 1000)) {
			proof := &Proof{Launched: []uint64{uint64(i + 1)}}
			if err := errors.Join(j.Keep(batch, proof), j.Keep(nil, &Proof{})); err != nil {
				b.Fatal(err)
			}
		}
		info, err := os.Stat(filepath.Join(dir, "edge1.db"))
		if err := errors.Join(err, j.Close()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/float64(len(entries)), "B/route")
	}
}

func BenchmarkOpen1000000(b *testing.B) {
	dir := b.TempDir()
	j := mustOpen(b, dir)
	if err := errors.Join(j.Put(table(1_000_000, 1)), j.Close()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		j := mustOpen(b, dir)
		if n := len(mustLoad(b, j).Entries); n != 1_000_000 {
			b.Fatal(fmt.Sprint(n, " entries"))
		}
		j.Close()
	}
}
