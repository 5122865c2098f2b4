package journal

import (
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
)

// TestTriedIsOfATrial: what was before outlives lives of exaBGP, and ends with the
// trial.
func TestTriedIsOfATrial(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir)
	on := someOwners()[2:]
	other := on[0]
	other.Name = "z"
	before := many(4)
	before[3].Claims = []Claim{{Owner: "paused", Leaving: true, Peers: before[3].Claims[0].Peers}}
	replaced := many(1)
	replaced[0].Claims = []Claim{{Owner: "other", Peers: before[0].Claims[0].Peers}}
	err := errors.Join(j.Begin("a"), j.PutOwners(append(on, other)), j.Try("paused", replaced), j.Try("paused", before[2:]), j.Try("paused", before[:2]), j.Try("z", many(1)),
		j.Try("z", nil), j.Begin("b"), j.Replayed(), j.Close())
	if err != nil {
		t.Fatal(err)
	}
	j = mustOpen(t, dir)
	defer j.Close()
	if _, reason := j.SetAside(); reason != "" {
		t.Fatal(reason)
	}
	want := []Tried{{"paused", before}, {"z", many(1)}}
	if d := gocmp.Diff(want, mustLoad(t, j).Tried, compareAddrs()); d != "" {
		t.Error(d)
	}
	on[0].Trial = nil
	if err := j.PutOwners(on); err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(want[1:], mustLoad(t, j).Tried, compareAddrs()); d != "" {
		t.Error(d)
	}
}

// TestFirstFormat: a journal of the first format, as the release that wrote it left
// it, is read, and is one of this format from then on.
func TestFirstFormat(t *testing.T) {
	t.Parallel()
	packed, err := os.Open(filepath.Join("testdata", "format1.db.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	r, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "edge1.db"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	want := Memory{Boot: "b", Epoch: 7, Entries: many(5), Before: many(3), Quarantined: quarantined(2), Owners: someOwners()[:2]}
	for range 2 {
		j := mustOpen(t, dir)
		if _, reason := j.SetAside(); reason != "" {
			t.Fatal(reason)
		}
		if d := gocmp.Diff(want, mustLoad(t, j), compareAddrs()); d != "" {
			t.Error(d)
		}
		err := j.db.View(func(tx *bbolt.Tx) error {
			if f := tx.Bucket([]byte(bucketMeta)).Get([]byte(keyFormat)); string(f) != "\x00\x00\x00\x02" {
				t.Errorf("it is of format %x", f)
			}
			return nil
		})
		if err := errors.Join(err, j.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
